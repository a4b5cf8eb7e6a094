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

enum { NN_ROW_SUMS = NN_GROUPED_PIXELS * NN_LINE_VECTORS };

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

/* Vectors of channels from c on, the last of which has `lanes`, of the pixels from `pixel` on. */
typedef struct nn_row_part {
    const nn_tap_table *taps;
    const nn_conv_row *row;
    int pixel;
    long c, lanes;
} nn_row_part;

/* Where tap k reads the first of them. */
NN_INLINE const void *nn_row_at(const int half, const nn_row_part *p, int k)
{
    return nn_at(half, p->row->image, p->c + p->taps->at[k] + p->pixel * p->taps->step);
}

enum { NN_ROW_TAPS = 3 }; /* neighbouring taps that read a pixel together */

/* Whether taps k, k + 1 and k + 2 read neighbouring pixels: each is one pixel ahead of the one before it. */
NN_INLINE int nn_taps_are_neighbours(const nn_tap_table *r, int k)
{
    return k + NN_ROW_TAPS <= r->taps && r->at[k + 1] - r->at[k] == r->step && r->at[k + 2] - r->at[k + 1] == r->step;
}

/* NN_ROW_TAPS such taps of a depthwise convolution, for which a vector of the image is loaded once: sum[P][V]. */
NN_INLINE void nn_row_neighbours(const int half, const int P, const int V, const nn_row_part *part, int k, nn_vec *sum)
{
    const void *x = nn_row_at(half, part, k);
    const float *w = part->row->panels + part->c;
    nn_vec weight[NN_ROW_TAPS][NN_ROW_SUMS];
    NN_UNROLL
    for (int tap = 0; tap < NN_ROW_TAPS; tap++) NN_UNROLL
    for (int v = 0; v < V; v++) weight[tap][v] = nn_load(w + part->taps->weight[k + tap] + v * NN_W);
    NN_UNROLL
    for (int m = 0; m < P + NN_ROW_TAPS - 1; m++) NN_UNROLL
    for (int v = 0; v < V; v++) {
        const nn_vec pixel = nn_load_some_as(half, nn_at(half, x, m * part->taps->step + v * NN_W), part->lanes);
        NN_UNROLL
        for (int tap = 0; tap < NN_ROW_TAPS; tap++)
            if (m >= tap && m - tap < P) sum[(m - tap) * V + v] += pixel * weight[tap][v];
    }
}

/* Whether the vectors of all pixels stay in registers beside the sums, until each of their channels is multiplied. */
enum { NN_ROW_VECTORS_STAY = NN_W == 16 };

/* Channel i of each group, of a vector of pixels that is at `group`, times its weights. */
NN_INLINE void nn_row_add(const int half, const int K, const int i, nn_vec x, const void *group, const float *weight,
                          nn_vec *sum)
{
    *sum += nn_broadcast_within(half, K, i, x, group) * nn_load(weight);
}

/* sum[P][V] of tap k. */
NN_INLINE void nn_row_tap(const int half, const int K, const int P, const int V, const nn_row_part *part, int k,
                          nn_vec *sum)
{
    const void *x = nn_row_at(half, part, k);
    const long next = part->row->panel_row, step = part->taps->step;
    const float *w = part->row->panels + part->c + part->taps->weight[k];
    nn_vec vector[NN_ROW_SUMS];
    NN_UNROLL
    for (int m = 0; m < P; m++) NN_UNROLL
    for (int v = 0; v < V; v++) {
        const void *at = nn_at(half, x, m * step + v * NN_W), *group = nn_group_of(half, K, at, part->c + v * NN_W);
        vector[m * V + v] = nn_load_some_as(half, at, part->lanes);
        NN_UNROLL
        for (int i = 0; i < K && !NN_ROW_VECTORS_STAY; i++)
            nn_row_add(half, K, i, vector[m * V + v], group, w + i * next + v * NN_W, &sum[m * V + v]);
    }
    NN_UNROLL
    for (int i = 0; i < K && NN_ROW_VECTORS_STAY; i++) NN_UNROLL
    for (int v = 0; v < V; v++) NN_UNROLL
    for (int m = 0; m < P; m++) {
        const void *at = nn_at(half, x, m * step + v * NN_W), *group = nn_group_of(half, K, at, part->c + v * NN_W);
        nn_row_add(half, K, i, vector[m * V + v], group, w + i * next + v * NN_W, &sum[m * V + v]);
    }
}

/* sum[P][V] of all taps.  Of one pixel taps may be outside the image, of more they are all inside. */
NN_INLINE void nn_row_sums(const int half, const int K, const int P, const int V, const nn_row_part *part, nn_vec *sum)
{
    const nn_tap_table *r = part->taps;
    for (int k = 0; k < r->taps; k++) {
        const int column = r->column[k] + part->pixel * r->stride;
        if (P == 1 && (column < 0 || column >= r->width)) continue;
        if (K == 1 && P > 1 && nn_taps_are_neighbours(r, k)) {
            nn_row_neighbours(half, P, V, part, k, sum);
            k += NN_ROW_TAPS - 1;
            continue;
        }
        nn_row_tap(half, K, P, V, part, k, sum);
    }
}

/* Where the results are, and the residual. */
NN_INLINE long nn_row_to(const nn_row_part *p) { return p->row->at + p->pixel * p->row->stride + p->c; }

