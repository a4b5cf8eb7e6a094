/*
 * quantized_depthwise.h: convolution over int8 numbers of which each group is one channel, NHWC.
 *
 *   sum = bias[c] + Σ_tap w[c][tap] · (x[tap][c] − zero)
 *   y[c] = clamp(nn_rescale(sum, multiplier[c], shift[c]) + out_zero, low, high)
 *
 * A lane of 32 bits adds the products of NN_QUANT_TAPS taps of a channel: of as many rows at one column
 * or, where the window has one row, of as many columns.  What they read is interleaved for the columns of
 * a run of outputs (the band) with zero around the image, so that neighbouring windows share it and no
 * tap looks for a border: Σ w · (x − zero) = Σ w · x − zero · Σ w for all windows.
 *
 * Panels of 16 channels, [column of taps][rows / 4][16][4] bytes, of one row [columns / 4][16][4], and
 * behind them Σ w in 32 bits.
 */
#ifndef NN_QUANTIZED_DEPTHWISE_H
#define NN_QUANTIZED_DEPTHWISE_H

#include "runtime/kernels/quantized/quantized_types.h"

#ifdef NN_LINKED

void nn_int8_depthwise_panels(long c, long kh, long kw, const int8_t *weight, int8_t *panels, int t, int T);
void nn_int8_depthwise(const nn_int8_conv *, const nn_int8_conv_args *, int t, int T);

#else

#include "runtime/kernels/quantized/int8_interleave.h"
#include "runtime/kernels/quantized/int8_results.h"

enum {
    NN_QUANT_PARTS = NN_INT8_QUADS * 4 / NN_QUANT_TAPS, /* lanes' products of a window, at most */
    NN_QUANT_BAND = NN_QUANT_PARTS,                     /* interleaved columns of a run */
    NN_QUANT_NEAR_BAND = 64,                            /* that stay in L1 with all else */
    NN_QUANT_3_PARTS = (3 + NN_QUANT_TAPS - 1) / NN_QUANT_TAPS
};

/* Byte of a channel's weight of tap (u, v), where channels are 4 bytes apart. */
NN_INLINE long nn_quant_tap_at(long kh, long u, long v)
{
    const long quad = kh == 1 ? v / 4 : v * ((kh + 3) / 4) + u / 4;
    return quad * 4 * NN_PANEL + (kh == 1 ? v : u) % 4;
}

/* weight: [c][kh][kw]; nn_int8_depthwise_packed of limits.h. */
NN_KERNEL void nn_int8_depthwise_panels(long c, long kh, long kw, const int8_t *weight, int8_t *panels, int t, int T)
{
    const long count = (c + NN_PANEL - 1) / NN_PANEL, bytes = nn_int8_depthwise_panel_bytes(kh, kw);
    for (long p = count * t / T; p < count * (t + 1) / T; p++) {
        int8_t *panel = panels + p * bytes;
        int32_t sums[NN_PANEL] = {0};
        __builtin_memset(panel, 0, (unsigned long)bytes);
        for (long i = 0; i < NN_PANEL && p * NN_PANEL + i < c; i++)
            for (long k = 0; k < kh * kw; k++) {
                const int8_t value = weight[(p * NN_PANEL + i) * kh * kw + k];
                panel[nn_quant_tap_at(kh, k / kw, k % kw) + i * 4] = value;
                sums[i] += value;
            }
        __builtin_memcpy(panel + bytes - (long)sizeof sums, sums, sizeof sums);
    }
}

/* ---- a block of channels ------------------------------------------------------------------------------ */

typedef struct nn_quant_window {
    int steps, parts; /* a window has `steps` columns of `parts` lanes' products, or of one row `steps` */
    int apart;        /* columns of the image between them */
    int taken;        /* columns of the band between them: the same or, where it has none between, 1 */
    int run;          /* outputs of a band */
} nn_quant_window;

/* Channels first … first + count − 1. */
typedef struct nn_quant_block {
    nn_quant_sums weight[NN_QUANT_PARTS][NN_QUANT_GROUPS];
    nn_quant_scale scale[NN_QUANT_GROUPS];
    int8_t border[NN_QUANT_BLOCK];
    long first, count;
    int taken; /* of the window */
} nn_quant_block;

