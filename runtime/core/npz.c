/*
 * NumPy's .npz → tensors in memory.
 *
 * An .npz is a zip archive of .npy files.  At first only the beginning of each
 * member is unpacked, for its type and shape.  The data of an array is unpacked,
 * and checked by its CRC, when somebody wants it.
 */
#include "runtime/core/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/zip.h"

enum { HEAD_BYTES = 1 << 16 }; /* of a member, that hold the header of its array */

static const char ending[] = ".npy";

typedef struct Npz {
    Zip zip;
    ZipMember **member; /* of each tensor */
    char *names;
} Npz;

/* The arrays' number, and the bytes that their names take; other members are passed over. */
static size_t count_arrays(const Zip *zip, size_t *bytes)
{
    size_t arrays = 0;
    *bytes = 0;
    for (size_t i = 0; i < zip->count; i++)
        if (zip_name_ends(&zip->members[i], ending)) {
            *bytes += zip->members[i].name_length;
            arrays++;
        }
    return arrays;
}

static int read_head(const Npz *npz, const ZipMember *m, NnTensor *tensor, unsigned char *head, NnError *error)
{
    char what[512];
    uint64_t have = m->size < HEAD_BYTES ? m->size : HEAD_BYTES;
    if (zip_peek(&npz->zip, m, head, have, error)) return -1;
    snprintf(what, sizeof what, "%s: %s", npz->zip.path, tensor->name);
    return npy_parse_head(tensor, (const char *)head, have, m->size, what, error);
}

static int read_heads(NnTensors *file, Npz *npz, unsigned char *head, NnError *error)
{
    char *name = npz->names;
    for (size_t i = 0; i < npz->zip.count; i++) {
        ZipMember *m = &npz->zip.members[i];
        if (!zip_name_ends(m, ending)) continue;
        npz->member[file->count] = m;
        file->at[file->count].name = name;
        memcpy(name, m->name, m->name_length);
        name += m->name_length;
        name[-(ptrdiff_t)(sizeof ending - 1)] = 0;
        if (read_head(npz, m, &file->at[file->count++], head, error)) return -1;
    }
    return 0;
}

static bool npz_recognises(const char *bytes, size_t size) { return zip_recognises(bytes, size); }

static int npz_read(NnTensors *file, size_t size, const char *path, NnError *error)
{
    Npz *npz = file->detail = calloc(1, sizeof *npz);
    size_t bytes;
    if (!npz) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    if (zip_open(&npz->zip, file->bytes, size, path, error)) return -1;
    size_t arrays = count_arrays(&npz->zip, &bytes);
    if (!arrays) return nn_fail(error, NN_BAD_INPUT, "%s holds no arrays", path);
    unsigned char *head = malloc(HEAD_BYTES);
    file->at = calloc(arrays, sizeof *file->at);
    npz->member = calloc(arrays, sizeof *npz->member);
    npz->names = malloc(bytes);
    int failed = head && file->at && npz->member && npz->names
                     ? read_heads(file, npz, head, error)
                     : nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    free(head);
    return failed;
}

static int npz_fetch(NnTensors *file, int index, NnError *error)
{
    Npz *npz = file->detail;
    NnTensor *tensor = &file->at[index];
    char what[512];
    if (tensor->data) return 0;
    unsigned char *data = zip_data(&npz->zip, npz->member[index], error);
    if (!data) return -1;
    snprintf(what, sizeof what, "%s: %s", npz->zip.path, tensor->name);
    return npy_parse(tensor, (char *)data, npz->member[index]->size, what, error);
}

static void npz_free(NnTensors *file)
{
    Npz *npz = file->detail;
    if (!npz) return;
    zip_close(&npz->zip);
    free(npz->member);
    free(npz->names);
    free(npz);
}

const TensorFormat format_npz = {npz_recognises, npz_read, npz_fetch, npz_free};
