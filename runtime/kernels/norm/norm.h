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

/* mean and inv: NULL at inference. */
typedef struct nn_norm_forward_args {
    const float *x, *weight, *bias;
    float *y, *mean, *inv;
} nn_norm_forward_args;

/* The gradient of the output; the input and statistics of the forward pass. */
typedef struct nn_norm_gradient {
    const float *dy, *x, *mean, *inv;
} nn_norm_gradient;

#ifdef NN_LINKED

void nn_norm_forward(const nn_norm *, long n, const nn_norm_forward_args *, int t, int T);
void nn_norm_dx(const nn_norm *, long n, const nn_norm_gradient *, const float *weight, float *dx, int t, int T);
void nn_norm_dweight(const nn_norm *, long n, const nn_norm_gradient *, float *dweight, int t, int T);
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

NN_KERNEL void nn_norm_forward(const nn_norm *d, long n, const nn_norm_forward_args *args, int t, int T)
{
    const nn_norm_forward_args io = *args;
    const long size = d->channels * d->p, all = n * d->groups;
    for (long g = all * t / T; g < all * (t + 1) / T; g++) {
        const float *from = io.x + g * size;
        float average = nn_lanes_sum(nn_sums(nn_term_a, nn_zero(), from, from, size)) / (float)size;
        float squares = nn_lanes_sum(nn_sums(nn_term_variance, nn_broadcast(average), from, from, size));
        float scale = 1 / nn_root(squares / (float)size + d->eps);
        const float *w = nn_norm_affine(d, io.weight, g % d->groups), *b = nn_norm_affine(d, io.bias, g % d->groups);
        nn_norm_map(nn_norm_rows_of(d), from, w, b, average, scale, io.y + g * size);
        if (io.mean) io.mean[g] = average, io.inv[g] = scale;
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

NN_KERNEL void nn_norm_dx(const nn_norm *d, long n, const nn_norm_gradient *gradient, const float *weight, float *dx,
                          int t, int T)
{
    const nn_norm_gradient io = *gradient;
    const long size = d->channels * d->p, all = n * d->groups;
    nn_norm_rows r = nn_norm_rows_of(d);
    for (long g = all * t / T; g < all * (t + 1) / T; g++) {
        const float *w = nn_norm_affine(d, weight, g % d->groups);
        float sum, along;
        nn_norm_sums(r, io.dy + g * size, io.x + g * size, w, io.mean[g], &sum, &along);
        along *= io.inv[g] * io.inv[g];
        for (long k = 0; k < r.rows; k++) {
            for (long i = 0; i < r.length; i += NN_W) {
                long at = g * size + k * r.length + i, count = r.length - i;
                nn_vec v = nn_load_part(io.dy + at, count) * nn_norm_value(w, 1, r, k, i);
                v -= (sum + (nn_load_part(io.x + at, count) - io.mean[g]) * along) / (float)size;
                nn_store_part(dx + at, count, io.inv[g] * v);
            }
        }
    }
}

/* ---- parameters -------------------------------------------------------------- */

/* `count` contiguous parameters of group g, from element `at` on. */
NN_INLINE nn_vec nn_norm_column(const nn_norm *d, long n, nn_norm_gradient io, long g, long at, long count)
{

    const long size = d->channels * d->p;
    nn_vec sum = nn_zero();
    for (long i = g; i < n * d->groups; i += d->groups) {
        nn_vec v = nn_load_part(io.dy + i * size + at, count);
        if (io.x) v *= (nn_load_part(io.x + i * size + at, count) - io.mean[i]) * io.inv[i];
        sum += v;
    }
    return sum;
}

/* The parameter of channel k of group g. */
NN_INLINE float nn_norm_channel(const nn_norm *d, long n, nn_norm_gradient io, long g, long k)
{

    nn_vec sum = nn_zero();
    for (long i = g; i < n * d->groups; i += d->groups) {
        long at = (i * d->channels + k) * d->p;
        if (io.x)
            sum += io.inv[i] * nn_sums(nn_term_covariance, nn_broadcast(io.mean[i]), io.dy + at, io.x + at, d->p);
        else
            sum += nn_sums(nn_term_a, nn_zero(), io.dy + at, io.dy + at, d->p);
    }
    return nn_lanes_sum(sum);
}

/* x NULL: dbias */
NN_INLINE void nn_norm_parameters(const nn_norm *d, long n, nn_norm_gradient io, float *to, int t, int T)
{

    nn_norm_rows r = nn_norm_rows_of(d);
    if (!r.single) {
        long all = (long)d->groups * d->channels;
        for (long k = all * t / T; k < all * (t + 1) / T; k++)
            to[k] = nn_norm_channel(d, n, io, k / d->channels, k % d->channels);
        return;
    }
    long end = nn_partition(r.length, t + 1, T);
    for (long g = 0; g < d->groups; g++)
        for (long i = nn_partition(r.length, t, T); i < end; i += NN_W)
            nn_store_part(to + g * r.length + i, end - i, nn_norm_column(d, n, io, g, i, end - i));
}

NN_KERNEL void nn_norm_dweight(const nn_norm *d, long n, const nn_norm_gradient *gradient, float *dweight, int t, int T)
{
    nn_norm_parameters(d, n, *gradient, dweight, t, T);
}

NN_KERNEL void nn_norm_dbias(const nn_norm *d, long n, const float *dy, float *dbias, int t, int T)
{
    nn_norm_parameters(d, n, (nn_norm_gradient){.dy = dy}, dbias, t, T);
}

#endif /* NN_LINKED */

#endif
