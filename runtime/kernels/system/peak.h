/*
 * peak.h: the limits of one core, as a reference for other kernels.
 *
 * nn_peak_fma only multiplies and adds, with more accumulators than the latency of a fused
 * multiply-add times the number of units.  nn_peak_stream makes one pass through memory, as the
 * update of weights does.
 */
#ifndef NN_PEAK_H
#define NN_PEAK_H

#include "runtime/kernels/simd/lanes.h"

enum { NN_PEAK_SUMS = 12 };

/* Returns the number of floating-point operations.  `result` receives NN_W floats, so that nothing
 * is optimized away; factor is about 1, summand about 0. */
NN_KERNEL double nn_peak_fma(long rounds, float factor, float summand, float *result)
{
    nn_vec sum[NN_PEAK_SUMS], f = nn_broadcast(factor), s = nn_broadcast(summand), all = nn_zero();
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

/* y[i] += factor · x[i]: two reads and a write of each element. */
NN_KERNEL void nn_peak_stream(long count, float factor, const float *x, float *y, int t, int T)
{
    nn_vec f = nn_broadcast(factor);
    long end = nn_partition(count, t + 1, T);
    for (long i = nn_partition(count, t, T); i < end; i += NN_W)
        nn_store_part(y + i, end - i, nn_load_part(y + i, end - i) + f * nn_load_part(x + i, end - i));
}

#endif
