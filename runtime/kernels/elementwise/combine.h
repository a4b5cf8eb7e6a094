/*
 * combine.h: sums, products and maxima of several arrays, products with a number per channel
 * (gates), and strided copies.
 *
 *   x[0 … arrays − 1], dy, y, dx: `count` elements
 *
 * Thread t of T computes part t of the elements.  y and dx may be the first array.
 */
#ifndef NN_COMBINE_H
#define NN_COMBINE_H

#include "runtime/kernels/reduction/shape.h"

/* Rows of `length` elements, x_step apart in x and y_step in y. */
typedef struct nn_row_copy {
    long length, x_step, y_step;
} nn_row_copy;

#ifdef NN_LINKED

void nn_add(int arrays, const float *const *x, long count, float *y, int t, int T);
void nn_add_bf16(int arrays, const uint16_t *const *x, long count, uint16_t *y, int t, int T);
void nn_mul(int arrays, const float *const *x, long count, float *y, int t, int T);
void nn_mul_bf16(int arrays, const uint16_t *const *x, long count, uint16_t *y, int t, int T);
void nn_gate(const nn_shape *, const float *x, const float *gate, float *y, int t, int T);
void nn_gate_sums(const nn_shape *, const float *x, const float *dy, float *dgate, int t, int T);
void nn_gate_nhwc(const nn_shape *, const float *x, const float *gate, float *y, int t, int T);
void nn_gate_sums_nhwc(const nn_shape *, const float *x, const float *dy, float *dgate, int t, int T);
void nn_gate_nhwc_bf16(const nn_shape *, const uint16_t *x, const uint16_t *gate, uint16_t *y, int t, int T);
void nn_gate_sums_nhwc_bf16(const nn_shape *, const uint16_t *x, const uint16_t *dy, uint16_t *dgate, int t, int T);
void nn_maximum(int arrays, const float *const *x, long count, float *y, int t, int T);
void nn_maximum_dx(int arrays, const float *const *x, int branch, long count, float *dx, int t, int T);
void nn_copy_rows(const nn_row_copy *, long n, const float *x, float *y, int t, int T);
void nn_copy_rows_bf16(const nn_row_copy *, long n, const uint16_t *x, uint16_t *y, int t, int T);

#else

#include "runtime/kernels/reduction/sums.h"
#include "runtime/kernels/simd/elements.h"

/* y = x0 + x1 + …; of bf16 rounded once */
NN_INLINE void nn_add_of(const int half, int arrays, const void *const *x, long count, void *y, int t, int T)
{
    const long end = nn_partition(count, t + 1, T);
    long i = nn_partition(count, t, T);
    for (; half && i + NN_PAIRED <= end; i += NN_PAIRED) {
        const nn_words u = nn_load_both((const uint16_t *)x[0] + i), v = nn_load_both((const uint16_t *)x[1] + i);
        nn_vec even = nn_even(u) + nn_even(v), odd = nn_odd(u) + nn_odd(v);
        for (int k = 2; k < arrays; k++) {
            const nn_words w = nn_load_both((const uint16_t *)x[k] + i);
            even += nn_even(w), odd += nn_odd(w);
        }
        nn_store_bf16_pairs((uint16_t *)y + i, even, odd);
    }
    for (; i < end; i += NN_W) {
        nn_vec sum =
            nn_load_part_as(half, nn_at(half, x[0], i), end - i) + nn_load_part_as(half, nn_at(half, x[1], i), end - i);
        for (int k = 2; k < arrays; k++) sum += nn_load_part_as(half, nn_at(half, x[k], i), end - i);
        nn_store_part_as(half, nn_place(half, y, i), end - i, sum);
    }
}

NN_KERNEL void nn_add(int arrays, const float *const *x, long count, float *y, int t, int T)
{
    nn_add_of(0, arrays, (const void *const *)x, count, y, t, T);
}

