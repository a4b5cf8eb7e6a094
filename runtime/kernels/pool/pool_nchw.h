/*
 * pool_nchw.h: the pools of pool.h over NCHW images.
 *
 * A vector of neighbouring windows is computed at once; lanes are masked where windows extend into
 * the padding.  Thread t of T computes part t of the n · c planes.
 */
#ifndef NN_POOL_NCHW_H
#define NN_POOL_NCHW_H

#include "runtime/kernels/pool/pool_common.h"
#include "runtime/kernels/simd/lanes.h"

/* A plane, from x[at] on, of `size` elements of x. */
typedef struct nn_plane {
    const float *x;
    long size, at;
} nn_plane;

/* ---- neighbours ---------------------------------------------------------------- */

/* Every second float of 2 · NN_W. */
NN_INLINE nn_vec nn_load_even(const float *p)
{
#if (defined(__clang__) || __GNUC__ >= 12) && NN_W == 16
    return __builtin_shufflevector(nn_load(p), nn_load(p + NN_W), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28,
                                   30);
#elif (defined(__clang__) || __GNUC__ >= 12) && NN_W == 8
    return __builtin_shufflevector(nn_load(p), nn_load(p + NN_W), 0, 2, 4, 6, 8, 10, 12, 14);
#else
    nn_lanes lane;
    for (int i = 0; i < NN_W; i++) lane[i] = p[2 * i];
    return nn_load(lane);
#endif
}

/* x[at], x[at + step], …; 0 for what is not among the `size` elements of x. */
NN_INLINE nn_vec nn_load_steps(const float *x, long size, long at, int step)
{
    if (step == 1 && at >= 0 && size - at >= NN_W) return nn_load(x + at);
    if (step == 2 && at >= 0 && size - at >= 2 * NN_W) return nn_load_even(x + at);
    nn_lanes lane;
    for (int i = 0; i < NN_W; i++, at += step) lane[i] = at >= 0 && at < size ? x[at] : 0;
    return nn_load(lane);
}

/* The lanes whose column first + lane · step is in a row of w. */
NN_INLINE nn_ints nn_inside(int first, int step, int w)
{
    nn_ints column = nn_lane() * step + first;
    return (column >= 0) & (column < w);
}

/* Whether `count` windows of `extent` elements, from column `first` on, are in a row of w. */
NN_INLINE int nn_all_inside(int first, int step, int count, int extent, int w)
{
    return first >= 0 && first + (count - 1) * step + extent <= w;
}

/* Results are written in memory order, by this thread up to `end`, so a whole vector may be stored
 * if what is too much will be overwritten. */
NN_INLINE void nn_store_run(float *y, long at, long end, int count, nn_vec v)
{
    nn_store_part(y + at, end - at >= NN_W ? NN_W : count, v);
}

/* ---- min/max ------------------------------------------------------------------ */

/* NN_W neighbouring windows; the corner of the first is at (row, column) of the plane.
 * `inside`: all their elements are inside along the row; `tracked`: *argmax is needed. */
NN_INLINE nn_vec nn_minmax_run(const nn_pool_window *d, nn_plane plane, int row, int column, const int inside,
                               const int tracked, nn_ints *argmax)
{
    nn_vec best = nn_broadcast(d->least ? __builtin_inff() : -__builtin_inff());
    nn_ints winner = nn_lane() * 0 - 1;
    for (int u = 0; u < d->kh; u++) {
        if (row + u * d->dh < 0 || row + u * d->dh >= d->h) continue;
        for (int v = 0; v < d->kw; v++) {
            int first = column + v * d->dw;
            nn_vec value = nn_load_steps(plane.x, plane.size, plane.at + (long)(row + u * d->dh) * d->w + first, d->sw);
            nn_ints better = (d->least ? (nn_ints)(value < best) : (nn_ints)(value > best)) | (value != value);
            if (tracked) better |= winner < 0;
            if (!inside) better &= nn_inside(first, d->sw, d->w);
            best = nn_select(better, value, best);
            if (tracked) winner = (better & (u * d->kw + v)) | (~better & winner);
        }
    }
    if (tracked) *argmax = winner;
    return best;
}

