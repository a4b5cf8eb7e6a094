/*
 * safetensors → tensors in memory; files of NumPy and PyTorch go to their own readers.
 *
 * The format: eight bytes, the header's length N (little-endian); N bytes of
 * JSON, an object of NAME: {"dtype", "shape", "data_offsets": [begin, end]} and
 * an optional "__metadata__" of strings; then the data.  A file is not trusted:
 * every number in it is checked against the bytes that are there before it is
 * used, and the first thing that does not hold is the error.
 */
#include "runtime/core/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_LIMIT = 100 * 1000 * 1000 }; /* as the format's own library has it */

typedef struct Extent { /* where a tensor lies in the data, for the check of overlaps */
    size_t begin, end;
    const char *name;
} Extent;

const char *nn_dims_text(int rank, const int64_t *dims, char out[NN_DIMS_TEXT])
{
    strcpy(out, rank ? "" : "1");
    for (int i = 0, length = 0; i < rank; i++)
        length += sprintf(out + length, "%s%lld", i ? "x" : "", (long long)dims[i]);
    return out;
}

static bool type_of_name(const char *name, NnType *type)
{
    for (NnType t = NN_BOOL; t <= NN_F64; t++)
        if (!strcmp(nn_type_name(t), name)) {
            *type = t;
            return true;
        }
    return false;
}

bool tensors_size(NnTensor *tensor, size_t *bytes)
{
    tensor->count = 1;
    for (int i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(tensor->count, (size_t)tensor->dims[i], &tensor->count)) return false;
    return !__builtin_mul_overflow(tensor->count, nn_type_size(tensor->type), bytes);
}

