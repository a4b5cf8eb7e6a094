/*
 * quantized_grouped.h: convolution over int8 numbers in groups of 2, 4 or 8 channels, with as many outputs, NHWC.
 *
 *   sum = bias[o] + Σ_{tap, c} w[o][c][tap] · (x[tap][group of o][c] − zero)
 *   y[o] = clamp(nn_rescale(sum, multiplier[o], shift[o]) + out_zero, low, high)
 *
 * Lanes are outputs, as in int8_channels.h.  A lane adds the products of NN_QUANT_TAPS channels of its group at
 * one tap; what they read, 32 bits of the image, is copied to the group's lanes for the columns of a run of
 * outputs, with zero around the image.  No product is computed for nothing, but for groups of 2, which are
 * groups of 4 with weights of 0.
 *
 * Panels of 16 outputs, [column of taps][row of taps][fours of channels][16][4] bytes, and behind them Σ w in
 * 32 bits.
 */
#ifndef NN_QUANTIZED_GROUPED_H
#define NN_QUANTIZED_GROUPED_H

#include "runtime/kernels/quantized/quantized_types.h"

#ifdef NN_LINKED

void nn_int8_grouped_panels(const nn_int8_weights *, const int8_t *weight, int8_t *panels, int t, int T);
void nn_int8_grouped(const nn_int8_conv *, const nn_int8_conv_args *, int t, int T);

#else

#include "runtime/kernels/quantized/int8_channels.h"

/* d->joined groups are in 4 channels or 8; d->c is d->o. */
NN_KERNEL void nn_int8_grouped_panels(const nn_int8_weights *d, const int8_t *weight, int8_t *panels, int t, int T)
{
    const long width = d->joined * d->c, outputs = d->groups * d->o, count = (outputs + NN_PANEL - 1) / NN_PANEL;
    const long taps = d->kh * d->kw, bytes = nn_int8_grouped_panel_bytes(width, d->kh, d->kw);
    for (long p = count * t / T; p < count * (t + 1) / T; p++) {
        int8_t *panel = panels + p * bytes;
        int32_t sums[NN_PANEL] = {0};
        __builtin_memset(panel, 0, (unsigned long)bytes);
        for (long i = 0; i < NN_PANEL && p * NN_PANEL + i < outputs; i++)
            for (long c = 0; c < d->c; c++)
                for (long k = 0; k < taps; k++) {
                    const long o = p * NN_PANEL + i, at = o / d->o % d->joined * d->c + c;
                    const long tap = k % d->kw * d->kh + k / d->kw;
                    const int8_t value = weight[(o * d->c + c) * taps + k];
                    panel[((tap * (width / 4) + at / 4) * NN_PANEL + i) * 4 + at % 4] = value;
                    sums[i] += value;
                }
        __builtin_memcpy(panel + bytes - (long)sizeof sums, sums, sizeof sums);
    }
}

/* Steps of a tap: products of so many channels each. */
NN_INLINE int nn_quant_tap_steps(const int width) { return width / NN_QUANT_TAPS; }

/* The 32 bits of each 128 that step j of vector g reads, of a group of `width`. */
NN_INLINE int nn_quant_dword_of(const int width, const int g, const int j)
{
    return g * NN_QUANT_CHUNK / width * nn_quant_tap_steps(width) + j;
}

NN_INLINE void nn_quant_spread_groups(const int width, nn_quant_sums *to, const int8_t *from, long count)
{
    const nn_quant_sums row = nn_quant_row(from, count);
    NN_UNROLL
    for (int j = 0; j < nn_quant_tap_steps(width); j++) NN_UNROLL
    for (int g = 0; g < NN_QUANT_GROUPS; g++)
        to[j * NN_QUANT_GROUPS + g] = nn_quant_dword(row, nn_quant_dword_of(width, g, j));
}

NN_INLINE void nn_quant_grouped_block_of(const int width, const nn_int8_conv *d, const nn_int8_conv_args *a,
                                         const nn_quant_window *w, nn_quant_block *b)
{
    const long bytes = nn_int8_grouped_panel_bytes(width, d->kh, d->kw);
    nn_quant_block_begin(d, a, w, bytes, b);
    for (int k = 0; k < w->steps * w->parts; k++)
        for (int g = 0; g < NN_QUANT_GROUPS; g++) {
            const long at = (long)k * NN_QUANT_TAPS; /* of the weights of an output */
            const nn_quant_sums four = nn_quant_of_panels(d, b, a->panels, bytes, g, at / 4 * 4 * NN_PANEL);
            b->weight[k][g] = nn_quant_taps_of(four, (int)(at % 4));
        }
}

/* `count` columns of the rows from `row` on, `between` apart in the image, from column `first` on. */
typedef struct nn_quant_span {
    int row, first, between, count;
} nn_quant_span;

typedef struct nn_quant_rows_of {
    long first, end;
} nn_quant_rows_of;

