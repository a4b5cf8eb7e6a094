/*
 * pool_nhwc.h: the pools of pool.h over NHWC images.
 *
 *   x, dx: [n][h][w][c]   y, dy, argmax: [n][oh][ow][c], one element per region as well
 *
 * A vector holds neighbouring channels, so all lanes share the window of a pixel and nothing is
 * masked at the borders.  A window's elements are taken in the order of the plain form.  Gradients
 * are computed per input element: each element of dx adds the contributions of the windows over it
 * in order, and is written by one thread.  Images may be floats or (half) bf16; sums are of floats, and are
 * rounded once.
 */
#ifndef NN_POOL_NHWC_H
#define NN_POOL_NHWC_H

#include "runtime/kernels/pool/pool_common.h"
#include "runtime/kernels/reduction/statistics.h"
#include "runtime/kernels/simd/elements.h"

/* A rectangle of pixels: its first element is at `start` of the image, the next ones
 * `across` and `down` elements from it.  Pixels are numbered from `number` on, and by
 * `stride` more from row to row. */
typedef struct nn_rect {
    int rows, columns;
    long start, down, across;
    int number, stride;
} nn_rect;

/* ---- largest elements ------------------------------------------------------------- */

/* `left` channels, with their signs flipped by `flip`. */
NN_INLINE nn_vec nn_rect_load(const int half, const void *x, long left, int flip, const int whole)
{
    return (nn_vec)((nn_ints)(whole ? nn_load_as(half, x) : nn_load_some_as(half, x, left)) ^ flip);
}

/* Where the largest elements of regions are written, or the smallest if `flip` flips signs, and their
 * numbers: in bytes or (wide) ints; argmax may be NULL. */
typedef struct nn_largest {
    void *y;
    void *argmax;
    int wide, flip;
} nn_largest;

/* The place of a result: element `at`, `left` channels. */
typedef struct nn_largest_place {
    long at, left;
} nn_largest_place;

/* The largest element of each of `left` channels from x on, or of `vectors` whole vectors, is element
 * `at` of the result.  `keep`: its number as well. */
NN_INLINE void nn_rect_largest(const int half, const int vectors, const int keep, const nn_rect *a, const void *x,
                               const nn_largest *to, nn_largest_place place)
{
    nn_vec best[NN_SIDE];
    nn_ints winner[NN_SIDE];
    const int whole = vectors > 1;
    const long at = place.at, left = place.left;
    x = nn_at(half, x, a->start);
    NN_UNROLL
    for (int k = 0; k < vectors; k++) {
        best[k] = nn_rect_load(half, nn_at(half, x, k * NN_W), left, to->flip, whole);
        winner[k] = nn_lane() * 0 + a->number;
    }
    for (int u = 0; u < a->rows; u++) {
        const void *from = nn_at(half, x, u * a->down);
        for (int v = 0; v < a->columns; v++, from = nn_at(half, from, a->across)) {
            NN_UNROLL
            for (int k = 0; k < vectors; k++) {
                nn_vec value = nn_rect_load(half, nn_at(half, from, k * NN_W), left, to->flip, whole);
                nn_ints better = (nn_ints)(value > best[k]) | (nn_ints)(value != value);
                best[k] = nn_select(better, value, best[k]);
                if (keep) winner[k] = (better & (a->number + u * a->stride + v)) | (~better & winner[k]);
            }
        }
    }
    NN_UNROLL
    for (int k = 0; k < vectors; k++) {
        nn_vec value = (nn_vec)((nn_ints)best[k] ^ to->flip);
        if (whole)
            nn_store_as(half, nn_place(half, to->y, at + k * NN_W), value);
        else
            nn_store_some_as(half, nn_place(half, to->y, at), left, value);
        if (keep)
            nn_store_argmax(to->argmax, to->wide, at + k * NN_W, at + left, left < NN_W ? (int)left : NN_W, winner[k]);
    }
}

