/*
 * conv_grouped.h: grouped convolution of NHWC images with few channels per group, as many outputs
 * as channels; depthwise convolution is the case of one.
 *
 * Outputs are in the lanes.  At each tap a lane reads the K channels of its group, one after the
 * other: a vector of the image with channel i of each group broadcast to the group's lanes.
 * Panels are [tap][i][output], padded to whole vectors.  conv.h has the formulas.
 */
#ifndef NN_CONV_GROUPED_H
#define NN_CONV_GROUPED_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/simd/transpose.h"

enum { NN_GROUPED_CHANNELS = NN_W < 8 ? NN_W : 8 }; /* largest number of channels in a group */

/* The channels of a group if this kernel serves them, 1, 2, 4 or 8; else 0. */
NN_INLINE int nn_grouped_channels(const nn_conv *d)
{
    const int k = d->c / d->groups;
    return d->groups > 1 && d->c == d->o && k <= NN_GROUPED_CHANNELS && (k & (k - 1)) == 0 ? k : 0;
}

NN_INLINE long nn_grouped_row(const nn_conv *d) { return (d->c + NN_PANEL - 1) / NN_PANEL * NN_PANEL; }

/* From [output][i][tap] to [tap][i][output]; `back`, for backward-data, swaps outputs and channels. */
NN_KERNEL void nn_grouped_panels(const nn_conv *d, int back, const float *weight, float *panels, int t, int T)
{
    const long taps = d->kh * d->kw, row = nn_grouped_row(d), k = nn_grouped_channels(d);
    for (long p = taps * k * t / T; p < taps * k * (t + 1) / T; p++) {
        const long tap = p / k, i = p % k;
        for (long c = 0; c < row; c++) {
            const long from = back ? (c / k * k + i) * k + c % k : c * k + i;
            panels[p * row + c] = c < d->c ? weight[from * taps + tap] : 0;
        }
    }
}

/* ---- channel i of each group of 2, 4 or 8 lanes, in all its lanes --------------------- */

#if NN_W == 16
#define NN_TWOS(i) \
    i, i, 2 + i, 2 + i, 4 + i, 4 + i, 6 + i, 6 + i, 8 + i, 8 + i, 10 + i, 10 + i, 12 + i, 12 + i, 14 + i, 14 + i
#define NN_FOURS(i)  i, i, i, i, 4 + i, 4 + i, 4 + i, 4 + i, 8 + i, 8 + i, 8 + i, 8 + i, 12 + i, 12 + i, 12 + i, 12 + i
#define NN_EIGHTS(i) i, i, i, i, i, i, i, i, 8 + i, 8 + i, 8 + i, 8 + i, 8 + i, 8 + i, 8 + i, 8 + i
#elif NN_W == 8
#define NN_TWOS(i)  i, i, 2 + i, 2 + i, 4 + i, 4 + i, 6 + i, 6 + i
#define NN_FOURS(i) i, i, i, i, 4 + i, 4 + i, 4 + i, 4 + i
#else
#define NN_TWOS(i) i, i, 2 + i, 2 + i
#endif

/* Channel i of each group of K lanes in all its lanes; x was read from `at`. */
NN_INLINE nn_vec nn_broadcast_within(const int K, const int i, nn_vec x, const float *at)
{
    if (K == 1) return x;
    if (K == NN_W) return nn_broadcast(at[i]);
    if (K == 2) return i ? NN_PERMUTE(x, x, NN_TWOS(1)) : NN_PERMUTE(x, x, NN_TWOS(0));
#if defined(NN_FOURS)
    if (K == 4 && i < 2) return i ? NN_PERMUTE(x, x, NN_FOURS(1)) : NN_PERMUTE(x, x, NN_FOURS(0));
    if (K == 4) return i > 2 ? NN_PERMUTE(x, x, NN_FOURS(3)) : NN_PERMUTE(x, x, NN_FOURS(2));
#endif
#if defined(NN_EIGHTS)
    switch (i) {
    case 0: return NN_PERMUTE(x, x, NN_EIGHTS(0));
    case 1: return NN_PERMUTE(x, x, NN_EIGHTS(1));
    case 2: return NN_PERMUTE(x, x, NN_EIGHTS(2));
    case 3: return NN_PERMUTE(x, x, NN_EIGHTS(3));
    case 4: return NN_PERMUTE(x, x, NN_EIGHTS(4));
    case 5: return NN_PERMUTE(x, x, NN_EIGHTS(5));
    case 6: return NN_PERMUTE(x, x, NN_EIGHTS(6));
    case 7: return NN_PERMUTE(x, x, NN_EIGHTS(7));
    }
#endif
    return x;
}

