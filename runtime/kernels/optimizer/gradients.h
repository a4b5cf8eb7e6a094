/*
 * gradients.h: what happens to a gradient before its update: accumulation over batches and
 * micro-batches, penalties, norms, clipping.
 *
 *   gradient, sum, param, regularized, clipped: `count` elements
 *
 * Thread t of T computes part t of the elements.  Sums are computed by the first thread alone, in
 * double precision: NN_SUMS accumulators, added at the end in order.
 */
#ifndef NN_GRADIENTS_H
#define NN_GRADIENTS_H

/* The penalty l1 · Σ|w| + l2 · Σw² of a parameter of `count` elements. */
typedef struct nn_penalty {
    long count;
    float l1, l2;
} nn_penalty;

#ifdef NN_LINKED

void nn_clear(long count, float *sum, int t, int T);
void nn_accumulate(long count, const float *gradient, float *sum, int t, int T);
void nn_assign(long count, const float *gradient, float *sum, int t, int T);
void nn_average(long count, const float *batches, float *sum, int t, int T);
void nn_regularize(const nn_penalty *, const float *gradient, const float *param, float *regularized, float *penalty,
                   int t, int T);
void nn_square_norm(long count, const float *gradient, float *squares, int t, int T);
void nn_clip_norm(long count, const float *gradient, const float *squares, float *clipped, float limit, int t, int T);
void nn_clip_value(long count, const float *gradient, float *clipped, float limit, int t, int T);

#else

#include "runtime/kernels/simd/lanes.h"

enum { NN_SUMS = 8 };

NN_INLINE nn_vec nn_nothing(nn_vec x, float p, float q)
{
    (void)p, (void)q, (void)x;
    return nn_zero();
}

/* sum = 0 */
NN_KERNEL void nn_clear(long count, float *sum, int t, int T)
{
    nn_map(nn_nothing, 0, 0, nn_range_of(count, t, T), sum, sum);
}

NN_INLINE nn_vec nn_sum(nn_vec a, nn_vec b, float p, float q)
{
    (void)p, (void)q;
    return a + b;
}

/* sum += gradient */
NN_KERNEL void nn_accumulate(long count, const float *gradient, float *sum, int t, int T)
{
    nn_map2(nn_sum, 0, 0, nn_range_of(count, t, T), sum, gradient, sum);
}

NN_INLINE nn_vec nn_same(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return x;
}

/* sum = gradient */
NN_KERNEL void nn_assign(long count, const float *gradient, float *sum, int t, int T)
{
    nn_map(nn_same, 0, 0, nn_range_of(count, t, T), gradient, sum);
}

NN_INLINE nn_vec nn_mean_of_sum(nn_vec x, float divisor, float q)
{
    (void)q;
    return x / divisor;
}

/* sum = sum / batches; batches: one number */
NN_KERNEL void nn_average(long count, const float *batches, float *sum, int t, int T)
{
    nn_map(nn_mean_of_sum, *batches, 0, nn_range_of(count, t, T), sum, sum);
}

/* The penalty of x. */
NN_INLINE float nn_penalty_of(nn_penalty d, const float *x)
{
    double absolute[NN_SUMS] = {0}, square[NN_SUMS] = {0};
    for (long i = 0; i < d.count; i++) {
        double v = x[i];
        absolute[i % NN_SUMS] += v < 0 ? -v : v;
        square[i % NN_SUMS] += v * v;
    }
    double a = 0, s = 0;
    for (int k = 0; k < NN_SUMS; k++) a += absolute[k], s += square[k];
    return (float)((d.l1 != 0 ? d.l1 * a : 0) + (d.l2 != 0 ? d.l2 * s : 0));
}

/* g + l1 · sign(w) + 2 · l2 · w */
NN_INLINE nn_vec nn_regularized(nn_vec g, nn_vec w, float l1, float l2)
{
    nn_vec sign = nn_select(w > 0, nn_broadcast(1), nn_select(w < 0, nn_broadcast(-1), nn_zero()));
    if (l1 != 0) g += l1 * sign;
    if (l2 != 0) g += 2 * l2 * w;
    return g;
}

/* regularized may be gradient; penalty: one number */
NN_KERNEL void nn_regularize(const nn_penalty *d, const float *gradient, const float *param, float *regularized,
                             float *penalty, int t, int T)
{
    const nn_penalty p = *d;
    nn_map2(nn_regularized, p.l1, p.l2, nn_range_of(p.count, t, T), gradient, param, regularized);
    if (t == 0) *penalty = nn_penalty_of(p, param);
}

NN_KERNEL void nn_square_norm(long count, const float *gradient, float *squares, int t, int T)
{
    (void)T;
    if (t == 0) *squares = nn_penalty_of((nn_penalty){.count = count, .l2 = 1}, gradient);
}

NN_INLINE nn_vec nn_scaled(nn_vec x, float factor, float q)
{
    (void)q;
    return factor * x;
}

/* clipped = gradient · min(1, limit / (√squares + 1e−6)) */
NN_KERNEL void nn_clip_norm(long count, const float *gradient, const float *squares, float *clipped, float limit, int t,
                            int T)
{
    float factor = limit / (nn_root(*squares) + 1e-6f);
    nn_map(nn_scaled, factor > 1 ? 1 : factor, 0, nn_range_of(count, t, T), gradient, clipped);
}

NN_INLINE nn_vec nn_within(nn_vec x, float limit, float q)
{
    (void)q;
    x = nn_select(x > limit, nn_broadcast(limit), x);
    return nn_select(x < -limit, nn_broadcast(-limit), x);
}

/* clipped = gradient kept within ± limit */
NN_KERNEL void nn_clip_value(long count, const float *gradient, float *clipped, float limit, int t, int T)
{
    nn_map(nn_within, limit, 0, nn_range_of(count, t, T), gradient, clipped);
}

#endif /* NN_LINKED */

#endif
