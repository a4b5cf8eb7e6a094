/*
 * onnx_tensor: the tensors of ONNX files.
 *
 * Enters: a TensorProto.  Leaves: its type, shape and numbers, wherever the file has them:
 * as bytes, in the arrays of numbers, or in another file.
 */
#include "interop/onnx_tensor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_TYPE(NAME) ONNX__TENSOR_PROTO__DATA_TYPE__##NAME

typedef struct OnnxType {
    const char *name;
    int bits; /* of an element among raw bytes; 0: not read */
    bool is_float;
} OnnxType;

static const OnnxType onnx_types[] = {
    [DATA_TYPE(FLOAT)] = {"float32", 32, true},
    [DATA_TYPE(UINT8)] = {"uint8", 8, false},
    [DATA_TYPE(INT8)] = {"int8", 8, false},
    [DATA_TYPE(UINT16)] = {"uint16", 16, false},
    [DATA_TYPE(INT16)] = {"int16", 16, false},
    [DATA_TYPE(INT32)] = {"int32", 32, false},
    [DATA_TYPE(INT64)] = {"int64", 64, false},
    [DATA_TYPE(STRING)] = {"string", 0, false},
    [DATA_TYPE(BOOL)] = {"bool", 8, false},
    [DATA_TYPE(FLOAT16)] = {"float16", 16, true},
    [DATA_TYPE(DOUBLE)] = {"float64", 64, true},
    [DATA_TYPE(UINT32)] = {"uint32", 32, false},
    [DATA_TYPE(UINT64)] = {"uint64", 64, false},
    [DATA_TYPE(COMPLEX64)] = {"complex64", 0, false},
    [DATA_TYPE(COMPLEX128)] = {"complex128", 0, false},
    [DATA_TYPE(BFLOAT16)] = {"bfloat16", 16, true},
    [DATA_TYPE(FLOAT8E4M3FN)] = {"float8e4m3fn", 0, false},
    [DATA_TYPE(FLOAT8E4M3FNUZ)] = {"float8e4m3fnuz", 0, false},
    [DATA_TYPE(FLOAT8E5M2)] = {"float8e5m2", 0, false},
    [DATA_TYPE(FLOAT8E5M2FNUZ)] = {"float8e5m2fnuz", 0, false},
    [DATA_TYPE(UINT4)] = {"uint4", 4, false},
    [DATA_TYPE(INT4)] = {"int4", 4, false},
};

static const OnnxType *onnx_type(int type)
{
    const int count = sizeof onnx_types / sizeof *onnx_types;
    return type > 0 && type < count ? &onnx_types[type] : NULL;
}

const char *onnx_type_name(int type) { return onnx_type(type) ? onnx_type(type)->name : "an unknown type"; }

bool onnx_type_is_float(int type) { return onnx_type(type) && onnx_type(type)->is_float; }

/* ---- sizes --------------------------------------------------------------------- */

bool onnx_dims_fit(int rank, const int64_t *dims)
{
    const int64_t most = (int64_t)1 << 40;
    int64_t count = 1;
    bool fits = rank <= ONNX_MAX_RANK;
    for (int i = 0; i < rank && fits; i++) {
        fits = dims[i] >= 0 && dims[i] < ONNX_AXIS_LIMIT && count <= most / (dims[i] ? dims[i] : 1);
        if (dims[i] > 0) count *= fits ? dims[i] : 1;
    }
    return fits;
}

static const char *shown_name(const OnnxTensor *t) { return t->name && *t->name ? t->name : "without a name"; }

static int read_dims(OnnxTensor *t, const Onnx__TensorProto *m, NnError *error)
{
    if (m->n_dims > ONNX_MAX_RANK)
        return nn_fail(error, NN_BAD_INPUT, "tensor %s has %zu axes, more than %d", shown_name(t), m->n_dims,
                       ONNX_MAX_RANK);
    t->rank = (int)m->n_dims;
    t->count = 1;
    for (int i = 0; i < t->rank; i++) {
        t->dims[i] = m->dims[i];
        if (!onnx_dims_fit(i + 1, t->dims))
            return nn_fail(error, NN_BAD_INPUT, "tensor %s: axis %d cannot have %lld elements", shown_name(t), i,
                           (long long)t->dims[i]);
        t->count *= t->dims[i];
    }
    return 0;
}

