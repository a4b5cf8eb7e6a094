/*
 * pool.h: pools.  Values and places are those of the plain form: sums are taken
 * in the same order, and of equal elements the first wins; a NaN wins over every
 * number, the last one over those before it.
 *
 * Two families:
 *
 *   extremum  the largest or smallest element of a window that slides with a
 *             stride and a dilation; padding never wins
 *   cells     the average or the largest element of a rectangle: a window cut at
 *             the image's edges, or a part of the image (adaptive and global pools)
 *
 * Where windows lie wholly inside the image along a row, a vector of neighbouring
 * windows is computed at once; the others one by one.  Thread t of T does its part
 * of the n · c planes.
 */
#ifndef NN_POOL_H
#define NN_POOL_H

/* x: [n][c][h][w]   y, place: [n][c][oh][ow].  The place is the tap u · kw + v that
 * won, in a byte or (wide) in an int32_t; `least`: the smallest element wins. */
typedef struct nn_window {
    int c, h, w, oh, ow;
    int kh, kw, sh, sw, dh, dw, top, left;
    int least, wide;
} nn_window;

/* One axis of cells: `small` cells of an axis of `large` elements.
 *   region > 0: cell i is floor(i · region / small) … ceil((i + 1) · region / small), from `before`'s opposite on
 *   else:       cell i is i · stride − before … + k, as far as it is inside
 * An average divides by `count` elements; 0: by those inside; −1: by those of the
 * window that lie within `room`, the axis with its padding. */
typedef struct nn_axis {
    int large, small, k, stride, before, region, count, room;
} nn_axis;

typedef struct nn_cells {
    int c;
    nn_axis v, h; /* rows, columns */
} nn_cells;

#ifdef NN_LINKED

void nn_extremum(const nn_window *, long n, const float *x, float *y, void *place, int t, int T);
void nn_extremum_dx(const nn_window *, long n, const float *dy, const void *place, float *dx, int t, int T);
void nn_cells_average(const nn_cells *, long n, const float *x, float *y, int t, int T);
void nn_cells_average_dx(const nn_cells *, long n, const float *dy, float *dx, int t, int T);
void nn_cells_maximum(const nn_cells *, long n, const float *x, float *y, int *place, int t, int T);
void nn_cells_maximum_dx(const nn_cells *, long n, const float *dy, const int *place, float *dx, int t, int T);

#else

#include "lanes.h"

typedef unsigned char nn_bytes __attribute__((vector_size(NN_W), aligned(1), may_alias));

/* ---- neighbours ---------------------------------------------------------------- */

