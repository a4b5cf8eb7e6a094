/* bf16_vector.h: vectors of bf16 in memory, floats in registers. */
#ifndef NN_BF16_VECTOR_H
#define NN_BF16_VECTOR_H

#include <stdint.h>

#include "runtime/kernels/simd/vector.h"

typedef uint16_t nn_halves __attribute__((vector_size(NN_W * sizeof(uint16_t)), aligned(1), may_alias));
typedef uint16_t nn_both_halves __attribute__((vector_size(2 * NN_W * sizeof(uint16_t))));
typedef uint32_t nn_words __attribute__((vector_size(NN_W * sizeof(uint32_t))));

enum {
    NN_PAIRED = 2 * NN_W, /* elements of NN_W pairs */
    NN_BIG_ENDIAN = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
};

/* NN_W pairs in memory. */
typedef uint32_t nn_pairs __attribute__((vector_size(NN_W * sizeof(uint32_t)), aligned(2), may_alias));

/* NN_W halves as words; gcc (12) would widen them in two vectors of half the size. */
NN_INLINE nn_words nn_load_halves(const void *p)
{
#if !defined(NN_EMULATED) && defined(NN_AVX512)
    nn_words words;
    __asm__("vpmovzxwd {%1, %0|%0, %1}" : "=v"(words) : "m"(*(const nn_halves *)p));
    return words;
#else
    return __builtin_convertvector(*(const nn_halves *)p, nn_words);
#endif
}

/* NN_W numbers from p: the bits are the upper halves of the floats. */
NN_INLINE nn_vec nn_load_bf16(const uint16_t *p) { return (nn_vec)(nn_load_halves(p) << 16); }

/* NN_W pairs, and what they are: the even elements in the lower halves of the lanes, the odd ones in the upper. */
NN_INLINE nn_words nn_load_both(const uint16_t *p)
{
#if !defined(NN_EMULATED) && defined(NN_AVX512)
    nn_words pairs; /* as nn_load_early_as */
    __asm__("vmovdqu32 {%1, %0|%0, %1}" : "=v"(pairs) : "m"(*(const nn_pairs *)p));
    return pairs;
#else
    const nn_words pairs = *(const nn_pairs *)p;
    return NN_BIG_ENDIAN ? pairs << 16 | pairs >> 16 : pairs;
#endif
}

NN_INLINE void nn_store_both(uint16_t *p, nn_words pairs)
{
    *(nn_pairs *)p = NN_BIG_ENDIAN ? pairs << 16 | pairs >> 16 : pairs;
}

NN_INLINE nn_vec nn_even(nn_words pairs) { return (nn_vec)(pairs << 16); }
NN_INLINE nn_vec nn_odd(nn_words pairs) { return (nn_vec)(pairs & 0xffff0000u); }

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

/* The same in the upper half; the lower half is anything. */
NN_INLINE nn_words nn_bf16_upper_bits(nn_vec v)
{
    const nn_words bits = (nn_words)v, nan = (nn_words)(v != v);
    const nn_words rounded = bits + 0x7fff + (bits >> 16 & 1), quiet = (bits & 0x80000000u) | 0x7fc00000u;
    return (nan & quiet) | (~nan & rounded);
}

/* NN_W pairs of an even and an odd element. */
NN_INLINE void nn_store_bf16_pairs(uint16_t *p, nn_vec even, nn_vec odd)
{
    nn_store_both(p, nn_bf16_upper_bits(even) >> 16 | (nn_bf16_upper_bits(odd) & 0xffff0000u));
}

/* Numbers of bf16 that become numbers of bf16: what rounding them makes of a NaN. */
NN_INLINE nn_words nn_quiet_pairs(nn_words pairs)
{
    const nn_both_halves bits = (nn_both_halves)pairs, nan = (nn_both_halves)((bits & 0x7fff) > 0x7f80);
    return (nn_words)((nan & ((bits & 0x8000) | 0x7fc0)) | (~nan & bits));
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
