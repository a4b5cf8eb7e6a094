/*
 * conv_rows.h: rows of output pixels with the outputs in the lanes, for convolutions of groups with few
 * channels and as many outputs: grouped (conv_grouped.h) and depthwise (conv_depthwise.h).
 *
 * At each tap a lane reads the K channels of its group, one after the other: a vector of the image
 * with channel i of each group broadcast to the group's lanes.  Panels are [tap][i][output], padded
 * to whole vectors.  conv.h has the formulas.  The image that is read is of floats or (half) of bf16; then
 * what is written and added to it may be either.
 */
#ifndef NN_CONV_ROWS_H
#define NN_CONV_ROWS_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/simd/elements.h"
#include "runtime/kernels/simd/lanes.h"

/* ---- weights ------------------------------------------------------------------------ */

/* Floats of a row of outputs in the panels. */
NN_INLINE long nn_panel_row(const nn_conv *d) { return (d->c + NN_PANEL - 1) / NN_PANEL * NN_PANEL; }

/* From [output][i][tap] (`half`: in bf16) to [tap][i][output]; `back`, for backward-data, swaps outputs and channels. */
NN_INLINE void nn_rows_panels(const int half, const int back, const nn_conv *d, const void *weight, float *panels,
                              int t, int T)
{
    const long taps = d->kh * d->kw, row = nn_panel_row(d), k = d->c / d->groups;
    for (long p = taps * k * t / T; p < taps * k * (t + 1) / T; p++) {
        const long tap = p / k, i = p % k;
        for (long c = 0; c < row; c++) {
            const long from = back ? (c / k * k + i) * k + c % k : c * k + i;
            panels[p * row + c] = c < d->c ? nn_number_at(half, weight, from * taps + tap) : 0;
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

/* Channel i of each group of K lanes in all its lanes, of x; or of a vector within a group that begins at `group`. */
NN_INLINE nn_vec nn_broadcast_within(const int half, const int K, const int i, nn_vec x, const void *group)
{
    if (K == 1) return x;
    if (K >= NN_W) return nn_broadcast(nn_number_at(half, group, i));
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

/* Where the group of the vector at `at` begins, which is c channels after a whole number of groups. */
NN_INLINE const void *nn_group_of(const int half, const int K, const void *at, long c)
{
    return K > NN_W ? nn_at(half, at, -(c % K)) : at;
}

/* ---- taps --------------------------------------------------------------------------- */

/* The taps of a row of pixels.  From one pixel to the next, each tap moves by `stride` columns or `step` elements. */
typedef struct nn_tap_table {
    int taps;
    int column[NN_MAX_TAPS]; /* that pixel 0 reads */
    long at[NN_MAX_TAPS];    /* the same as an offset from the image, in elements */
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

/* ---- a row of pixels -------------------------------------------------------------------- */

/* A row of pixels: what its taps are offsets from, and where its outputs go, from element `at` of y on, `stride`
 * elements apart; the residual has the same offsets. */
typedef struct nn_conv_row {
    const void *image;
    const float *panels;
    long panel_row; /* floats of a row of the panels */
    int pixels, channels;
    void *y;
    int half; /* y is in bf16 */
    long at, stride;
    const float *bias;
    nn_epilogue epilogue; /* all of it 0: none */
} nn_conv_row;

/* One vector of one pixel, from channel c on; taps may be outside the image. */
NN_INLINE nn_vec nn_row_sum(const int half, const int K, const nn_tap_table *r, const nn_conv_row *l, long c, int pixel,
                            nn_vec sum)
{
    for (int k = 0; k < r->taps; k++) {
        const int column = r->column[k] + pixel * r->stride;
        if (column < 0 || column >= r->width) continue;
        const void *at = nn_at(half, l->image, c + r->at[k] + pixel * r->step);
        const float *w = l->panels + c + r->weight[k];
        const void *group = nn_group_of(half, K, at, c);
        const nn_vec x = nn_load_some_as(half, at, l->channels - c);
        NN_UNROLL
        for (int i = 0; i < K; i++) sum += nn_broadcast_within(half, K, i, x, group) * nn_load(w + i * l->panel_row);
    }
    return sum;
}

/* A cache line of channels of NN_GROUPED_PIXELS pixels, whose taps are all inside. */
NN_INLINE void nn_row_sums(const int half, const int K, const nn_tap_table *r, const nn_conv_row *l, long c, int pixel,
                           nn_vec sum[NN_GROUPED_PIXELS][NN_LINE_VECTORS])
{
    for (int k = 0; k < r->taps; k++) {
        const void *x = nn_at(half, l->image, c + r->at[k] + pixel * r->step);
        const float *w = l->panels + c + r->weight[k];
        NN_UNROLL
        for (int i = 0; i < K; i++) {
            nn_vec weight[NN_LINE_VECTORS];
            NN_UNROLL
            for (int v = 0; v < NN_LINE_VECTORS; v++) weight[v] = nn_load(w + i * l->panel_row + v * NN_W);
            NN_UNROLL
            for (int m = 0; m < NN_GROUPED_PIXELS; m++) NN_UNROLL
            for (int v = 0; v < NN_LINE_VECTORS; v++) {
                const void *at = nn_at(half, x, m * r->step + v * NN_W);
                const void *group = nn_group_of(half, K, at, v * NN_W);
                sum[m][v] += nn_broadcast_within(half, K, i, nn_load_as(half, at), group) * weight[v];
            }
        }
    }
}

/* To the pixel from element `at` on. */
NN_INLINE void nn_row_store(const int half, const nn_conv_row *l, long at, long c, long lanes, nn_vec sum)
{
    const nn_epilogue *e = &l->epilogue;
    const int to = half && l->half, from = half && e->residual_half;
    nn_store_some_as(to, nn_place(to, l->y, at + c), lanes, nn_epilogue_apply(from, e, c, lanes, at + c, sum));
}

/* All channels of the pixels, a cache line of channels at a time; K channels of a group. */
NN_INLINE void nn_row_run(const int half, const int K, const nn_tap_table *r, const nn_conv_row *row)
{
    const nn_conv_row l = *row; /* a copy, which stores to y cannot alias */
    for (long c = 0; c < l.channels; c += NN_LINE) {
        const int whole = l.channels - c >= NN_LINE;
        for (int pixel = 0; pixel < l.pixels;) {
            const long at = l.at + pixel * l.stride;
            if (whole && pixel >= r->first && pixel + NN_GROUPED_PIXELS <= r->last) {
                nn_vec sum[NN_GROUPED_PIXELS][NN_LINE_VECTORS];
                NN_UNROLL
                for (int m = 0; m < NN_GROUPED_PIXELS; m++) NN_UNROLL
                for (int v = 0; v < NN_LINE_VECTORS; v++)
                    sum[m][v] = l.bias ? nn_load(l.bias + c + v * NN_W) : nn_zero();
                nn_row_sums(half, K, r, &l, c, pixel, sum);
                NN_UNROLL
                for (int m = 0; m < NN_GROUPED_PIXELS; m++) NN_UNROLL
                for (int v = 0; v < NN_LINE_VECTORS; v++)
                    nn_row_store(half, &l, at + m * l.stride, c + v * NN_W, NN_W, sum[m][v]);
                pixel += NN_GROUPED_PIXELS;
                continue;
            }
            for (long v = c; v < l.channels && v < c + NN_LINE; v += NN_W) {
                const long lanes = l.channels - v;
                nn_vec sum = l.bias ? nn_load_some(l.bias + v, lanes) : nn_zero();
                nn_row_store(half, &l, at, v, lanes, nn_row_sum(half, K, r, &l, v, pixel, sum));
            }
            pixel++;
        }
    }
}

/* ---- all rows ------------------------------------------------------------------------ */

/* Computes a row with K channels in a group. */
typedef void nn_row_kernel(int K, const nn_tap_table *, const nn_conv_row *);

/* What all rows have in common. */
NN_INLINE nn_conv_row nn_rows_of(const nn_conv *d, const nn_conv_args *a)
{
    nn_conv_row l = {
        .panels = (const float *)a->panels, .panel_row = nn_panel_row(d), .channels = d->c, .y = a->y, .bias = a->bias};
    l.half = a->half;
    if (a->epilogue) l.epilogue = *a->epilogue;
    return l;
}

/* Part t of T of the rows of the small image; x is the large one. */
NN_INLINE void nn_rows_forward(const int half, nn_row_kernel *run, const nn_conv *d, nn_conv_row l, const void *x,
                               int t, int T)
{
    const int K = d->c / d->groups;
    const long rows = (long)d->n * d->oh, step = nn_panel_row(d) * K;
    l.pixels = d->ow;
    l.stride = d->o_step;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const int top = (int)(k % d->oh) * d->sh - d->top;
        nn_tap_table r;
        nn_tap_table_open(&r, d->sw, d->w, (long)d->sw * d->c_step);
        for (int tap = 0; tap < d->kh * d->kw; tap++) {
            const int h = top + tap / d->kw * d->dh, w = tap % d->kw * d->dw - d->left;
            if (h >= 0 && h < d->h) nn_tap_table_add(&r, w, ((long)h * d->w + w) * d->c_step, tap * step);
        }
        nn_tap_table_close(&r, d->ow);
        l.image = nn_at(half, x, k / d->oh * d->h * d->w * d->c_step);
        l.at = k * d->ow * d->o_step;
        run(K, &r, &l);
    }
}

/* Part t of T of the rows of the large image; x is the small one.  The pixels of a row with the same residue
 * modulo the stride have the same taps, which read neighbouring pixels. */
NN_INLINE void nn_rows_backward_data(const int half, nn_row_kernel *run, const nn_conv *d, nn_conv_row l, const void *x,
                                     int t, int T)
{
    const int K = d->c / d->groups;
    const long rows = (long)d->n * d->h, step = nn_panel_row(d) * K;
    l.stride = (long)d->sw * d->c_step;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const int h = (int)(k % d->h);
        l.image = nn_at(half, x, k / d->h * d->oh * d->ow * d->o_step);
        for (int q = 0; q < d->sw && q < d->w; q++) {
            nn_tap_table r;
            nn_tap_table_open(&r, 1, d->ow, d->o_step);
            for (int tap = 0; tap < d->kh * d->kw; tap++) {
                const int u = h + d->top - tap / d->kw * d->dh, v = q + d->left - tap % d->kw * d->dw;
                if (u < 0 || u % d->sh || u / d->sh >= d->oh || v % d->sw) continue;
                nn_tap_table_add(&r, v / d->sw, ((long)(u / d->sh) * d->ow + v / d->sw) * d->o_step, tap * step);
            }
            l.pixels = (d->w - q + d->sw - 1) / d->sw;
            nn_tap_table_close(&r, l.pixels);
            l.at = (k * d->w + q) * d->c_step;
            run(K, &r, &l);
        }
    }
}

#endif
