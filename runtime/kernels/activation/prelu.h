/*
 * prelu.h: relu with a trained slope below 0 for each channel.
 *
 *   x, y, dy, dx: [n][c][p]   weight, dweight: [c]; one slope for all is c = 1
 *
 *   y = x for x > 0, else weight · x;  dx = dy for x > 0, else weight · dy
 *   dweight = Σ over x ≤ 0 of x · dy
 *
 * Thread t of T computes part t of the channels.  Of NHWC images each pixel is a sample of p = 1:
 * nn_prelu_nhwc and nn_prelu_nhwc_dx divide the pixels among the threads.
 */
#ifndef NN_PRELU_H
#define NN_PRELU_H

#include "runtime/kernels/reduction/shape.h"

#ifdef NN_LINKED

void nn_prelu(const nn_shape *, const float *x, const float *weight, float *y, int t, int T);
void nn_prelu_dx(const nn_shape *, const float *dy, const float *x, const float *weight, float *dx, int t, int T);
void nn_prelu_dweight(const nn_shape *, const float *dy, const float *x, float *dweight, int t, int T);
void nn_prelu_nhwc(const nn_shape *, const float *x, const float *weight, float *y, int t, int T);
void nn_prelu_nhwc_dx(const nn_shape *, const float *dy, const float *x, const float *weight, float *dx, int t, int T);

#else

#include "runtime/kernels/reduction/channels.h"

/* to = from where x > 0, else weight · from */
NN_INLINE void nn_prelu_map(nn_shape shape, const float *from, const float *x, const float *weight, float *to, int t,
                            int T)
{
    const long n = shape.n, c = shape.c, p = shape.p;
    nn_channels s = nn_channels_of(shape, t, T);
    for (long k = s.first; k < s.last; k += s.step) {
        nn_vec slope = nn_channel_value(weight, 0, k, s);
        for (long i = 0; i < n; i++) {
            long at = (i * c + k) * p, count = s.step == 1 ? p : s.last - k;
            for (long j = 0; j < (s.step == 1 ? count : 1); j += NN_W) {
                nn_vec v = nn_load_part(from + at + j, count - j), sign = nn_load_part(x + at + j, count - j);
                nn_store_part(to + at + j, count - j, nn_select(sign > 0, v, slope * v));
            }
        }
    }
}

NN_KERNEL void nn_prelu(const nn_shape *shape, const float *x, const float *weight, float *y, int t, int T)
{
    nn_prelu_map(*shape, x, x, weight, y, t, T);
}

NN_KERNEL void nn_prelu_dx(const nn_shape *shape, const float *dy, const float *x, const float *weight, float *dx,
                           int t, int T)
{
    nn_prelu_map(*shape, dy, x, weight, dx, t, T);
}

/* The same, a pixel's channels at a time. */
NN_INLINE void nn_prelu_pixels(nn_shape shape, const float *from, const float *x, const float *weight, float *to, int t,
                               int T)
{
    const long n = shape.n, c = shape.c;
    for (long k = n * t / T * c; k < n * (t + 1) / T * c; k += c) {
        for (long i = 0; i < c; i += NN_W) {
            nn_vec slope = nn_load_some(weight + i, c - i);
            nn_vec v = nn_load_some(from + k + i, c - i), sign = nn_load_some(x + k + i, c - i);
            nn_store_some(to + k + i, c - i, nn_select(sign > 0, v, slope * v));
        }
    }
}

NN_KERNEL void nn_prelu_nhwc(const nn_shape *shape, const float *x, const float *weight, float *y, int t, int T)
{
    nn_prelu_pixels(*shape, x, x, weight, y, t, T);
}

NN_KERNEL void nn_prelu_nhwc_dx(const nn_shape *shape, const float *dy, const float *x, const float *weight, float *dx,
                                int t, int T)
{
    nn_prelu_pixels(*shape, dy, x, weight, dx, t, T);
}

NN_INLINE nn_vec nn_term_below(nn_vec dy, nn_vec x, nn_vec p)
{
    (void)p;
    return nn_select(x > 0, nn_zero(), dy * x);
}

NN_KERNEL void nn_prelu_dweight(const nn_shape *shape, const float *dy, const float *x, float *dweight, int t, int T)
{
    nn_channels s = nn_channels_of(*shape, t, T);
    for (long k = s.first; k < s.last; k += s.step)
        nn_channel_store(dweight, k, s, nn_channel_sum(s, k, nn_term_below, nn_zero(), dy, x));
}

#endif /* NN_LINKED */

#endif