NN_KERNEL void nn_add_bf16(int arrays, const uint16_t *const *x, long count, uint16_t *y, int t, int T)
{
    nn_add_of(1, arrays, (const void *const *)x, count, y, t, T);
}

/* y = x0 · x1 · … */
NN_INLINE void nn_mul_of(const int half, int arrays, const void *const *x, long count, void *y, int t, int T)
{
    long end = nn_partition(count, t + 1, T);
    for (long i = nn_partition(count, t, T); i < end; i += NN_W) {
        nn_vec product =
            nn_load_part_as(half, nn_at(half, x[0], i), end - i) * nn_load_part_as(half, nn_at(half, x[1], i), end - i);
        for (int k = 2; k < arrays; k++) product *= nn_load_part_as(half, nn_at(half, x[k], i), end - i);
        nn_store_part_as(half, nn_place(half, y, i), end - i, product);
    }
}

NN_KERNEL void nn_mul(int arrays, const float *const *x, long count, float *y, int t, int T)
{
    nn_mul_of(0, arrays, (const void *const *)x, count, y, t, T);
}

NN_KERNEL void nn_mul_bf16(int arrays, const uint16_t *const *x, long count, uint16_t *y, int t, int T)
{
    nn_mul_of(1, arrays, (const void *const *)x, count, y, t, T);
}

/* y[n][c][p] = x[n][c][p] · gate[n][c]: a number for each channel */
NN_KERNEL void nn_gate(const nn_shape *shape, const float *x, const float *gate, float *y, int t, int T)
{
    const long p = shape->p, all = shape->n * shape->c;
    for (long k = all * t / T; k < all * (t + 1) / T; k++)
        for (long i = 0; i < p; i += NN_W)
            nn_store_part(y + k * p + i, p - i, gate[k] * nn_load_part(x + k * p + i, p - i));
}

/* dgate[n][c] = Σ over p of x · dy */
NN_KERNEL void nn_gate_sums(const nn_shape *shape, const float *x, const float *dy, float *dgate, int t, int T)
{
    const long p = shape->p, all = shape->n * shape->c;
    for (long k = all * t / T; k < all * (t + 1) / T; k++)
        dgate[k] = nn_lanes_sum(nn_sums(nn_term_product, nn_zero(), x + k * p, dy + k * p, p));
}

/* y = max(x0, x1, …); NaN wins */
NN_KERNEL void nn_maximum(int arrays, const float *const *x, long count, float *y, int t, int T)
{
    long end = nn_partition(count, t + 1, T);
    for (long i = nn_partition(count, t, T); i < end; i += NN_W) {
        nn_vec most = nn_load_part(x[0] + i, end - i);
        for (int k = 1; k < arrays; k++) {
            nn_vec v = nn_load_part(x[k] + i, end - i);
            most = nn_select((v > most) | (v != v), v, most);
        }
        nn_store_part(y + i, end - i, most);
    }
}

/* 1, ½ or 0 as a >, = or < b; 1 if either is NaN */
NN_INLINE nn_vec nn_maximum_share(nn_vec a, nn_vec b)
{
    return nn_select(a == b, nn_broadcast(0.5f), nn_select(a < b, nn_zero(), nn_broadcast(1)));
}

/* The gradient of a branch.  x[0] is dy; the branches follow.  The maximum is a left fold: at each
 * step the larger side gets the gradient, or each half of it if they are equal. */