/* Every second float of 2 · NN_W. */
NN_INLINE nn_vec nn_load_even(const float *p)
{
#if (defined(__clang__) || __GNUC__ >= 12) && defined(__AVX512F__)
    return __builtin_shufflevector(nn_load(p), nn_load(p + NN_W), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif (defined(__clang__) || __GNUC__ >= 12) && defined(__AVX2__) && defined(__FMA__)
    return __builtin_shufflevector(nn_load(p), nn_load(p + NN_W), 0, 2, 4, 6, 8, 10, 12, 14);
#else
    nn_vec v;
    for (int i = 0; i < NN_W; i++)
        v[i] = p[2 * i];
    return v;
#endif
}

/* p[0], p[step], …: `count` lanes of them; nothing at or after `end` is read. */
NN_INLINE nn_vec nn_load_steps(const float *p, int step, int count, const float *end)
{
    if (step == 1 && (count >= NN_W || end - p >= NN_W))
        return nn_load(p);
    if (step == 2 && end - p >= 2 * NN_W)
        return nn_load_even(p);
    nn_vec v;
    for (int i = 0; i < NN_W; i++)
        v[i] = p[i < count ? (long)i * step : 0];
    return v;
}

/* The windows first … last − 1 of an axis lie wholly inside it. */
NN_INLINE void nn_whole_windows(int large, int small, int reach, int stride, int before, int *first, int *last)
{
    *first = before > 0 ? (before + stride - 1) / stride : 0;
    *last = large + before >= reach ? (large + before - reach) / stride + 1 : 0;
    if (*last > small)
        *last = small;
    if (*first > *last)
        *first = *last = 0;
}

NN_INLINE void nn_fill(float *p, long count, float value)
{
    for (long i = 0; i < count; i += NN_W)
        nn_store_part(p + i, count - i, nn_spread(value));
}

/* ---- extremum -------------------------------------------------------------------- */

NN_INLINE void nn_put_place(void *place, int wide, long at, int winner)
{
    if (wide)
        ((int *)place)[at] = winner;
    else
        ((unsigned char *)place)[at] = (unsigned char)winner;
}

/* The window at (i, j) of a plane; the plane's results are y and, if it is not
 * NULL, place, from element `at` on. */
NN_INLINE void nn_extremum_one(const nn_window *d, const float *plane, int i, int j, float *y, void *place, long at)
{
    int winner = -1;
    float best = 0;
    for (int u = 0; u < d->kh; u++) {
        int row = i * d->sh - d->top + u * d->dh;
        for (int v = 0; row >= 0 && row < d->h && v < d->kw; v++) {
            int column = j * d->sw - d->left + v * d->dw;
            if (column < 0 || column >= d->w)
                continue;
            float value = plane[(long)row * d->w + column];
            if (winner < 0 || (d->least ? value < best : value > best) || value != value)
                best = value, winner = u * d->kw + v;
        }
    }
    y[at] = best;
    if (place)
        nn_put_place(place, d->wide, at, winner);
}

NN_INLINE void nn_put_places(void *place, int wide, long at, int count, nn_ints winner)
{
    if (wide) {
        for (int k = 0; k < count; k++)
            ((int *)place)[at + k] = winner[k];
        return;
    }
    nn_bytes bytes = __builtin_convertvector(winner, nn_bytes);
    unsigned char *p = (unsigned char *)place + at;
    if (count == NN_W)
        *(nn_bytes *)p = bytes;
    else
        for (int k = 0; k < count; k++)
            p[k] = bytes[k];
}

/* `count` windows side by side from (i, j) on, all inside along the row. */
NN_INLINE void nn_extremum_run(const nn_window *d, const float *plane, const float *end, int i, int j, int count, float *y, void *place, long at)
{
    nn_vec best = nn_zero();
    nn_ints winner = {0};
    int none = 1;
    for (int u = 0; u < d->kh; u++) {
        int row = i * d->sh - d->top + u * d->dh;
        if (row < 0 || row >= d->h)
            continue;
        const float *p = plane + (long)row * d->w + j * d->sw - d->left;
        for (int v = 0; v < d->kw; v++, none = 0) {
            nn_vec value = nn_load_steps(p + v * d->dw, d->sw, count, end);
            nn_ints better = (d->least ? (nn_ints)(value < best) : (nn_ints)(value > best)) | (value != value) | -none;
            best = nn_select(better, value, best);
            winner = (better & (u * d->kw + v)) | (~better & winner);
        }
    }
    nn_store_part(y + at, count, best);
    if (place)
        nn_put_places(place, d->wide, at, count, winner);
}

NN_KERNEL void nn_extremum(const nn_window *d, long n, const float *x, float *y, void *place, int t, int T)
{
    const float *end = x + n * d->c * d->h * d->w;
    int first, last;
    nn_whole_windows(d->w, d->ow, (d->kw - 1) * d->dw + 1, d->sw, d->left, &first, &last);
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        const float *plane = x + p * d->h * d->w;
        for (int i = 0; i < d->oh; i++) {
            long at = (p * d->oh + i) * d->ow;
            for (int j = 0; j < first; j++)
                nn_extremum_one(d, plane, i, j, y, place, at + j);
            for (int j = first; j < last; j += NN_W)
                nn_extremum_run(d, plane, end, i, j, last - j < NN_W ? last - j : NN_W, y, place, at + j);
            for (int j = last; j < d->ow; j++)
                nn_extremum_one(d, plane, i, j, y, place, at + j);
        }
    }
}

/* Where a tap is in the plane, seen from the window's corner. */
NN_INLINE long nn_tap_offset(const nn_window *d, int tap)
{
    return (long)(tap / d->kw * d->dh) * d->w + tap % d->kw * d->dw;
}

