/*
 * Elements of tensor files → float, double, int32.
 *
 * Every type of the format is widened to double, which holds all of them
 * exactly but for 64-bit integers beyond 2^53, and narrowed from there.  Bytes
 * are put together by hand: the file is little-endian and its tensors are
 * aligned to nothing.  F32 → float is a plain copy, the one path that large
 * files take.
 */
#include "runtime/core/core.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [NN_BOOL] = {"BOOL", 1}, [NN_U8] = {"U8", 1},   [NN_I8] = {"I8", 1},     [NN_U16] = {"U16", 2},
    [NN_I16] = {"I16", 2},   [NN_F16] = {"F16", 2}, [NN_BF16] = {"BF16", 2}, [NN_U32] = {"U32", 4},
    [NN_I32] = {"I32", 4},   [NN_F32] = {"F32", 4}, [NN_U64] = {"U64", 8},   [NN_I64] = {"I64", 8},
    [NN_F64] = {"F64", 8},
};

size_t nn_type_size(NnType type) { return types[type].size; }
const char *nn_type_name(NnType type) { return types[type].name; }

static uint64_t load_bits(const unsigned char *p, size_t size)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) bits |= (uint64_t)p[i] << (8 * i);
    return bits;
}

static double float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE binary16: sign, 5 bits of exponent (bias 15), 10 of fraction. */
static double half_of_bits(unsigned bits)
{
    unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value;
    if (exponent == 31)
        value = fraction ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        value = ldexp(fraction, -24);
    else
        value = ldexp(fraction + 1024, (int)exponent - 25);
    return bits & 0x8000 ? -value : value;
}

static double element_at(const NnTensor *tensor, size_t i)
{
    size_t size = types[tensor->type].size;
    uint64_t bits = load_bits(tensor->data + i * size, size);
    double value;
    switch (tensor->type) {
    case NN_BOOL: return bits != 0;
    case NN_U8:
    case NN_U16:
    case NN_U32:
    case NN_U64: return (double)bits;
    case NN_I8: return (int8_t)bits;
    case NN_I16: return (int16_t)bits;
    case NN_I32: return (int32_t)bits;
    case NN_I64: return (double)(int64_t)bits;
    case NN_F16: return half_of_bits((unsigned)bits);
    case NN_BF16: return float_of_bits((uint32_t)bits << 16);
    case NN_F32: return float_of_bits((uint32_t)bits);
    case NN_F64: memcpy(&value, &bits, sizeof value); return value;
    }
    return 0;
}

void nn_tensor_doubles(const NnTensor *tensor, double *out)
{
    for (size_t i = 0; i < tensor->count; i++) out[i] = element_at(tensor, i);
}

static bool little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first;
}

void nn_tensor_floats(const NnTensor *tensor, float *out)
{
    if (tensor->type == NN_F32 && little_endian()) {
        memcpy(out, tensor->data, tensor->count * sizeof *out);
        return;
    }
    for (size_t i = 0; i < tensor->count; i++) out[i] = (float)element_at(tensor, i);
}

int nn_tensor_ints(const NnTensor *tensor, int32_t *out, NnError *error)
{
    for (size_t i = 0; i < tensor->count; i++) {
        double value = element_at(tensor, i);
        if (!(value >= INT32_MIN && value <= INT32_MAX) || value != floor(value))
            return nn_fail(error, NN_BAD_INPUT, "tensor %s: element %zu is %g, which is not a 32-bit integer",
                           tensor->name, i, value);
        out[i] = (int32_t)value;
    }
    return 0;
}
