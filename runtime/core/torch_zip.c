/*
 * PyTorch's files since 1.6 → tensors in memory.
 *
 * A zip archive of NAME/data.pkl, the pickle, and NAME/data/KEY, the bytes of each storage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/torch.h"
#include "runtime/core/zip.h"

typedef struct TorchZip {
    Zip zip;
    Pickle *pickle;
    const TorchTensor **tensors;
    ZipMember **sorted;       /* by name */
    unsigned char **gathered; /* of each tensor that is not contiguous, once it was asked for */
} TorchZip;

static const char pickle_name[] = "data.pkl";

/* In NAME/ or, in archives that were made by hand, at the top. */
static ZipMember *find_pickle(const Zip *zip)
{
    for (size_t i = 0; i < zip->count; i++) {
        ZipMember *m = &zip->members[i];
        if (zip_name_ends(m, "/data.pkl") || (m->name_length == strlen(pickle_name) && zip_name_ends(m, pickle_name)))
            return m;
    }
    return NULL;
}

static bool torch_zip_recognises(const char *bytes, size_t size)
{
    NnError ignored;
    Zip zip;
    if (!zip_recognises(bytes, size)) return false;
    bool found = !zip_open(&zip, (char *)bytes, size, "", &ignored) && find_pickle(&zip);
    zip_close(&zip);
    return found;
}

/* ---- storages --------------------------------------------------------------------------- */

static int compare_bytes(const unsigned char *a, size_t a_length, const unsigned char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_members(const void *a, const void *b)
{
    const ZipMember *x = *(ZipMember *const *)a, *y = *(ZipMember *const *)b;
    return compare_bytes(x->name, x->name_length, y->name, y->name_length);
}

/* The member FOLDER KEY, or NULL. */
static ZipMember *find_member(const TorchZip *t, const ZipMember *pickle, const char *folder, PickleText key)
{
    unsigned char name[1024];
    size_t prefix = pickle->name_length - strlen(pickle_name), middle = strlen(folder);
    if (prefix + middle + key.length > sizeof name) return NULL;
    memcpy(name, pickle->name, prefix);
    memcpy(name + prefix, folder, middle);
    memcpy(name + prefix + middle, key.at, key.length);
    const ZipMember wanted = {.name = name, .name_length = prefix + middle + key.length}, *at = &wanted;
    ZipMember **found = bsearch(&at, t->sorted, t->zip.count, sizeof *t->sorted, compare_members);
    return found ? *found : NULL;
}

static ZipMember *find_storage_member(const TorchZip *t, const TorchStorage *s)
{
    return find_member(t, find_pickle(&t->zip), "data/", s->key);
}

static int check_zip_storages(const NnTensors *file, const TorchZip *t, NnError *error)
{
    const ZipMember *pickle = find_pickle(&t->zip);
    for (int i = 0; i < file->count; i++) {
        const TorchStorage *s = t->tensors[i]->storage;
        const ZipMember *m = find_member(t, pickle, "data/", s->key);
        if (!m)
            return nn_fail(error, NN_BAD_INPUT, "%s: the data of tensor %s is not in the archive", t->zip.path,
                           file->at[i].name);
        if (m->size / nn_type_size(s->type) < s->elements)
            return nn_fail(error, NN_BAD_INPUT,
                           "%s: the storage of tensor %s has %llu elements of type %s, but %llu bytes", t->zip.path,
                           file->at[i].name, (unsigned long long)s->elements, nn_type_name(s->type),
                           (unsigned long long)m->size);
    }
    return 0;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* The file says so where its numbers are big-endian. */
static int check_byte_order(TorchZip *t, const ZipMember *pickle, NnError *error)
{
    ZipMember *order = find_member(t, pickle, "byteorder", (PickleText){"", 0});
    const unsigned char *text = order ? zip_data(&t->zip, order, error) : NULL;
    if (!order || (text && order->size == 6 && !memcmp(text, "little", 6))) return 0;
    return text ? nn_fail(error, NN_BAD_INPUT, "%s: its numbers are not little-endian", t->zip.path) : -1;
}

static int sort_members(TorchZip *t, NnError *error)
{
    t->sorted = calloc(t->zip.count, sizeof *t->sorted);
    if (!t->sorted) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", t->zip.path);
    for (size_t i = 0; i < t->zip.count; i++) t->sorted[i] = &t->zip.members[i];
    qsort(t->sorted, t->zip.count, sizeof *t->sorted, compare_members);
    return 0;
}

static int read_checkpoint(NnTensors *file, TorchZip *t, NnError *error)
{
    size_t at = 0;
    ZipMember *m = find_pickle(&t->zip);
    const unsigned char *bytes = zip_data(&t->zip, m, error);
    if (!bytes || !(t->pickle = pickle_new(&torch_pickle_host, t->zip.path, error))) return -1;
    PickleValue *checkpoint = pickle_read(t->pickle, bytes, m->size, &at);
    if (!checkpoint || torch_state_dict(file, t->pickle, checkpoint, &t->tensors)) return -1;
    t->gathered = calloc((size_t)file->count, sizeof *t->gathered);
    return t->gathered ? 0 : nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", t->zip.path);
}

static int torch_zip_read(NnTensors *file, size_t size, const char *path, NnError *error)
{
    TorchZip *t = file->detail = calloc(1, sizeof *t);
    if (!t) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    if (zip_open(&t->zip, file->bytes, size, path, error) || sort_members(t, error)) return -1;
    if (check_byte_order(t, find_pickle(&t->zip), error) || read_checkpoint(file, t, error)) return -1;
    return check_zip_storages(file, t, error);
}

static int torch_zip_fetch(NnTensors *file, int index, NnError *error)
{
    TorchZip *t = file->detail;
    NnTensor *tensor = &file->at[index];
    const TorchTensor *described = t->tensors[index];
    if (tensor->data) return 0;
    const unsigned char *storage = zip_data(&t->zip, find_storage_member(t, described->storage), error);
    return storage ? torch_gather(tensor, described, storage, &t->gathered[index], error) : -1;
}

static void torch_zip_free(NnTensors *file)
{
    TorchZip *t = file->detail;
    if (!t) return;
    for (int i = 0; t->gathered && i < file->count; i++) free(t->gathered[i]);
    free(t->gathered);
    free(t->sorted);
    pickle_free(t->pickle);
    zip_close(&t->zip);
    free(t);
}

const TensorFormat format_torch_zip = {torch_zip_recognises, torch_zip_read, torch_zip_fetch, torch_zip_free};