static int read_json_shape(NnTensor *tensor, const json_t *shape, const char *path, NnError *error)
{
    if (!json_is_array(shape)) return nn_fail(error, NN_BAD_INPUT, "%s: tensor %s has no shape", path, tensor->name);
    if (json_array_size(shape) > NN_MAX_RANK)
        return nn_fail(error, NN_BAD_INPUT, "%s: tensor %s has %zu dimensions, more than %d", path, tensor->name,
                       json_array_size(shape), NN_MAX_RANK);
    tensor->rank = (int)json_array_size(shape);
    for (int i = 0; i < tensor->rank; i++) {
        const json_t *dim = json_array_get(shape, (size_t)i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return nn_fail(error, NN_BAD_INPUT, "%s: dimension %d of tensor %s is not a count", path, i, tensor->name);
        tensor->dims[i] = json_integer_value(dim);
    }
    return 0;
}

static int read_offsets(Extent *extent, const json_t *offsets, size_t size, const char *path, NnError *error)
{
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return nn_fail(error, NN_BAD_INPUT, "%s: tensor %s has no two data_offsets", path, extent->name);
    long long from = json_integer_value(begin), to = json_integer_value(end);
    if (from < 0 || to < from || (unsigned long long)to > size)
        return nn_fail(error, NN_BAD_INPUT, "%s: tensor %s lies at bytes %lld to %lld of %zu", path, extent->name, from,
                       to, size);
    extent->begin = (size_t)from;
    extent->end = (size_t)to;
    return 0;
}

static int read_tensor(NnTensor *tensor, Extent *extent, const json_t *entry, const char *data, size_t size,
                       const char *path, NnError *error)
{
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    size_t bytes;
    extent->name = tensor->name;
    if (!json_is_object(entry) || !type)
        return nn_fail(error, NN_BAD_INPUT, "%s: the entry of tensor %s has no dtype", path, tensor->name);
    if (!type_of_name(type, &tensor->type))
        return nn_fail(error, NN_BAD_INPUT, "%s: tensor %s has the unknown type %.40s", path, tensor->name, type);
    if (read_json_shape(tensor, json_object_get(entry, "shape"), path, error) ||
        read_offsets(extent, json_object_get(entry, "data_offsets"), size, path, error))
        return -1;
    if (!tensors_size(tensor, &bytes) || bytes != extent->end - extent->begin) {
        char dims[NN_DIMS_TEXT];
        return nn_fail(error, NN_BAD_INPUT, "%s: tensor %s is %s of type %s, but its offsets hold %zu bytes", path,
                       tensor->name, nn_dims_text(tensor->rank, tensor->dims, dims), type, extent->end - extent->begin);
    }
    tensor->data = (const unsigned char *)data + extent->begin;
    return 0;
}

static int compare_extents(const void *a, const void *b)
{
    const Extent *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The tensors, side by side, are the data: nothing shared, nothing left over. */
static int check_cover(Extent *extents, int count, size_t size, const char *path, NnError *error)
{
    size_t end = 0;
    qsort(extents, (size_t)count, sizeof *extents, compare_extents);
    for (int i = 0; i < count; i++) {
        if (extents[i].begin < end)
            return nn_fail(error, NN_BAD_INPUT, "%s: tensors %s and %s share bytes", path, extents[i - 1].name,
                           extents[i].name);
        if (extents[i].begin > end)
            return nn_fail(error, NN_BAD_INPUT, "%s: bytes %zu to %zu before tensor %s belong to no tensor", path, end,
                           extents[i].begin, extents[i].name);
        end = extents[i].end;
    }
    if (end != size)
        return nn_fail(error, NN_BAD_INPUT, "%s: %zu bytes after the last tensor belong to no tensor", path,
                       size - end);
    return 0;
}

static int check_metadata(json_t *metadata, const char *path, NnError *error)
{
    const char *key;
    json_t *value;
    if (metadata && !json_is_object(metadata))
        return nn_fail(error, NN_BAD_INPUT, "%s: __metadata__ is not an object", path);
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return nn_fail(
        error, NN_BAD_INPUT, "%s: the metadata %s is not a string", path, key);
    return 0;
}

static int read_header_entries(NnTensors *file, Extent *extents, const char *data, size_t size, const char *path,
                               NnError *error)
{
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        if (!strcmp(name, "__metadata__")) continue;
        NnTensor *tensor = &file->at[file->count];
        tensor->name = name;
        if (read_tensor(tensor, &extents[file->count], entry, data, size, path, error)) return -1;
        file->count++;
    }
    return check_cover(extents, file->count, size, path, error);
}

static int read_json_header(NnTensors *file, const char *text, size_t length, const char *path, NnError *error)
{
    json_error_t problem;
    file->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (!file->header)
        return nn_fail(error, NN_BAD_INPUT, "%s: byte %d of the header: %s", path, problem.position, problem.text);
    return check_metadata(json_object_get(file->header, "__metadata__"), path, error);
}

/* The first bytes of a header that is no JSON: of something else. */
static int not_safetensors(const char *bytes, size_t size, const char *path, NnError *error)
{
    const char *like = nn_looks_like(bytes, size);
    return nn_fail(error, NN_BAD_INPUT, "%s is not a safetensors file%s%s", path, like ? ": it looks like " : "",
                   like ? like : "");
}

/* The length of the header of a file of `size` bytes, by its first nine. */
static int header_length(const char *bytes, size_t size, uint64_t *length, const char *path, NnError *error)
{
    if (size < 9) return nn_fail(error, NN_BAD_INPUT, "%s: %zu bytes are too few for a safetensors file", path, size);
    *length = 0;
    for (int i = 0; i < 8; i++) *length |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    if (*length < 2 || *length > HEADER_LIMIT || bytes[8] != '{') return not_safetensors(bytes, size, path, error);
    if (*length <= size - 8) return 0;
    return nn_fail(error, NN_BAD_INPUT, "%s is truncated: its header has %llu bytes, of which %zu are there", path,
                   (unsigned long long)*length, size - 8);
}

static int read_safetensors(NnTensors *file, size_t size, const char *path, NnError *error)
{
    uint64_t length;
    if (header_length(file->bytes, size, &length, path, error)) return -1;
    const char *data = file->bytes + 8 + length;
    if (read_json_header(file, file->bytes + 8, length, path, error)) return -1;
    size_t entries = json_object_size(file->header);
    Extent *extents = calloc(entries + 1, sizeof *extents);
    file->at = calloc(entries + 1, sizeof *file->at);
    int failed = extents && file->at ? read_header_entries(file, extents, data, size - 8 - length, path, error)
                                     : nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
    free(extents);
    return failed;
}

static bool recognises_all(const char *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    return true;
}

static const TensorFormat format_safetensors = {.recognises = recognises_all, .read = read_safetensors};

static const TensorFormat *format_of(const char *bytes, size_t size)
{
    static const TensorFormat *const formats[] = {&format_npy, &format_torch_zip, &format_npz, &format_torch_stream,
                                                  &format_safetensors};
    int i = 0;
    while (!formats[i]->recognises(bytes, size)) i++;
    return formats[i];
}

/* Takes the bytes over. */
static NnTensors *tensors_of(char *bytes, size_t size, const char *path, NnError *error)
{
    NnTensors *file = calloc(1, sizeof *file);
    if (!file) {
        free(bytes);
        nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
        return NULL;
    }
    file->bytes = bytes;
    file->format = format_of(bytes, size);
    if (file->format->read(file, size, path, error)) {
        nn_tensors_close(file);
        return NULL;
    }
    return file;
}

NnTensors *nn_tensors_open(const char *path, NnError *error)
{
    size_t size;
    char *bytes = nn_read_file(path, &size, error);
    return bytes ? tensors_of(bytes, size, path, error) : NULL;
}

static int read_header_alone(NnTensors *file, int fd, const char *path, NnError *error)
{
    struct stat status;
    char first[9];
    uint64_t length;
    ssize_t got = pread(fd, first, sizeof first, 0);
    size_t size = got == sizeof first && fstat(fd, &status) == 0 ? (size_t)status.st_size : 0;
    if (header_length(first, size, &length, path, error)) return -1;
    file->bytes = nn_memory(length, error);
    if (!file->bytes) return -1;
    if (pread(fd, file->bytes, length, 8) != (ssize_t)length) return nn_fail_path(error, "read", path);
    return read_json_header(file, file->bytes, length, path, error);
}

NnTensors *nn_tensors_open_header(const char *path, NnError *error)
{
    int fd = nn_open_regular(path, error);
    if (fd < 0) return NULL;
    NnTensors *file = nn_alloc(sizeof *file, error);
    int failed = file ? read_header_alone(file, fd, path, error) : -1;
    close(fd);
    if (!failed) return file;
    nn_tensors_close(file);
    return NULL;
}

NnTensors *nn_tensors_parse(const char *path, const void *bytes, size_t size, NnError *error)
{
    char *copy = malloc(size + 1);
    if (!copy) {
        nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", path);
        return NULL;
    }
    memcpy(copy, bytes, size);
    copy[size] = 0;
    return tensors_of(copy, size, path, error);
}

void nn_tensors_close(NnTensors *file)
{
    if (!file) return;
    json_decref(file->header);
    for (int i = 0; file->renamed && i < file->count; i++) free(file->renamed[i]);
    free(file->renamed);
    if (file->format && file->format->free) file->format->free(file);
    free(file->at);
    free(file->bytes);
    free(file);
}

int nn_tensors_count(const NnTensors *file) { return file->count; }
const NnTensor *nn_tensors_at(const NnTensors *file, int index) { return &file->at[index]; }

const NnTensor *nn_tensors_find(const NnTensors *file, const char *name)
{
    for (int i = 0; i < file->count; i++)
        if (!strcmp(file->at[i].name, name)) return &file->at[i];
    return NULL;
}

int nn_tensors_fetch(NnTensors *file, const NnTensor *tensor, NnError *error)
{
    return file->format->fetch ? file->format->fetch(file, (int)(tensor - file->at), error) : 0;
}

const char *nn_tensors_metadata(const NnTensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

const char *nn_tensors_metadata_at(const NnTensors *file, int index, const char **value)
{
    json_t *metadata = json_object_get(file->header, "__metadata__");
    void *entry = json_object_iter(metadata);
    while (entry && index-- > 0) entry = json_object_iter_next(metadata, entry);
    if (!entry) return NULL;
    *value = json_string_value(json_object_iter_value(entry));
    return json_object_iter_key(entry);
}
