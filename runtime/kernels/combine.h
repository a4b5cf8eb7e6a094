/*
 * combine.h: where branches meet: sums, products and maxima of several arrays, and
 * copies of parts of them.
 *
 *   x[0 … count − 1], dy, y, dx: n samples of `each` elements
 *
 * Thread t of T does its part of the elements.  y and dx may be the first array.
 */
#ifndef NN_COMBINE_H
#define NN_COMBINE_H

#ifdef NN_LINKED

void nn_add(int count, const float *const *x, long n, long each, float *y, int t, int T);
void nn_mul(int count, const float *const *x, long n, long each, float *y, int t, int T);
void nn_gate(long n, int c, long p, const float *x, const float *gate, float *y, int t, int T);
void nn_gate_sums(long n, int c, long p, const float *x, const float *dy, float *dgate, int t, int T);
void nn_maximum(int count, const float *const *x, long n, long each, float *y, int t, int T);
void nn_maximum_dx(int count, const float *const *x, int branch, long n, long each, const float *dy, float *dx, int t,
                   int T);
void nn_copy_rows(long n, long each, const float *x, long from, float *y, long to, int t, int T);

#else

#include "sums.h"

/* y = x0 + x1 + … */
NN_KERNEL void nn_add(int count, const float *const *x, long n, long each, float *y, int t, int T)
{
    long end = nn_share(n * each, t + 1, T);
    for (long i = nn_share(n * each, t, T); i < end; i += NN_W) {
        nn_vec sum = nn_load_part(x[0] + i, end - i) + nn_load_part(x[1] + i, end - i);
        for (int k = 2; k < count; k++) sum += nn_load_part(x[k] + i, end - i);
        nn_store_part(y + i, end - i, sum);
    }
}

/* y = x0 · x1 · … */
NN_KERNEL void nn_mul(int count, const float *const *x, long n, long each, float *y, int t, int T)
{
    long end = nn_share(n * each, t + 1, T);
    for (long i = nn_share(n * each, t, T); i < end; i += NN_W) {
        nn_vec product = nn_load_part(x[0] + i, end - i) * nn_load_part(x[1] + i, end - i);
        for (int k = 2; k < count; k++) product *= nn_load_part(x[k] + i, end - i);
        nn_store_part(y + i, end - i, product);
    }
}

/* y[n][c][p] = x[n][c][p] · gate[n][c]: a number for each channel */
NN_KERNEL void nn_gate(long n, int c, long p, const float *x, const float *gate, float *y, int t, int T)
{
    for (long k = n * c * t / T; k < n * c * (t + 1) / T; k++)
        for (long i = 0; i < p; i += NN_W)
            nn_store_part(y + k * p + i, p - i, gate[k] * nn_load_part(x + k * p + i, p - i));
}

/* dgate[n][c] = Σ over p of x · dy */
NN_KERNEL void nn_gate_sums(long n, int c, long p, const float *x, const float *dy, float *dgate, int t, int T)
{
    for (long k = n * c * t / T; k < n * c * (t + 1) / T; k++)
        dgate[k] = nn_lanes_sum(nn_sums(nn_term_product, nn_zero(), x + k * p, dy + k * p, p));
}

/* y = max(x0, x1, …); NaN wins */
NN_KERNEL void nn_maximum(int count, const float *const *x, long n, long each, float *y, int t, int T)
{
    long end = nn_share(n * each, t + 1, T);
    for (long i = nn_share(n * each, t, T); i < end; i += NN_W) {
        nn_vec most = nn_load_part(x[0] + i, end - i);
        for (int k = 1; k < count; k++) {
            nn_vec v = nn_load_part(x[k] + i, end - i);
            most = nn_select((v > most) | (v != v), v, most);
        }
        nn_store_part(y + i, end - i, most);
    }
}

/* 1, ½ or 0 as a >, = or < b; 1 if either is NaN */
NN_INLINE nn_vec nn_maximum_share(nn_vec a, nn_vec b)
{
    return nn_select(a == b, nn_spread(0.5f), nn_select(a < b, nn_zero(), nn_spread(1)));
}

/* The gradient of x[branch]: the maximum folds from the left, and at each fold the
 * larger side gets it, each half where they are equal. */
NN_KERNEL void nn_maximum_dx(int count, const float *const *x, int branch, long n, long each, const float *dy,
                             float *dx, int t, int T)
{
    long end = nn_share(n * each, t + 1, T);
    for (long i = nn_share(n * each, t, T); i < end; i += NN_W) {
        nn_vec most = nn_load_part(x[0] + i, end - i), share = nn_load_part(dy + i, end - i);
        for (int k = 1; k < count; k++) {
            nn_vec v = nn_load_part(x[k] + i, end - i);
            if (k == branch)
                share *= nn_maximum_share(v, most);
            else if (k > branch)
                share *= nn_maximum_share(most, v);
            most = nn_select(v > most, v, most);
        }
        nn_store_part(dx + i, end - i, share);
    }
}

/* n runs of `each` elements, `from` apart in x and `to` apart in y. */
NN_KERNEL void nn_copy_rows(long n, long each, const float *x, long from, float *y, long to, int t, int T)
{
    long first = nn_share(each, t, T), last = nn_share(each, t + 1, T);
    if (n >= T) {
        for (long i = n * t / T; i < n * (t + 1) / T; i++)
            __builtin_memcpy(y + i * to, x + i * from, (unsigned long)each * sizeof *y);
    } else if (first < last) {
        for (long i = 0; i < n; i++)
            __builtin_memcpy(y + i * to + first, x + i * from + first, (unsigned long)(last - first) * sizeof *y);
    }
}

#endif /* NN_LINKED */

#endif