NN_INLINE void nn_quant_grouped_band(const nn_quant_way way, const int width, const nn_int8_conv *d,
                                     const nn_quant_block *b, const int8_t *x, nn_quant_span s, nn_quant_sums *band)
{
    const long pitch = nn_quant_pitch_of(d);
    const int each = nn_quant_tap_steps(width) * NN_QUANT_GROUPS;
    for (int u = 0; u < d->kh; u++, band += each) {
        const int i = s.row + u * d->dh, inside = i >= 0 && i < d->h;
        const int8_t *line = x + (long)i * d->w * pitch;
        for (int k = 0; k < s.count; k++) {
            const int j = s.first + k * s.between;
            nn_quant_spread_groups(width, band + (long)k * way.parts * NN_QUANT_GROUPS,
                                   inside && j >= 0 && j < d->w ? line + j * pitch : b->border,
                                   way.whole ? NN_QUANT_BLOCK : b->count);
        }
    }
}

/* Row i of an image's results; x and y are from the block's channels on. */
NN_INLINE void nn_quant_grouped_row(const nn_quant_way way, const int width, const nn_int8_conv *d,
                                    const nn_quant_block *b, nn_quant_place at)
{
    nn_quant_sums band[NN_QUANT_BAND * NN_QUANT_GROUPS];
    const nn_quant_window w = nn_quant_window_of(d, way.steps, way.parts, d->dw);
    const int between = w.taken == w.apart ? 1 : w.apart;
    for (int j = 0; j < d->ow; j += w.run) {
        const int count = d->ow - j < w.run ? d->ow - j : w.run;
        const nn_quant_span span = {at.row * d->sh - d->top, j * d->sw - d->left, between,
                                    (count - 1) * d->sw + (way.steps - 1) * w.taken + 1};
        nn_quant_grouped_band(way, width, d, b, at.x, span, band);
        nn_quant_run(way, d, b, band, count, at.y + j * nn_quant_y_pitch_of(d), 0);
    }
}

/* Rows row … end − 1 of all images, of one block of channels. */
NN_INLINE void nn_quant_grouped_rows(const nn_quant_way way, const int width, const nn_int8_conv *d,
                                     const nn_int8_conv_args *a, const nn_quant_block *b, nn_quant_rows_of rows)
{
    const long pitch = nn_quant_pitch_of(d);
    for (long r = rows.first; r < rows.end; r++) {
        const nn_quant_place at = {a->x + r / d->oh * d->h * d->w * pitch + b->first,
                                   a->y + r * d->ow * pitch + b->first, (int)(r % d->oh)};
        nn_quant_grouped_row(way, width, d, b, at);
    }
}

NN_INLINE void nn_quant_grouped_block(const nn_quant_way way, const int width, const nn_int8_conv *d,
                                      const nn_int8_conv_args *a, const nn_quant_block *b, nn_quant_rows_of rows)
{
    const int three = 3 * nn_quant_tap_steps(width);
    if (way.steps == 3 && way.parts == three)
        nn_quant_grouped_rows((nn_quant_way){way.whole, way.rectified, 3, three, 0, 1}, width, d, a, b, rows);
    else
        nn_quant_grouped_rows(way, width, d, a, b, rows);
}

/* Of groups of `width` channels.  Parts are of the rows of all blocks of channels. */
NN_INLINE void nn_quant_grouped(const int width, const nn_int8_conv *d, const nn_int8_conv_args *a, int t, int T)
{
    const nn_quant_window w = nn_quant_window_of(d, d->kw, d->kh * nn_quant_tap_steps(width), d->dw);
    const long rows = (long)d->n * d->oh;
    const long units = (nn_quant_channels_of(d) + NN_QUANT_BLOCK - 1) / NN_QUANT_BLOCK * rows;
    const int rectified = nn_quant_bounds_of(d).rectified;
    nn_quant_block b;
    for (long k = units * t / T, end = units * (t + 1) / T; k < end; k = (k / rows + 1) * rows) {
        const long row = k % rows, last = end - k < rows - row ? row + end - k : rows;
        const nn_quant_rows_of some = {row, last};
        b.first = k / rows * NN_QUANT_BLOCK, b.rows = 1;
        nn_quant_grouped_block_of(width, d, a, &w, &b);
        const int whole = b.count == NN_QUANT_BLOCK;
        if (whole && rectified)
            nn_quant_grouped_block((nn_quant_way){1, 1, w.steps, w.parts, 0, 1}, width, d, a, &b, some);
        else if (whole)
            nn_quant_grouped_block((nn_quant_way){1, 0, w.steps, w.parts, 0, 1}, width, d, a, &b, some);
        else
            nn_quant_grouped_block((nn_quant_way){0, rectified, w.steps, w.parts, 0, 1}, width, d, a, &b, some);
    }
}

/* d->o is d->c, the channels of a group. */
NN_KERNEL void nn_int8_grouped(const nn_int8_conv *d, const nn_int8_conv_args *a, int t, int T)
{
    if (d->c <= 4)
        nn_quant_grouped(4, d, a, t, T);
    else
        nn_quant_grouped(8, d, a, t, T);
}

#endif /* NN_LINKED */

#endif