NN_KERNEL void nn_extremum_dx(const nn_window *d, long n, const float *dy, const void *place, float *dx, int t, int T)
{
    long offset[256];
    for (int tap = 0; !d->wide && tap < d->kh * d->kw; tap++)
        offset[tap] = nn_tap_offset(d, tap);
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        float *plane = dx + p * d->h * d->w;
        nn_fill(plane, (long)d->h * d->w, 0);
        for (int i = 0; i < d->oh; i++) {
            long corner = (long)(i * d->sh - d->top) * d->w - d->left, at = (p * d->oh + i) * d->ow;
            for (int j = 0; j < d->ow; j++, corner += d->sw, at++)
                plane[corner + (d->wide ? nn_tap_offset(d, ((const int *)place)[at]) : offset[((const unsigned char *)place)[at]])] += dy[at];
        }
    }
}

/* ---- cells -------------------------------------------------------------------------- */

typedef struct nn_span {
    int first, last; /* the elements of a cell: first … last − 1 */
    int count;       /* what an average divides by */
} nn_span;

NN_INLINE nn_span nn_span_of(const nn_axis *a, int i)
{
    nn_span s;
    int start = i * a->stride - a->before;
    if (a->region) {
        s.first = (int)((long)i * a->region / a->small) - a->before;
        s.last = (int)(((long)(i + 1) * a->region + a->small - 1) / a->small) - a->before;
    } else {
        s.first = start < 0 ? 0 : start;
        s.last = start + a->k < a->large ? start + a->k : a->large;
    }
    int left = a->room - i * a->stride;
    s.count = a->count > 0 ? a->count : a->count == 0 ? s.last - s.first : left < a->k ? left : a->k;
    return s;
}

/* The rows of a cell; one long row where it is as wide as the image. */
NN_INLINE int nn_cell_rows(const nn_cells *d, nn_span v, nn_span h, int *width)
{
    int whole = h.first == 0 && h.last == d->h.large;
    *width = whole ? (v.last - v.first) * d->h.large : h.last - h.first;
    return whole ? 1 : v.last - v.first;
}

/* Short runs are added one by one, longer ones in four vectors of sums. */
NN_INLINE float nn_run_sum(const float *p, int count, float sum)
{
    int i = 0;
    if (count >= 4 * NN_W) {
        nn_vec a = nn_zero(), b = a, c = a, e = a;
        for (; i + 4 * NN_W <= count; i += 4 * NN_W) {
            a += nn_load(p + i);
            b += nn_load(p + i + NN_W);
            c += nn_load(p + i + 2 * NN_W);
            e += nn_load(p + i + 3 * NN_W);
        }
        sum += nn_lanes_sum((a + b) + (c + e));
    }
    for (; i < count; i++)
        sum += p[i];
    return sum;
}

NN_INLINE float nn_cell_average(const nn_cells *d, const float *plane, nn_span v, nn_span h)
{
    int width, rows = nn_cell_rows(d, v, h, &width);
    float sum = 0;
    for (int row = 0; row < rows; row++)
        sum = nn_run_sum(plane + (long)(v.first + row) * d->h.large + h.first, width, sum);
    return sum / (float)(v.count * h.count);
}

/* `count` windows side by side from column j on, all inside along the row. */
NN_INLINE nn_vec nn_average_run(const nn_cells *d, const float *plane, const float *end, nn_span v, int j, int count)
{
    nn_vec sum = nn_zero();
    for (int row = v.first; row < v.last; row++) {
        const float *p = plane + (long)row * d->h.large + j * d->h.stride - d->h.before;
        for (int k = 0; k < d->h.k; k++)
            sum += nn_load_steps(p + k, d->h.stride, count, end);
    }
    return sum / (float)(v.count * nn_span_of(&d->h, j).count);
}

/* Which cells of a row are computed as vectors: small windows, and not too few. */
NN_INLINE void nn_cells_whole(const nn_cells *d, int *first, int *last)
{
    const nn_axis *h = &d->h;
    *first = *last = 0;
    if (!h->region && h->small > 1 && h->k <= 16)
        nn_whole_windows(h->large, h->small, h->k, h->stride, h->before, first, last);
}

