/*
 * Tensors → safetensors.
 *
 * Enters: names, shapes, metadata, and a function that gives a tensor's values, or these themselves.
 * Leaves: a file, whole or not at all (new_file.h).
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/array.h"
#include "runtime/core/new_file.h"
#include "runtime/core/tensors_save.h"
#include "runtime/core/text.h"

struct NnTensorWriter {
    NnTensorSource source;
    const void *user;
    json_t *tensors; /* name: entry, in the order of the data */
    json_t *metadata;
    size_t bytes;           /* of the data */
    size_t largest;         /* elements of the largest tensor that `source` is asked for */
    const NnTensor **data;  /* of each tensor; NULL: `source` is asked for it */
    size_t count, capacity; /* tensors */
};

NnTensorWriter *nn_writer_new(NnTensorSource source, const void *user, NnError *error)
{
    NnTensorWriter *w = calloc(1, sizeof *w);
    if (w) {
        *w = (NnTensorWriter){source, user, json_object(), json_object(), 0, 0, NULL, 0, 0};
        if (w->tensors && w->metadata) return w;
        nn_writer_free(w);
    }
    nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to write tensors");
    return NULL;
}

void nn_writer_free(NnTensorWriter *w)
{
    if (!w) return;
    json_decref(w->tensors);
    json_decref(w->metadata);
    free(w->data);
    free(w);
}

static int add_data(NnTensorWriter *w, const NnTensor *given, NnError *error)
{
    if (nn_array_reserve(&w->data, &w->capacity, w->count + 1, sizeof *w->data))
        return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to write tensors");
    w->data[w->count++] = given;
    return 0;
}

/* Its place in the header. */
static int announce_tensor(NnTensorWriter *w, const NnTensor *t, const NnTensor *given, NnError *error)
{
    size_t count = 1, end;
    if (json_object_get(w->tensors, t->name))
        return nn_fail(error, NN_SYSTEM_FAILED, "two tensors are called %s", t->name);
    json_t *shape = json_array();
    for (int i = 0; i < t->rank; i++) {
        count *= (size_t)t->dims[i];
        json_array_append_new(shape, json_integer(t->dims[i]));
    }
    end = w->bytes + count * nn_type_size(t->type);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", nn_type_name(t->type), "shape", shape, "data_offsets",
                              (json_int_t)w->bytes, (json_int_t)end);
    if (json_object_set_new(w->tensors, t->name, entry))
        return nn_fail(error, NN_SYSTEM_FAILED, "cannot write a tensor called %s: not UTF-8, or out of memory",
                       t->name);
    w->bytes = end;
    if (!given && count > w->largest) w->largest = count;
    return add_data(w, given, error);
}

int nn_writer_tensor(NnTensorWriter *w, const char *name, int rank, const int64_t *dims, NnError *error)
{
    NnTensor t = {.name = name, .type = NN_F32, .rank = rank};
    for (int i = 0; i < rank; i++) t.dims[i] = dims[i];
    return announce_tensor(w, &t, NULL, error);
}

int nn_writer_data(NnTensorWriter *w, const NnTensor *t, NnError *error) { return announce_tensor(w, t, t, error); }

int nn_writer_metadata(NnTensorWriter *w, const char *key, const char *value, NnError *error)
{
    if (json_object_set_new(w->metadata, key, nn_json_text(value)))
        return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the metadata %s", key);
    return 0;
}

/* Length and JSON, padded with spaces to a multiple of 8. */
static char *header_text(const NnTensorWriter *w, size_t *length)
{
    json_t *header = json_object();
    if (json_object_size(w->metadata)) json_object_set(header, "__metadata__", w->metadata);
    json_object_update(header, w->tensors);
    char *json = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (!json) return NULL;
    size_t used = strlen(json), padded = (used + 7) / 8 * 8;
    char *text = malloc(8 + padded);
    if (text) {
        for (int i = 0; i < 8; i++) text[i] = (char)(unsigned char)((uint64_t)padded >> (8 * i));
        memset(text + 8, ' ', padded);
        memcpy(text + 8, json, used);
        *length = 8 + padded;
    }
    free(json);
    return text;
}

static void to_little_endian(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], 4);
        unsigned char bytes[4] = {(unsigned char)bits, (unsigned char)(bits >> 8), (unsigned char)(bits >> 16),
                                  (unsigned char)(bits >> 24)};
        memcpy(&values[i], bytes, 4);
    }
}

/* Of a tensor that the writer asks for. */
static int write_asked(const NnTensorWriter *w, const char *name, float *values, size_t count, int fd, const char *path,
                       NnError *error)
{
    if (w->source(w->user, name, values, count))
        return nn_fail(error, NN_BAD_INPUT, "no values for the tensor %s", name);
    to_little_endian(values, count);
    return nn_write_all(fd, values, count * sizeof *values) ? nn_fail_errno(error, "cannot write %s", path) : 0;
}

static int write_tensors(const NnTensorWriter *w, int fd, float *values, const char *path, NnError *error)
{
    const char *name;
    json_t *entry;
    size_t index = 0;
    json_object_foreach(w->tensors, name, entry)
    {
        const json_t *offsets = json_object_get(entry, "data_offsets");
        const NnTensor *given = w->data[index++];
        size_t bytes =
            (size_t)(json_integer_value(json_array_get(offsets, 1)) - json_integer_value(json_array_get(offsets, 0)));
        if (given && nn_write_all(fd, given->data, bytes)) return nn_fail_errno(error, "cannot write %s", path);
        if (!given && write_asked(w, name, values, bytes / sizeof *values, fd, path, error)) return -1;
    }
    return 0;
}

static int write_contents(const void *writer, int fd, const char *path, NnError *error)
{
    const NnTensorWriter *w = writer;
    size_t length = 0;
    char *header = header_text(w, &length);
    float *values = malloc(w->largest * sizeof *values + 1);
    int failed;
    if (!header || !values)
        failed = nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to write %s", path);
    else if (nn_write_all(fd, header, length))
        failed = nn_fail_errno(error, "cannot write %s", path);
    else
        failed = write_tensors(w, fd, values, path, error);
    free(header);
    free(values);
    return failed;
}

int nn_writer_save(NnTensorWriter *w, const char *path, NnError *error)
{
    return nn_files_write(&(NnNewFile){path, write_contents, w}, 1, error);
}
