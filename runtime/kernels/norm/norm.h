/*
 * norm.h: normalization of groups of channels of each sample (groupnorm), or of all of them
 * (layernorm, one group).
 *
 *   x, y, dy, dx: [n][groups][channels][p]   mean, inv: [n][groups]
 *   weight, bias: [groups][channels], or, per element, [channels][p]; may be NULL
 *
 *   y = (x − mean) · inv · weight + bias,  inv = 1 / √(variance + eps)
 *   with x̂ = (x − mean) · inv, D = channels · p, s = Σ dy · weight, t = Σ dy · weight · x̂:
 *   dx = inv · (dy · weight − (s + x̂ · t) / D);   dweight = Σ dy · x̂;   dbias = Σ dy
 *
 * y may be x, dx may be dy.  Thread t of T computes part t of the n · groups groups, or of the
 * parameters.
 */
#ifndef NN_NORM_H
#define NN_NORM_H

typedef struct nn_norm {
    int groups, channels;
    long p;
    int per_element;
    float eps;
} nn_norm;

#ifdef NN_LINKED

void nn_norm_forward(const nn_norm *, long n, const float *x, const float *weight, const float *bias, float *y,
                     float *mean, float *inv, int t, int T);
void nn_norm_dx(const nn_norm *, long n, const float *dy, const float *x, const float *mean, const float *inv,
                const float *weight, float *dx, int t, int T);
void nn_norm_dweight(const nn_norm *, long n, const float *dy, const float *x, const float *mean, const float *inv,
                     float *dweight, int t, int T);
void nn_norm_dbias(const nn_norm *, long n, const float *dy, float *dbias, int t, int T);

#else

#include "runtime/kernels/reduction/sums.h"

/* A group's elements as rows with one parameter each, or as a single row with a
 * parameter for each element. */
typedef struct nn_norm_rows {
    long rows, length;
    int single;
} nn_norm_rows;

NN_INLINE nn_norm_rows nn_norm_rows_of(const nn_norm *d)
{
    if (d->per_element || d->p == 1) return (nn_norm_rows){1, d->channels * d->p, 1};
    return (nn_norm_rows){d->channels, d->p, 0};
}

/* The parameters of group g, or NULL. */
NN_INLINE const float *nn_norm_affine(const nn_norm *d, const float *from, long g)
{
    return from && !d->per_element ? from + g * d->channels : from;
}

/* The parameters of the elements from i on of row k. */
NN_INLINE nn_vec nn_norm_value(const float *from, float value, nn_norm_rows r, long k, long i)
{
    if (!from) return nn_broadcast(value);
    return r.single ? nn_load_part(from + i, r.length - i) : nn_broadcast(from[k]);
}

NN_INLINE void nn_norm_map(nn_norm_rows r, const float *x, const float *weight, const float *bias, float mean,
                           float inv, float *y)
{
    for (long k = 0; k < r.rows; k++, x += r.length, y += r.length) {
        for (long i = 0; i < r.length; i += NN_W) {
            nn_vec v = (nn_load_part(x + i, r.length - i) - mean) * inv;
            v = v * nn_norm_value(weight, 1, r, k, i) + nn_norm_value(bias, 0, r, k, i);
            nn_store_part(y + i, r.length - i, v);
        }
    }
}

/* mean and inv: NULL at inference. */
NN_KERNEL void nn_norm_forward(const nn_norm *d, long n, const float *x, const float *weight, const float *bias,
                               float *y, float *mean, float *inv, int t, int T)
{
    const long size = d->channels * d->p, all = n * d->groups;
    for (long g = all * t / T; g < all * (t + 1) / T; g++) {
        const float *from = x + g * size;
        float average = nn_lanes_sum(nn_sums(nn_term_a, nn_zero(), from, from, size)) / (float)size;
        float squares = nn_lanes_sum(nn_sums(nn_term_variance, nn_broadcast(average), from, from, size));
        float scale = 1 / nn_root(squares / (float)size + d->eps);
        const float *w = nn_norm_affine(d, weight, g % d->groups), *b = nn_norm_affine(d, bias, g % d->groups);
        nn_norm_map(nn_norm_rows_of(d), from, w, b, average, scale, y + g * size);
        if (mean) mean[g] = average, inv[g] = scale;
    }
}