/* Channels first … last − 1 of the pixel whose result begins at `at`. */
NN_INLINE void nn_rect_channels(const int half, const nn_rect *a, const void *image, const nn_largest *to, long at,
                                long first, long last)
{
    const long run = NN_SIDE * NN_W;
    long c = first;
    for (; c + run <= last; c += run) {
        const nn_largest_place place = {at + c, run};
        if (to->argmax)
            nn_rect_largest(half, NN_SIDE, 1, a, nn_at(half, image, c), to, place);
        else
            nn_rect_largest(half, NN_SIDE, 0, a, nn_at(half, image, c), to, place);
    }
    for (; c < last; c += NN_W) {
        const nn_largest_place place = {at + c, last - c};
        if (to->argmax)
            nn_rect_largest(half, 1, 1, a, nn_at(half, image, c), to, place);
        else
            nn_rect_largest(half, 1, 0, a, nn_at(half, image, c), to, place);
    }
}

/* ---- min/max -------------------------------------------------------------------- */

/* The taps of an axis that are inside the image, first … last − 1. */
NN_INLINE void nn_taps_of(int corner, int k, int dilation, int size, int *first, int *last)
{
    *first = 0;
    *last = k;
    while (*first < k && corner + *first * dilation < 0) ++*first;
    while (*last > *first && corner + (*last - 1) * dilation >= size) --*last;
}

/* The window whose corner is at (top, left). */
NN_INLINE nn_rect nn_window_rect(const nn_pool_window *d, int top, int left)
{
    int row, below, column, right;
    nn_taps_of(top, d->kh, d->dh, d->h, &row, &below);
    nn_taps_of(left, d->kw, d->dw, d->w, &column, &right);
    nn_rect a = {.rows = below - row, .columns = right - column, .number = row * d->kw + column, .stride = d->kw};
    a.start = ((long)(top + row * d->dh) * d->w + left + column * d->dw) * d->c;
    a.down = (long)d->dh * d->w * d->c;
    a.across = (long)d->dw * d->c;
    return a;
}

NN_INLINE void nn_minmax_pixels(const int half, const nn_pool_window *d, long n, const void *x, const nn_largest *to,
                                int t, int T)
{
    const nn_rows_part part = nn_rows_part_of(n * d->oh * d->ow, d->c, t, T);
    for (long p = part.row; p < (part.row + part.rows);) {
        long row = p / d->ow,
             stop = (row + 1) * d->ow < (part.row + part.rows) ? (row + 1) * d->ow : (part.row + part.rows);
        const void *image = nn_at(half, x, row / d->oh * d->h * d->w * d->c);
        int top = (int)(row % d->oh) * d->sh - d->top, left = (int)(p - row * d->ow) * d->sw - d->left;
        for (; p < stop; p++, left += d->sw) {
            nn_rect a = nn_window_rect(d, top, left);
            nn_rect_channels(half, &a, image, to, p * d->c, part.first, part.last);
        }
    }
}

NN_KERNEL void nn_minmax_pool_nhwc(const nn_pool_window *d, long n, const float *x, float *y, void *argmax, int t,
                                   int T)
{
    const nn_largest to = {y, argmax, d->wide, d->least ? (int)0x80000000 : 0};
    nn_minmax_pixels(0, d, n, x, &to, t, T);
}

NN_KERNEL void nn_minmax_pool_nhwc_bf16(const nn_pool_window *d, long n, const uint16_t *x, uint16_t *y, void *argmax,
                                        int t, int T)
{
    const nn_largest to = {y, argmax, d->wide, d->least ? (int)0x80000000 : 0};
    nn_minmax_pixels(1, d, n, x, &to, t, T);
}

/* ---- regions ------------------------------------------------------------------------- */

NN_INLINE nn_rect nn_region_rect(const nn_pool_regions *d, nn_region_span v, nn_region_span h)
{
    nn_rect a = {.rows = v.last - v.first, .columns = h.last - h.first, .stride = d->h.large};
    a.number = v.first * d->h.large + h.first;
    a.start = (long)a.number * d->c;
    a.down = (long)d->h.large * d->c;
    a.across = d->c;
    return a;
}

