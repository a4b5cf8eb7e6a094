/*
 * softmax.h: softmax and its logarithm over channels, with gradients.
 *
 *   x, y, dy, dx: [n][c][p], p places; dx may be dy, y may be x
 *
 *   softmax      y = e^(x − top) / Σ e^(x − top)        dx = y · (dy − Σ dy · y)
 *   log_softmax  y = x − top − log Σ e^(x − top)        dx = dy − e^y · Σ dy
 *
 * top is the largest of the channels, so that nothing overflows.  With p = 1 a
 * sample is a run, whose elements are taken a vector at a time; else neighbouring
 * places are.  Thread t of T does its part of the samples or of those vectors.
 */
#ifndef NN_SOFTMAX_H
#define NN_SOFTMAX_H

#ifdef NN_LINKED

void nn_softmax(long n, long c, long p, const float *x, float *y, int t, int T);
void nn_softmax_grad(long n, long c, long p, const float *dy, const float *y, float *dx, int t, int T);
void nn_log_softmax(long n, long c, long p, const float *x, float *y, int t, int T);
void nn_log_softmax_grad(long n, long c, long p, const float *dy, const float *y, float *dx, int t, int T);

#else

#include "runtime/kernels/reduction/sums.h"
#include "runtime/kernels/simd/vector_math.h"

/* ---- runs ----------------------------------------------------------------- */

NN_INLINE float nn_run_top(const float *x, long c)
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
    nn_map(nn_exp_less, nn_run_top(x, c), 0, c, x, y, 0, 1);
    nn_map(nn_divided, nn_lanes_sum(nn_sums(nn_term_a, nn_zero(), y, y, c)), 0, c, y, y, 0, 1);
}

NN_INLINE void nn_log_softmax_run(long c, const float *x, float *y)
{
    float top = nn_run_top(x, c);
    float sum = nn_lanes_sum(nn_sums(nn_term_exp, nn_spread(top), x, x, c));
    nn_map(nn_less_both, top, nn_log(nn_spread(sum))[0], c, x, y, 0, 1);
}

/* ---- places side by side -------------------------------------------------------- */

/* `count` places from x on; channels are p elements apart. */
NN_INLINE nn_vec nn_places_top(long c, long p, const float *x, long count)
{
    nn_vec top = nn_load_part(x, count);
    for (long k = 1; k < c; k++) {
        nn_vec v = nn_load_part(x + k * p, count);
        top = nn_select(v > top, v, top);
    }
    return top;
}

NN_INLINE void nn_softmax_places(long c, long p, const float *x, float *y, long count)
{
    nn_vec top = nn_places_top(c, p, x, count), sum = nn_zero();
    for (long k = 0; k < c; k++) {
        nn_vec v = nn_exp(nn_load_part(x + k * p, count) - top);
        sum += v;
        nn_store_part(y + k * p, count, v);
    }
    for (long k = 0; k < c; k++) nn_store_part(y + k * p, count, nn_load_part(y + k * p, count) / sum);
}

NN_INLINE void nn_log_softmax_places(long c, long p, const float *x, float *y, long count)
{
    nn_vec top = nn_places_top(c, p, x, count), sum = nn_zero();
    for (long k = 0; k < c; k++) sum += nn_exp(nn_load_part(x + k * p, count) - top);
    nn_vec log_sum = nn_log(sum);
    for (long k = 0; k < c; k++) nn_store_part(y + k * p, count, nn_load_part(x + k * p, count) - top - log_sum);
}

NN_INLINE void nn_softmax_grad_places(long c, long p, const float *dy, const float *y, float *dx, long count)
{
    nn_vec mean = nn_zero();
    for (long k = 0; k < c; k++) mean += nn_load_part(dy + k * p, count) * nn_load_part(y + k * p, count);
    for (long k = 0; k < c; k++)
        nn_store_part(dx + k * p, count, nn_load_part(y + k * p, count) * (nn_load_part(dy + k * p, count) - mean));
}

NN_INLINE void nn_log_softmax_grad_places(long c, long p, const float *dy, const float *y, float *dx, long count)
{
    nn_vec sum = nn_zero();
    for (long k = 0; k < c; k++) sum += nn_load_part(dy + k * p, count);
    for (long k = 0; k < c; k++)
        nn_store_part(dx + k * p, count,
                      nn_load_part(dy + k * p, count) - nn_exp(nn_load_part(y + k * p, count)) * sum);
}

/* ---- shares ---------------------------------------------------------------------- */

/* Vectors of places in a sample; 1 for a run. */
NN_INLINE long nn_place_vectors(long p) { return (p + NN_W - 1) / NN_W; }

/* Where vector k of all samples begins. */
NN_INLINE long nn_place_at(long c, long p, long k)
{
    long vectors = nn_place_vectors(p);
    return k / vectors * c * p + k % vectors * NN_W;
}

NN_INLINE long nn_place_count(long p, long k) { return p - k % nn_place_vectors(p) * NN_W; }

NN_KERNEL void nn_softmax(long n, long c, long p, const float *x, float *y, int t, int T)
{
    long all = n * nn_place_vectors(p);
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        long at = nn_place_at(c, p, k);
        if (p == 1)
            nn_softmax_run(c, x + at, y + at);
        else
            nn_softmax_places(c, p, x + at, y + at, nn_place_count(p, k));
    }
}

NN_KERNEL void nn_softmax_grad(long n, long c, long p, const float *dy, const float *y, float *dx, int t, int T)
{
    long all = n * nn_place_vectors(p);
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        long at = nn_place_at(c, p, k);
        if (p == 1) {
            float mean = nn_lanes_sum(nn_sums(nn_term_product, nn_zero(), dy + at, y + at, c));
            nn_map2(nn_softmax_slope, mean, 0, c, dy + at, y + at, dx + at, 0, 1);
        } else {
            nn_softmax_grad_places(c, p, dy + at, y + at, dx + at, nn_place_count(p, k));
        }
    }
}

NN_KERNEL void nn_log_softmax(long n, long c, long p, const float *x, float *y, int t, int T)
{
    long all = n * nn_place_vectors(p);
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        long at = nn_place_at(c, p, k);
        if (p == 1)
            nn_log_softmax_run(c, x + at, y + at);
        else
            nn_log_softmax_places(c, p, x + at, y + at, nn_place_count(p, k));
    }
}

NN_KERNEL void nn_log_softmax_grad(long n, long c, long p, const float *dy, const float *y, float *dx, int t, int T)
{
    long all = n * nn_place_vectors(p);
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        long at = nn_place_at(c, p, k);
        if (p == 1) {
            float sum = nn_lanes_sum(nn_sums(nn_term_a, nn_zero(), dy + at, dy + at, c));
            nn_map2(nn_log_softmax_slope, sum, 0, c, dy + at, y + at, dx + at, 0, 1);
        } else {
            nn_log_softmax_grad_places(c, p, dy + at, y + at, dx + at, nn_place_count(p, k));
        }
    }
}

#endif /* NN_LINKED */

#endif