/* s, and t / inv = Σ dy · weight · (x − mean) */
NN_INLINE void nn_norm_sums(nn_norm_rows r, const float *dy, const float *x, const float *weight, float mean, float *s,
                            float *t)
{
    nn_vec sum = nn_zero(), along = nn_zero();
    for (long k = 0; k < r.rows; k++, dy += r.length, x += r.length) {
        for (long i = 0; i < r.length; i += NN_W) {
            nn_vec v = nn_load_part(dy + i, r.length - i) * nn_norm_value(weight, 1, r, k, i);
            if (r.length - i < NN_W) v = nn_select(nn_lane() < (int)(r.length - i), v, nn_zero());
            sum += v;
            along += v * (nn_load_part(x + i, r.length - i) - mean);
        }
    }
    *s = nn_lanes_sum(sum);
    *t = nn_lanes_sum(along);
}

NN_KERNEL void nn_norm_dx(const nn_norm *d, long n, const float *dy, const float *x, const float *mean,
                          const float *inv, const float *weight, float *dx, int t, int T)
{
    const long size = d->channels * d->p, all = n * d->groups;
    nn_norm_rows r = nn_norm_rows_of(d);
    for (long g = all * t / T; g < all * (t + 1) / T; g++) {
        const float *w = nn_norm_affine(d, weight, g % d->groups);
        float sum, along;
        nn_norm_sums(r, dy + g * size, x + g * size, w, mean[g], &sum, &along);
        along *= inv[g] * inv[g];
        for (long k = 0; k < r.rows; k++) {
            for (long i = 0; i < r.length; i += NN_W) {
                long at = g * size + k * r.length + i, count = r.length - i;
                nn_vec v = nn_load_part(dy + at, count) * nn_norm_value(w, 1, r, k, i);
                v -= (sum + (nn_load_part(x + at, count) - mean[g]) * along) / (float)size;
                nn_store_part(dx + at, count, inv[g] * v);
            }
        }
    }
}

/* ---- parameters -------------------------------------------------------------- */

/* `count` contiguous parameters of group g, from element `at` on. */
NN_INLINE nn_vec nn_norm_column(const nn_norm *d, long n, const float *dy, const float *x, const float *mean,
                                const float *inv, long g, long at, long count)
{
    const long size = d->channels * d->p;
    nn_vec sum = nn_zero();
    for (long i = g; i < n * d->groups; i += d->groups) {
        nn_vec v = nn_load_part(dy + i * size + at, count);
        if (x) v *= (nn_load_part(x + i * size + at, count) - mean[i]) * inv[i];
        sum += v;
    }
    return sum;
}

/* The parameter of channel k of group g. */
NN_INLINE float nn_norm_channel(const nn_norm *d, long n, const float *dy, const float *x, const float *mean,
                                const float *inv, long g, long k)
{
    nn_vec sum = nn_zero();
    for (long i = g; i < n * d->groups; i += d->groups) {
        long at = (i * d->channels + k) * d->p;
        if (x)
            sum += inv[i] * nn_sums(nn_term_covariance, nn_broadcast(mean[i]), dy + at, x + at, d->p);
        else
            sum += nn_sums(nn_term_a, nn_zero(), dy + at, dy + at, d->p);
    }
    return nn_lanes_sum(sum);
}

/* x NULL: dbias */
NN_INLINE void nn_norm_parameters(const nn_norm *d, long n, const float *dy, const float *x, const float *mean,
                                  const float *inv, float *to, int t, int T)
{
    nn_norm_rows r = nn_norm_rows_of(d);
    if (!r.single) {
        long all = (long)d->groups * d->channels;
        for (long k = all * t / T; k < all * (t + 1) / T; k++)
            to[k] = nn_norm_channel(d, n, dy, x, mean, inv, k / d->channels, k % d->channels);
        return;
    }
    long end = nn_partition(r.length, t + 1, T);
    for (long g = 0; g < d->groups; g++)
        for (long i = nn_partition(r.length, t, T); i < end; i += NN_W)
            nn_store_part(to + g * r.length + i, end - i, nn_norm_column(d, n, dy, x, mean, inv, g, i, end - i));
}

NN_KERNEL void nn_norm_dweight(const nn_norm *d, long n, const float *dy, const float *x, const float *mean,
                               const float *inv, float *dweight, int t, int T)
{
    nn_norm_parameters(d, n, dy, x, mean, inv, dweight, t, T);
}

NN_KERNEL void nn_norm_dbias(const nn_norm *d, long n, const float *dy, float *dbias, int t, int T)
{
    nn_norm_parameters(d, n, dy, 0, 0, 0, dbias, t, T);
}

#endif /* NN_LINKED */

#endif