NN_INLINE nn_quant_window nn_quant_window_of(const nn_int8_conv *d)
{
    const int flat = d->kh == 1, steps = flat ? (d->kw + NN_QUANT_TAPS - 1) / NN_QUANT_TAPS : d->kw;
    const int parts = (d->kh + NN_QUANT_TAPS - 1) / NN_QUANT_TAPS, apart = flat ? NN_QUANT_TAPS * d->dw : d->dw;
    nn_quant_window w = {steps, parts, apart, apart, 1};
    const long reach = (long)(steps - 1) * apart + 1, near = NN_QUANT_NEAR_BAND / parts, most = NN_QUANT_BAND / parts;
    if (reach > most)
        w.taken = 1;
    else
        w.run = (int)(((reach + 8 * d->sw <= near ? near : most) - reach) / d->sw + 1);
    return w;
}

/* Vector g of ints that lie at byte `at` of each panel, 4 bytes to a channel. */
NN_INLINE nn_quant_sums nn_quant_of_panels(const nn_int8_conv *d, const int8_t *panels, long first, int g, long at)
{
    const long bytes = nn_int8_depthwise_panel_bytes(d->kh, d->kw);
    int lane[NN_QUANT_LANES] = {0};
    for (int i = 0; i < NN_QUANT_LANES; i += NN_QUANT_CHUNK) {
        const long c = first + nn_quant_channel(g, i);
        if (c < d->c)
            __builtin_memcpy(lane + i, panels + c / NN_PANEL * bytes + at + c % NN_PANEL * 4,
                             NN_QUANT_CHUNK * sizeof *lane);
    }
    return nn_quant_load(lane);
}

/* The weights of step v and part q of a window. */
NN_INLINE nn_quant_sums nn_quant_block_weight(const nn_int8_conv *d, const int8_t *panels, long first, int g, long v,
                                              long q)
{
    const long tap = (d->kh == 1 ? v : q) * NN_QUANT_TAPS;
    const long at = d->kh == 1 ? nn_quant_tap_at(1, 0, tap) : nn_quant_tap_at(d->kh, tap, v);
    const nn_quant_sums four = nn_quant_of_panels(d, panels, first, g, at / 4 * 4);
    return nn_quant_taps_of(four, (int)(at % 4));
}

NN_INLINE void nn_quant_block_of(const nn_int8_conv *d, const nn_int8_conv_args *a, const nn_quant_window *w,
                                 long first, nn_quant_block *b)
{
    const long sums_at = nn_int8_depthwise_panel_bytes(d->kh, d->kw) - NN_PANEL * 4;
    const int rectified = nn_quant_bounds_of(d).rectified;
    nn_quant_scale scale[NN_QUANT_GROUPS];
    b->first = first, b->taken = w->taken, b->count = d->c - first < NN_QUANT_BLOCK ? d->c - first : NN_QUANT_BLOCK;
    for (int i = 0; i < NN_QUANT_BLOCK; i++) b->border[i] = (int8_t)d->zero;
    for (int g = 0; g < NN_QUANT_GROUPS; g++) {
        const long c = first + g * NN_QUANT_LANES;
        scale[g] = nn_quant_scale_at(rectified, a, c, d->c - c, (nn_quant_sums){0});
    }
    for (int g = 0; g < NN_QUANT_GROUPS; g++) {
        const nn_quant_sums sums = nn_quant_of_panels(d, a->panels, first, g, sums_at);
        b->scale[g] = nn_quant_scale_in_order(rectified, scale, g);
        b->scale[g].start = nn_quant_plus(b->scale[g].start, -(sums * (NN_QUANT_OFFSET + d->zero)));
        for (int v = 0; v < w->steps; v++)
            for (int q = 0; q < w->parts; q++)
                b->weight[v * w->parts + q][g] = nn_quant_block_weight(d, a->panels, first, g, v, q);
    }
}

/* ---- the band --------------------------------------------------------------------------------------------- */

/* Part q of column `column` of the rows from `row` on; x is the image from the block's channels on. */
NN_INLINE void nn_quant_band_part(const nn_int8_conv *d, const nn_quant_block *b, const int8_t *x, int row, int column,
                                  int q, nn_quant_sums *to)
{
    const int8_t *from[NN_QUANT_TAPS];
    for (int k = 0; k < NN_QUANT_TAPS; k++) {
        const int tap = q * NN_QUANT_TAPS + k;
        const int i = d->kh == 1 ? row : row + tap * d->dh, j = d->kh == 1 ? column + k * d->dw : column;
        const int inside = i >= 0 && i < d->h && j >= 0 && j < d->w && (d->kh == 1 || tap < d->kh);
        from[k] = inside ? x + ((long)i * d->w + j) * d->c : b->border;
    }
    nn_quant_interleave(to, from, b->count);
}

