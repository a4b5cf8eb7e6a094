/*
 * NumPy's .npy → one tensor in memory.
 *
 * The format: \x93NUMPY, a version, the header's length (two bytes, from
 * version 2 on four), then a Python dictionary as text with the keys descr,
 * fortran_order and shape, then the data.  Only what np.save writes is
 * understood of Python; the numbers are checked against the bytes that are
 * there.  Big-endian data is swapped in place, since a tensor is little-endian.
 */
#include "runtime/core/tensors.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAGIC = 6, HEADER_LIMIT = 1 << 20 };

static bool npy_recognises(const char *bytes, size_t size)
{
    return size > MAGIC && !memcmp(bytes, "\x93NUMPY", MAGIC);
}

/* ---- the dictionary ------------------------------------------------------------- */

/* What follows 'KEY': in the text, or NULL. */
static const char *find_value(const char *text, const char *end, const char *key)
{
    size_t length = strlen(key);
    for (const char *at = text; at + length + 2 < end; at++) {
        if ((*at != '\'' && *at != '"') || memcmp(at + 1, key, length) || at[length + 1] != *at) continue;
        at += length + 2;
        while (at < end && isspace((unsigned char)*at)) at++;
        if (at == end || *at++ != ':') return NULL;
        while (at < end && isspace((unsigned char)*at)) at++;
        return at < end ? at : NULL;
    }
    return NULL;
}

/* '<f4': byte order, kind, bytes. */
static bool read_python_type(const char *at, const char *end, NnType *type, bool *swapped)
{
    static const struct {
        char text[3];
        NnType type;
    } types[] = {{"b1", NN_BOOL}, {"u1", NN_U8},  {"i1", NN_I8},  {"u2", NN_U16}, {"i2", NN_I16}, {"f2", NN_F16},
                 {"u4", NN_U32},  {"i4", NN_I32}, {"f4", NN_F32}, {"u8", NN_U64}, {"i8", NN_I64}, {"f8", NN_F64}};
    if (end - at < 5 || (*at != '\'' && *at != '"') || at[4] != *at || !strchr("<>|=", at[1])) return false;
    *swapped = at[1] == '>';
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!memcmp(at + 2, types[i].text, 2)) {
            *type = types[i].type;
            return true;
        }
    return false;
}

/* "(3, 4)", "(3,)", "()"; false: something else, or more than the tensor can have. */
static bool read_python_shape(const char *at, const char *end, NnTensor *tensor)
{
    tensor->rank = 0;
    for (at++; at < end && *at != ')'; at++) {
        if (*at == ' ' || *at == ',' || *at == 'L') continue;
        if (!isdigit((unsigned char)*at) || tensor->rank == NN_MAX_RANK) return false;
        int64_t dim = 0;
        for (; at < end && isdigit((unsigned char)*at); at++) {
            if (dim > INT64_MAX / 20) return false;
            dim = dim * 10 + (*at - '0');
        }
        tensor->dims[tensor->rank++] = dim;
        at--;
    }
    return at < end;
}

static int read_python_header(NnTensor *tensor, const char *text, const char *end, const char *what, bool *swapped,
                              NnError *error)
{
    const char *type = find_value(text, end, "descr"), *order = find_value(text, end, "fortran_order");
    const char *shape = find_value(text, end, "shape");
    if (!type || !order || !shape || *shape != '(')
        return nn_fail(error, NN_BAD_INPUT, "%s: the header has no descr, fortran_order and shape: damaged", what);
    if (!read_python_type(type, end, &tensor->type, swapped))
        return nn_fail(error, NN_BAD_INPUT, "%s: the elements are %.*s; only numbers of 1 to 8 bytes are read", what,
                       (int)strcspn(type, ",}"), type);
    if (!read_python_shape(shape, end, tensor)) return nn_fail(error, NN_BAD_INPUT, "%s: the shape is damaged", what);
    if (*order == 'T' && tensor->rank > 1)
        return nn_fail(error, NN_BAD_INPUT,
                       "%s is stored column by column; save it with np.ascontiguousarray, row by row", what);
    return 0;
}

/* ---- the array --------------------------------------------------------------------- */

static void swap_bytes(char *data, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++, data += size)
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            char held = data[a];
            data[a] = data[b];
            data[b] = held;
        }
}

/* What the header says, and where the data begins. */
static int parse_head(NnTensor *tensor, const char *bytes, size_t have, size_t size, const char *what, size_t *data,
                      bool *swapped, NnError *error)
{
    const unsigned char *head = (const unsigned char *)bytes;
    size_t start = have > MAGIC && head[MAGIC] > 1 ? 12 : 10, length = 0, announced;
    if (have < start || !npy_recognises(bytes, have))
        return nn_fail(error, NN_BAD_INPUT, "%s is not a NumPy array, or is truncated", what);
    for (size_t i = MAGIC + 2; i < start; i++) length |= (size_t)head[i] << (8 * (i - MAGIC - 2));
    if (length > have - start || length > HEADER_LIMIT)
        return nn_fail(error, NN_BAD_INPUT, "%s declares a header of %zu bytes: truncated or corrupt", what, length);
    *data = start + length;
    if (read_python_header(tensor, bytes + start, bytes + *data, what, swapped, error)) return -1;
    if (tensors_size(tensor, &announced) && announced == size - *data) return 0;
    char dims[NN_DIMS_TEXT];
    return nn_fail(error, NN_BAD_INPUT, "%s is %s of type %s, but %zu bytes follow its header", what,
                   nn_dims_text(tensor->rank, tensor->dims, dims), nn_type_name(tensor->type), size - *data);
}

int npy_parse_head(NnTensor *tensor, const char *bytes, size_t have, size_t size, const char *what, NnError *error)
{
    size_t data;
    bool swapped = false;
    return parse_head(tensor, bytes, have, size, what, &data, &swapped, error);
}

int npy_parse(NnTensor *tensor, char *bytes, size_t size, const char *what, NnError *error)
{
    size_t data;
    bool swapped = false;
    if (parse_head(tensor, bytes, size, size, what, &data, &swapped, error)) return -1;
    if (swapped) swap_bytes(bytes + data, tensor->count, nn_type_size(tensor->type));
    tensor->data = (const unsigned char *)bytes + data;
    return 0;
}

static int npy_read(NnTensors *file, size_t size, const char *path, NnError *error)
{
    file->at = nn_alloc(sizeof *file->at, error);
    if (!file->at) return -1;
    file->at->name = "array";
    if (npy_parse(file->at, file->bytes, size, path, error)) return -1;
    file->count = 1;
    return 0;
}

const TensorFormat format_npy = {.recognises = npy_recognises, .read = npy_read};
