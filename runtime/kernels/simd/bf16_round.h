/*
 * bf16_round.h: floats in memory as pairs of bf16 in registers, rounded as nn_to_bf16 does, and panels of
 * such pairs.
 *
 * With NN_AVX512BF16 that is VCVTNE2PS2BF16 wherever it rounds so: not subnormal numbers, of which the
 * largest become the least normal one by nn_to_bf16, nor NaN.  A block that has any (VFPCLASSPS finds them)
 * is done again by integers; `fast` is a constant of the caller and says which.  In panels subnormal numbers of
 * bf16 and zeros are the same to what reads them, but not in the arithmetic of other targets, which keeps them.
 */
#ifndef NN_BF16_ROUND_H
#define NN_BF16_ROUND_H

#include "runtime/kernels/simd/bf16_dot.h"
#include "runtime/kernels/simd/transpose.h"

typedef uint16_t nn_all_halves __attribute__((vector_size(2 * NN_W * sizeof(uint16_t))));

#if !defined(NN_EMULATED) && defined(NN_AVX512BF16)

/* Some lane is not rounded as by nn_to_bf16. */
NN_INLINE unsigned nn_rounds_apart(nn_vec v)
{
    uint16_t lanes;
    __asm__("vfpclassps {$0xa1, %1, %0|%0, %1, 0xa1}" : "=k"(lanes) : "v"(v)); /* NaN of both kinds, subnormal */
    return lanes;
}

/* The numbers of `low` and then of `high`, two to a lane. */
NN_INLINE nn_words nn_round_row(const int fast, nn_vec low, nn_vec high)
{
    nn_words both;
    if (!fast) {
        nn_all_halves row;
        nn_halves part = __builtin_convertvector(nn_bf16_bits(low), nn_halves);
        __builtin_memcpy(&row, &part, sizeof part);
        part = __builtin_convertvector(nn_bf16_bits(high), nn_halves);
        __builtin_memcpy((char *)&row + sizeof part, &part, sizeof part);
        return (nn_words)row;
    }
    __asm__("vcvtne2ps2bf16 {%1, %2, %0|%0, %2, %1}" : "=v"(both) : "v"(low), "v"(high));
    return both;
}

