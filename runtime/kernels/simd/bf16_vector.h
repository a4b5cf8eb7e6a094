/* bf16_vector.h: vectors of bf16 in memory, floats in registers. */
#ifndef NN_BF16_VECTOR_H
#define NN_BF16_VECTOR_H

#include <stdint.h>

#include "runtime/kernels/simd/vector.h"

typedef uint16_t nn_halves __attribute__((vector_size(NN_W * sizeof(uint16_t)), aligned(2), may_alias));
typedef uint32_t nn_words __attribute__((vector_size(NN_W * sizeof(uint32_t))));

/* NN_W pairs in memory. */
typedef uint32_t nn_pairs __attribute__((vector_size(NN_W * sizeof(uint32_t)), aligned(2), may_alias));

/* NN_W numbers from p: the bits are the upper halves of the floats. */
NN_INLINE nn_vec nn_load_bf16(const uint16_t *p)
{
    return (nn_vec)(__builtin_convertvector(*(const nn_halves *)p, nn_words) << 16);
}

/* The first `count` numbers; the other lanes are zero. */
NN_INLINE nn_vec nn_load_bf16_some(const uint16_t *p, long count)
{
    if (count >= NN_W) return nn_load_bf16(p);
    uint16_t lane[NN_W] = {0};
    for (int i = 0; i < count; i++) lane[i] = p[i];
    return nn_load_bf16(lane);
}

/* The pairs of NN_W even and odd elements. */
NN_INLINE nn_words nn_zip(const uint16_t *even, const uint16_t *odd)
{
    return __builtin_convertvector(*(const nn_halves *)even, nn_words) |
           __builtin_convertvector(*(const nn_halves *)odd, nn_words) << 16;
}

/* Of the first `count`; the other pairs are zero. */
NN_INLINE nn_words nn_zip_some(const uint16_t *even, const uint16_t *odd, long count)
{
    if (count >= NN_W) return nn_zip(even, odd);
    uint16_t low[NN_W] = {0}, high[NN_W] = {0};
    for (int i = 0; i < count; i++) low[i] = even[i], high[i] = odd[i];
    return nn_zip(low, high);
}

/* Rounded as nn_to_bf16 does, in the lower half of each lane. */
NN_INLINE nn_words nn_bf16_bits(nn_vec v)
{
    const nn_words bits = (nn_words)v, nan = (nn_words)((bits & 0x7fffffff) > 0x7f800000);
    const nn_words rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, quiet = (bits >> 16 & 0x8000) | 0x7fc0;
    return (nan & quiet) | (~nan & rounded);
}

NN_INLINE nn_vec nn_rounded_to_bf16(nn_vec v) { return (nn_vec)(nn_bf16_bits(v) << 16); }

NN_INLINE void nn_store_bf16(uint16_t *p, nn_vec v)
{
    *(nn_halves *)p = __builtin_convertvector(nn_bf16_bits(v), nn_halves);
}

NN_INLINE void nn_store_bf16_some(uint16_t *p, long count, nn_vec v)
{
    if (count >= NN_W) {
        nn_store_bf16(p, v);
        return;
    }
    uint16_t lane[NN_W];
    nn_store_bf16(lane, v);
    for (int i = 0; i < count; i++) p[i] = lane[i];
}

#endif