/* The residual is in bf16 (half). */
NN_INLINE void nn_row_residual(const int half, const int P, const int V, const nn_row_part *part, nn_vec *sum)
{
    const void *residual = nn_at(half, part->row->epilogue.residual, nn_row_to(part));
    NN_UNROLL
    for (int m = 0; m < P; m++) NN_UNROLL
    for (int v = 0; v < V; v++)
        sum[m * V + v] += nn_load_some_as(half, nn_at(half, residual, m * part->row->stride + v * NN_W), part->lanes);
}

/* The results are in bf16 (half). */
NN_INLINE void nn_row_write(const int half, const int P, const int V, const nn_row_part *part, const nn_vec *sum)
{
    void *y = nn_place(half, part->row->y, nn_row_to(part));
    NN_UNROLL
    for (int m = 0; m < P; m++) NN_UNROLL
    for (int v = 0; v < V; v++)
        nn_store_some_as(half, nn_place(half, y, m * part->row->stride + v * NN_W), part->lanes, sum[m * V + v]);
}

/* The epilogue and the results.  Each part of it is done for all sums: branches for each of them would take as long
 * as the products of few taps. */
NN_INLINE void nn_row_store(const int half, const int P, const int V, const nn_row_part *part, nn_vec *sum)
{
    const nn_epilogue *e = &part->row->epilogue;
    if (e->scale) NN_UNROLL
    for (int v = 0; v < V; v++) {
        const nn_vec scale = nn_load_some(e->scale + part->c + v * NN_W, part->lanes);
        const nn_vec shift = nn_load_some(e->shift + part->c + v * NN_W, part->lanes);
        NN_UNROLL
        for (int m = 0; m < P; m++) sum[m * V + v] = sum[m * V + v] * scale + shift;
    }
    if (e->residual && half && e->residual_half)
        nn_row_residual(1, P, V, part, sum);
    else if (e->residual)
        nn_row_residual(0, P, V, part, sum);
    if (e->relu) NN_UNROLL
    for (int i = 0; i < P * V; i++) sum[i] = nn_relu_of(sum[i]);
    if (e->relu == NN_RELU6) NN_UNROLL
    for (int i = 0; i < P * V; i++) sum[i] = nn_at_most_6(sum[i]);
    if (half && part->row->half)
        nn_row_write(1, P, V, part, sum);
    else
        nn_row_write(0, P, V, part, sum);
}

/* V vectors of P pixels; K channels of a group. */
NN_INLINE void nn_row_vectors(const int half, const int K, const int P, const int V, nn_row_part part)
{
    const float *bias = part.row->bias;
    nn_vec sum[NN_ROW_SUMS];
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        const nn_vec start = bias ? nn_load_some(bias + part.c + v * NN_W, part.lanes) : nn_zero();
        NN_UNROLL
        for (int m = 0; m < P; m++) sum[m * V + v] = start;
    }
    nn_row_sums(half, K, P, V, &part, sum);
    nn_row_store(half, P, V, &part, sum);
}

/* All whole vectors of channels of P pixels, V at a time. */
NN_INLINE void nn_row_pixels(const int half, const int K, const int P, const int V, const nn_tap_table *r,
                             const nn_conv_row *l, int pixel)
{
    long c = 0;
    for (; c + V * NN_W <= l->channels; c += V * NN_W)
        nn_row_vectors(half, K, P, V, (nn_row_part){r, l, pixel, c, NN_W});
    for (; V > 1 && c + NN_W <= l->channels; c += NN_W)
        nn_row_vectors(half, K, P, 1, (nn_row_part){r, l, pixel, c, NN_W});
}

/* The channels after these. */
NN_INLINE void nn_row_rest(const int half, const int K, const nn_tap_table *r, const nn_conv_row *l, long c)
{
    const int P = half || K > 1 ? 1 : NN_GROUPED_PIXELS;
    for (int pixel = 0; pixel < l->pixels;) {
        const int inside = pixel >= r->first && pixel + P <= r->last;
        const nn_row_part part = {r, l, pixel, c, l->channels - c};
        if (P > 1 && inside)
            nn_row_vectors(half, K, P, 1, part);
        else
            nn_row_vectors(half, K, 1, 1, part);
        pixel += inside ? P : 1;
    }
}

/* K channels of a group.  Pixels whose taps are all inside are computed side by side, of a depthwise convolution in
 * smaller numbers, too; the others one at a time, with several vectors of channels. */
NN_INLINE void nn_row_run(const int half, const int K, const nn_tap_table *r, const nn_conv_row *row)
{
    enum { ALL = NN_GROUPED_PIXELS, HALF = ALL / 2, ALONE = NN_ROW_SUMS / 2 };
    const nn_conv_row l = *row; /* a copy, which stores to y cannot alias */
    const long whole = l.channels / NN_W * NN_W;
    for (int pixel = 0; pixel < l.pixels && whole > 0;) {
        const int inside = pixel < r->first ? 0 : r->last - pixel;
        if (inside >= ALL) {
            nn_row_pixels(half, K, ALL, NN_LINE_VECTORS, r, &l, pixel);
            pixel += ALL;
        } else if (K == 1 && HALF > 1 && inside >= HALF) {
            nn_row_pixels(half, K, HALF, 2 * NN_LINE_VECTORS, r, &l, pixel);
            pixel += HALF;
        } else {
            nn_row_pixels(half, K, 1, ALONE, r, &l, pixel);
            pixel++;
        }
    }
    if (whole < l.channels) nn_row_rest(half, K, r, &l, whole);
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
            for (int k = 0; k < d->kh * d->kw; k++) { /* of a row from the right, so that pixels are read in order */
                const int i = k / d->kw, j = d->kw - 1 - k % d->kw, tap = i * d->kw + j;
                const int u = h + d->top - i * d->dh, v = q + d->left - j * d->dw;
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
