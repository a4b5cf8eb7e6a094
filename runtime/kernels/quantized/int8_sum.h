/*
 * int8_sum.h: sums of int8 numbers at scales of their own, in vectors: of arrays (quantized_map.h), and of what a
 * convolution has just made with another array.
 */
#ifndef NN_INT8_SUM_H
#define NN_INT8_SUM_H

#include "runtime/kernels/quantized/int8_results.h"

#if !defined(NN_EMULATED) && (defined(NN_AVX512) || defined(NN_AVX2))

enum { NN_QUANT_WORDS = 2 * NN_QUANT_LANES, NN_QUANT_SPLIT = NN_INT8_LINEAR_SHIFT };

/* Pairs of words times pairs of words, added to the sums. */
NN_INLINE nn_quant_sums nn_quant_pair_products(nn_quant_sums sum, nn_quant_sums x, nn_quant_sums factors)
{
#if defined(NN_AVX512VNNI)
    __asm__("vpdpwssd {%2, %1, %0|%0, %1, %2}" : "+v"(sum) : "v"(x), "v"(factors));
    return sum;
#else
    nn_quant_sums products;
    __asm__("vpmaddwd {%2, %1, %0|%0, %1, %2}" : "=v"(products) : "v"(x), "v"(factors));
    return nn_quant_plus(sum, products);
#endif
}

/* Of nn_int8_add.linear: the factors in two parts, since multiplying 32 bits takes as long as both. */
typedef struct nn_quant_linear {
    nn_quant_sums low, high, offset;
    nn_quant_sums shift;       /* of each lane: by one for all it takes two operations */
    nn_quant_sums least, most; /* words */
} nn_quant_linear;

NN_INLINE nn_quant_linear nn_quant_linear_of(const nn_int8_add *d)
{
    typedef short halves __attribute__((vector_size(NN_QUANT_LANES * 4)));
    const nn_quant_sums zero = {0};
    const int mask = (1 << NN_QUANT_SPLIT) - 1, *f = d->linear.factor;
    return (nn_quant_linear){
        .low = zero + (int)((f[0] & mask) | (unsigned)(f[1] & mask) << 16),
        .high = zero + (int)((f[0] >> NN_QUANT_SPLIT & 0xffff) | (unsigned)(f[1] >> NN_QUANT_SPLIT) << 16),
        .offset = zero + d->linear.offset,
        .shift = zero + (d->linear.shift - NN_QUANT_SPLIT),
        .least = (nn_quant_sums)((short)d->low - (halves){0}),
        .most = (nn_quant_sums)((short)d->high - (halves){0})};
}

/* (x0 · factor[0] + x1 · factor[1] + offset) >> shift of pairs. */
NN_INLINE nn_quant_sums nn_quant_linear_pairs(const nn_quant_linear *l, nn_quant_sums pairs)
{
    const nn_quant_sums rest = nn_quant_pair_products(l->offset, pairs, l->low) >> NN_QUANT_SPLIT;
    return nn_quant_pair_products(rest, pairs, l->high) >> l->shift;
}

/* NN_QUANT_WORDS results. */
NN_INLINE void nn_quant_add_words(const nn_quant_linear *l, const int8_t *a, const int8_t *b, int8_t *y)
{
    typedef short halves __attribute__((vector_size(NN_QUANT_LANES * 4)));
    typedef signed char bytes __attribute__((vector_size(NN_QUANT_LANES * 2), aligned(1), may_alias));
    const nn_quant_sums one = nn_quant_wide_words(a), two = nn_quant_wide_words(b);
    nn_quant_sums words = nn_quant_pack_words(nn_quant_linear_pairs(l, nn_quant_low_words(one, two)),
                                              nn_quant_linear_pairs(l, nn_quant_high_words(one, two)));
    __asm__("vpmaxsw {%1, %0, %0|%0, %0, %1}" : "+v"(words) : "v"(l->least));
    __asm__("vpminsw {%1, %0, %0|%0, %0, %1}" : "+v"(words) : "v"(l->most));
    *(bytes *)y = __builtin_convertvector((halves)words, bytes);
}

NN_INLINE void nn_quant_add_linear(const nn_int8_add *d, const int8_t *const *x, long first, long end, int8_t *y)
{
    const nn_quant_linear l = nn_quant_linear_of(d);
    const int8_t *a = x[0], *b = x[1];
    long k = first;
    for (; k + NN_QUANT_WORDS <= end; k += NN_QUANT_WORDS) nn_quant_add_words(&l, a + k, b + k, y + k);
    if (k >= end) return;
    int8_t last[3][NN_QUANT_WORDS] = {{0}};
    for (long i = 0; i < end - k; i++) last[0][i] = a[k + i], last[1][i] = b[k + i];
    nn_quant_add_words(&l, last[0], last[1], last[2]);
    for (long i = 0; i < end - k; i++) y[k + i] = last[2][i];
}

#else

NN_INLINE void nn_quant_add_linear(const nn_int8_add *d, const int8_t *const *x, long first, long end, int8_t *y)
{
    const nn_int8_linear l = d->linear;
    for (long k = first; k < end; k += NN_QUANT_LANES) {
        const nn_quant_sums one = nn_quant_numbers(x[0] + k, end - k), two = nn_quant_numbers(x[1] + k, end - k);
        const nn_quant_sums sum = (one * l.factor[0] + two * l.factor[1] + l.offset) >> l.shift;
        nn_quant_store(y + k, nn_quant_clamp(sum, d->low, d->high), end - k);
    }
}

#endif

/* Numbers first … end − 1; y may be one of x. */
NN_INLINE void nn_quant_add(const nn_int8_add *d, const nn_int8_factor *branch, const int8_t *const *x, long first,
                            long end, int8_t *y)
{
    if (d->linear.shift) {
        nn_quant_add_linear(d, x, first, end, y);
        return;
    }
    for (long k = first; k < end; k += NN_QUANT_LANES) {
        nn_quant_sums sum = {0};
        for (int b = 0; b < d->branches; b++) {
            const nn_int8_factor f = branch[b];
            sum += nn_quant_scaled((nn_quant_numbers(x[b] + k, end - k) - f.zero) * (1 << 20), &f);
        }
        sum = nn_quant_scaled(sum, &d->sum) + d->sum.zero;
        nn_quant_store(y + k, nn_quant_clamp(sum, d->low, d->high), end - k);
    }
}

/* Adds the residual of a convolution to `count` of the results of each of `rows` pixels, `apart` from one another,
 * of which the first is number `at`. */
NN_KERNEL void nn_quant_add_residual(const nn_int8_conv_args *a, long at, long rows, long apart, long count)
{
    const int8_t *const x[] = {a->y, a->residual};
    const int together = count == apart;
    for (long k = 0; k < (together ? 1 : rows); k++, at += apart)
        nn_quant_add(a->add, a->branch, x, at, at + (together ? rows * count : count), a->y);
}

#endif
