/*
 * softmax.h: softmax and log_softmax over channels, with gradients.
 *
 *   x, y, dy, dx: [n][c][p], p pixels; dx may be dy, y may be x
 *
 *   softmax      y = e^(x − max) / Σ e^(x − max)        dx = y · (dy − Σ dy · y)
 *   log_softmax  y = x − max − log Σ e^(x − max)        dx = dy − e^y · Σ dy
 *
 * Subtracting the maximum over the channels prevents overflow.  With p = 1 a vector holds
 * neighbouring channels of a sample, otherwise neighbouring pixels.  Thread t of T computes part t
 * of the samples or of the vectors of pixels.
 */
#ifndef NN_SOFTMAX_H
#define NN_SOFTMAX_H

#include "runtime/kernels/reduction/shape.h"

#ifdef NN_LINKED

void nn_softmax(const nn_shape *, const float *x, float *y, int t, int T);
void nn_softmax_grad(const nn_shape *, const float *dy, const float *y, float *dx, int t, int T);
void nn_log_softmax(const nn_shape *, const float *x, float *y, int t, int T);
void nn_log_softmax_grad(const nn_shape *, const float *dy, const float *y, float *dx, int t, int T);

#else

#include "runtime/kernels/reduction/sums.h"
#include "runtime/kernels/simd/vector_math.h"

/* ---- runs ----------------------------------------------------------------- */

NN_INLINE float nn_run_max(const float *x, long c)
{
    nn_vec top = nn_load_part(x, c);
    for (long i = NN_W; i < c; i += NN_W) {
        nn_vec v = nn_load_part(x + i, c - i);
        top = nn_select(v > top, v, top);
    }
    nn_lanes lane;
    nn_store(lane, top);
    for (int i = 1; i < NN_W; i++) lane[0] = lane[i] > lane[0] ? lane[i] : lane[0];
    return lane[0];
}

NN_INLINE nn_vec nn_exp_less(nn_vec x, float top, float q)
{
    (void)q;
    return nn_exp(x - top);
}

NN_INLINE nn_vec nn_divided(nn_vec x, float by, float q)
{
    (void)q;
    return x / by;
}

NN_INLINE nn_vec nn_less_both(nn_vec x, float top, float log_sum) { return x - top - log_sum; }

NN_INLINE nn_vec nn_term_exp(nn_vec a, nn_vec b, nn_vec top)
{
    (void)b;
    return nn_exp(a - top);
}

NN_INLINE nn_vec nn_softmax_slope(nn_vec dy, nn_vec y, float mean, float q)
{
    (void)q;
    return y * (dy - mean);
}

NN_INLINE nn_vec nn_log_softmax_slope(nn_vec dy, nn_vec y, float sum, float q)
{
    (void)q;
    return dy - nn_exp(y) * sum;
}

NN_INLINE void nn_softmax_run(long c, const float *x, float *y)
{
    nn_map(nn_exp_less, nn_run_max(x, c), 0, (nn_range){0, c}, x, y);
    nn_map(nn_divided, nn_lanes_sum(nn_sums(nn_term_a, nn_zero(), y, y, c)), 0, (nn_range){0, c}, y, y);
}

NN_INLINE void nn_log_softmax_run(long c, const float *x, float *y)
{
    float top = nn_run_max(x, c);
    float sum = nn_lanes_sum(nn_sums(nn_term_exp, nn_broadcast(top), x, x, c));
    nn_map(nn_less_both, top, nn_log(nn_broadcast(sum))[0], (nn_range){0, c}, x, y);
}

/* ---- neighbouring pixels -------------------------------------------------------- */

/* The maximum over the channels of `count` pixels from x on; channels are p elements apart. */
NN_INLINE nn_vec nn_pixels_max(long c, long p, const float *x, long count)
{
    nn_vec top = nn_load_part(x, count);
    for (long k = 1; k < c; k++) {
        nn_vec v = nn_load_part(x + k * p, count);
        top = nn_select(v > top, v, top);
    }
    return top;
}

NN_INLINE void nn_softmax_pixels(long c, long p, const float *x, float *y, long count)
{
    nn_vec top = nn_pixels_max(c, p, x, count), sum = nn_zero();
    for (long k = 0; k < c; k++) {
        nn_vec v = nn_exp(nn_load_part(x + k * p, count) - top);
        sum += v;
        nn_store_part(y + k * p, count, v);
    }
    for (long k = 0; k < c; k++) nn_store_part(y + k * p, count, nn_load_part(y + k * p, count) / sum);
}

