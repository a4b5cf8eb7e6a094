/*
 * bf16_dot.h: products of pairs of bf16, added up in floats.
 *
 * A lane of 32 bits is a pair: the even element in the lower half, the odd one in the upper.
 *
 *   nn_dot_bf16(sum, x, w)   sum + x.odd · w.odd + x.even · w.even, lane by lane
 *
 * With NN_AVX512BF16 that is the instruction VDPBF16PS.  The Intel 64 and IA-32 Architectures Software
 * Developer's Manual, volume 2, defines it: two fused multiply-adds one after the other, the odd
 * elements first, each of which takes subnormal numbers as zeros, rounds to the nearest (of two to the
 * even one) whatever the rounding mode, and makes a zero of a subnormal result.  Results are rounded to
 * bf16 by VCVTNE2PS2BF16, which takes a subnormal number as a zero and otherwise rounds as nn_to_bf16;
 * a NaN keeps its upper bits and becomes quiet.
 *
 * The tests of the target's kernels on other machines (NN_EMULATED) have both bit by bit, in integers and
 * doubles.  For all other targets the products are those of floats, in the same order, and results are
 * rounded by nn_bf16_bits.
 */
#ifndef NN_BF16_DOT_H
#define NN_BF16_DOT_H

#include "runtime/kernels/simd/bf16_vector.h"
#include "runtime/kernels/simd/lanes.h"

/* The target multiplies so. */
#if defined(NN_AVX512BF16) || defined(NN_BF16_PAIRS)
enum { NN_BF16_PRODUCTS = 1 };
#else
enum { NN_BF16_PRODUCTS = 0 };
#endif

/* NN_W pairs, and one pair in all lanes. */
NN_INLINE nn_words nn_load_pairs(const uint16_t *p) { return *(const nn_pairs *)p; }

NN_INLINE nn_words nn_broadcast_pair(const uint16_t *p)
{
    uint32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return pair - (nn_words){0};
}

/* One number, beside it a zero. */
NN_INLINE nn_words nn_broadcast_last(const uint16_t *p) { return (uint32_t)*p - (nn_words){0}; }

#if defined(NN_EMULATED) && defined(NN_BF16_PAIRS)

/* Subnormal numbers are zeros with their sign. */
NN_INLINE nn_vec nn_flushed(nn_vec v)
{
    const nn_words bits = (nn_words)v, normal = (nn_words)((bits & 0x7f800000u) != 0);
    return (nn_vec)(bits & (normal | 0x80000000u));
}

/* c + a · b of one lane.  The product of two bf16 is exact in a double; their sum with a float is rounded
 * to 53 bits and then to 24, which is the same as once, since 53 > 2 · 24 + 1.  It is subnormal if it is so
 * with 24 bits and exponents without end: below 2^-126 by more than half a unit. */
NN_INLINE float nn_fma_flushed(float a, float b, float c)
{
    const double sum = (double)a * (double)b + (double)c, size = sum < 0 ? -sum : sum;
    if (size < 0x1p-126 - 0x1p-151) return sum < 0 || (sum == 0 && __builtin_signbit(sum)) ? -0.0f : 0.0f;
    return (float)sum;
}

/* Not inlined: the C compiler would take a minute for all the tiles. */
static __attribute__((noinline, unused)) nn_vec nn_dot_bf16(nn_vec sum, nn_words x, nn_words w)
{
    nn_lanes x_odd, w_odd, x_even, w_even, s;
    nn_store(x_odd, nn_flushed(nn_odd(x))), nn_store(w_odd, nn_flushed(nn_odd(w)));
    nn_store(x_even, nn_flushed(nn_even(x))), nn_store(w_even, nn_flushed(nn_even(w)));
    nn_store(s, nn_flushed(sum));
    for (int i = 0; i < NN_W; i++)
        s[i] = nn_fma_flushed(x_even[i], w_even[i], nn_fma_flushed(x_odd[i], w_odd[i], s[i]));
    return nn_load(s);
}

/* Rounded to bf16, in the lower half of each lane. */
NN_INLINE nn_words nn_result_bits(nn_vec v)
{
    const nn_words bits = (nn_words)v, nan = (nn_words)((bits & 0x7fffffff) > 0x7f800000);
    return (nan & (bits >> 16 | 0x40)) | (~nan & nn_bf16_bits(nn_flushed(v)));
}

#else

NN_INLINE nn_vec nn_dot_bf16(nn_vec sum, nn_words x, nn_words w)
{
#if defined(NN_AVX512BF16)
    __asm__("vdpbf16ps {%2, %1, %0|%0, %1, %2}" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
#else
    sum += nn_odd(x) * nn_odd(w);
    return sum + nn_even(x) * nn_even(w);
#endif
}

#if !defined(NN_AVX512BF16)
NN_INLINE nn_words nn_result_bits(nn_vec v) { return nn_bf16_bits(v); }
#endif

#endif

/* NN_W results, and those of two vectors one after the other. */
NN_INLINE void nn_store_results(uint16_t *p, nn_vec v)
{
#if !defined(NN_EMULATED) && defined(NN_AVX512BF16)
    __asm__("vcvtneps2bf16 {%1, %0|%0, %1}" : "=v"(*(nn_halves *)p) : "v"(v));
#else
    *(nn_halves *)p = __builtin_convertvector(nn_result_bits(v), nn_halves);
#endif
}

NN_INLINE void nn_store_results_2(uint16_t *p, nn_vec low, nn_vec high)
{
#if !defined(NN_EMULATED) && defined(NN_AVX512BF16)
    nn_words both;
    __asm__("vcvtne2ps2bf16 {%1, %2, %0|%0, %2, %1}" : "=v"(both) : "v"(low), "v"(high));
    *(nn_pairs *)p = both;
#else
    nn_store_results(p, low);
    nn_store_results(p + NN_W, high);
#endif
}

/* The first `count` of a vector. */
NN_INLINE void nn_store_results_some(uint16_t *p, long count, nn_vec v)
{
    if (count >= NN_W) {
        nn_store_results(p, v);
        return;
    }
    uint16_t lane[NN_W];
    nn_store_results(lane, v);
    for (int i = 0; i < count; i++) p[i] = lane[i];
}

#endif
