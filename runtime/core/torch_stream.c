/*
 * PyTorch's files before 1.6 → tensors in memory.
 *
 * Five pickles: a magic number, the protocol's version (1001), a dictionary about the system, the
 * checkpoint, a list of the storages' keys; then each storage in the order of that list: 8 bytes,
 * the number of its elements (little-endian), and the elements.  Their type is in the checkpoint.
 */
#include "runtime/core/torch.h"

#include <stdlib.h>
#include <string.h>

enum { PROTOCOL_VERSION = 1001, HEAD_BYTES = 24 };

/* 0x1950a86a20f9469cfc6c as a pickle's integer of 10 bytes. */
static const char magic[] = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

typedef struct StreamStorage {
    const TorchStorage *described;
    const unsigned char *data; /* NULL: not seen */
} StreamStorage;

typedef struct TorchStream {
    const char *path;
    Pickle *pickle;
    const TorchTensor **tensors;
    StreamStorage *storages; /* by key, each key once */
    size_t storage_count;
    unsigned char **gathered; /* of each tensor that is not contiguous, once it was asked for */
} TorchStream;

/* Behind the pickle's protocol and, from version 4 on, its frame. */
static bool torch_stream_recognises(const char *bytes, size_t size)
{
    const size_t length = sizeof magic - 1;
    if (size < HEAD_BYTES || (unsigned char)bytes[0] != 0x80) return false;
    for (size_t at = 2; at + length <= HEAD_BYTES; at++)
        if (!memcmp(bytes + at, magic, length)) return true;
    return false;
}

/* ---- storages --------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
    const PickleText x = ((const StreamStorage *)a)->described->key, y = ((const StreamStorage *)b)->described->key;
    int order = memcmp(x.at, y.at, x.length < y.length ? x.length : y.length);
    return order ? order : (x.length > y.length) - (x.length < y.length);
}

static StreamStorage *find_stream_storage(const TorchStream *t, PickleText key)
{
    const TorchStorage described = {.key = key};
    const StreamStorage wanted = {.described = &described};
    return bsearch(&wanted, t->storages, t->storage_count, sizeof *t->storages, compare_keys);
}

/* All that the checkpoint refers to, also from the optimizer's part. */
static int list_storages(TorchStream *t, NnError *error)
{
    const PickleItems *all = pickle_persistents(t->pickle);
    t->storages = calloc(all->count + 1, sizeof *t->storages);
    if (!t->storages) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", t->path);
    for (size_t i = 0; i < all->count; i++) t->storages[i].described = all->at[i]->storage;
    qsort(t->storages, all->count, sizeof *t->storages, compare_keys);
    for (size_t i = 0; i < all->count; i++) {
        const TorchStorage *s = t->storages[i].described;
        const StreamStorage *last = t->storage_count ? &t->storages[t->storage_count - 1] : NULL;
        if (!last || compare_keys(last, &t->storages[i]))
            t->storages[t->storage_count++].described = s;
        else if (last->described->type != s->type || last->described->elements != s->elements)
            return pickle_fail(t->pickle, "storage %.*s is described in two ways", (int)(s->key.length & 63),
                               s->key.at);
    }
    return 0;
}

/* The storage of this key at *at, which moves behind it. */
static int locate_storage(TorchStream *t, const PickleValue *key, const unsigned char *bytes, size_t size, size_t *at)
{
    StreamStorage *s = key->kind == PICKLE_TEXT ? find_stream_storage(t, key->text) : NULL;
    if (!s) return pickle_fail(t->pickle, "the list of storages has one that no tensor uses");
    uint64_t elements = 0, element = nn_type_size(s->described->type);
    for (int i = 0; size - *at >= 8 && i < 8; i++) elements |= (uint64_t)bytes[*at + (size_t)i] << (8 * i);
    if (size - *at < 8 || elements != s->described->elements || elements > (size - *at - 8) / element)
        return pickle_fail(t->pickle, "storage %.*s has not its %llu elements: the file is cut, or damaged",
                           (int)(s->described->key.length & 63), s->described->key.at,
                           (unsigned long long)s->described->elements);
    s->data = bytes + *at + 8;
    *at += 8 + elements * element;
    return 0;
}