/* y = Σ / count, of `left` channels or of `vectors` whole vectors. */
NN_INLINE void nn_rect_average(const int half, const int vectors, const nn_rect *a, const void *x, long left,
                               float count, void *y)
{
    nn_vec sum[NN_SIDE];
    const int whole = vectors > 1;
    NN_UNROLL
    for (int k = 0; k < vectors; k++) sum[k] = nn_zero();
    for (int u = 0; u < a->rows; u++) {
        const void *from = nn_at(half, x, a->start + u * a->down);
        for (int v = 0; v < a->columns; v++, from = nn_at(half, from, a->across)) {
            NN_UNROLL
            for (int k = 0; k < vectors; k++) sum[k] += nn_rect_load(half, nn_at(half, from, k * NN_W), left, 0, whole);
        }
    }
    NN_UNROLL
    for (int k = 0; k < vectors; k++) {
        if (whole)
            nn_store_as(half, nn_place(half, y, k * NN_W), sum[k] / count);
        else
            nn_store_some_as(half, y, left, sum[k] / count);
    }
}

NN_INLINE void nn_region_averages(const int half, const nn_pool_regions *d, long n, const void *x, void *y, int t,
                                  int T)
{
    const long out = (long)d->v.small * d->h.small, plane = (long)d->v.large * d->h.large, run = NN_SIDE * NN_W;
    const nn_rows_part part = nn_rows_part_of(n * out, d->c, t, T);
    for (long p = part.row; p < (part.row + part.rows); p++) {
        int cell = (int)(p % out);
        nn_region_span v = nn_region_span_of(&d->v, cell / d->h.small), h = nn_region_span_of(&d->h, cell % d->h.small);
        const nn_rect a = nn_region_rect(d, v, h);
        const void *image = nn_at(half, x, p / out * plane * d->c);
        const float count = (float)(v.count * h.count);
        void *to = nn_place(half, y, p * d->c);
        long c = part.first;
        for (; c + run <= part.last; c += run)
            nn_rect_average(half, NN_SIDE, &a, nn_at(half, image, c), run, count, nn_place(half, to, c));
        for (; c < part.last; c += NN_W)
            nn_rect_average(half, 1, &a, nn_at(half, image, c), part.last - c, count, nn_place(half, to, c));
    }
}

NN_KERNEL void nn_region_avgpool_nhwc(const nn_pool_regions *d, long n, const float *x, float *y, int t, int T)
{
    nn_region_averages(0, d, n, x, y, t, T);
}

NN_KERNEL void nn_region_avgpool_nhwc_bf16(const nn_pool_regions *d, long n, const uint16_t *x, uint16_t *y, int t,
                                           int T)
{
    nn_region_averages(1, d, n, x, y, t, T);
}

/* dx = dy / count; `more`: dx += that. */
NN_INLINE void nn_average_add(const int half, const int more, const void *dy, float count, float *dx, long c)
{
    long k = 0;
    for (; k + NN_W <= c; k += NN_W) {
        nn_vec share = nn_load_as(half, nn_at(half, dy, k)) / count;
        if (more) share += nn_load(dx + k);
        nn_store(dx + k, share);
    }
    if (k == c) return;
    nn_vec share = nn_load_some_as(half, nn_at(half, dy, k), c - k) / count;
    if (more) share += nn_load_some(dx + k, c - k);
    nn_store_some(dx + k, c - k, share);
}

/* The regions of an axis over element `at`: first … last, updated from those of the element before. */
NN_INLINE void nn_regions_over(const nn_region_axis *a, int at, int *first, int *last)
{
    while (*first < a->small && nn_region_span_of(a, *first).last <= at) ++*first;
    while (*last + 1 < a->small && nn_region_span_of(a, *last + 1).first <= at) ++*last;
}

/* The regions over a pixel: first[0] … last[0] down and first[1] … last[1] across. */
typedef struct nn_regions {
    int first[2], last[2];
} nn_regions;

/* `c` channels of that pixel, from those of dy, in floats. */
NN_INLINE void nn_average_dx_sum(const int half, const nn_pool_regions *d, const void *dy, const nn_regions *over,
                                 float *dx, long c)
{
    int more = 0;
    for (int i = over->first[0]; i <= over->last[0]; i++) {
        int rows = nn_region_span_of(&d->v, i).count;
        for (int j = over->first[1]; j <= over->last[1]; j++) {
            float count = (float)(rows * nn_region_span_of(&d->h, j).count);
            const void *from = nn_at(half, dy, ((long)i * d->h.small + j) * d->c);
            if (more)
                nn_average_add(half, 1, from, count, dx, c);
            else
                nn_average_add(half, 0, from, count, dx, c);
            more = 1;
        }
    }
    if (!more) nn_set_run(dx, c, 0);
}

