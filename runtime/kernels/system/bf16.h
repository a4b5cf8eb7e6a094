/*
 * bf16.h: numbers of the format bfloat16, the upper half of a float: sign, 8 bits of exponent, 7 of
 * mantissa.
 *
 * A float is rounded to the nearest bf16, of two equally near ones to that whose last bit is 0.  What
 * is beyond the largest bf16 becomes an infinity; subnormal numbers are rounded like all others; a NaN
 * keeps its sign and becomes quiet, 0x7fc0.  The way back is exact.  The bits are computed in
 * integers, so they are the same on every machine and in every rounding mode.
 *
 * The plain form contains the text of these functions, and the compiler and the tests call them.
 */
#ifndef NN_BF16_H
#define NN_BF16_H

#ifdef NN_LINKED

uint16_t nn_to_bf16(float value);
float nn_from_bf16(uint16_t bits);
void nn_bf16_round(const float *values, int64_t count, uint16_t *to);
void nn_bf16_widen(const uint16_t *values, int64_t count, float *to);
void nn_fill_bf16(uint16_t *p, int64_t count, float value);
void nn_fill_uniform_bf16(uint16_t *p, int64_t count, float low, float high, uint64_t seed);
void nn_fill_normal_bf16(uint16_t *p, int64_t count, float deviation, uint64_t seed);

#else

#include <stdint.h>
#include <string.h>

#include "runtime/kernels/system/random.h"

static inline uint16_t nn_to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000) {
        return (uint16_t)((bits >> 16 & 0x8000) | 0x7fc0);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float nn_from_bf16(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static inline void nn_bf16_round(const float *values, int64_t count, uint16_t *to)
{
    for (int64_t k = 0; k < count; k++) {
        to[k] = nn_to_bf16(values[k]);
    }
}

static inline void nn_bf16_widen(const uint16_t *values, int64_t count, float *to)
{
    for (int64_t k = 0; k < count; k++) {
        to[k] = nn_from_bf16(values[k]);
    }
}

static inline void nn_fill_bf16(uint16_t *p, int64_t count, float value)
{
    for (int64_t k = 0; k < count; k++) {
        p[k] = nn_to_bf16(value);
    }
}

/* The numbers of nn_fill_uniform and nn_fill_normal, some at a time. */
static inline void nn_fill_uniform_bf16(uint16_t *p, int64_t count, float low, float high, uint64_t seed)
{
    float part[256];
    for (int64_t k = 0; k < count; k += 256) {
        const int64_t some = count - k < 256 ? count - k : 256;
        nn_fill_uniform(part, some, low, high, nn_skip(seed, (uint64_t)k));
        nn_bf16_round(part, some, p + k);
    }
}

static inline void nn_fill_normal_bf16(uint16_t *p, int64_t count, float deviation, uint64_t seed)
{
    float part[256];
    for (int64_t k = 0; k < count; k += 256) {
        const int64_t some = count - k < 256 ? count - k : 256;
        nn_fill_normal(part, some, deviation, nn_skip(seed, (uint64_t)k));
        nn_bf16_round(part, some, p + k);
    }
}

#endif

#endif