/* What the columns read in the rows of part q of the window from `row` on: nothing, where there is no such row. */
typedef struct nn_quant_lines {
    const int8_t *at[NN_QUANT_TAPS];
    long step[NN_QUANT_TAPS]; /* from column to column */
    long columns;             /* of the image */
} nn_quant_lines;

NN_INLINE nn_quant_lines nn_quant_lines_of(const nn_int8_conv *d, const nn_quant_block *b, const int8_t *x, int row,
                                           int q)
{
    nn_quant_lines l = {.columns = d->w};
    for (int k = 0; k < NN_QUANT_TAPS; k++) {
        const int tap = q * NN_QUANT_TAPS + k, i = row + tap * d->dh, inside = i >= 0 && i < d->h && tap < d->kh;
        l.at[k] = inside ? x + (long)i * d->w * d->c : b->border;
        l.step[k] = inside ? d->c : 0;
    }
    return l;
}

/* What is the same for a layer and known when its loops are compiled. */
typedef struct nn_quant_way {
    int whole, rectified; /* all channels of a block exist */
    int steps, parts;     /* of the window */
} nn_quant_way;

/* A part of `count` columns from `first` on, which may be beside the image. */
NN_INLINE void nn_quant_band_lines(const nn_quant_way way, const nn_quant_lines *l, const nn_quant_block *b, int first,
                                   int count, nn_quant_sums *to)
{
    const nn_quant_lines lines = *l;
    const int8_t *from[NN_QUANT_TAPS];
    for (int k = 0; k < count; k++, to += way.parts * NN_QUANT_GROUPS) {
        const long column = first + k, inside = column >= 0 && column < lines.columns;
        for (int i = 0; i < NN_QUANT_TAPS; i++) from[i] = inside ? lines.at[i] + column * lines.step[i] : b->border;
        nn_quant_interleave(to, from, way.whole ? NN_QUANT_BLOCK : b->count);
    }
}

/* Adds the products of one window, which begins at `at` in the band. */
NN_INLINE void nn_quant_window_sums(const nn_quant_way way, const nn_quant_sums (*weight)[NN_QUANT_GROUPS],
                                    const nn_quant_sums *at, long apart, nn_quant_sums *sum)
{
    NN_UNROLL
    for (int v = 0; v < way.steps; v++) NN_UNROLL
    for (int q = 0; q < way.parts; q++) NN_UNROLL
    for (int g = 0; g < NN_QUANT_GROUPS; g++)
        sum[g] = nn_quant_dot(sum[g], at[(v * apart + q) * NN_QUANT_GROUPS + g], weight[v * way.parts + q][g]);
}

/* `count` outputs of a row. */
NN_INLINE void nn_quant_run(const nn_quant_way way, const nn_int8_conv *d, const nn_quant_block *b,
                            const nn_quant_sums *band, int count, int8_t *y)
{
    const nn_quant_bounds bounds = nn_quant_bounds_of(d);
    const long apart = (long)b->taken * way.parts, step = (long)d->sw * way.parts * NN_QUANT_GROUPS, next = d->c;
    for (int j = 0; j < count; j++, band += step, y += next) {
        nn_quant_sums sum[NN_QUANT_GROUPS];
        NN_UNROLL
        for (int g = 0; g < NN_QUANT_GROUPS; g++) sum[g] = b->scale[g].start;
        nn_quant_window_sums(way, b->weight, band, apart, sum);
        nn_quant_store_block(way.rectified, y, sum, b->scale, &bounds, way.whole ? NN_QUANT_BLOCK : b->count);
    }
}

/* Row i of an image's results; x and y are from the block's channels on. */
NN_INLINE void nn_quant_depthwise_row(const nn_quant_way way, const nn_int8_conv *d, const nn_quant_block *b,
                                      const int8_t *x, int i, int8_t *y)
{
    nn_quant_sums band[NN_QUANT_BAND * NN_QUANT_GROUPS];
    const nn_quant_window w = nn_quant_window_of(d);
    const int row = i * d->sh - d->top, between = w.taken == w.apart ? 1 : w.apart, flat = d->kh == 1;
    for (int j = 0; j < d->ow; j += w.run) {
        const int count = d->ow - j < w.run ? d->ow - j : w.run, first = j * d->sw - d->left;
        const int columns = (count - 1) * d->sw + (way.steps - 1) * w.taken + 1;
        for (int q = 0; q < way.parts && !flat && between == 1; q++) {
            const nn_quant_lines lines = nn_quant_lines_of(d, b, x, row, q);
            nn_quant_band_lines(way, &lines, b, first, columns, band + q * NN_QUANT_GROUPS);
        }
        for (int k = 0; k < columns && (flat || between > 1); k++)
            for (int q = 0; q < way.parts; q++)
                nn_quant_band_part(d, b, x, row, first + k * between, q, band + (k * way.parts + q) * NN_QUANT_GROUPS);
        nn_quant_run(way, d, b, band, count, y + (long)j * d->c);
    }
}

