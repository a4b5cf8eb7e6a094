/*
 * peak.h: the limits of one core, as a reference for other kernels.
 *
 * nn_peak_fma, nn_peak_bf16 and nn_peak_int8 only multiply and add, as the kernels of convolutions do: floats,
 * pairs of bf16 (bf16_dot.h) and int8 numbers (int8_vector.h).  Each has more accumulators than the latency of
 * such an operation times the number of units.  nn_peak_stream makes one pass through memory, as the update of
 * weights does.
 *
 * `operands` are NN_PEAK_BYTES, of any value; `result` receives as many, so that nothing is optimized away.
 * All return the number of operations, two for each product.
 */
#ifndef NN_PEAK_H
#define NN_PEAK_H

#include "runtime/kernels/quantized/int8_vector.h"
#include "runtime/kernels/simd/bf16_dot.h"

enum { NN_PEAK_SUMS = 12 };

NN_KERNEL double nn_peak_fma(long rounds, const void *operands, void *result)
{
    const float *x = operands;
    nn_vec sum[NN_PEAK_SUMS], f = nn_broadcast(x[0]), s = nn_broadcast(x[1]), all = nn_zero();
    NN_UNROLL
    for (int i = 0; i < NN_PEAK_SUMS; i++) sum[i] = nn_broadcast((float)i);
    for (long round = 0; round < rounds; round++) {
        NN_UNROLL
        for (int i = 0; i < NN_PEAK_SUMS; i++) sum[i] = sum[i] * f + s;
    }
    NN_UNROLL
    for (int i = 0; i < NN_PEAK_SUMS; i++) all += sum[i];
    nn_store(result, all);
    return 2.0 * NN_PEAK_SUMS * NN_W * (double)rounds;
}

NN_KERNEL double nn_peak_bf16(long rounds, const void *operands, void *result)
{
    const nn_words x = nn_load_pairs(operands), w = nn_broadcast_pair(operands);
    nn_vec sum[NN_PEAK_SUMS], all = nn_zero();
    NN_UNROLL
    for (int i = 0; i < NN_PEAK_SUMS; i++) sum[i] = nn_broadcast((float)i);
    for (long round = 0; round < rounds; round++) {
        NN_UNROLL
        for (int i = 0; i < NN_PEAK_SUMS; i++) sum[i] = nn_dot_bf16(sum[i], x, w);
    }
    NN_UNROLL
    for (int i = 0; i < NN_PEAK_SUMS; i++) all += sum[i];
    nn_store(result, all);
    return 4.0 * NN_PEAK_SUMS * NN_W * (double)rounds;
}

/* Rows of x times vectors of w, as in a tile.  They are read again in each round, since the products of words are
 * operations of their own, which a compiler would do once. */
NN_KERNEL double nn_peak_int8(long rounds, const void *operands, void *result)
{
    enum { VECTORS = 3 };
    const int8_t *w = operands;
    const nn_quant_x *x = operands;
    nn_quant_sums sum[NN_PEAK_SUMS], all = {0};
    NN_UNROLL
    for (int i = 0; i < NN_PEAK_SUMS; i++) sum[i] = i - (nn_quant_sums){0};
    for (long round = 0; round < rounds; round++) {
        __asm__ volatile("" ::: "memory");
        NN_UNROLL
        for (int i = 0; i < NN_PEAK_SUMS; i++)
            sum[i] =
                nn_quant_dot(sum[i], nn_quant_broadcast(x + i / VECTORS * 4), nn_quant_weights(w + i % VECTORS * 4));
    }
    NN_UNROLL
    for (int i = 0; i < NN_PEAK_SUMS; i++) all = nn_quant_plus(all, sum[i]);
    *(nn_quant_ints *)result = all;
    return 8.0 * NN_PEAK_SUMS * NN_QUANT_OUTPUTS * (double)rounds;
}

/* y[i] += factor · x[i]: two reads and a write of each element. */
NN_KERNEL void nn_peak_stream(long count, float factor, const float *x, float *y, int t, int T)
{
    nn_vec f = nn_broadcast(factor);
    long end = nn_partition(count, t + 1, T);
    for (long i = nn_partition(count, t, T); i < end; i += NN_W)
        nn_store_part(y + i, end - i, nn_load_part(y + i, end - i) + f * nn_load_part(x + i, end - i));
}

#endif