enum { NN_POOL_RUN = 256 }; /* channels whose gradients are summed up before they are rounded */

NN_INLINE void nn_store_run_bf16(uint16_t *p, long count, const float *from)
{
    for (long k = 0; k < count; k += NN_W) nn_store_bf16_some(p + k, count - k, nn_load_part(from + k, count - k));
}

NN_INLINE void nn_average_dx_pixel(const int half, const nn_pool_regions *d, const void *dy, const nn_regions *over,
                                   void *dx)
{
    if (!half) {
        nn_average_dx_sum(0, d, dy, over, (float *)dx, d->c);
        return;
    }
    for (long c = 0; c < d->c; c += NN_POOL_RUN) {
        float sum[NN_POOL_RUN];
        const long count = d->c - c < NN_POOL_RUN ? d->c - c : NN_POOL_RUN;
        nn_average_dx_sum(1, d, nn_at(1, dy, c), over, sum, count);
        nn_store_run_bf16((uint16_t *)dx + c, count, sum);
    }
}

NN_INLINE void nn_region_average_gradients(const int half, const nn_pool_regions *d, long n, const void *dy, void *dx,
                                           int t, int T)
{
    const long out = (long)d->v.small * d->h.small, rows = n * d->v.large;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        nn_regions over = {{0, 0}, {-1, -1}};
        nn_regions_over(&d->v, (int)(k % d->v.large), &over.first[0], &over.last[0]);
        for (int s = 0; s < d->h.large; s++) {
            nn_regions_over(&d->h, s, &over.first[1], &over.last[1]);
            nn_average_dx_pixel(half, d, nn_at(half, dy, k / d->v.large * out * d->c), &over,
                                nn_place(half, dx, (k * d->h.large + s) * d->c));
        }
    }
}

NN_KERNEL void nn_region_avgpool_nhwc_dx(const nn_pool_regions *d, long n, const float *dy, float *dx, int t, int T)
{
    nn_region_average_gradients(0, d, n, dy, dx, t, T);
}

NN_KERNEL void nn_region_avgpool_nhwc_dx_bf16(const nn_pool_regions *d, long n, const uint16_t *dy, uint16_t *dx, int t,
                                              int T)
{
    nn_region_average_gradients(1, d, n, dy, dx, t, T);
}

NN_KERNEL void nn_region_maxpool_nhwc(const nn_pool_regions *d, long n, const float *x, float *y, int *argmax, int t,
                                      int T)
{
    const long out = (long)d->v.small * d->h.small, plane = (long)d->v.large * d->h.large;
    const nn_rows_part part = nn_rows_part_of(n * out, d->c, t, T);
    const nn_largest to = {y, argmax, 1, 0};
    for (long p = part.row; p < (part.row + part.rows); p++) {
        int cell = (int)(p % out);
        nn_region_span v = nn_region_span_of(&d->v, cell / d->h.small), h = nn_region_span_of(&d->h, cell % d->h.small);
        nn_rect a = nn_region_rect(d, v, h);
        nn_rect_channels(0, &a, x + p / out * plane * d->c, &to, p * d->c, part.first, part.last);
    }
}

/* Adds each gradient to its argmax; partitioned by samples, or by channels if there are few samples. */
NN_KERNEL void nn_region_maxpool_nhwc_dx(const nn_pool_regions *d, long n, const float *dy, const int *argmax,
                                         float *dx, int t, int T)
{
    const long out = (long)d->v.small * d->h.small, plane = (long)d->v.large * d->h.large;
    const nn_rows_part part = nn_rows_part_of(n, d->c, t, T);
    for (long i = part.row; i < (part.row + part.rows); i++) {
        float *image = dx + i * plane * d->c;
        for (long p = 0; p < plane; p++) nn_set_run(image + p * d->c + part.first, part.last - part.first, 0);
        for (long k = i * out; k < (i + 1) * out; k++)
            for (long c = part.first; c < part.last; c++)
                image[argmax[k * d->c + c] * (long)d->c + c] += dy[k * d->c + c];
    }
}

#endif