/* Bytes of the elements among raw bytes, or −1 where there are too many. */
static int64_t raw_bytes(const OnnxTensor *t)
{
    int64_t bits;
    if (__builtin_mul_overflow(t->count, onnx_type(t->type)->bits, &bits)) return -1;
    return (bits + 7) / 8;
}

/* How many elements the array of numbers has that is used for the type. */
static size_t array_count(const OnnxTensor *t)
{
    const Onnx__TensorProto *m = t->message;
    switch (t->type) {
    case DATA_TYPE(FLOAT): return m->n_float_data;
    case DATA_TYPE(DOUBLE): return m->n_double_data;
    case DATA_TYPE(INT64): return m->n_int64_data;
    case DATA_TYPE(UINT32):
    case DATA_TYPE(UINT64): return m->n_uint64_data;
    case DATA_TYPE(INT4):
    case DATA_TYPE(UINT4): return m->n_int32_data * 2 - (t->count & 1 && m->n_int32_data);
    default: return m->n_int32_data;
    }
}

static int wrong_count(const OnnxTensor *t, int64_t there, NnError *error)
{
    return nn_fail(error, NN_BAD_INPUT,
                   "tensor %s of %s: its shape has %lld elements, but there are %lld bytes or numbers", shown_name(t),
                   onnx_type_name(t->type), (long long)t->count, (long long)there);
}

/* ---- external data ---------------------------------------------------------------- */

static const char *external_entry(const Onnx__TensorProto *m, const char *key)
{
    for (size_t i = 0; i < m->n_external_data; i++)
        if (m->external_data[i]->key && strcmp(m->external_data[i]->key, key) == 0) return m->external_data[i]->value;
    return NULL;
}

/* Inside the folder of the model: relative, without a step upwards. */
static bool location_is_inside(const char *location)
{
    for (const char *p = location; p; p = strchr(p, '/')) {
        if (*p == '/') p++;
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || !p[2])) return false;
    }
    return *location && *location != '/';
}

/* Of an open file, after the sizes are known to fit. */
static int read_external_part(Arena *arena, int fd, int64_t offset, OnnxTensor *t, NnError *error)
{
    const int64_t bytes = raw_bytes(t);
    struct stat status;
    if (fstat(fd, &status) || offset < 0 || bytes < 0 || offset > status.st_size || bytes > status.st_size - offset)
        return nn_fail(error, NN_BAD_INPUT, "tensor %s: its external data is beyond the end of the file",
                       shown_name(t));
    unsigned char *raw = arena_alloc(arena, (size_t)bytes + 1);
    for (int64_t done = 0, n; done < bytes; done += n) {
        n = pread(fd, raw + done, (size_t)(bytes - done), offset + done);
        if (n <= 0)
            return nn_fail(error, NN_SYSTEM_FAILED, "tensor %s: its external data cannot be read", shown_name(t));
    }
    t->raw = raw;
    return 0;
}

static int read_external(Arena *arena, const char *folder, OnnxTensor *t, NnError *error)
{
    const char *location = external_entry(t->message, "location"), *offset = external_entry(t->message, "offset");
    if (!location || !location_is_inside(location))
        return nn_fail(error, NN_BAD_INPUT, "tensor %s: its external data is not in the folder of the model: '%s'",
                       shown_name(t), location ? location : "");
    int fd = nn_open_regular(arena_printf(arena, "%s/%s", folder, location), error);
    if (fd < 0) return -1;
    int failed = read_external_part(arena, fd, offset ? strtoll(offset, NULL, 10) : 0, t, error);
    close(fd);
    return failed;
}

/* ---- reading -------------------------------------------------------------------------- */

