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

#include "runtime/kernels/quantized/int8_channels.h"

enum { NN_QUANT_3_PARTS = (3 + NN_QUANT_TAPS - 1) / NN_QUANT_TAPS };

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

NN_INLINE nn_quant_window nn_quant_depthwise_window(const nn_int8_conv *d)
{
    const int flat = d->kh == 1, steps = flat ? (d->kw + NN_QUANT_TAPS - 1) / NN_QUANT_TAPS : d->kw;
    return nn_quant_window_of(d, steps, (d->kh + NN_QUANT_TAPS - 1) / NN_QUANT_TAPS,
                              flat ? NN_QUANT_TAPS * d->dw : d->dw);
}

/* The weights of step v and part q of a window. */
NN_INLINE nn_quant_sums nn_quant_block_weight(const nn_int8_conv *d, const nn_quant_block *b, const int8_t *panels,
                                              int g, long v, long q)
{
    const long tap = (d->kh == 1 ? v : q) * NN_QUANT_TAPS;
    const long at = d->kh == 1 ? nn_quant_tap_at(1, 0, tap) : nn_quant_tap_at(d->kh, tap, v);
    const long bytes = nn_int8_depthwise_panel_bytes(d->kh, d->kw);
    const nn_quant_sums four = nn_quant_of_panels(d, b, panels, bytes, g, at / 4 * 4);
    return nn_quant_taps_of(four, (int)(at % 4));
}

NN_INLINE void nn_quant_depthwise_block_of(const nn_int8_conv *d, const nn_int8_conv_args *a, const nn_quant_window *w,
                                           nn_quant_block *b)
{
    nn_quant_block_begin(d, a, w, nn_int8_depthwise_panel_bytes(d->kh, d->kw), b);
    for (int g = 0; g < NN_QUANT_GROUPS; g++)
        for (int v = 0; v < w->steps; v++)
            for (int q = 0; q < w->parts; q++)
                b->weight[v * w->parts + q][g] = nn_quant_block_weight(d, b, a->panels, g, v, q);
}

/* ---- the band --------------------------------------------------------------------------------------------- */

/* `count` columns from `first` on, `between` apart in the image. */
typedef struct nn_quant_columns {
    int first, count, between;
} nn_quant_columns;

/* The taps of part q at column `column` of the rows from `row` on; x is the image from the block's channels on. */
NN_INLINE void nn_quant_band_taps(const nn_int8_conv *d, const nn_quant_block *b, const int8_t *x, int row, int column,
                                  int q, const int8_t **from)
{
    for (int k = 0; k < NN_QUANT_TAPS; k++) {
        const int tap = q * NN_QUANT_TAPS + k;
        const int i = d->kh == 1 ? row : row + tap * d->dh, j = d->kh == 1 ? column + k * d->dw : column;
        const int inside = i >= 0 && i < d->h && j >= 0 && j < d->w && (d->kh == 1 || tap < d->kh);
        from[k] = inside ? x + ((long)i * d->w + j) * nn_quant_pitch_of(d) : b->border;
    }
}

/* The taps of a block at one place, or with two rows at a place of each. */
NN_INLINE void nn_quant_band_vectors(const nn_quant_way way, const nn_quant_block *b,
                                     const int8_t *(*from)[NN_QUANT_TAPS], nn_quant_sums *to)
{
    const long count = way.whole ? NN_QUANT_BLOCK / way.rows : b->count;
    if (way.rows == 2)
        nn_quant_interleave_halves(to, from[0], from[1], count);
    else
        nn_quant_interleave(to, from[0], count);
}

/* What the columns read in the rows of part q of the window from `row` on: nothing, where there is no such row. */
typedef struct nn_quant_lines {
    const int8_t *at[NN_QUANT_TAPS];
    long step[NN_QUANT_TAPS]; /* from column to column */
} nn_quant_lines;

NN_INLINE nn_quant_lines nn_quant_lines_of(const nn_int8_conv *d, const nn_quant_block *b, const int8_t *x, int row,
                                           int q)
{
    nn_quant_lines l;
    for (int k = 0; k < NN_QUANT_TAPS; k++) {
        const int tap = q * NN_QUANT_TAPS + k, i = row + tap * d->dh, inside = i >= 0 && i < d->h && tap < d->kh;
        l.at[k] = inside ? x + i * d->w * nn_quant_pitch_of(d) : b->border;
        l.step[k] = inside ? nn_quant_pitch_of(d) : 0;
    }
    return l;
}

