/*
 * channel_shuffle.h: channel_shuffle: transposes the channels, seen as [groups][k], to [k][groups].
 *
 *   y[j · groups + q] = x[q · k + j],  0 ≤ q < groups,  0 ≤ j < k
 *
 * nn_channel_shuffle takes images [n][c][pixels] and divides the channels among the threads,
 * nn_channel_shuffle_nhwc images [n][pixels][c], and divides the pixels.
 */
#ifndef NN_CHANNEL_SHUFFLE_H
#define NN_CHANNEL_SHUFFLE_H

/* groups · k channels of some pixels. */
typedef struct nn_shuffle {
    int groups, k;
    long pixels;
} nn_shuffle;

#ifdef NN_LINKED

void nn_channel_shuffle(const nn_shuffle *, long n, const float *x, float *y, int t, int T);
void nn_channel_shuffle_nhwc(const nn_shuffle *, long n, const float *x, float *y, int t, int T);

#else

#include "runtime/kernels/movement/runs.h"

NN_KERNEL void nn_channel_shuffle(const nn_shuffle *d, long n, const float *x, float *y, int t, int T)
{
    const long groups = d->groups, k = d->k, c = groups * k, pixels = d->pixels;
    for (long p = n * c * t / T; p < n * c * (t + 1) / T; p++) {
        long to = p % c, from = to % groups * k + to / groups;
        nn_copy_run_of(y + p * pixels, x + (p - to + from) * pixels, pixels);
    }
}

NN_KERNEL void nn_channel_shuffle_nhwc(const nn_shuffle *d, long n, const float *x, float *y, int t, int T)
{
    const int groups = d->groups, k = d->k;
    const long c = (long)groups * k, pixels = d->pixels;
    for (long p = n * pixels * t / T; p < n * pixels * (t + 1) / T; p++) {
        const float *from = x + p * c;
        float *to = y + p * c;
        for (int j = 0; j < k; j++)
            for (int q = 0; q < groups; q++) *to++ = from[(long)q * k + j];
    }
}

#endif /* NN_LINKED */

#endif