NN_KERNEL void nn_minmax_pool(const nn_pool_window *d, long n, const float *x, float *y, void *argmax, int t, int T)
{
    const long planes = n * d->c, size = planes * d->h * d->w, end = planes * (t + 1) / T * d->oh * d->ow;
    long at = planes * t / T * d->oh * d->ow;
    for (long p = planes * t / T; p < planes * (t + 1) / T; p++) {
        const nn_plane plane = {x, size, p * d->h * d->w};
        for (int i = 0; i < d->oh; i++, at += d->ow) {
            for (int j = 0; j < d->ow; j += NN_W) {
                int count = d->ow - j < NN_W ? d->ow - j : NN_W, row = i * d->sh - d->top, column = j * d->sw - d->left;
                const int inside = nn_all_inside(column, d->sw, count, (d->kw - 1) * d->dw + 1, d->w);
                nn_ints winner = {0};
                nn_vec best;
                if (inside && !argmax)
                    best = nn_minmax_run(d, plane, row, column, 1, 0, &winner);
                else if (inside)
                    best = nn_minmax_run(d, plane, row, column, 1, 1, &winner);
                else
                    best = nn_minmax_run(d, plane, row, column, 0, 1, &winner);
                nn_store_run(y, at + j, end, count, best);
                if (argmax) nn_store_argmax(argmax, d->wide, at + j, end, count, winner);
            }
        }
    }
}

/* The offset of a tap from the window's corner. */
NN_INLINE long nn_tap_offset(const nn_pool_window *d, int tap)
{
    return (long)(tap / d->kw * d->dh) * d->w + tap % d->kw * d->dw;
}

NN_KERNEL void nn_minmax_pool_dx(const nn_pool_window *d, long n, const float *dy, const void *argmax, float *dx, int t,
                                 int T)
{
    long offset[256];
    for (int tap = 0; !d->wide && tap < d->kh * d->kw; tap++) offset[tap] = nn_tap_offset(d, tap);
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        float *plane = dx + p * d->h * d->w;
        nn_set_run(plane, (long)d->h * d->w, 0);
        for (int i = 0; i < d->oh; i++) {
            long corner = (long)(i * d->sh - d->top) * d->w - d->left, at = (p * d->oh + i) * d->ow;
            for (int j = 0; j < d->ow; j++, corner += d->sw, at++)
                plane[corner + (d->wide ? nn_tap_offset(d, ((const int *)argmax)[at])
                                        : offset[((const unsigned char *)argmax)[at]])] += dy[at];
        }
    }
}

/* ---- regions ------------------------------------------------------------------------ */

/* The rows of a region; one long row if it is as wide as the image. */
NN_INLINE int nn_region_rows(const nn_pool_regions *d, nn_region_span v, nn_region_span h, int *width)
{
    int whole = h.first == 0 && h.last == d->h.large;
    *width = whole ? (v.last - v.first) * d->h.large : h.last - h.first;
    return whole ? 1 : v.last - v.first;
}

/* Short runs are added one by one, longer ones in four vectors. */
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
    for (; i < count; i++) sum += p[i];
    return sum;
}

NN_INLINE float nn_region_average(const nn_pool_regions *d, const float *plane, nn_region_span v, nn_region_span h)
{
    int width, rows = nn_region_rows(d, v, h, &width);
    float sum = 0;
    for (int row = 0; row < rows; row++)
        sum = nn_run_sum(plane + (long)(v.first + row) * d->h.large + h.first, width, sum);
    return sum / (float)(v.count * h.count);
}

NN_INLINE void nn_add_value(float *p, int count, float value)
{
    int i = 0;
    for (; i + NN_W <= count; i += NN_W) nn_store(p + i, nn_load(p + i) + value);
    for (; i < count; i++) p[i] += value;
}