/* Columns c of a part, which may be beside the image of `width` columns; with two rows, of the lines of each. */
NN_INLINE void nn_quant_band_lines(const nn_quant_way way, const nn_quant_lines *l, const nn_quant_block *b, int width,
                                   nn_quant_columns c, nn_quant_sums *to)
{
    const int left = c.first >= 0 ? 0 : c.count < -c.first ? c.count : -c.first;
    const int inside = width - c.first < c.count ? width - c.first : c.count;
    const long step = (long)way.parts * NN_QUANT_GROUPS;
    const int8_t *from[2][NN_QUANT_TAPS], *none[2][NN_QUANT_TAPS];
    NN_UNROLL
    for (int i = 0; i < 2 * NN_QUANT_TAPS; i++) {
        const nn_quant_lines *line = &l[i / NN_QUANT_TAPS < way.rows ? i / NN_QUANT_TAPS : 0];
        from[i / NN_QUANT_TAPS][i % NN_QUANT_TAPS] =
            line->at[i % NN_QUANT_TAPS] + (c.first + left) * line->step[i % NN_QUANT_TAPS];
        none[i / NN_QUANT_TAPS][i % NN_QUANT_TAPS] = b->border;
    }
    int k = 0;
    for (; k < left; k++, to += step) nn_quant_band_vectors(way, b, none, to);
    for (; k < inside; k++, to += step) {
        nn_quant_band_vectors(way, b, from, to);
        NN_UNROLL
        for (int i = 0; i < way.rows * NN_QUANT_TAPS; i++)
            from[i / NN_QUANT_TAPS][i % NN_QUANT_TAPS] += l[i / NN_QUANT_TAPS].step[i % NN_QUANT_TAPS];
    }
    for (; k < c.count; k++, to += step) nn_quant_band_vectors(way, b, none, to);
}

/* The columns of a run, which are `between` apart in the image. */
NN_INLINE void nn_quant_depthwise_band(const nn_quant_way way, const nn_int8_conv *d, const nn_quant_block *b,
                                       const nn_quant_place *at, nn_quant_columns c, nn_quant_sums *band)
{
    for (int q = 0; q < way.parts && c.between == 1 && d->kh > 1; q++) {
        nn_quant_lines lines[2];
        for (int r = 0; r < way.rows; r++) lines[r] = nn_quant_lines_of(d, b, at[r].x, at[r].row * d->sh - d->top, q);
        nn_quant_band_lines(way, lines, b, d->w, c, band + q * NN_QUANT_GROUPS);
    }
    for (int k = 0; k < c.count && (c.between > 1 || d->kh == 1); k++)
        for (int q = 0; q < way.parts; q++) {
            const int8_t *from[2][NN_QUANT_TAPS];
            for (int r = 0; r < way.rows; r++)
                nn_quant_band_taps(d, b, at[r].x, at[r].row * d->sh - d->top, c.first + k * c.between, q, from[r]);
            nn_quant_band_vectors(way, b, from, band + (k * way.parts + q) * NN_QUANT_GROUPS);
        }
}

/* A row of an image's results, or two. */
NN_INLINE void nn_quant_depthwise_row(const nn_quant_way way, const nn_int8_conv *d, const nn_quant_block *b,
                                      const nn_quant_place *at)
{
    nn_quant_sums band[NN_QUANT_BAND * NN_QUANT_GROUPS];
    const nn_quant_window w = nn_quant_depthwise_window(d);
    const long beside = at[way.rows - 1].y - at[0].y;
    for (int j = 0; j < d->ow; j += w.run) {
        const int count = d->ow - j < w.run ? d->ow - j : w.run;
        const nn_quant_columns c = {j * d->sw - d->left, (count - 1) * d->sw + (way.steps - 1) * w.taken + 1,
                                    w.taken == w.apart ? 1 : w.apart};
        nn_quant_depthwise_band(way, d, b, at, c, band);
        nn_quant_run(way, d, b, band, count, at[0].y + j * nn_quant_y_pitch_of(d), beside);
    }
}

/* One tap at each pixel: `count` pixels. */
NN_INLINE void nn_quant_depthwise_pixels(const nn_quant_way way, const nn_int8_conv *d, const nn_quant_block *b,
                                         const int8_t *x, long count, int8_t *y)
{
    const nn_quant_bounds bounds = b->bounds;
    const long channels = way.whole ? NN_QUANT_BLOCK : b->count;
    const long step = nn_quant_pitch_of(d), y_step = nn_quant_y_pitch_of(d);
    for (long p = 0; p < count; p++, x += step, y += y_step) {
        nn_quant_sums one[NN_QUANT_GROUPS], sum[NN_QUANT_GROUPS];
        nn_quant_spread(one, x, channels);
        NN_UNROLL
        for (int g = 0; g < NN_QUANT_GROUPS; g++) sum[g] = nn_quant_dot(b->scale[g].start, one[g], b->weight[0][g]);
        nn_quant_store_sums(way, y, 0, sum, b, &bounds);
    }
}

NN_INLINE int nn_quant_is_scaling(const nn_int8_conv *d)
{
    return d->kh == 1 && d->kw == 1 && d->sh == 1 && d->sw == 1 && !d->top && !d->left && d->oh == d->h &&
           d->ow == d->w;
}

NN_INLINE nn_quant_place nn_quant_place_of(const nn_int8_conv *d, const nn_int8_conv_args *a, long channel, long row)
{
    const long image = row / d->oh * d->h * d->w * nn_quant_pitch_of(d);
    return (nn_quant_place){a->x + image + channel, a->y + row * d->ow * nn_quant_y_pitch_of(d) + channel,
                            (int)(row % d->oh)};
}

