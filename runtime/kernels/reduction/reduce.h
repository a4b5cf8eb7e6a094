/*
 * reduce.h: sums, means and extremes over neighbouring axes.
 *
 *   y[o][i] = Σ_s x[o][s][i] / divisor, or the largest or smallest x[o][s][i]; NaN wins
 *   dx[o][s][i] = dy[o][i] / divisor
 *
 * A sample is x: [outer][size][inner], y: [outer][inner].  Where inner is 1 a sum is one over
 * consecutive elements (sums.h); else vectors of neighbouring sums are added one after another.
 * Thread t of T computes part t of y, or of the rows of dx.
 */
#ifndef NN_REDUCE_H
#define NN_REDUCE_H

typedef struct nn_reduction {
    long outer, size, inner;
} nn_reduction;

#ifdef NN_LINKED

void nn_reduce_sum(const nn_reduction *, long n, float divisor, const float *x, float *y, int t, int T);
void nn_reduce_sum_dx(const nn_reduction *, long n, float divisor, const float *dy, float *dx, int t, int T);
void nn_reduce_max(const nn_reduction *, long n, const float *x, float *y, int t, int T);
void nn_reduce_min(const nn_reduction *, long n, const float *x, float *y, int t, int T);

#else

#include "runtime/kernels/movement/runs.h"
#include "runtime/kernels/reduction/sums.h"

/* Of the elements so far and one more. */
typedef nn_vec nn_fold(nn_vec so_far, nn_vec v);

NN_INLINE nn_vec nn_fold_sum(nn_vec so_far, nn_vec v) { return so_far + v; }
NN_INLINE nn_vec nn_fold_max(nn_vec so_far, nn_vec v) { return nn_select((v > so_far) | (v != v), v, so_far); }
NN_INLINE nn_vec nn_fold_min(nn_vec so_far, nn_vec v) { return nn_select((v < so_far) | (v != v), v, so_far); }

/* Up to NN_W neighbouring columns of [size][inner]. */
NN_INLINE nn_vec nn_reduce_columns(nn_fold *f, nn_vec first, const nn_reduction *d, const float *x, long left)
{
    nn_vec so_far = first;
    for (long s = 0; s < d->size; s++) so_far = f(so_far, nn_load_part(x + s * d->inner, left));
    return so_far;
}

/* All elements of a row, of which there is at least one. */
typedef float nn_reduced_row(const float *x, long size);

NN_INLINE float nn_reduced_sum(const float *x, long size)
{
    return nn_lanes_sum(nn_sums(nn_term_a, nn_zero(), x, x, size));
}

/* Lanes beyond the end repeat an element. */
NN_INLINE float nn_reduced_extreme(nn_fold *f, const float *x, long size)
{
    nn_vec so_far = nn_load_part(x, size);
    nn_lanes lane;
    for (long s = NN_W; s < size; s += NN_W) so_far = f(so_far, nn_load_part(x + s, size - s));
    nn_store(lane, so_far);
    for (int i = 0; i < NN_W; i++) so_far = f(so_far, nn_broadcast(lane[i]));
    return so_far[0];
}

NN_INLINE float nn_reduced_max(const float *x, long size) { return nn_reduced_extreme(nn_fold_max, x, size); }
NN_INLINE float nn_reduced_min(const float *x, long size) { return nn_reduced_extreme(nn_fold_min, x, size); }

/* A call: x → y, part t of T. */
typedef struct nn_reducing {
    const nn_reduction *d;
    long n;
    float divisor;
    const float *x;
    float *y;
    int t, T;
} nn_reducing;

/* Cache lines of the rows of y. */
NN_INLINE void nn_reduce_with(nn_fold *f, nn_reduced_row *of_row, nn_vec first, const nn_reducing *r)
{
    const nn_reduction *d = r->d;
    const long pieces = (d->inner + NN_LINE - 1) / NN_LINE, units = r->n * d->outer * pieces;
    for (long k = units * r->t / r->T; k < units * (r->t + 1) / r->T; k++) {
        const long row = k / pieces, begin = k % pieces * NN_LINE;
        const long end = begin + NN_LINE < d->inner ? begin + NN_LINE : d->inner;
        const float *from = r->x + row * d->size * d->inner;
        if (d->inner == 1) {
            r->y[row] = of_row(from, d->size) / r->divisor;
            continue;
        }
        for (long i = begin; i < end; i += NN_W)
            nn_store_part(r->y + row * d->inner + i, end - i,
                          nn_reduce_columns(f, first, d, from + i, end - i) / r->divisor);
    }
}

NN_KERNEL void nn_reduce_sum(const nn_reduction *d, long n, float divisor, const float *x, float *y, int t, int T)
{
    const nn_reducing r = {d, n, divisor, x, y, t, T};
    nn_reduce_with(nn_fold_sum, nn_reduced_sum, nn_zero(), &r);
}

NN_KERNEL void nn_reduce_max(const nn_reduction *d, long n, const float *x, float *y, int t, int T)
{
    const nn_reducing r = {d, n, 1, x, y, t, T};
    nn_reduce_with(nn_fold_max, nn_reduced_max, nn_broadcast(-__builtin_inff()), &r);
}

NN_KERNEL void nn_reduce_min(const nn_reduction *d, long n, const float *x, float *y, int t, int T)
{
    const nn_reducing r = {d, n, 1, x, y, t, T};
    nn_reduce_with(nn_fold_min, nn_reduced_min, nn_broadcast(__builtin_inff()), &r);
}

NN_KERNEL void nn_reduce_sum_dx(const nn_reduction *d, long n, float divisor, const float *dy, float *dx, int t, int T)
{
    const long rows = n * d->outer * (d->inner == 1 ? 1 : d->size);
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const float *from = dy + k / d->size * d->inner;
        if (d->inner == 1) {
            nn_fill_run(dx + k * d->size, d->size, dy[k] / divisor);
            continue;
        }
        for (long i = 0; i < d->inner; i += NN_W)
            nn_store_part(dx + k * d->inner + i, d->inner - i, nn_load_part(from + i, d->inner - i) / divisor);
    }
}

#endif /* NN_LINKED */

#endif