/* ---- a row of pixels ---------------------------------------------------------- */

/* The taps of a row of pixels.  From one pixel to the next, each tap moves by `stride` columns or `step` floats. */
typedef struct nn_tap_table {
    int taps;
    int column[NN_MAX_TAPS]; /* that pixel 0 reads */
    long at[NN_MAX_TAPS];    /* the same as an offset from the image, in floats */
    long weight[NN_MAX_TAPS];
    int stride, width; /* of a pixel, and of the image, in columns */
    long step;
    int first, last; /* the pixels whose taps are all inside */
} nn_tap_table;

/* An empty table.  The arrays are not cleared, since there is a table for every row. */
NN_INLINE void nn_tap_table_open(nn_tap_table *r, int stride, int width, long step)
{
    r->taps = 0;
    r->stride = stride;
    r->width = width;
    r->step = step;
}

NN_INLINE void nn_tap_table_add(nn_tap_table *r, int column, long at, long weight)
{
    r->column[r->taps] = column;
    r->at[r->taps] = at;
    r->weight[r->taps++] = weight;
}

NN_INLINE void nn_tap_table_close(nn_tap_table *r, int pixels)
{
    r->first = 0;
    r->last = pixels;
    for (int k = 0; k < r->taps; k++) {
        const int before = r->column[k] < 0 ? (-r->column[k] + r->stride - 1) / r->stride : 0;
        const int inside = r->column[k] < r->width ? (r->width - 1 - r->column[k]) / r->stride + 1 : 0;
        if (before > r->first) r->first = before;
        if (inside < r->last) r->last = inside;
    }
    if (r->last < r->first) r->last = r->first;
}

/* One vector of one pixel, whose taps may be outside the image. */
NN_INLINE nn_vec nn_tap_table_pixel(const int K, const nn_tap_table *r, const float *image, const float *panels,
                                    long row, int pixel, long lanes, nn_vec sum)
{
    for (int k = 0; k < r->taps; k++) {
        const int column = r->column[k] + pixel * r->stride;
        if (column < 0 || column >= r->width) continue;
        const float *at = image + r->at[k] + pixel * r->step, *w = panels + r->weight[k];
        const nn_vec x = nn_load_some(at, lanes);
        NN_UNROLL
        for (int i = 0; i < K; i++) sum += nn_broadcast_within(K, i, x, at) * nn_load(w + i * row);
    }
    return sum;
}

NN_INLINE void nn_tap_table_pixels(const int K, const nn_tap_table *r, const float *image, const float *panels,
                                   long row, int pixel, nn_vec sum[NN_GROUPED_PIXELS][NN_LINE_VECTORS])
{
    for (int k = 0; k < r->taps; k++) {
        const float *x = image + r->at[k] + pixel * r->step, *w = panels + r->weight[k];
        NN_UNROLL
        for (int i = 0; i < K; i++) {
            nn_vec weight[NN_LINE_VECTORS];
            NN_UNROLL
            for (int v = 0; v < NN_LINE_VECTORS; v++) weight[v] = nn_load(w + i * row + v * NN_W);
            NN_UNROLL
            for (int m = 0; m < NN_GROUPED_PIXELS; m++) NN_UNROLL
            for (int v = 0; v < NN_LINE_VECTORS; v++) {
                const float *at = x + m * r->step + v * NN_W;
                sum[m][v] += nn_broadcast_within(K, i, nn_load(at), at) * weight[v];
            }
        }
    }
}

/* The destination of a row of pixels, `stride` floats apart, of the image at `base`. */
typedef struct nn_grouped_output {
    float *y, *base;
    long stride;
    const float *bias;
    const nn_epilogue *epilogue;
} nn_grouped_output;

NN_INLINE void nn_grouped_output_store(const nn_grouped_output *l, float *y, long c, long lanes, nn_vec sum)
{
    const nn_epilogue *epilogue = l->epilogue;
    if (epilogue)
        sum = nn_epilogue_apply(epilogue, (int)c, lanes,
                                epilogue->residual ? epilogue->residual + (y + c - l->base) : 0, sum);
    nn_store_some(y + c, lanes, sum);
}