/* One tap at each pixel: `count` pixels. */
NN_INLINE void nn_quant_depthwise_pixels(const nn_quant_way way, const nn_int8_conv *d, const nn_quant_block *b,
                                         const int8_t *x, long count, int8_t *y)
{
    const nn_quant_bounds bounds = nn_quant_bounds_of(d);
    const long channels = way.whole ? NN_QUANT_BLOCK : b->count, next = d->c;
    for (long p = 0; p < count; p++, x += next, y += next) {
        nn_quant_sums one[NN_QUANT_GROUPS], sum[NN_QUANT_GROUPS];
        nn_quant_spread(one, x, channels);
        NN_UNROLL
        for (int g = 0; g < NN_QUANT_GROUPS; g++) sum[g] = nn_quant_dot(b->scale[g].start, one[g], b->weight[0][g]);
        nn_quant_store_block(way.rectified, y, sum, b->scale, &bounds, channels);
    }
}

NN_INLINE int nn_quant_is_scaling(const nn_int8_conv *d)
{
    return d->kh == 1 && d->kw == 1 && d->sh == 1 && d->sw == 1 && !d->top && !d->left && d->oh == d->h &&
           d->ow == d->w;
}

/* Rows row … end − 1 of all images, of one block of channels. */
NN_INLINE void nn_quant_depthwise_rows(const nn_quant_way way, const nn_int8_conv *d, const nn_int8_conv_args *a,
                                       const nn_quant_block *b, long row, long end)
{
    for (; row < end; row++) {
        int8_t *y = a->y + row * d->ow * d->c + b->first;
        if (nn_quant_is_scaling(d))
            nn_quant_depthwise_pixels(way, d, b, a->x + row * d->w * d->c + b->first, d->ow, y);
        else
            nn_quant_depthwise_row(way, d, b, a->x + row / d->oh * d->h * d->w * d->c + b->first, (int)(row % d->oh),
                                   y);
    }
}

NN_INLINE void nn_quant_depthwise_block(const nn_quant_way way, const nn_int8_conv *d, const nn_int8_conv_args *a,
                                        const nn_quant_block *b, long row, long end)
{
    if (way.steps == 3 && way.parts == NN_QUANT_3_PARTS)
        nn_quant_depthwise_rows((nn_quant_way){way.whole, way.rectified, 3, NN_QUANT_3_PARTS}, d, a, b, row, end);
    else
        nn_quant_depthwise_rows(way, d, a, b, row, end);
}

/* d->o is d->c.  Parts are of the rows of all blocks of channels. */
NN_KERNEL void nn_int8_depthwise(const nn_int8_conv *d, const nn_int8_conv_args *a, int t, int T)
{
    const nn_quant_window w = nn_quant_window_of(d);
    const long rows = (long)d->n * d->oh, units = (d->c + NN_QUANT_BLOCK - 1) / NN_QUANT_BLOCK * rows;
    const int rectified = nn_quant_bounds_of(d).rectified;
    nn_quant_block b;
    for (long k = units * t / T, end = units * (t + 1) / T; k < end; k = (k / rows + 1) * rows) {
        const long row = k % rows, last = end - k < rows - row ? row + end - k : rows;
        nn_quant_block_of(d, a, &w, k / rows * NN_QUANT_BLOCK, &b);
        const int whole = b.count == NN_QUANT_BLOCK;
        if (whole && rectified)
            nn_quant_depthwise_block((nn_quant_way){1, 1, w.steps, w.parts}, d, a, &b, row, last);
        else if (whole)
            nn_quant_depthwise_block((nn_quant_way){1, 0, w.steps, w.parts}, d, a, &b, row, last);
        else if (rectified)
            nn_quant_depthwise_block((nn_quant_way){0, 1, w.steps, w.parts}, d, a, &b, row, last);
        else
            nn_quant_depthwise_block((nn_quant_way){0, 0, w.steps, w.parts}, d, a, &b, row, last);
    }
}

#endif /* NN_LINKED */

#endif