int onnx_tensor_read(Arena *arena, const Onnx__TensorProto *m, const char *folder, OnnxTensor *t, NnError *error)
{
    *t = (OnnxTensor){.name = m->name, .type = m->data_type, .message = m};
    if (read_dims(t, m, error)) return -1;
    if (!onnx_type(t->type) || !onnx_type(t->type)->bits)
        return nn_fail(error, NN_BAD_INPUT, "tensor %s: elements of %s are not read", shown_name(t),
                       onnx_type_name(t->type));
    if (m->has_data_location && m->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return read_external(arena, folder, t, error);
    if (m->has_raw_data) {
        t->raw = m->raw_data.data;
        if (raw_bytes(t) != (int64_t)m->raw_data.len) return wrong_count(t, (int64_t)m->raw_data.len, error);
    } else if ((int64_t)array_count(t) != t->count) {
        return wrong_count(t, (int64_t)array_count(t), error);
    }
    return 0;
}

/* ---- numbers ---------------------------------------------------------------------------- */

/* One element of nn_tensor_doubles' types: the bits of 16-bit floats are converted there. */
static double bits16(NnType type, uint16_t bits)
{
    double value;
    const NnTensor one = {.type = type, .count = 1, .data = (const unsigned char *)&bits};
    nn_tensor_doubles(&one, &value);
    return value;
}

static double nibble(int type, unsigned byte, int64_t index)
{
    const int value = (int)(byte >> (index & 1 ? 4 : 0) & 15);
    return type == DATA_TYPE(INT4) && value > 7 ? value - 16 : value;
}

static double raw_at(const OnnxTensor *t, int64_t i)
{
    const unsigned char *p = t->raw + i * (onnx_type(t->type)->bits / 8);
    union {
        float f;
        double d;
        uint16_t u16;
        int16_t i16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
    } v;
    if (onnx_type(t->type)->bits >= 8) memcpy(&v, p, (size_t)onnx_type(t->type)->bits / 8);
    switch (t->type) {
    case DATA_TYPE(FLOAT): return v.f;
    case DATA_TYPE(DOUBLE): return v.d;
    case DATA_TYPE(INT8): return (int8_t)*p;
    case DATA_TYPE(UINT16): return v.u16;
    case DATA_TYPE(INT16): return v.i16;
    case DATA_TYPE(INT32): return v.i32;
    case DATA_TYPE(UINT32): return v.u32;
    case DATA_TYPE(INT64): return (double)v.i64;
    case DATA_TYPE(UINT64): return (double)v.u64;
    case DATA_TYPE(FLOAT16): return bits16(NN_F16, v.u16);
    case DATA_TYPE(BFLOAT16): return bits16(NN_BF16, v.u16);
    case DATA_TYPE(INT4):
    case DATA_TYPE(UINT4): return nibble(t->type, t->raw[i / 2], i);
    default: return *p;
    }
}

double onnx_tensor_at(const OnnxTensor *t, int64_t i)
{
    const Onnx__TensorProto *m = t->message;
    if (t->raw) return raw_at(t, i);
    switch (t->type) {
    case DATA_TYPE(FLOAT): return m->float_data[i];
    case DATA_TYPE(DOUBLE): return m->double_data[i];
    case DATA_TYPE(INT64): return (double)m->int64_data[i];
    case DATA_TYPE(UINT32):
    case DATA_TYPE(UINT64): return (double)m->uint64_data[i];
    case DATA_TYPE(FLOAT16): return bits16(NN_F16, (uint16_t)m->int32_data[i]);
    case DATA_TYPE(BFLOAT16): return bits16(NN_BF16, (uint16_t)m->int32_data[i]);
    case DATA_TYPE(INT4):
    case DATA_TYPE(UINT4): return nibble(t->type, (unsigned)m->int32_data[i / 2], i);
    default: return m->int32_data[i];
    }
}

const FileFloat *onnx_tensor_floats(Arena *arena, const OnnxTensor *t)
{
    if (t->type == DATA_TYPE(FLOAT)) return t->raw ? (const FileFloat *)t->raw : t->message->float_data;
    float *out = arena_alloc(arena, (size_t)(t->count + 1) * sizeof *out);
    for (int64_t i = 0; i < t->count; i++) out[i] = (float)onnx_tensor_at(t, i);
    return out;
}

double *onnx_tensor_doubles(Arena *arena, const OnnxTensor *t)
{
    double *out = arena_alloc(arena, (size_t)(t->count + 1) * sizeof *out);
    for (int64_t i = 0; i < t->count; i++) out[i] = onnx_tensor_at(t, i);
    return out;
}
