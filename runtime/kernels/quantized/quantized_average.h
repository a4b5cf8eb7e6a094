/*
 * quantized_average.h: averages of regions of int8 images, NHWC.
 *
 *   at a scale of its own    y = clamp(nn_rescale(Σ (x − zero)) + out_zero)
 *   divides                  y = clamp(Σ (x − zero) / count to nearest, ties away from zero, + out_zero)
 *
 * A region has at most 65,536 elements, so that sums are below 2^24 and exact as floats.
 */
#ifndef NN_QUANTIZED_AVERAGE_H
#define NN_QUANTIZED_AVERAGE_H

#include "runtime/kernels/pool/pool_types.h"
#include "runtime/kernels/quantized/quantized_types.h"

typedef struct nn_int8_average {
    int divides, zero, out_zero;
    nn_int8_factor factor; /* where it does not divide; its zero is not used */
} nn_int8_average;

#ifdef NN_LINKED

void nn_int8_avgpool(const nn_pool_regions *, const nn_int8_average *, long n, const int8_t *x, int8_t *y, int t,
                     int T);

#else

#include "runtime/kernels/pool/pool_common.h"
#include "runtime/kernels/quantized/int8_vector.h"

enum { NN_QUANT_RUN_VECTORS = 4, NN_QUANT_RUN = NN_QUANT_RUN_VECTORS * NN_QUANT_LANES /* channels at a time */ };

/* sum / count in every lane, to nearest, ties away from zero. */
NN_INLINE nn_quant_sums nn_quant_divided(nn_quant_sums sum, int count)
{
    typedef float floats __attribute__((vector_size(NN_QUANT_LANES * 4)));
    const nn_quant_sums below = sum < 0, most = ((sum ^ below) - below) + count / 2;
    const floats near = __builtin_convertvector(most, floats) * (1.0f / (float)count);
    nn_quant_sums ratio = __builtin_convertvector(near, nn_quant_sums); /* it may be one too large or too small */
    const nn_quant_sums rest = most - ratio * count;
    ratio = ratio + (rest < 0) - (rest >= count);
    return (ratio ^ below) - below;
}

/* One region of `left` channels, whose first row and column are at x. */
NN_INLINE void nn_quant_average(const nn_pool_regions *d, const nn_int8_average *a, nn_region_span v, nn_region_span h,
                                const int8_t *x, long left, int8_t *y)
{
    const int rows = v.last - v.first, columns = h.last - h.first;
    nn_quant_sums sum[NN_QUANT_RUN_VECTORS] = {{0}};
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < columns; j++) {
            const int8_t *from = x + (i * d->h.large + j) * d->c;
            for (int k = 0; k < NN_QUANT_RUN_VECTORS && k * NN_QUANT_LANES < left; k++)
                sum[k] += nn_quant_numbers(from + k * NN_QUANT_LANES, left - k * NN_QUANT_LANES);
        }
    for (int k = 0; k < NN_QUANT_RUN_VECTORS && k * NN_QUANT_LANES < left; k++) {
        const nn_quant_sums less = sum[k] - a->zero * rows * columns;
        const nn_quant_sums value =
            a->divides ? nn_quant_divided(less, v.count * h.count) : nn_quant_scaled(less, &a->factor);
        nn_quant_store(y + k * NN_QUANT_LANES, nn_quant_clamp(value + a->out_zero, -128, 127),
                       left - k * NN_QUANT_LANES);
    }
}

/* Parts are of the runs of channels of all regions. */
NN_KERNEL void nn_int8_avgpool(const nn_pool_regions *d, const nn_int8_average *a, long n, const int8_t *x, int8_t *y,
                               int t, int T)
{
    const long out = (long)d->v.small * d->h.small, image = (long)d->v.large * d->h.large * d->c;
    const long runs = (d->c + NN_QUANT_RUN - 1) / NN_QUANT_RUN, units = n * out * runs;
    for (long k = units * t / T; k < units * (t + 1) / T; k++) {
        const long pixel = k / runs, c = k % runs * NN_QUANT_RUN,
                   left = d->c - c < NN_QUANT_RUN ? d->c - c : NN_QUANT_RUN;
        const nn_region_span v = nn_region_span_of(&d->v, (int)(pixel % out / d->h.small)),
                             h = nn_region_span_of(&d->h, (int)(pixel % out % d->h.small));
        const int8_t *from = x + pixel / out * image + ((long)v.first * d->h.large + h.first) * d->c + c;
        nn_quant_average(d, a, v, h, from, left, y + pixel * d->c + c);
    }
}

#endif /* NN_LINKED */

#endif
