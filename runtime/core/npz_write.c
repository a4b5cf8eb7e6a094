/*
 * npz_write: tensors → NumPy's .npz, an archive of one .npy for each.
 *
 * A .npy: \x93NUMPY, version 1.0, the length of the header, a Python dictionary padded with spaces
 * so that the data is at a multiple of 64, the data.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/tensors_save.h"
#include "runtime/core/zip_write.h"

enum { ALIGNMENT = 64, NPY_PREFIX = 10, NPY_HEAD = 512 };

static const char *python_type(NnType type)
{
    static const char *const names[] = {
        [NN_BOOL] = "|b1", [NN_U8] = "|u1",   [NN_I8] = "|i1",  [NN_U16] = "<u2", [NN_I16] = "<i2",
        [NN_F16] = "<f2",  [NN_BF16] = "<f4", [NN_U32] = "<u4", [NN_I32] = "<i4", [NN_F32] = "<f4",
        [NN_U64] = "<u8",  [NN_I64] = "<i8",  [NN_F64] = "<f8"};
    return names[type];
}

/* (3, 4), (3,) or () */
static int python_shape(const NnTensor *t, char *out, size_t size)
{
    int length = snprintf(out, size, "(");
    for (int i = 0; i < t->rank; i++)
        length += snprintf(out + length, size - (size_t)length, "%s%lld%s", i ? " " : "", (long long)t->dims[i],
                           i + 1 < t->rank || t->rank == 1 ? "," : "");
    return length + snprintf(out + length, size - (size_t)length, ")");
}

/* The bytes before the data. */
static size_t npy_head(const NnTensor *t, char head[NPY_HEAD])
{
    char shape[NN_DIMS_TEXT];
    python_shape(t, shape, sizeof shape);
    int used = snprintf(head + NPY_PREFIX, NPY_HEAD - NPY_PREFIX,
                        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", python_type(t->type), shape);
    const size_t all = ((size_t)used + NPY_PREFIX + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memcpy(head, "\x93NUMPY\1\0", 8);
    head[8] = (char)((all - NPY_PREFIX) & 255);
    head[9] = (char)((all - NPY_PREFIX) >> 8);
    memset(head + NPY_PREFIX + used, ' ', all - NPY_PREFIX - (size_t)used);
    head[all - 1] = '\n';
    return all;
}

/* The upper halves of float32. */
static unsigned char *widened(const NnTensor *t, NnError *error)
{
    unsigned char *out = nn_alloc(4 * t->count + 1, error);
    for (size_t i = 0; out && i < t->count; i++) memcpy(out + 4 * i + 2, t->data + 2 * i, 2);
    return out;
}

static int write_npy(ZipWriter *w, const NnTensor *t, NnError *error)
{
    char head[NPY_HEAD], name[1024];
    const bool wide = t->type == NN_BF16;
    if (snprintf(name, sizeof name, "%s.npy", t->name) >= (int)sizeof name)
        return nn_fail(error, NN_BAD_INPUT, "the name %.40s… is too long for an archive", t->name);
    unsigned char *data = wide ? widened(t, error) : NULL;
    if (wide && !data) return -1;
    const ZipPiece pieces[] = {{head, npy_head(t, head)},
                               {wide ? data : t->data, t->count * (wide ? 4 : nn_type_size(t->type))}};
    int failed = zip_write_member(w, name, pieces, 2, ALIGNMENT, error);
    free(data);
    return failed;
}

int npz_write(const NnTensorsToSave *t, int fd, const char *path, NnError *error)
{
    ZipWriter w;
    int failed = 0;
    zip_write_begin(&w, fd, path);
    for (int i = 0; !failed && i < t->count; i++) failed = write_npy(&w, &t->at[i], error);
    return zip_write_end(&w, failed, error);
}