/* All channels of the pixels, a cache line of channels at a time. */
NN_INLINE void nn_grouped_row_channels(const int K, const nn_tap_table *r, const nn_grouped_output *l,
                                       const float *image, const float *panels, long row, int pixels, long channels)
{
    for (long c = 0; c < channels; c += NN_LINE) {
        const int whole = channels - c >= NN_LINE;
        for (int pixel = 0; pixel < pixels;) {
            float *y = l->y + pixel * l->stride;
            if (whole && pixel >= r->first && pixel + NN_GROUPED_PIXELS <= r->last) {
                nn_vec sum[NN_GROUPED_PIXELS][NN_LINE_VECTORS];
                NN_UNROLL
                for (int m = 0; m < NN_GROUPED_PIXELS; m++) NN_UNROLL
                for (int v = 0; v < NN_LINE_VECTORS; v++)
                    sum[m][v] = l->bias ? nn_load(l->bias + c + v * NN_W) : nn_zero();
                nn_tap_table_pixels(K, r, image + c, panels + c, row, pixel, sum);
                NN_UNROLL
                for (int m = 0; m < NN_GROUPED_PIXELS; m++) NN_UNROLL
                for (int v = 0; v < NN_LINE_VECTORS; v++)
                    nn_grouped_output_store(l, y + m * l->stride, c + v * NN_W, NN_W, sum[m][v]);
                pixel += NN_GROUPED_PIXELS;
                continue;
            }
            for (long v = c; v < channels && v < c + NN_LINE; v += NN_W) {
                const long lanes = channels - v;
                nn_vec sum = l->bias ? nn_load_some(l->bias + v, lanes) : nn_zero();
                nn_grouped_output_store(l, y, v, lanes,
                                        nn_tap_table_pixel(K, r, image + v, panels + v, row, pixel, lanes, sum));
            }
            pixel++;
        }
    }
}

NN_KERNEL void nn_grouped_row_run(const nn_conv *d, const nn_tap_table *r, const nn_grouped_output *l,
                                  const float *image, const float *panels, int pixels)
{
    const long row = nn_grouped_row(d);
    switch (nn_grouped_channels(d)) {
    case 1: nn_grouped_row_channels(1, r, l, image, panels, row, pixels, d->c); break;
    case 2: nn_grouped_row_channels(2, r, l, image, panels, row, pixels, d->c); break;
    case 4: nn_grouped_row_channels(4, r, l, image, panels, row, pixels, d->c); break;
#if defined(NN_FOURS)
    case 8: nn_grouped_row_channels(8, r, l, image, panels, row, pixels, d->c); break;
#endif
    }
}

/* ---- forward, and the gradient of the input ---------------------------------------- */

NN_KERNEL void nn_grouped_forward(const nn_conv *d, const float *large, const float *panels, const float *bias,
                                  const nn_epilogue *epilogue, float *small, int t, int T)
{
    const long rows = (long)d->n * d->oh, row = nn_grouped_row(d) * nn_grouped_channels(d);
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const float *image = large + k / d->oh * d->h * d->w * d->c_step;
        const int top = (int)(k % d->oh) * d->sh - d->top;
        nn_tap_table r;
        nn_tap_table_open(&r, d->sw, d->w, (long)d->sw * d->c_step);
        for (int tap = 0; tap < d->kh * d->kw; tap++) {
            const int h = top + tap / d->kw * d->dh, w = tap % d->kw * d->dw - d->left;
            if (h >= 0 && h < d->h) nn_tap_table_add(&r, w, ((long)h * d->w + w) * d->c_step, tap * row);
        }
        nn_tap_table_close(&r, d->ow);
        const nn_grouped_output line = {small + k * d->ow * d->o_step, small, d->o_step, bias, epilogue};
        nn_grouped_row_run(d, &r, &line, image, panels, d->ow);
    }
}

/* The pixels of a row with the same residue modulo the stride have the same taps, which read neighbouring pixels. */
NN_KERNEL void nn_grouped_backward_data(const nn_conv *d, const float *small, const float *panels, const float *bias,
                                        float *large, int t, int T)
{
    const long rows = (long)d->n * d->h, row = nn_grouped_row(d) * nn_grouped_channels(d);
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const float *image = small + k / d->h * d->oh * d->ow * d->o_step;
        const int h = (int)(k % d->h);
        for (int q = 0; q < d->sw && q < d->w; q++) {
            const int pixels = (d->w - q + d->sw - 1) / d->sw;
            nn_tap_table r;
            nn_tap_table_open(&r, 1, d->ow, d->o_step);
            for (int tap = 0; tap < d->kh * d->kw; tap++) {
                const int u = h + d->top - tap / d->kw * d->dh, v = q + d->left - tap % d->kw * d->dw;
                if (u < 0 || u % d->sh || u / d->sh >= d->oh || v % d->sw) continue;
                nn_tap_table_add(&r, v / d->sw, ((long)(u / d->sh) * d->ow + v / d->sw) * d->o_step, tap * row);
            }
            nn_tap_table_close(&r, pixels);
            const nn_grouped_output line = {large + (k * d->w + q) * d->c_step, large, (long)d->sw * d->c_step, bias,
                                            0};
            nn_grouped_row_run(d, &r, &line, image, panels, pixels);
        }
    }
}

