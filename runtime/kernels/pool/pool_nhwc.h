/*
 * pool_nhwc.h: the pools of pool.h over NHWC images.
 *
 *   x, dx: [n][h][w][c]   y, dy, argmax: [n][oh][ow][c], one element per region as well
 *
 * A vector holds neighbouring channels, so all lanes share the window of a pixel and nothing is
 * masked at the borders.  A window's elements are taken in the order of the plain form.  Gradients
 * are computed per input element: each element of dx adds the contributions of the windows over it
 * in order, and is written by one thread.
 */
#ifndef NN_POOL_NHWC_H
#define NN_POOL_NHWC_H

#include "runtime/kernels/pool/pool_common.h"
#include "runtime/kernels/reduction/statistics.h"

/* A rectangle of pixels: its first element is at `start` of the image, the next ones
 * `across` and `down` floats from it.  Pixels are numbered from `number` on, and by
 * `stride` more from row to row. */
typedef struct nn_rect {
    int rows, columns;
    long start, down, across;
    int number, stride;
} nn_rect;

/* ---- largest elements ------------------------------------------------------------- */

/* `left` channels, with their signs flipped by `flip`. */
NN_INLINE nn_vec nn_rect_load(const float *x, long left, int flip, const int whole)
{
    return (nn_vec)((nn_ints)(whole ? nn_load(x) : nn_load_some(x, left)) ^ flip);
}

/* Where the largest elements of regions are written, or the smallest if `flip` flips signs, and their
 * numbers: in bytes or (wide) ints; argmax may be NULL. */
typedef struct nn_largest {
    float *y;
    void *argmax;
    int wide, flip;
} nn_largest;

/* The largest element of each of `left` channels from x on, or of `vectors` whole vectors, is element
 * `at` of the result.  `keep`: its number as well. */
NN_INLINE void nn_rect_largest(const nn_rect *a, const float *x, nn_largest to, long at, long left, const int vectors,
                               const int keep)
{
    nn_vec best[NN_SIDE];
    nn_ints winner[NN_SIDE];
    const int whole = vectors > 1;
    x += a->start;
    NN_UNROLL
    for (int k = 0; k < vectors; k++) {
        best[k] = nn_rect_load(x + k * NN_W, left, to.flip, whole);
        winner[k] = nn_lane() * 0 + a->number;
    }
    for (int u = 0; u < a->rows; u++) {
        const float *from = x + u * a->down;
        for (int v = 0; v < a->columns; v++, from += a->across) {
            NN_UNROLL
            for (int k = 0; k < vectors; k++) {
                nn_vec value = nn_rect_load(from + k * NN_W, left, to.flip, whole);
                nn_ints better = (nn_ints)(value > best[k]) | (nn_ints)(value != value);
                best[k] = nn_select(better, value, best[k]);
                if (keep) winner[k] = (better & (a->number + u * a->stride + v)) | (~better & winner[k]);
            }
        }
    }
    NN_UNROLL
    for (int k = 0; k < vectors; k++) {
        nn_vec value = (nn_vec)((nn_ints)best[k] ^ to.flip);
        if (whole)
            nn_store(to.y + at + k * NN_W, value);
        else
            nn_store_some(to.y + at, left, value);
        if (keep)
            nn_store_argmax(to.argmax, to.wide, at + k * NN_W, at + left, left < NN_W ? (int)left : NN_W, winner[k]);
    }
}