/* Rows row … end − 1 of all images, of one block of channels.  Where two are computed at a time, the last may be its
 * own second. */
NN_INLINE void nn_quant_depthwise_rows(const nn_quant_way way, const nn_int8_conv *d, const nn_int8_conv_args *a,
                                       const nn_quant_block *b, long row, long end)
{
    for (; row < end; row += way.rows) {
        const nn_quant_place at[] = {nn_quant_place_of(d, a, b->first, row),
                                     nn_quant_place_of(d, a, b->first, row + 1 < end ? row + 1 : row)};
        if (way.rows == 1 && nn_quant_is_scaling(d))
            nn_quant_depthwise_pixels(way, d, b, at->x + at->row * d->w * nn_quant_pitch_of(d), d->ow, at->y);
        else
            nn_quant_depthwise_row(way, d, b, at);
    }
}

NN_INLINE void nn_quant_depthwise_block(const nn_quant_way way, const nn_int8_conv *d, const nn_int8_conv_args *a,
                                        const nn_quant_block *b, long row, long end)
{
    nn_quant_way three = way;
    three.steps = 3, three.parts = NN_QUANT_3_PARTS;
    if (way.steps == 3 && way.parts == NN_QUANT_3_PARTS)
        nn_quant_depthwise_rows(three, d, a, b, row, end);
    else
        nn_quant_depthwise_rows(way, d, a, b, row, end);
}

/* An instance for each way of blocks with so many rows. */
NN_INLINE void nn_quant_depthwise_ways(const int each, const nn_quant_window *w, const nn_int8_conv *d,
                                       const nn_int8_conv_args *a, const nn_quant_block *b, long row, long end)
{
    const int whole = b->count == NN_QUANT_BLOCK / each, rectified = b->bounds.rectified;
    if (NN_QUANT_FLOATS && b->bounds.by_floats && whole)
        nn_quant_depthwise_block((nn_quant_way){1, 1, w->steps, w->parts, 1, each}, d, a, b, row, end);
    else if (NN_QUANT_FLOATS && b->bounds.by_floats)
        nn_quant_depthwise_block((nn_quant_way){0, 1, w->steps, w->parts, 1, each}, d, a, b, row, end);
    else if (whole && rectified)
        nn_quant_depthwise_block((nn_quant_way){1, 1, w->steps, w->parts, 0, each}, d, a, b, row, end);
    else if (whole)
        nn_quant_depthwise_block((nn_quant_way){1, 0, w->steps, w->parts, 0, each}, d, a, b, row, end);
    else if (rectified)
        nn_quant_depthwise_block((nn_quant_way){0, 1, w->steps, w->parts, 0, each}, d, a, b, row, end);
    else
        nn_quant_depthwise_block((nn_quant_way){0, 0, w->steps, w->parts, 0, each}, d, a, b, row, end);
}

/* Whether the last block of channels has two rows of results. */
NN_INLINE int nn_quant_ends_in_halves(const nn_int8_conv *d)
{
    const long last = d->c % NN_QUANT_BLOCK;
    return NN_QUANT_ROWS_OF_BLOCK == 2 && last > 0 && last <= NN_QUANT_BLOCK / 2 && !nn_quant_is_scaling(d);
}

/* d->o is d->c.  Parts are of the rows of all blocks of channels: of the pairs of rows, where there are two in a block,
 * which is the last. */
NN_KERNEL void nn_int8_depthwise(const nn_int8_conv *d, const nn_int8_conv_args *a, int t, int T)
{
    const nn_quant_window w = nn_quant_depthwise_window(d);
    const long rows = (long)d->n * d->oh, blocks = (d->c + NN_QUANT_BLOCK - 1) / NN_QUANT_BLOCK;
    const int halves = nn_quant_ends_in_halves(d);
    const long units = halves ? (blocks - 1) * rows + (rows + 1) / 2 : blocks * rows;
    nn_quant_block b;
    for (long k = units * t / T, end = units * (t + 1) / T; k < end; k = (k / rows + 1) * rows) {
        const long unit = k % rows, last = end - k < rows - unit ? unit + end - k : rows;
        b.first = k / rows * NN_QUANT_BLOCK, b.rows = halves && k / rows == blocks - 1 ? 2 : 1;
        nn_quant_depthwise_block_of(d, a, &w, &b);
        b.bounds.by_floats = d->by_floats && b.bounds.rectified;
        nn_quant_choose_floats(&b.bounds, b.scale, NN_QUANT_GROUPS, nn_int8_quads(d->kh, d->kw) * 4);
        if (NN_QUANT_ROWS_OF_BLOCK == 2 && b.rows == 2)
            nn_quant_depthwise_ways(2, &w, d, a, &b, unit * 2, last * 2 < rows ? last * 2 : rows);
        else
            nn_quant_depthwise_ways(1, &w, d, a, &b, unit, last);
    }
}

#endif /* NN_LINKED */

#endif