NN_KERNEL void nn_maximum_dx(int arrays, const float *const *x, int branch, long count, float *dx, int t, int T)
{
    const float *dy = *x++;
    const int branches = arrays - 1;
    long end = nn_partition(count, t + 1, T);
    for (long i = nn_partition(count, t, T); i < end; i += NN_W) {
        nn_vec most = nn_load_part(x[0] + i, end - i), share = nn_load_part(dy + i, end - i);
        for (int k = 1; k < branches; k++) {
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

/* NHWC: y[n][p][c] = x[n][p][c] · gate[n][c] */
NN_INLINE void nn_gate_pixels(const int half, const nn_shape *shape, const void *x, const void *gate, void *y, int t,
                              int T)
{
    const long c = shape->c, p = shape->p, pixels = shape->n * p;
    for (long k = pixels * t / T; k < pixels * (t + 1) / T; k++) {
        const void *own = nn_at(half, gate, k / p * c), *from = nn_at(half, x, k * c);
        void *to = nn_place(half, y, k * c);
        for (long i = 0; i < c; i += NN_W) {
            const nn_vec factor = nn_load_some_as(half, nn_at(half, own, i), c - i);
            nn_store_some_as(half, nn_place(half, to, i), c - i,
                             factor * nn_load_some_as(half, nn_at(half, from, i), c - i));
        }
    }
}

NN_KERNEL void nn_gate_nhwc(const nn_shape *shape, const float *x, const float *gate, float *y, int t, int T)
{
    nn_gate_pixels(0, shape, x, gate, y, t, T);
}

NN_KERNEL void nn_gate_nhwc_bf16(const nn_shape *shape, const uint16_t *x, const uint16_t *gate, uint16_t *y, int t,
                                 int T)
{
    nn_gate_pixels(1, shape, x, gate, y, t, T);
}

enum { NN_GATE_SUMS = 256 }; /* channels whose sums stay in cache during the loop over pixels */

/* Channels of a sample. */
typedef struct nn_gate_channels {
    long c, p, from, to;
} nn_gate_channels;

NN_INLINE void nn_gate_sums_of(const int half, nn_gate_channels d, const void *x, const void *dy, void *dgate)
{
    for (long first = d.from; first < d.to; first += NN_GATE_SUMS) {
        float sum[NN_GATE_SUMS] __attribute__((aligned(64))) = {0};
        const long count = d.to - first < NN_GATE_SUMS ? d.to - first : NN_GATE_SUMS;
        for (long k = 0; k < d.p; k++) {
            const void *a = nn_at(half, x, k * d.c + first), *b = nn_at(half, dy, k * d.c + first);
            for (long i = 0; i < count; i += NN_W) {
                const nn_vec product = nn_load_some_as(half, nn_at(half, a, i), count - i) *
                                       nn_load_some_as(half, nn_at(half, b, i), count - i);
                nn_store(sum + i, nn_load(sum + i) + product);
            }
        }
        for (long i = 0; i < count; i += NN_W)
            nn_store_some_as(half, nn_place(half, dgate, first + i), count - i, nn_load(sum + i));
    }
}

/* dgate[n][c] = Σ over p of x[n][p][c] · dy[n][p][c] */
NN_INLINE void nn_gate_sums_pixels(const int half, const nn_shape *shape, const void *x, const void *dy, void *dgate,
                                   int t, int T)
{
    const long n = shape->n, c = shape->c, p = shape->p;
    const int samples = n >= 8L * T; /* else partition the channels of every sample */
    const long first = samples ? n * t / T : 0, last = samples ? n * (t + 1) / T : n;
    const long from = samples ? 0 : nn_partition(c, t, T), to = samples ? c : nn_partition(c, t + 1, T);
    for (long i = first; i < last; i++)
        nn_gate_sums_of(half, (nn_gate_channels){c, p, from, to}, nn_at(half, x, i * p * c), nn_at(half, dy, i * p * c),
                        nn_place(half, dgate, i * c));
}

NN_KERNEL void nn_gate_sums_nhwc(const nn_shape *shape, const float *x, const float *dy, float *dgate, int t, int T)
{
    nn_gate_sums_pixels(0, shape, x, dy, dgate, t, T);
}

NN_KERNEL void nn_gate_sums_nhwc_bf16(const nn_shape *shape, const uint16_t *x, const uint16_t *dy, uint16_t *dgate,
                                      int t, int T)
{
    nn_gate_sums_pixels(1, shape, x, dy, dgate, t, T);
}

/* ---- copies ------------------------------------------------------------------------ */

enum { NN_LONG_RUN = 1024 }; /* floats from which memcpy is faster */

/* The last vector may overlap the one before. */
NN_INLINE void nn_copy_row(float *to, const float *from, long count)
{
    long i = 0;
    if (count < NN_W) {
        nn_store_some(to, count, nn_load_some(from, count));
        return;
    }
    for (; i + 4 * NN_W <= count; i += 4 * NN_W) {
        nn_vec a = nn_load(from + i), b = nn_load(from + i + NN_W);
        nn_vec c = nn_load(from + i + 2 * NN_W), d = nn_load(from + i + 3 * NN_W);
        nn_store(to + i, a);
        nn_store(to + i + NN_W, b);
        nn_store(to + i + 2 * NN_W, c);
        nn_store(to + i + 3 * NN_W, d);
    }
    for (; i + NN_W <= count; i += NN_W) nn_store(to + i, nn_load(from + i));
    if (i < count) nn_store(to + count - NN_W, nn_load(from + count - NN_W));
}

/* Two elements in a lane; the last vector may overlap the one before. */
NN_INLINE void nn_copy_row_bf16(uint16_t *to, const uint16_t *from, long count)
{
    const long step = 2 * NN_W;
    long i = 0;
    if (count < step) {
        for (; i + NN_W <= count; i += NN_W) *(nn_halves *)(to + i) = *(const nn_halves *)(from + i);
        for (; i < count; i++) to[i] = from[i];
        return;
    }
    for (; i + step <= count; i += step) *(nn_pairs *)(to + i) = *(const nn_pairs *)(from + i);
    if (i < count) *(nn_pairs *)(to + count - step) = *(const nn_pairs *)(from + count - step);
}

/* The elements of each row, and the rows, that are a thread's. */
typedef struct nn_copy_part {
    long start, count, first, last;
} nn_copy_part;

NN_INLINE nn_copy_part nn_copy_part_of(const nn_row_copy *d, long n, int t, int T)
{
    if (n >= T) return (nn_copy_part){0, d->length, n * t / T, n * (t + 1) / T};
    const long start = nn_partition(d->length, t, T); /* partition every row */
    return (nn_copy_part){start, nn_partition(d->length, t + 1, T) - start, 0, n};
}

/* Copies n rows. */
NN_KERNEL void nn_copy_rows(const nn_row_copy *rows, long n, const float *x, float *y, int t, int T)
{
    const nn_row_copy d = *rows;
    const nn_copy_part p = nn_copy_part_of(&d, n, t, T);
    if (p.count <= 0) return;
    for (long i = p.first; i < p.last; i++) {
        if (p.count < NN_LONG_RUN)
            nn_copy_row(y + i * d.y_step + p.start, x + i * d.x_step + p.start, p.count);
        else
            __builtin_memcpy(y + i * d.y_step + p.start, x + i * d.x_step + p.start,
                             (unsigned long)p.count * sizeof *y);
    }
}

NN_KERNEL void nn_copy_rows_bf16(const nn_row_copy *rows, long n, const uint16_t *x, uint16_t *y, int t, int T)
{
    const nn_row_copy d = *rows;
    const nn_copy_part p = nn_copy_part_of(&d, n, t, T);
    if (p.count <= 0) return;
    for (long i = p.first; i < p.last; i++) {
        if (p.count < 2 * NN_LONG_RUN)
            nn_copy_row_bf16(y + i * d.y_step + p.start, x + i * d.x_step + p.start, p.count);
        else
            __builtin_memcpy(y + i * d.y_step + p.start, x + i * d.x_step + p.start,
                             (unsigned long)p.count * sizeof *y);
    }
}

#endif /* NN_LINKED */

#endif