/* Channels first … last − 1 of the pixel whose result begins at `at`. */
NN_INLINE void nn_rect_channels(const nn_rect *a, const float *image, nn_largest to, long at, long first, long last)
{
    const long run = NN_SIDE * NN_W;
    long c = first;
    for (; c + run <= last; c += run) {
        if (to.argmax)
            nn_rect_largest(a, image + c, to, at + c, run, NN_SIDE, 1);
        else
            nn_rect_largest(a, image + c, to, at + c, run, NN_SIDE, 0);
    }
    for (; c < last; c += NN_W) {
        if (to.argmax)
            nn_rect_largest(a, image + c, to, at + c, last - c, 1, 1);
        else
            nn_rect_largest(a, image + c, to, at + c, last - c, 1, 0);
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

NN_KERNEL void nn_minmax_pool_nhwc(const nn_pool_window *d, long n, const float *x, float *y, void *argmax, int t,
                                   int T)
{
    const nn_rows_part part = nn_rows_part_of(n * d->oh * d->ow, d->c, t, T);
    const nn_largest to = {y, argmax, d->wide, d->least ? (int)0x80000000 : 0};
    for (long p = part.row; p < (part.row + part.rows);) {
        long row = p / d->ow,
             stop = (row + 1) * d->ow < (part.row + part.rows) ? (row + 1) * d->ow : (part.row + part.rows);
        const float *image = x + row / d->oh * d->h * d->w * d->c;
        int top = (int)(row % d->oh) * d->sh - d->top, left = (int)(p - row * d->ow) * d->sw - d->left;
        for (; p < stop; p++, left += d->sw) {
            nn_rect a = nn_window_rect(d, top, left);
            nn_rect_channels(&a, image, to, p * d->c, part.first, part.last);
        }
    }
}

/* In lane k the bits of byte k % 4 of an int in memory. */
static const int nn_byte_bits[16] __attribute__((unused)) = {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    (int)0xff000000, 0xff0000, 0xff00, 0xff, (int)0xff000000, 0xff0000, 0xff00, 0xff,
    (int)0xff000000, 0xff0000, 0xff00, 0xff, (int)0xff000000, 0xff0000, 0xff00, 0xff,
#else
    0xff, 0xff00, 0xff0000, (int)0xff000000, 0xff, 0xff00, 0xff0000, (int)0xff000000,
    0xff, 0xff00, 0xff0000, (int)0xff000000, 0xff, 0xff00, 0xff0000, (int)0xff000000,
#endif
};

/* NN_W bytes, each in its lane of an int that also holds its three neighbours. */
NN_INLINE nn_ints nn_load_bytes(const unsigned char *p)
{
    int w[NN_W / 4];
    __builtin_memcpy(w, p, sizeof w);
#if NN_W == 16
    return (nn_ints){w[0], w[0], w[0], w[0], w[1], w[1], w[1], w[1], w[2], w[2], w[2], w[2], w[3], w[3], w[3], w[3]};
#elif NN_W == 8
    return (nn_ints){w[0], w[0], w[0], w[0], w[1], w[1], w[1], w[1]};
#else
    return (nn_ints){w[0], w[0], w[0], w[0]};
#endif
}

/* Which of NN_W elements of argmax from `at` on are `tap`. */
NN_INLINE nn_ints nn_argmax_is(const void *argmax, const int wide, long at, int tap)
{
    if (wide) return *(const nn_ints *)((const int *)argmax + at) == tap;
    nn_ints bits = *(const nn_ints *)nn_byte_bits, all = nn_lane() * 0 + (int)(tap * 0x01010101u);
    return (nn_load_bytes((const unsigned char *)argmax + at) & bits) == (all & bits);
}

/* The same for the last `left` < NN_W channels. */
NN_INLINE nn_ints nn_argmax_rest_is(const void *argmax, const int wide, long at, long left, int tap)
{
    int lane[NN_W] __attribute__((aligned(64))) = {0};
    for (long k = 0; k < left; k++)
        lane[k] = (wide ? ((const int *)argmax)[at + k] : ((const unsigned char *)argmax)[at + k]) == tap ? -1 : 0;
    return *(const nn_ints *)lane;
}

/* The gradients of the results, and which tap gave each. */
typedef struct nn_minmax_gradient {
    const float *dy;
    const void *argmax;
} nn_minmax_gradient;

/* Of `c` channels from element `at` on: dx = dy where the argmax is `tap`, else 0; `more`: dx += that. */
NN_INLINE void nn_minmax_add(nn_minmax_gradient g, long at, int tap, float *dx, long c, const int wide, const int more)
{
    const float *dy = g.dy;
    long k = 0;
    for (; k + NN_W <= c; k += NN_W) {
        nn_vec share = nn_select(nn_argmax_is(g.argmax, wide, at + k, tap), nn_load(dy + at + k), nn_zero());
        if (more) share += nn_load(dx + k);
        nn_store(dx + k, share);
    }
    if (k == c) return;
    nn_vec share =
        nn_select(nn_argmax_rest_is(g.argmax, wide, at + k, c - k, tap), nn_load_some(dy + at + k, c - k), nn_zero());
    if (more) share += nn_load_some(dx + k, c - k);
    nn_store_some(dx + k, c - k, share);
}

/* The windows of an axis over element `at`, counted with the padding: first … last, updated from
 * those of the element before. */
NN_INLINE void nn_windows_over(int at, int extent, int stride, int count, int *first, int *last)
{
    while (*first < count && *first * stride + extent <= at) ++*first;
    while (*last + 1 < count && (*last + 1) * stride <= at) ++*last;
}

/* The tap that reads an element `distance` after the start of its window; −1: none. */
NN_INLINE int nn_tap_at(int distance, int dilation)
{
    if (dilation == 1) return distance;
    return distance % dilation ? -1 : distance / dilation;
}

/* The windows over a pixel at (row, column) of the padded image: first[0] … last[0] down and
 * first[1] … last[1] across. */
typedef struct nn_windows {
    int row, column, first[2], last[2];
} nn_windows;

/* That pixel of dx.  The sample's gradients are from `at` on. */
NN_INLINE void nn_minmax_dx_pixel(const nn_pool_window *d, nn_minmax_gradient g, long at, const nn_windows *over,
                                  float *dx)
{
    int more = 0;
    for (int i = over->first[0]; i <= over->last[0]; i++) {
        int u = nn_tap_at(over->row - i * d->sh, d->dh);
        for (int j = over->first[1]; u >= 0 && j <= over->last[1]; j++) {
            int v = nn_tap_at(over->column - j * d->sw, d->dw), tap = u * d->kw + v;
            long from = at + ((long)i * d->ow + j) * d->c;
            if (v < 0) continue;
            if (d->wide && more)
                nn_minmax_add(g, from, tap, dx, d->c, 1, 1);
            else if (d->wide)
                nn_minmax_add(g, from, tap, dx, d->c, 1, 0);
            else if (more)
                nn_minmax_add(g, from, tap, dx, d->c, 0, 1);
            else
                nn_minmax_add(g, from, tap, dx, d->c, 0, 0);
            more = 1;
        }
    }
    if (!more) nn_set_run(dx, d->c, 0);
}

/* Whether no two windows overlap and none extends into the padding. */
NN_INLINE int nn_windows_apart(const nn_pool_window *d)
{
    const int inside =
        d->top == 0 && d->left == 0 && (d->oh - 1) * d->sh + d->kh <= d->h && (d->ow - 1) * d->sw + d->kw <= d->w;
    return inside && d->dh == 1 && d->dw == 1 && d->sh >= d->kh && d->sw >= d->kw;
}

/* One row of dx under row u of such windows, whose gradients are from `at` on. */
NN_INLINE void nn_minmax_dx_row(const nn_pool_window *d, nn_minmax_gradient g, long at, int u, float *dx)
{
    for (int j = 0; j < d->ow; j++, at += d->c) {
        const int first = j * d->sw, end = j + 1 < d->ow ? first + d->sw : d->w;
        for (int v = 0; v < d->kw; v++) {
            float *to = dx + (long)(first + v) * d->c;
            if (d->wide)
                nn_minmax_add(g, at, u * d->kw + v, to, d->c, 1, 0);
            else
                nn_minmax_add(g, at, u * d->kw + v, to, d->c, 0, 0);
        }
        nn_set_run(dx + (long)(first + d->kw) * d->c, (long)(end - first - d->kw) * d->c, 0);
    }
}

/* Rows first … last − 1 of all images. */
NN_INLINE void nn_minmax_dx_apart(const nn_pool_window *d, nn_minmax_gradient g, float *dx, long first, long last)
{
    for (long k = first; k < last; k++) {
        const int row = (int)(k % d->h), i = row / d->sh, u = row % d->sh;
        float *to = dx + k * d->w * d->c;
        if (i < d->oh && u < d->kh)
            nn_minmax_dx_row(d, g, (k / d->h * d->oh + i) * d->ow * d->c, u, to);
        else
            nn_set_run(to, (long)d->w * d->c, 0);
    }
}

NN_KERNEL void nn_minmax_pool_nhwc_dx(const nn_pool_window *d, long n, const float *dy, const void *argmax, float *dx,
                                      int t, int T)
{
    const int high = (d->kh - 1) * d->dh + 1, wide = (d->kw - 1) * d->dw + 1;
    const nn_minmax_gradient g = {dy, argmax};
    if (nn_windows_apart(d)) {
        nn_minmax_dx_apart(d, g, dx, n * d->h * t / T, n * d->h * (t + 1) / T);
        return;
    }
    for (long k = n * d->h * t / T; k < n * d->h * (t + 1) / T; k++) {
        nn_windows over = {.row = (int)(k % d->h) + d->top, .last = {-1, -1}};
        long at = k / d->h * d->oh * d->ow * d->c;
        nn_windows_over(over.row, high, d->sh, d->oh, &over.first[0], &over.last[0]);
        for (int s = 0; s < d->w; s++) {
            over.column = s + d->left;
            nn_windows_over(over.column, wide, d->sw, d->ow, &over.first[1], &over.last[1]);
            nn_minmax_dx_pixel(d, g, at, &over, dx + (k * d->w + s) * d->c);
        }
    }
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
NN_INLINE void nn_rect_average(const nn_rect *a, const float *x, long left, float count, float *y, const int vectors)
{
    nn_vec sum[NN_SIDE];
    const int whole = vectors > 1;
    NN_UNROLL
    for (int k = 0; k < vectors; k++) sum[k] = nn_zero();
    for (int u = 0; u < a->rows; u++) {
        const float *from = x + a->start + u * a->down;
        for (int v = 0; v < a->columns; v++, from += a->across) {
            NN_UNROLL
            for (int k = 0; k < vectors; k++) sum[k] += nn_rect_load(from + k * NN_W, left, 0, whole);
        }
    }
    NN_UNROLL
    for (int k = 0; k < vectors; k++) {
        if (whole)
            nn_store(y + k * NN_W, sum[k] / count);
        else
            nn_store_some(y, left, sum[k] / count);
    }
}

NN_KERNEL void nn_region_avgpool_nhwc(const nn_pool_regions *d, long n, const float *x, float *y, int t, int T)
{
    const long out = (long)d->v.small * d->h.small, plane = (long)d->v.large * d->h.large, run = NN_SIDE * NN_W;
    const nn_rows_part part = nn_rows_part_of(n * out, d->c, t, T);
    for (long p = part.row; p < (part.row + part.rows); p++) {
        int cell = (int)(p % out);
        nn_region_span v = nn_region_span_of(&d->v, cell / d->h.small), h = nn_region_span_of(&d->h, cell % d->h.small);
        const nn_rect a = nn_region_rect(d, v, h);
        const float *image = x + p / out * plane * d->c, count = (float)(v.count * h.count);
        long c = part.first;
        for (; c + run <= part.last; c += run) nn_rect_average(&a, image + c, run, count, y + p * d->c + c, NN_SIDE);
        for (; c < part.last; c += NN_W) nn_rect_average(&a, image + c, part.last - c, count, y + p * d->c + c, 1);
    }
}

/* dx = dy / count; `more`: dx += that. */
NN_INLINE void nn_average_add(const float *dy, float count, float *dx, long c, const int more)
{
    long k = 0;
    for (; k + NN_W <= c; k += NN_W) {
        nn_vec share = nn_load(dy + k) / count;
        if (more) share += nn_load(dx + k);
        nn_store(dx + k, share);
    }
    if (k == c) return;
    nn_vec share = nn_load_some(dy + k, c - k) / count;
    if (more) share += nn_load_some(dx + k, c - k);
    nn_store_some(dx + k, c - k, share);
}

/* The regions of an axis over element `at`: first … last, updated from those of the element before. */
NN_INLINE void nn_regions_over(const nn_region_axis *a, int at, int *first, int *last)
{
    while (*first < a->small && nn_region_span_of(a, *first).last <= at) ++*first;
    while (*last + 1 < a->small && nn_region_span_of(a, *last + 1).first <= at) ++*last;
}

/* One pixel of dx, from the regions first[0] … last[0] down and first[1] … last[1] across. */
NN_INLINE void nn_average_dx_pixel(const nn_pool_regions *d, const float *dy, const int *first, const int *last,
                                   float *dx)
{
    int more = 0;
    for (int i = first[0]; i <= last[0]; i++) {
        int rows = nn_region_span_of(&d->v, i).count;
        for (int j = first[1]; j <= last[1]; j++) {
            float count = (float)(rows * nn_region_span_of(&d->h, j).count);
            const float *from = dy + ((long)i * d->h.small + j) * d->c;
            if (more)
                nn_average_add(from, count, dx, d->c, 1);
            else
                nn_average_add(from, count, dx, d->c, 0);
            more = 1;
        }
    }
    if (!more) nn_set_run(dx, d->c, 0);
}

NN_KERNEL void nn_region_avgpool_nhwc_dx(const nn_pool_regions *d, long n, const float *dy, float *dx, int t, int T)
{
    const long out = (long)d->v.small * d->h.small, rows = n * d->v.large;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        int first[2] = {0, 0}, last[2] = {-1, -1};
        nn_regions_over(&d->v, (int)(k % d->v.large), &first[0], &last[0]);
        for (int s = 0; s < d->h.large; s++) {
            nn_regions_over(&d->h, s, &first[1], &last[1]);
            nn_average_dx_pixel(d, dy + k / d->v.large * out * d->c, first, last, dx + (k * d->h.large + s) * d->c);
        }
    }
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
        nn_rect_channels(&a, x + p / out * plane * d->c, to, p * d->c, part.first, part.last);
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