NN_INLINE void nn_log_softmax_pixels(long c, long p, const float *x, float *y, long count)
{
    nn_vec top = nn_pixels_max(c, p, x, count), sum = nn_zero();
    for (long k = 0; k < c; k++) sum += nn_exp(nn_load_part(x + k * p, count) - top);
    nn_vec log_sum = nn_log(sum);
    for (long k = 0; k < c; k++) nn_store_part(y + k * p, count, nn_load_part(x + k * p, count) - top - log_sum);
}

NN_INLINE void nn_softmax_grad_pixels(long c, long p, const float *dy, const float *y, float *dx, long count)
{
    nn_vec mean = nn_zero();
    for (long k = 0; k < c; k++) mean += nn_load_part(dy + k * p, count) * nn_load_part(y + k * p, count);
    for (long k = 0; k < c; k++)
        nn_store_part(dx + k * p, count, nn_load_part(y + k * p, count) * (nn_load_part(dy + k * p, count) - mean));
}

NN_INLINE void nn_log_softmax_grad_pixels(long c, long p, const float *dy, const float *y, float *dx, long count)
{
    nn_vec sum = nn_zero();
    for (long k = 0; k < c; k++) sum += nn_load_part(dy + k * p, count);
    for (long k = 0; k < c; k++)
        nn_store_part(dx + k * p, count,
                      nn_load_part(dy + k * p, count) - nn_exp(nn_load_part(y + k * p, count)) * sum);
}

/* ---- partitions ------------------------------------------------------------------ */

/* Vectors of pixels in a sample; 1 if p = 1. */
NN_INLINE long nn_pixel_vectors(long p) { return (p + NN_W - 1) / NN_W; }

/* The offset of vector k of all samples. */
NN_INLINE long nn_pixel_at(nn_shape s, long k)
{
    long vectors = nn_pixel_vectors(s.p);
    return k / vectors * s.c * s.p + k % vectors * NN_W;
}

NN_INLINE long nn_pixel_count(long p, long k) { return p - k % nn_pixel_vectors(p) * NN_W; }

NN_KERNEL void nn_softmax(const nn_shape *shape, const float *x, float *y, int t, int T)
{
    const nn_shape s = *shape;
    const long all = s.n * nn_pixel_vectors(s.p);
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        long at = nn_pixel_at(s, k);
        if (s.p == 1)
            nn_softmax_run(s.c, x + at, y + at);
        else
            nn_softmax_pixels(s.c, s.p, x + at, y + at, nn_pixel_count(s.p, k));
    }
}

NN_KERNEL void nn_softmax_grad(const nn_shape *shape, const float *dy, const float *y, float *dx, int t, int T)
{
    const nn_shape s = *shape;
    const long all = s.n * nn_pixel_vectors(s.p);
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        long at = nn_pixel_at(s, k);
        if (s.p == 1) {
            float mean = nn_lanes_sum(nn_sums(nn_term_product, nn_zero(), dy + at, y + at, s.c));
            nn_map2(nn_softmax_slope, mean, 0, (nn_range){0, s.c}, dy + at, y + at, dx + at);
        } else {
            nn_softmax_grad_pixels(s.c, s.p, dy + at, y + at, dx + at, nn_pixel_count(s.p, k));
        }
    }
}

NN_KERNEL void nn_log_softmax(const nn_shape *shape, const float *x, float *y, int t, int T)
{
    const nn_shape s = *shape;
    const long all = s.n * nn_pixel_vectors(s.p);
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        long at = nn_pixel_at(s, k);
        if (s.p == 1)
            nn_log_softmax_run(s.c, x + at, y + at);
        else
            nn_log_softmax_pixels(s.c, s.p, x + at, y + at, nn_pixel_count(s.p, k));
    }
}

NN_KERNEL void nn_log_softmax_grad(const nn_shape *shape, const float *dy, const float *y, float *dx, int t, int T)
{
    const nn_shape s = *shape;
    const long all = s.n * nn_pixel_vectors(s.p);
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        long at = nn_pixel_at(s, k);
        if (s.p == 1) {
            float sum = nn_lanes_sum(nn_sums(nn_term_a, nn_zero(), dy + at, dy + at, s.c));
            nn_map2(nn_log_softmax_slope, sum, 0, (nn_range){0, s.c}, dy + at, y + at, dx + at);
        } else {
            nn_log_softmax_grad_pixels(s.c, s.p, dy + at, y + at, dx + at, nn_pixel_count(s.p, k));
        }
    }
}

#endif /* NN_LINKED */

#endif
