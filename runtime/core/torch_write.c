/*
 * torch_write: tensors → PyTorch's zip form, as torch.save writes a state_dict.
 *
 * archive/data.pkl is an OrderedDict of tensors, archive/data/I the elements of tensor I,
 * archive/version "3".  The pickle has protocol 2 and only the globals that torch.load takes
 * with weights_only=True:
 *
 *     OrderedDict([(name, _rebuild_tensor_v2(('storage', FloatStorage, 'I', 'cpu', elements),
 *                                            0, size, stride, False, OrderedDict())), …])
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/tensors_save.h"
#include "runtime/core/zip_write.h"

enum { STORAGE_ALIGNMENT = 64 };

/* NULL: PyTorch has no such elements. */
static const char *storage_class(NnType type)
{
    static const char *const names[] = {
        [NN_BOOL] = "BoolStorage", [NN_U8] = "ByteStorage",   [NN_I8] = "CharStorage",       [NN_I16] = "ShortStorage",
        [NN_F16] = "HalfStorage",  [NN_I32] = "IntStorage",   [NN_BF16] = "BFloat16Storage", [NN_F32] = "FloatStorage",
        [NN_I64] = "LongStorage",  [NN_F64] = "DoubleStorage"};
    return (size_t)type < sizeof names / sizeof *names ? names[type] : NULL;
}

/* ---- the pickle --------------------------------------------------------------------- */

static void pickle_number(FILE *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) fputc((int)(value >> (8 * i) & 255), out);
}

/* BININT1, BININT2, BININT or LONG1 */
static void pickle_int(FILE *out, uint64_t value)
{
    if (value < 256)
        fputc('K', out), pickle_number(out, value, 1);
    else if (value < 65536)
        fputc('M', out), pickle_number(out, value, 2);
    else if (value <= INT32_MAX)
        fputc('J', out), pickle_number(out, value, 4);
    else
        fputs("\x8a\x08", out), pickle_number(out, value, 8);
}

static void pickle_text(FILE *out, const char *text) /* BINUNICODE */
{
    fputc('X', out);
    pickle_number(out, strlen(text), 4);
    fputs(text, out);
}

static void pickle_global(FILE *out, const char *module, const char *name) { fprintf(out, "c%s\n%s\n", module, name); }

/* collections.OrderedDict() */
static void pickle_dictionary(FILE *out)
{
    pickle_global(out, "collections", "OrderedDict");
    fputs(")R", out);
}

/* (3, 4, 5) of sizes, or the strides of an array whose last axis is contiguous */
static void pickle_sizes(FILE *out, const NnTensor *t, bool strides)
{
    fputc('(', out);
    for (int i = 0; i < t->rank; i++) {
        uint64_t value = strides ? 1 : (uint64_t)t->dims[i];
        for (int k = i + 1; strides && k < t->rank; k++) value *= (uint64_t)t->dims[k];
        pickle_int(out, value);
    }
    fputc('t', out);
}

static void pickle_tensor(FILE *out, const NnTensor *t, int index)
{
    char key[16];
    snprintf(key, sizeof key, "%d", index);
    pickle_text(out, t->name);
    pickle_global(out, "torch._utils", "_rebuild_tensor_v2");
    fputs("((", out);
    pickle_text(out, "storage");
    pickle_global(out, "torch", storage_class(t->type));
    pickle_text(out, key);
    pickle_text(out, "cpu");
    pickle_int(out, t->count);
    fputs("tQ", out); /* the persistent id of the storage */
    pickle_int(out, 0);
    pickle_sizes(out, t, false);
    pickle_sizes(out, t, true);
    fputc('\x89', out); /* False: no gradient is wanted */
    pickle_dictionary(out);
    fputs("tR", out);
}

/* The whole of it, to be freed; NULL: no memory. */
static char *state_pickle(const NnTensorsToSave *t, size_t *size)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, size);
    if (!out) return NULL;
    fputs("\x80\x02", out); /* PROTO 2 */
    pickle_dictionary(out);
    fputc('(', out);
    for (int i = 0; i < t->count; i++) pickle_tensor(out, &t->at[i], i);
    fputs("u.", out); /* SETITEMS, STOP */
    const bool failed = ferror(out);
    if (fclose(out) || failed) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

/* ---- the archive ------------------------------------------------------------------------ */

static int check_torch_types(const NnTensorsToSave *t, NnError *error)
{
    for (int i = 0; i < t->count; i++)
        if (!storage_class(t->at[i].type))
            return nn_fail(error, NN_BAD_INPUT, "%s is of type %s, which PyTorch's files do not have", t->at[i].name,
                           nn_type_name(t->at[i].type));
    return 0;
}

static int write_storages(ZipWriter *w, const NnTensorsToSave *t, NnError *error)
{
    char name[40];
    for (int i = 0; i < t->count; i++) {
        const ZipPiece data = {t->at[i].data, t->at[i].count * nn_type_size(t->at[i].type)};
        snprintf(name, sizeof name, "archive/data/%d", i);
        if (zip_write_member(w, name, &data, 1, STORAGE_ALIGNMENT, error)) return -1;
    }
    return 0;
}

int torch_write(const NnTensorsToSave *t, int fd, const char *path, NnError *error)
{
    ZipWriter w;
    ZipPiece pickle = {0};
    const ZipPiece order = {"little", 6}, version = {"3\n", 2};
    if (check_torch_types(t, error)) return -1;
    char *bytes = state_pickle(t, &pickle.size);
    if (!bytes) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to write %s", path);
    pickle.bytes = bytes;
    zip_write_begin(&w, fd, path);
    int failed = zip_write_member(&w, "archive/data.pkl", &pickle, 1, STORAGE_ALIGNMENT, error) ||
                 zip_write_member(&w, "archive/byteorder", &order, 1, STORAGE_ALIGNMENT, error) ||
                 write_storages(&w, t, error) ||
                 zip_write_member(&w, "archive/version", &version, 1, STORAGE_ALIGNMENT, error);
    free(bytes);
    return zip_write_end(&w, failed, error);
}