NN_KERNEL void nn_cells_average(const nn_cells *d, long n, const float *x, float *y, int t, int T)
{
    const long size = (long)d->v.large * d->h.large;
    const float *end = x + n * d->c * size;
    int first, last;
    nn_cells_whole(d, &first, &last);
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        const float *plane = x + p * size;
        for (int i = 0; i < d->v.small; i++) {
            nn_span v = nn_span_of(&d->v, i);
            float *row = y + (p * d->v.small + i) * d->h.small;
            for (int j = 0; j < first; j++)
                row[j] = nn_cell_average(d, plane, v, nn_span_of(&d->h, j));
            for (int j = first; j < last; j += NN_W)
                nn_store_part(row + j, last - j, nn_average_run(d, plane, end, v, j, last - j));
            for (int j = last; j < d->h.small; j++)
                row[j] = nn_cell_average(d, plane, v, nn_span_of(&d->h, j));
        }
    }
}

NN_INLINE void nn_add_value(float *p, int count, float value)
{
    int i = 0;
    for (; i + NN_W <= count; i += NN_W)
        nn_store(p + i, nn_load(p + i) + value);
    for (; i < count; i++)
        p[i] += value;
}

/* Stride 1: NN_W windows from column j on.  Taps go backwards, so that every
 * element gets its shares in the order of the windows. */
NN_INLINE void nn_average_dx_run(const nn_cells *d, float *plane, nn_span v, int j, const float *dy)
{
    nn_vec share = nn_load(dy) / (float)(v.count * nn_span_of(&d->h, j).count);
    for (int row = v.first; row < v.last; row++) {
        float *p = plane + (long)row * d->h.large + j - d->h.before;
        for (int k = d->h.k - 1; k >= 0; k--)
            nn_store(p + k, nn_load(p + k) + share);
    }
}

NN_INLINE void nn_average_dx_one(const nn_cells *d, float *plane, nn_span v, int j, float dy)
{
    nn_span h = nn_span_of(&d->h, j);
    float share = dy / (float)(v.count * h.count);
    int width, rows = nn_cell_rows(d, v, h, &width);
    for (int k = 0; k < rows; k++)
        nn_add_value(plane + (long)(v.first + k) * d->h.large + h.first, width, share);
}

NN_KERNEL void nn_cells_average_dx(const nn_cells *d, long n, const float *dy, float *dx, int t, int T)
{
    const long size = (long)d->v.large * d->h.large;
    int first, last;
    nn_cells_whole(d, &first, &last);
    if (d->h.stride != 1)
        first = last = 0;
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        float *plane = dx + p * size;
        nn_fill(plane, size, 0);
        for (int i = 0; i < d->v.small; i++) {
            nn_span v = nn_span_of(&d->v, i);
            const float *row = dy + (p * d->v.small + i) * d->h.small;
            int j = 0;
            for (; j < first; j++)
                nn_average_dx_one(d, plane, v, j, row[j]);
            for (; j + NN_W <= last; j += NN_W)
                nn_average_dx_run(d, plane, v, j, row + j);
            for (; j < d->h.small; j++)
                nn_average_dx_one(d, plane, v, j, row[j]);
        }
    }
}

/* place, if it is not NULL: row · w + column of the winner. */
NN_INLINE void nn_cell_maximum(const nn_cells *d, const float *plane, nn_span v, nn_span h, float *y, int *place)
{
    int winner = v.first * d->h.large + h.first;
    float best = plane[winner];
    for (int row = v.first; row < v.last; row++) {
        for (int column = h.first; column < h.last; column++) {
            float value = plane[row * d->h.large + column];
            if (value > best || value != value)
                best = value, winner = row * d->h.large + column;
        }
    }
    *y = best;
    if (place)
        *place = winner;
}

NN_KERNEL void nn_cells_maximum(const nn_cells *d, long n, const float *x, float *y, int *place, int t, int T)
{
    const long plane = (long)d->v.large * d->h.large, out = (long)d->v.small * d->h.small;
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        for (int k = 0; k < out; k++) {
            nn_span v = nn_span_of(&d->v, k / d->h.small), h = nn_span_of(&d->h, k % d->h.small);
            nn_cell_maximum(d, x + p * plane, v, h, y + p * out + k, place ? place + p * out + k : 0);
        }
    }
}

NN_KERNEL void nn_cells_maximum_dx(const nn_cells *d, long n, const float *dy, const int *place, float *dx, int t, int T)
{
    const long plane = (long)d->v.large * d->h.large, out = (long)d->v.small * d->h.small;
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        nn_fill(dx + p * plane, plane, 0);
        for (long k = p * out; k < (p + 1) * out; k++)
            dx[p * plane + place[k]] += dy[k];
    }
}

#endif /* NN_LINKED */

#endif
