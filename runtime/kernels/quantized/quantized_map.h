/*
 * quantized_map.h: element by element over int8 numbers: their sum, tables, a change of scale, and
 * from floats.  In any layout; each is what its layer's plain form computes, bit for bit.
 */
#ifndef NN_QUANTIZED_MAP_H
#define NN_QUANTIZED_MAP_H

#include "runtime/kernels/quantized/quantized_types.h"

/* `columns` elements of each of `rows` rows, `step` apart, go to a place in rows of `stride` elements. */
typedef struct nn_int8_part {
    long rows, columns, step, stride;
    int same, out_zero; /* same: only copied */
    nn_int8_factor factor;
} nn_int8_part;

#ifdef NN_LINKED

void nn_int8_sum(const nn_int8_add *, const nn_int8_factor *branch, long count, const int8_t *const *x, int8_t *y,
                 int t, int T);
void nn_int8_join(const nn_int8_part *, const int8_t *x, int8_t *y, int t, int T);
void nn_int8_lookup(long count, const int8_t *table, const int8_t *x, int8_t *y, int t, int T);
void nn_int8_from_floats(long count, float scale, int zero, const float *x, int8_t *y, int t, int T);

#else

#include "runtime/kernels/quantized/int8_sum.h"
#include "runtime/kernels/simd/lanes.h"

enum { NN_QUANT_LINE = 64 }; /* bytes of a cache line */

/* Of bytes, in whole cache lines. */
NN_INLINE nn_range nn_quant_range(long count, int t, int T)
{
    const long lines = (count + NN_QUANT_LINE - 1) / NN_QUANT_LINE;
    const long first = lines * t / T * NN_QUANT_LINE, end = lines * (t + 1) / T * NN_QUANT_LINE;
    return (nn_range){first < count ? first : count, end < count ? end : count};
}

/* y may be one of x. */
NN_KERNEL void nn_int8_sum(const nn_int8_add *d, const nn_int8_factor *branch, long count, const int8_t *const *x,
                           int8_t *y, int t, int T)
{
    const nn_range part = nn_quant_range(count, t, T);
    nn_quant_add(d, branch, x, part.first, part.end, y);
}

NN_KERNEL void nn_int8_join(const nn_int8_part *d, const int8_t *x, int8_t *y, int t, int T)
{
    const nn_int8_factor f = d->factor;
    for (long row = d->rows * t / T; row < d->rows * (t + 1) / T; row++) {
        const int8_t *from = x + row * d->step;
        int8_t *to = y + row * d->stride;
        if (d->same) {
            __builtin_memcpy(to, from, (unsigned long)d->columns);
            continue;
        }
        for (long k = 0; k < d->columns; k += NN_QUANT_LANES) {
            const nn_quant_sums number = nn_quant_scaled(nn_quant_numbers(from + k, d->columns - k) - f.zero, &f);
            nn_quant_store(to + k, nn_quant_clamp(number + d->out_zero, -128, 127), d->columns - k);
        }
    }
}

/* y may be x. */
NN_KERNEL void nn_int8_lookup(long count, const int8_t *table, const int8_t *x, int8_t *y, int t, int T)
{
    const nn_range part = nn_quant_range(count, t, T);
    for (long k = part.first; k < part.end; k++) y[k] = table[x[k] + 128];
}

/* nn_quantize in every lane. */
NN_INLINE nn_ints nn_quant_of_floats(nn_vec x, float scale, int zero)
{
    const nn_vec ratio = x / scale, most = nn_broadcast(512), least = nn_broadcast(-512), half = nn_broadcast(0.5f);
    nn_vec kept = nn_select(ratio == ratio, ratio, nn_zero());
    kept = nn_select(kept > most, most, nn_select(kept < least, least, kept));
    const nn_ints whole = __builtin_convertvector(kept, nn_ints);
    const nn_vec rest = kept - __builtin_convertvector(whole, nn_vec);
    nn_ints y = whole - (rest >= half) + (rest <= -half) + zero;
    y = ((y < -128) & -128) | (~(y < -128) & y);
    return ((y > 127) & 127) | (~(y > 127) & y);
}

NN_KERNEL void nn_int8_from_floats(long count, float scale, int zero, const float *x, int8_t *y, int t, int T)
{
    typedef signed char narrow __attribute__((vector_size(NN_W), aligned(1), may_alias));
    const nn_range part = nn_quant_range(count, t, T);
    for (long k = part.first; k < part.end; k += NN_W) {
        const narrow v =
            __builtin_convertvector(nn_quant_of_floats(nn_load_part(x + k, part.end - k), scale, zero), narrow);
        int8_t lane[NN_W];
        __builtin_memcpy(lane, &v, sizeof lane);
        if (part.end - k >= NN_W)
            *(narrow *)(y + k) = v;
        else
            for (long i = 0; i < part.end - k; i++) y[k + i] = lane[i];
    }
}

#endif /* NN_LINKED */

#endif