/* ---- the gradient of the weights ------------------------------------------------------ */

enum { NN_DEPTHWISE_TAPS = 3 };

/* sum[tap][v] += Σ over one row of pixels, `count` taps from j on of one row of the kernel,
 * V vectors of channels; lanes: NN_W, or with one vector those in use. */
NN_INLINE void nn_depthwise_row_sum(const int count, const int V, const nn_conv *d, const float *x, const float *dy,
                                    int j, long lanes, nn_vec sum[][NN_LINE_VECTORS])
{
    const long tap = (long)d->dw * d->c_step;
    nn_vec part[NN_DEPTHWISE_TAPS][NN_LINE_VECTORS];
    NN_UNROLL
    for (int k = 0; k < count; k++) NN_UNROLL
    for (int v = 0; v < V; v++) part[k][v] = nn_zero();
    for (int pixel = 0; pixel < d->ow; pixel++, dy += d->o_step) {
        const int w = pixel * d->sw - d->left + j * d->dw, inside = w >= 0 && w + (count - 1) * d->dw < d->w;
        const float *at = x + (long)w * d->c_step;
        NN_UNROLL
        for (int k = 0; k < count; k++) {
            if (!inside && (w + k * d->dw < 0 || w + k * d->dw >= d->w)) continue;
            NN_UNROLL
            for (int v = 0; v < V; v++)
                part[k][v] += nn_load_some(at + k * tap + v * NN_W, lanes) * nn_load_some(dy + v * NN_W, lanes);
        }
    }
    NN_UNROLL
    for (int k = 0; k < count; k++) NN_UNROLL
    for (int v = 0; v < V; v++) sum[k][v] += part[k][v];
}

/* sum[tap][v], of all pixels */
NN_INLINE void nn_depthwise_sums(const int V, const nn_conv *d, const float *large, const float *small, long lanes,
                                 nn_vec sum[][NN_LINE_VECTORS])
{
    for (int tap = 0; tap < d->kh * d->kw; tap++) NN_UNROLL
    for (int v = 0; v < V; v++) sum[tap][v] = nn_zero();
    for (long k = 0; k < (long)d->n * d->oh; k++) {
        const float *dy = small + k * d->ow * d->o_step;
        for (int i = 0; i < d->kh; i++) {
            const int h = (int)(k % d->oh) * d->sh - d->top + i * d->dh;
            const float *x = large + (k / d->oh * d->h + h) * d->w * d->c_step;
            if (h < 0 || h >= d->h) continue;
            int j = 0;
            for (; j + NN_DEPTHWISE_TAPS <= d->kw; j += NN_DEPTHWISE_TAPS)
                nn_depthwise_row_sum(NN_DEPTHWISE_TAPS, V, d, x, dy, j, lanes, sum + i * d->kw + j);
            for (; j < d->kw; j++) nn_depthwise_row_sum(1, V, d, x, dy, j, lanes, sum + i * d->kw + j);
        }
    }
}

/* The sums of some vectors of channels, to weight[channel][tap]. */
NN_INLINE void nn_depthwise_store(int vectors, int taps, long lanes, nn_vec sum[][NN_LINE_VECTORS], float *weight)
{
    for (int tap = 0; tap < taps; tap++) {
        for (int v = 0; v < vectors; v++) {
            nn_lanes lane;
            nn_store(lane, sum[tap][v]);
            for (long l = 0; l < lanes; l++) weight[(v * NN_W + l) * taps + tap] = lane[l];
        }
    }
}

/* weight: [c][tap]; part t of T of the cache lines of channels. */
NN_KERNEL void nn_depthwise_wgrad(const nn_conv *d, const float *large, const float *small, float *weight, int t, int T)
{
    const int taps = d->kh * d->kw;
    const long units = (d->c + NN_LINE - 1) / NN_LINE;
    nn_vec sum[NN_MAX_TAPS][NN_LINE_VECTORS];
    for (long unit = units * t / T; unit < units * (t + 1) / T; unit++) {
        const int whole = d->c - unit * NN_LINE >= NN_LINE;
        for (long c = unit * NN_LINE; c < d->c && c < (unit + 1) * NN_LINE; c += whole ? NN_LINE : NN_W) {
            const long lanes = d->c - c < NN_W ? d->c - c : NN_W;
            if (whole)
                nn_depthwise_sums(NN_LINE_VECTORS, d, large + c, small + c, NN_W, sum);
            else
                nn_depthwise_sums(1, d, large + c, small + c, lanes, sum);
            nn_depthwise_store(whole ? NN_LINE_VECTORS : 1, taps, lanes, sum, weight + c * taps);
        }
    }
}

#endif