NN_INLINE void nn_average_dx_one(const nn_pool_regions *d, float *plane, nn_region_span v, int j, float dy)
{
    nn_region_span h = nn_region_span_of(&d->h, j);
    float share = dy / (float)(v.count * h.count);
    int width, rows = nn_region_rows(d, v, h, &width);
    for (int k = 0; k < rows; k++) nn_add_value(plane + (long)(v.first + k) * d->h.large + h.first, width, share);
}

/* ---- averages of small windows: a vector of neighbours at a time -------------------- */

enum { NN_ROW = 2048 }; /* longest row of a gradient that is computed this way */

NN_INLINE int nn_regions_in_runs(const nn_pool_regions *d)
{
    return !d->h.region && d->h.small > 1 && d->h.k <= NN_LINE;
}

NN_INLINE nn_ints nn_least(nn_ints a, nn_ints b)
{
    nn_ints less = a < b;
    return (less & a) | (~less & b);
}

/* The divisors of the regions j, j + 1, … of a row: `rows` times their columns. */
NN_INLINE nn_vec nn_run_count(const nn_region_axis *a, int j, int rows)
{
    nn_ints zero = nn_lane() * 0, start = (nn_lane() + j) * a->stride, first = start - a->before,
            count = zero + a->count;
    if (a->count == 0)
        count = nn_least(first + a->k, zero + a->large) - (first & (first > 0));
    else if (a->count < 0)
        count = nn_least(a->padded - start, zero + a->k);
    return __builtin_convertvector(count * rows, nn_vec);
}

/* The averages of the regions j, j + 1, … of a row. */
NN_INLINE nn_vec nn_average_run(const nn_pool_regions *d, nn_plane plane, nn_region_span v, int j, const int inside)
{
    int column = j * d->h.stride - d->h.before;
    nn_vec sum = nn_zero();
    for (int row = v.first; row < v.last; row++) {
        for (int k = 0; k < d->h.k; k++) {
            nn_vec value =
                nn_load_steps(plane.x, plane.size, plane.at + (long)row * d->h.large + column + k, d->h.stride);
            if (!inside) value = nn_select(nn_inside(column + k, d->h.stride, d->h.large), value, nn_zero());
            sum += value;
        }
    }
    return sum / nn_run_count(&d->h, j, v.count);
}

NN_INLINE void nn_average_row(const nn_pool_regions *d, nn_plane plane, nn_region_span v, float *y, long at, long end)
{
    for (int j = 0; j < d->h.small; j += NN_W) {
        int count = d->h.small - j < NN_W ? d->h.small - j : NN_W;
        nn_vec run;
        if (nn_all_inside(j * d->h.stride - d->h.before, d->h.stride, count, d->h.k, d->h.large))
            run = nn_average_run(d, plane, v, j, 1);
        else
            run = nn_average_run(d, plane, v, j, 0);
        nn_store_run(y, at + j, end, count, run);
    }
}

/* The gradients of a row of regions: that of region j at k − 1 + j · stride, 0 between. */
NN_INLINE void nn_average_shares(const nn_pool_regions *d, nn_region_span v, const float *dy, float *line)
{
    nn_set_run(line, d->h.large + d->h.before + d->h.k + NN_W, 0);
    for (int j = 0; j < d->h.small; j += NN_W) {
        nn_lanes share;
        nn_store(share, nn_load_part(dy + j, d->h.small - j) / nn_run_count(&d->h, j, v.count));
        for (int i = 0; i < NN_W && j + i < d->h.small; i++) line[(j + i) * d->h.stride + d->h.k - 1] = share[i];
    }
}

/* Each element adds its gradients in the order of the regions.  `left`: floats from the plane on
 * that belong to this thread. */
NN_INLINE void nn_average_dx_row(const nn_pool_regions *d, float *plane, long left, nn_region_span v, const float *line)
{
    for (int row = v.first; row < v.last; row++) {
        for (int c = 0; c < d->h.large; c += NN_W) {
            long at = (long)row * d->h.large + c, count = d->h.large - c, extent = left - at >= NN_W ? NN_W : count;
            nn_vec sum = nn_load_part(plane + at, extent);
            for (int k = 0; k < d->h.k; k++) {
                nn_vec share = nn_load(line + c + d->h.before + k);
                if (count < NN_W) /* the lanes after the row belong to the next one */
                    share = nn_select(nn_lane() < (int)count, share, nn_zero());
                sum += share;
            }
            nn_store_part(plane + at, extent, sum);
        }
    }
}

