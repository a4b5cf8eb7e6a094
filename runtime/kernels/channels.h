/*
 * channels.h: sums along channels, [n][c][p], p elements per channel; and what shares
 * their loops.
 *
 * Thread t of T does its part of the channels; with p = 1 these lie side by side and
 * are taken a vector at a time.
 */
#ifndef NN_CHANNELS_H
#define NN_CHANNELS_H

#ifdef NN_LINKED

void nn_normalize(long n, int c, long p, const float *x, const float *mean, const float *std, float *y, int t, int T);
void nn_channel_sums(long n, int c, long p, const float *dy, float *sum, int t, int T);

#else

#include "sums.h"

/* A thread's channels: single ones, or vectors of them where they lie side by side. */
typedef struct nn_channels {
    long first, last;
    int step;
} nn_channels;

NN_INLINE nn_channels nn_channels_of(long c, long p, int t, int T)
{
    if (p == 1) return (nn_channels){nn_share(c, t, T), nn_share(c, t + 1, T), NN_W};
    return (nn_channels){c * t / T, c * (t + 1) / T, 1};
}

/* The parameters of channel k, or of NN_W channels from k on; `value` where there are none. */
NN_INLINE nn_vec nn_channel_value(const float *from, float value, long k, nn_channels s)
{
    if (!from) return nn_spread(value);
    return s.step == 1 ? nn_spread(from[k]) : nn_load_part(from + k, s.last - k);
}

NN_INLINE void nn_channel_put(float *to, long k, nn_channels s, nn_vec v)
{
    nn_store_part(to + k, s.step == 1 ? 1 : s.last - k, v);
}

/* Σ f(a, b, q) of channel k, in every lane; or of NN_W channels, each in its lane,
 * with a q for each. */
NN_INLINE nn_vec nn_channel_sum(long n, long c, long p, nn_term *f, nn_vec q, const float *a, const float *b, long k,
                                nn_channels s)
{
    nn_vec sum = nn_zero();
    for (long i = 0; i < n; i++) {
        long at = (i * c + k) * p;
        if (s.step == 1)
            sum += nn_sums(f, q, a + at, b + at, p);
        else
            sum += f(nn_load_part(a + at, s.last - k), nn_load_part(b + at, s.last - k), q);
    }
    if (s.step == 1) sum = nn_spread(nn_lanes_sum(sum));
    return sum;
}

/* sum[c] = Σ over n and p of dy */
NN_KERNEL void nn_channel_sums(long n, int c, long p, const float *dy, float *sum, int t, int T)
{
    nn_channels s = nn_channels_of(c, p, t, T);
    for (long k = s.first; k < s.last; k += s.step)
        nn_channel_put(sum, k, s, nn_channel_sum(n, c, p, nn_term_a, nn_zero(), dy, dy, k, s));
}

/* y = (x − mean) / std, mean NULL: 0; y may be x */
NN_KERNEL void nn_normalize(long n, int c, long p, const float *x, const float *mean, const float *std, float *y, int t,
                            int T)
{
    nn_channels s = nn_channels_of(c, p, t, T);
    for (long k = s.first; k < s.last; k += s.step) {
        nn_vec m = nn_channel_value(mean, 0, k, s), d = nn_channel_value(std, 1, k, s);
        for (long i = 0; i < n; i++) {
            long at = (i * c + k) * p, count = s.step == 1 ? p : s.last - k;
            for (long j = 0; j < (s.step == 1 ? count : 1); j += NN_W)
                nn_store_part(y + at + j, count - j, (nn_load_part(x + at + j, count - j) - m) / d);
        }
    }
}

#endif /* NN_LINKED */

#endif