static int locate_storages(TorchStream *t, const unsigned char *bytes, size_t size, size_t at)
{
    const PickleValue *keys = pickle_read(t->pickle, bytes, size, &at);
    if (!keys) return -1;
    if (keys->kind != PICKLE_LIST) return pickle_fail(t->pickle, "the storages' keys are no list");
    for (size_t i = 0; i < keys->items.count; i++)
        if (locate_storage(t, keys->items.at[i], bytes, size, &at)) return -1;
    return 0;
}

static int check_stream_storages(const NnTensors *file, const TorchStream *t, NnError *error)
{
    for (int i = 0; i < file->count; i++)
        if (!find_stream_storage(t, t->tensors[i]->storage->key)->data)
            return nn_fail(error, NN_BAD_INPUT, "%s: the data of tensor %s is not in the file", t->path,
                           file->at[i].name);
    return 0;
}

/* ---- the file ------------------------------------------------------------------------------- */

static int read_system(Pickle *p, const unsigned char *bytes, size_t size, size_t *at)
{
    const PickleValue *version, *system;
    if (!pickle_read(p, bytes, size, at)) return -1; /* the magic number */
    if (!(version = pickle_read(p, bytes, size, at))) return -1;
    if (version->kind != PICKLE_INT || version->integer != PROTOCOL_VERSION)
        return pickle_fail(p, "the version of the file is not %d", PROTOCOL_VERSION);
    if (!(system = pickle_read(p, bytes, size, at))) return -1;
    const PickleValue *little = pickle_find(system, "little_endian");
    return little && little->kind == PICKLE_BOOL && !little->integer
               ? pickle_fail(p, "its numbers are not little-endian")
               : 0;
}

static int read_stream(NnTensors *file, TorchStream *t, size_t size, NnError *error)
{
    const unsigned char *bytes = (const unsigned char *)file->bytes;
    size_t at = 0;
    if (read_system(t->pickle, bytes, size, &at)) return -1;
    PickleValue *checkpoint = pickle_read(t->pickle, bytes, size, &at);
    if (!checkpoint || torch_state_dict(file, t->pickle, checkpoint, &t->tensors)) return -1;
    t->gathered = calloc((size_t)file->count, sizeof *t->gathered);
    if (!t->gathered) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", t->path);
    if (list_storages(t, error) || locate_storages(t, bytes, size, at)) return -1;
    return check_stream_storages(file, t, error);
}

static int torch_stream_read(NnTensors *file, size_t size, const char *path, NnError *error)
{
    TorchStream *t = file->detail = calloc(1, sizeof *t);
    if (!t) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    t->path = path;
    t->pickle = pickle_new(&torch_pickle_host, path, error);
    return t->pickle ? read_stream(file, t, size, error) : -1;
}

static int torch_stream_fetch(NnTensors *file, int index, NnError *error)
{
    TorchStream *t = file->detail;
    const TorchTensor *described = t->tensors[index];
    if (file->at[index].data) return 0;
    const unsigned char *storage = find_stream_storage(t, described->storage->key)->data;
    return torch_gather(&file->at[index], described, storage, &t->gathered[index], error);
}

static void torch_stream_free(NnTensors *file)
{
    TorchStream *t = file->detail;
    if (!t) return;
    for (int i = 0; t->gathered && i < file->count; i++) free(t->gathered[i]);
    free(t->gathered);
    free(t->storages);
    pickle_free(t->pickle);
    free(t);
}

const TensorFormat format_torch_stream = {torch_stream_recognises, torch_stream_read, torch_stream_fetch,
                                          torch_stream_free};