NN_KERNEL void nn_region_avgpool(const nn_pool_regions *d, long n, const float *x, float *y, int t, int T)
{
    const long plane = (long)d->v.large * d->h.large, out = (long)d->v.small * d->h.small, planes = n * d->c;
    const long end = planes * (t + 1) / T * out;
    const int runs = nn_regions_in_runs(d);
    for (long p = planes * t / T; p < planes * (t + 1) / T; p++) {
        for (int i = 0; i < d->v.small; i++) {
            nn_region_span v = nn_region_span_of(&d->v, i);
            long at = p * out + (long)i * d->h.small;
            if (runs) nn_average_row(d, (nn_plane){x, planes * plane, p * plane}, v, y, at, end);
            for (int j = 0; !runs && j < d->h.small; j++)
                y[at + j] = nn_region_average(d, x + p * plane, v, nn_region_span_of(&d->h, j));
        }
    }
}

NN_KERNEL void nn_region_avgpool_dx(const nn_pool_regions *d, long n, const float *dy, float *dx, int t, int T)
{
    const long plane = (long)d->v.large * d->h.large, out = (long)d->v.small * d->h.small, planes = n * d->c;
    const int runs = nn_regions_in_runs(d) && d->h.before >= 0 && d->h.large + d->h.before + d->h.k <= NN_ROW;
    const long last = planes * (t + 1) / T;
    float line[NN_ROW + 2 * NN_W];
    for (long p = planes * t / T; p < last; p++) {
        nn_set_run(dx + p * plane, plane, 0);
        for (int i = 0; i < d->v.small; i++) {
            nn_region_span v = nn_region_span_of(&d->v, i);
            const float *row = dy + p * out + (long)i * d->h.small;
            if (runs) {
                nn_average_shares(d, v, row, line);
                nn_average_dx_row(d, dx + p * plane, last * plane - p * plane, v, line);
            }
            for (int j = 0; !runs && j < d->h.small; j++) nn_average_dx_one(d, dx + p * plane, v, j, row[j]);
        }
    }
}

/* ---- maxima ------------------------------------------------------------------------- */

/* argmax, if it is not NULL: row · w + column of the winner. */
NN_INLINE void nn_region_maximum(const nn_pool_regions *d, const float *plane, nn_region_span v, nn_region_span h,
                                 float *y, int *argmax)
{
    int winner = v.first * d->h.large + h.first;
    float best = plane[winner];
    for (int row = v.first; row < v.last; row++) {
        for (int column = h.first; column < h.last; column++) {
            float value = plane[row * d->h.large + column];
            if (value > best || value != value) best = value, winner = row * d->h.large + column;
        }
    }
    *y = best;
    if (argmax) *argmax = winner;
}

NN_KERNEL void nn_region_maxpool(const nn_pool_regions *d, long n, const float *x, float *y, int *argmax, int t, int T)
{
    const long plane = (long)d->v.large * d->h.large, out = (long)d->v.small * d->h.small;
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        for (int k = 0; k < out; k++) {
            nn_region_span v = nn_region_span_of(&d->v, k / d->h.small), h = nn_region_span_of(&d->h, k % d->h.small);
            nn_region_maximum(d, x + p * plane, v, h, y + p * out + k, argmax ? argmax + p * out + k : 0);
        }
    }
}

NN_KERNEL void nn_region_maxpool_dx(const nn_pool_regions *d, long n, const float *dy, const int *argmax, float *dx,
                                    int t, int T)
{
    const long plane = (long)d->v.large * d->h.large, out = (long)d->v.small * d->h.small;
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        nn_set_run(dx + p * plane, plane, 0);
        for (long k = p * out; k < (p + 1) * out; k++) dx[p * plane + argmax[k]] += dy[k];
    }
}

#endif