/* Each of `even` and its neighbour of `odd`. */
NN_INLINE nn_words nn_round_pairs(const int fast, nn_vec even, nn_vec odd)
{
    if (!fast) return nn_bf16_bits(even) | nn_bf16_bits(odd) << 16;
    const nn_all_halves both = (nn_all_halves)nn_round_row(1, even, odd);
#if defined(__clang__)
    return (nn_words)__builtin_shufflevector(both, both, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24,
                                             9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#else
    return (nn_words)__builtin_shuffle(both,
                                       (nn_all_halves){0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31});
#endif
}

#else

NN_INLINE unsigned nn_rounds_apart(nn_vec v)
{
    (void)v;
    return 0;
}

NN_INLINE nn_words nn_round_row(const int fast, nn_vec low, nn_vec high)
{
    nn_all_halves row;
    (void)fast;
    nn_store_bf16((uint16_t *)&row, low);
    nn_store_bf16((uint16_t *)&row + NN_W, high);
    return (nn_words)row;
}

NN_INLINE nn_words nn_round_pairs(const int fast, nn_vec even, nn_vec odd)
{
    (void)fast;
    return nn_bf16_bits(even) | nn_bf16_bits(odd) << 16;
}

#endif

/* ---- panels ------------------------------------------------------------------------------ */

/* Rows of floats, `row` apart: of each `count` numbers, and as many rows as a panel has lanes, or fewer. */
typedef struct nn_float_rows {
    const float *from;
    long row, lanes, count;
    long ahead; /* floats: what is prefetched meanwhile; 0: nothing */
} nn_float_rows;

/* NN_W of the rows from `lane` on, 2 · NN_W numbers of each from k on; to: [NN_W][16][2]. */
NN_INLINE unsigned nn_round_square(const int fast, const nn_float_rows *w, long lane, long k, uint16_t *to)
{
    const float *from = w->from + lane * w->row + k;
    nn_vec row[NN_W];
    unsigned apart = 0;
    NN_UNROLL
    for (int i = 0; i < NN_W; i++) {
        const float *at = from + i * w->row;
        const nn_vec low = nn_load(at), high = nn_load(at + NN_W);
        if (fast) apart |= nn_rounds_apart(low) | nn_rounds_apart(high);
        row[i] = (nn_vec)nn_round_row(fast, low, high);
    }
    if (w->ahead) {
        for (int i = 0; i < NN_W; i++) {
            __builtin_prefetch(from + i * w->row + w->ahead);
            if (NN_W == NN_LINE) __builtin_prefetch(from + i * w->row + w->ahead + NN_W);
        }
    }
    nn_transpose_rows(row);
    NN_UNROLL
    for (int i = 0; i < NN_W; i++) *(nn_pairs *)(to + 2L * i * NN_PANEL) = (nn_words)row[i];
    return apart;
}

/* The same where rows or numbers are missing, which are zeros; to: as many pairs as there are. */
NN_INLINE unsigned nn_round_part(const int fast, const nn_float_rows *w, long lane, long k, uint16_t *to)
{
    const long pairs = (w->count - k + 1) / 2, whole = pairs < NN_W ? pairs : NN_W;
    nn_vec row[NN_W];
    unsigned apart = 0;
    for (int i = 0; i < NN_W; i++) {
        const long left = lane + i < w->lanes ? w->count - k : 0;
        const float *at = w->from + (left ? (lane + i) * w->row + k : 0);
        const nn_vec low = left > 0 ? nn_load_some(at, left) : nn_zero(),
                     high = left > NN_W ? nn_load_some(at + NN_W, left - NN_W) : nn_zero();
        apart |= nn_rounds_apart(low) | nn_rounds_apart(high);
        row[i] = (nn_vec)nn_round_row(fast, low, high);
    }
    nn_transpose_rows(row);
    for (long i = 0; i < whole; i++) *(nn_pairs *)(to + 2 * i * NN_PANEL) = (nn_words)row[i];
    return apart;
}

NN_INLINE unsigned nn_round_panel_as(const int fast, const nn_float_rows *w, uint16_t *to)
{
    unsigned apart = 0;
    for (long k = 0; k < w->count; k += 2L * NN_W, to += 2L * NN_W * NN_PANEL)
        for (long lane = 0; lane < NN_PANEL; lane += NN_W)
            apart |= lane + NN_W <= w->lanes && k + 2L * NN_W <= w->count
                         ? nn_round_square(fast, w, lane, k, to + 2 * lane)
                         : nn_round_part(fast, w, lane, k, to + 2 * lane);
    return apart;
}

/* to: [⌈count / 2⌉][16][2], neighbouring numbers of a row are a pair. */
NN_KERNEL void nn_round_panel(const nn_float_rows *w, uint16_t *to)
{
    if (nn_round_panel_as(1, w, to)) nn_round_panel_as(0, w, to);
}

/* Of `rows` rows, of which two neighbours are pairs: [⌈rows / 2⌉][16][2] from NN_PANEL numbers of each, or w->count
 * of them. */
NN_INLINE unsigned nn_round_across_as(const int fast, const nn_float_rows *w, uint16_t *to)
{
    unsigned apart = 0;
    for (long k = 0; k < w->lanes; k += 2, to += 2 * NN_PANEL) {
        const float *even = w->from + k * w->row, *odd = even + w->row;
        const int paired = k + 1 < w->lanes;
        NN_UNROLL
        for (long lane = 0; lane < NN_PANEL; lane += NN_W) {
            const long left = w->count - lane;
            const nn_vec low = left > 0 ? nn_load_some(even + lane, left) : nn_zero(),
                         high = left > 0 && paired ? nn_load_some(odd + lane, left) : nn_zero();
            if (fast) apart |= nn_rounds_apart(low) | nn_rounds_apart(high);
            *(nn_pairs *)(to + 2 * lane) = nn_round_pairs(fast, low, high);
        }
        if (w->ahead) {
            __builtin_prefetch(even + w->ahead);
            if (paired) __builtin_prefetch(odd + w->ahead);
        }
    }
    return apart;
}

NN_KERNEL void nn_round_across(const nn_float_rows *w, uint16_t *to)
{
    if (nn_round_across_as(1, w, to)) nn_round_across_as(0, w, to);
}

#endif
