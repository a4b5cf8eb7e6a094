/*
 * quantized_conv.h: convolution and fully connected layers over int8 numbers, NHWC.
 *
 *   sum = bias[o] + Σ_k w[o][k] · (x[k] − zero), in 32 bits
 *   y[o] = clamp(nn_rescale(sum, multiplier[o], shift[o]) + out_zero, low, high)
 *
 * with k = (row of taps, tap, channel), each row of taps filled up with zeros to a multiple of four.  Panels
 * of 16 outputs, [k / 4][16][4] bytes, and after each its sums Σ_k w in 32 bits:
 * Σ w · (x − zero) = Σ w · x − zero · Σ w.
 *
 * The input is copied as what is multiplied, and tiles of NN_QUANT_ROWS pixels × NN_QUANT_VECTORS vectors
 * of outputs stay in registers over all of k.  The sums are integers: any order gives the same.  Copied are
 *
 *   rows     of the image, with the zero around it, where a row of results is divided well into tiles:
 *            the taps of a row are next to one another, and neighbouring pixels share them
 *   pixels   else: what each pixel of a block reads, in a row of its own (im2col)
 *
 * Groups are computed one after the other, as convolutions of some channels of the image.  Where a group
 * has fewer outputs than a panel, several are one, with weights of 0 between them.
 */
#ifndef NN_QUANTIZED_CONV_H
#define NN_QUANTIZED_CONV_H

#include "runtime/kernels/quantized/quantized_types.h"

#ifdef NN_LINKED

void nn_int8_panels(const nn_int8_weights *, const int8_t *weight, int8_t *panels, int t, int T);
void nn_int8_forward(const nn_int8_conv *, const nn_int8_conv_args *, int t, int T);

#else

#include "runtime/kernels/quantized/int8_sum.h"
#include "runtime/kernels/quantized/int8_tile.h"

enum {
    NN_QUANT_COPIES = 131072 / sizeof(nn_quant_x), /* of a block of pixels or rows: a part of a small L2 */
    NN_QUANT_NEAR = 131072,                        /* bytes of what a block of pixels reads and writes */
    NN_QUANT_LEAST = 64,                           /* pixels that a block has, if there is room for their copies */
    NN_QUANT_FEW = 256                             /* pixels that one thread copies for all outputs */
};

/* ---- weights -------------------------------------------------------------------------------------- */

/* Packs output i of a panel from its row of weights [c][kh][kw]; of joined groups it is in the one called `group`. */
NN_INLINE void nn_quant_pack_row(const nn_int8_weights *d, const int8_t *row, long group, long i, int8_t *panel)
{
    const long channels = d->joined * d->c, run = nn_round_up(d->kw * channels, 4), taps = d->kh * d->kw;
    int32_t sum = 0;
    for (long tap = 0; tap < taps; tap++) {
        const long first = tap / d->kw * run + tap % d->kw * channels + group * d->c;
        for (long k = first; k < first + d->c; k++) {
            const int8_t value = row[(k - first) * taps + tap];
            panel[(k & -4) * NN_PANEL + i * 4 + (k & 3)] = value;
            sum += value;
        }
    }
    __builtin_memcpy(panel + d->kh * run * NN_PANEL + i * 4, &sum, sizeof sum);
}

/* Those of each group that is computed, nn_int8_packed of limits.h. */
NN_KERNEL void nn_int8_panels(const nn_int8_weights *d, const int8_t *weight, int8_t *panels, int t, int T)
{
    const long outputs = d->joined * d->o, each = (outputs + NN_PANEL - 1) / NN_PANEL;
    const long bytes = nn_int8_panel_bytes(nn_int8_depth(d->joined * d->c, d->kh, d->kw));
    const long count = d->groups / d->joined * each, weights = d->c * d->kh * d->kw;
    for (long p = count * t / T; p < count * (t + 1) / T; p++) {
        const long first = p % each * NN_PANEL, left = outputs - first;
        __builtin_memset(panels + p * bytes, 0, (unsigned long)bytes);
        for (long i = 0; i < NN_PANEL && i < left; i++)
            nn_quant_pack_row(d, weight + (p / each * outputs + first + i) * weights, (first + i) / d->o, i,
                              panels + p * bytes);
    }
}

NN_INLINE nn_quant_column nn_quant_column_at(const nn_int8_conv *d, const nn_int8_conv_args *a, long o)
{
    const long depth = nn_int8_depth(d->c, d->kh, d->kw), bytes = nn_int8_panel_bytes(depth);
    nn_quant_column c = {.bounds = nn_quant_bounds_of(d), .count = d->o - o};
    for (int v = 0; v < NN_QUANT_VECTORS; v++) {
        long at = o + v * NN_QUANT_OUTPUTS;
        if (at >= nn_round_up(d->o, NN_PANEL)) at = o; /* computed for nothing */
        c.weight[v] = a->panels + at / NN_PANEL * bytes + at % NN_PANEL * 4;
    }
    for (int v = 0; v < NN_QUANT_TILE_SUMS; v++) {
        const long at = o + v * NN_QUANT_LANES;
        nn_quant_sums sums = {0};
        if (at < d->o)
            __builtin_memcpy(&sums, a->panels + at / NN_PANEL * bytes + depth * NN_PANEL + at % NN_PANEL * 4,
                             sizeof sums);
        c.scale[v] = nn_quant_scale_at(c.bounds.rectified, a, at, d->o - at, sums * (NN_QUANT_OFFSET + d->zero));
    }
    nn_quant_choose_floats(&c.bounds, c.scale, NN_QUANT_TILE_SUMS, depth);
    nn_quant_begin(&c);
    return c;
}

/* ---- copies of pixels ------------------------------------------------------------------------------------ */

NN_INLINE void nn_quant_fill(nn_quant_x *to, int zero, long count)
{
    for (long i = 0; i < count; i++) to[i] = (nn_quant_x)(zero + NN_QUANT_OFFSET);
}

/* `count` pixels that are next to one another. */
NN_INLINE void nn_quant_copy_run(const nn_int8_conv *d, nn_quant_x *to, const int8_t *from, long count)
{
    if (nn_quant_pitch_of(d) == d->c)
        nn_quant_copy(to, from, count * d->c);
    else
        for (long i = 0; i < count; i++) nn_quant_copy(to + i * d->c, from + i * nn_quant_pitch_of(d), d->c);
}

/* A row of taps from `from` on, where column 0 would be; some of them are beside the image. */
NN_INLINE void nn_quant_copy_border(const nn_int8_conv *d, nn_quant_x *to, const int8_t *from, int column)
{
    for (int v = 0; v < d->kw; v++, to += d->c) {
        const int at = column + v * d->dw;
        if (at >= 0 && at < d->w)
            nn_quant_copy(to, from + at * nn_quant_pitch_of(d), d->c);
        else
            nn_quant_fill(to, d->zero, d->c);
    }
}

/* What one pixel of the result reads. */
NN_INLINE void nn_quant_copy_pixel(const nn_int8_conv *d, const int8_t *x, int i, int j, nn_quant_x *to)
{
    const int column = j * d->sw - d->left;
    const int whole = column >= 0 && column + d->kw <= d->w && d->dw == 1;
    const long taken = (long)d->kw * d->c, run = nn_round_up(taken, 4);
    for (int u = 0; u < d->kh; u++, to += run) {
        const int row = i * d->sh - d->top + u * d->dh;
        const int8_t *from = x + (long)row * d->w * nn_quant_pitch_of(d);
        if (row < 0 || row >= d->h)
            nn_quant_fill(to, d->zero, taken);
        else if (whole)
            nn_quant_copy_run(d, to, from + column * nn_quant_pitch_of(d), d->kw);
        else
            nn_quant_copy_border(d, to, from, column);
        for (long k = taken; k < run; k++) to[k] = 0; /* beside weights of 0 */
    }
}

NN_INLINE int nn_quant_is_pointwise(const nn_int8_conv *d)
{
    return d->kh == 1 && d->kw == 1 && d->sh == 1 && d->sw == 1 && !d->top && !d->left && d->oh == d->h &&
           d->ow == d->w && d->c % 4 == 0;
}

/* Pixels first … first + count − 1 of all images. */
NN_INLINE void nn_quant_copy_pixels(const nn_int8_conv *d, const int8_t *x, long first, long count, nn_quant_x *to)
{
    const long pixels = (long)d->oh * d->ow, depth = nn_int8_depth(d->c, d->kh, d->kw);
    if (nn_quant_is_pointwise(d)) {
        nn_quant_copy_run(d, to, x + first * nn_quant_pitch_of(d), count);
        return;
    }
    for (long p = first; p < first + count; p++, to += depth)
        nn_quant_copy_pixel(d, x + p / pixels * d->h * d->w * nn_quant_pitch_of(d), (int)(p % pixels / d->ow),
                            (int)(p % d->ow), to);
}

/* ---- copies of rows -------------------------------------------------------------------------------------- */

typedef struct nn_quant_image {
    long columns, pitch; /* of a copied row: columns that are read; numbers from row to row */
    long rows;           /* of results that one block has, at most; 0: pixels are copied */
} nn_quant_image;

NN_INLINE nn_quant_image nn_quant_image_of(const nn_int8_conv *d)
{
    const long columns = (long)(d->ow - 1) * d->sw + d->kw, pitch = nn_round_up(columns * d->c + 3, 64);
    const long reach = (long)(d->kh - 1) * d->dh + 1, most = NN_QUANT_COPIES / pitch;
    const int tile = nn_quant_tile_rows(d->ow);
    const int fits = d->dw == 1 && d->kw > 1 && d->sw <= d->kw && most >= reach && tile >= NN_QUANT_FULL;
    const int even = (d->ow + tile - 1) / tile * tile <= d->ow + d->ow / 8;
    return (nn_quant_image){columns, pitch, fits && even ? (most - reach) / d->sh + 1 : 0};
}

/* Row `row` of an image, which may be beside it. */
NN_INLINE void nn_quant_copy_row(const nn_int8_conv *d, const nn_quant_image *m, const int8_t *x, long row,
                                 nn_quant_x *to)
{
    const long left = d->left, right = m->columns - left < d->w ? m->columns - left : d->w;
    if (row < 0 || row >= d->h) {
        nn_quant_fill(to, d->zero, m->columns * d->c);
    } else {
        nn_quant_fill(to, d->zero, left * d->c);
        nn_quant_copy_run(d, to + left * d->c, x + row * d->w * nn_quant_pitch_of(d), right);
        nn_quant_fill(to + (left + right) * d->c, d->zero, (m->columns - left - right) * d->c);
    }
    for (long k = m->columns * d->c; k < m->pitch; k++) to[k] = 0; /* beside weights of 0 */
}

/* What rows first … first + count − 1 of an image's results read. */
NN_INLINE void nn_quant_copy_rows(const nn_int8_conv *d, const nn_quant_image *m, const int8_t *x, long first,
                                  long count, nn_quant_x *to)
{
    const long rows = (count - 1) * d->sh + (long)(d->kh - 1) * d->dh + 1;
    for (long k = 0; k < rows; k++) nn_quant_copy_row(d, m, x, first * d->sh - d->top + k, to + k * m->pitch);
}

/* ---- the layer ------------------------------------------------------------------------------------------- */

/* Parts of a thread: pixels or rows first … end − 1, of tiles of outputs tile … tiles_end − 1. */
typedef struct nn_quant_part {
    long first, end, tile, tiles_end;
} nn_quant_part;

/* Threads have parts of the outputs where there are few pixels and each has as many, else of the pixels. */
NN_INLINE nn_quant_part nn_quant_part_of(const nn_int8_conv *d, long units, int t, int T)
{
    const long pixels = (long)d->n * d->oh * d->ow, tiles = (d->o + NN_QUANT_TILE - 1) / NN_QUANT_TILE;
    if (pixels < NN_QUANT_FEW && (tiles % T == 0 || pixels < T * NN_QUANT_ROWS))
        return (nn_quant_part){0, units, tiles * t / T, tiles * (t + 1) / T};
    return (nn_quant_part){units * t / T, units * (t + 1) / T, 0, tiles};
}

/* Adds the residual to the part's outputs of `count` pixels, while these are in L2. */
NN_INLINE void nn_quant_finish(const nn_int8_conv *d, const nn_int8_conv_args *a, const nn_quant_part *part, long pixel,
                               long count)
{
    const long first = part->tile * NN_QUANT_TILE, end = part->tiles_end * NN_QUANT_TILE,
               apart = nn_quant_y_pitch_of(d);
    if (a->add) nn_quant_add_residual(a, pixel * apart + first, count, apart, (end < d->o ? end : d->o) - first);
}

NN_INLINE void nn_quant_by_rows(const nn_int8_conv *d, const nn_int8_conv_args *a, const nn_quant_image *m, int t,
                                int T)
{
    nn_quant_x copies[NN_QUANT_COPIES] __attribute__((aligned(64)));
    const nn_quant_part part = nn_quant_part_of(d, (long)d->n * d->oh, t, T);
    const long image = d->h * d->w * nn_quant_pitch_of(d), apart = nn_quant_y_pitch_of(d);
    const nn_quant_reads reads = {
        copies, (long)d->sw * d->c, m->pitch * d->sh, m->pitch * d->dh, nn_round_up((long)d->kw * d->c, 4), d->kh};
    for (long r = part.first, count; r < part.end && part.tile < part.tiles_end; r += count) {
        const long row = r % d->oh, left = part.end - r < d->oh - row ? part.end - r : d->oh - row;
        count = left < m->rows ? left : m->rows;
        nn_quant_copy_rows(d, m, a->x + r / d->oh * image, row, count, copies);
        for (long k = part.tile; k < part.tiles_end; k++) {
            const long o = k * NN_QUANT_TILE;
            const nn_quant_column c = nn_quant_column_at(d, a, o);
            nn_quant_pixel_lines(&c, &reads, count, d->ow, a->y + r * d->ow * apart + o, apart);
        }
        nn_quant_finish(d, a, &part, r * d->ow, count * d->ow);
    }
}

/* Pixels of a block, of `pixels`: few blocks, since each reads all weights, and of whole tiles. */
NN_INLINE long nn_quant_block_of(const nn_int8_conv *d, long pixels)
{
    const long depth = nn_int8_depth(d->c, d->kh, d->kw), most = NN_QUANT_COPIES / depth;
    const long near = NN_QUANT_NEAR / (depth + d->o), wanted = near > NN_QUANT_LEAST ? near : NN_QUANT_LEAST;
    const long limit = wanted < most ? wanted : most, blocks = (pixels + limit - 1) / limit;
    if (blocks <= 1 || limit < NN_QUANT_ROWS) return limit;
    const long even = nn_round_up((pixels + blocks - 1) / blocks, NN_QUANT_ROWS);
    return even <= limit ? even : limit / NN_QUANT_ROWS * NN_QUANT_ROWS;
}

NN_INLINE void nn_quant_by_pixels(const nn_int8_conv *d, const nn_int8_conv_args *a, int t, int T)
{
    nn_quant_x copies[NN_QUANT_COPIES] __attribute__((aligned(64)));
    const long depth = nn_int8_depth(d->c, d->kh, d->kw), apart = nn_quant_y_pitch_of(d);
    const nn_quant_part part = nn_quant_part_of(d, (long)d->n * d->oh * d->ow, t, T);
    const long block = nn_quant_block_of(d, part.end - part.first);
    const nn_quant_reads reads = {copies, depth, 0, 0, depth, 1};
    for (long p = part.first; p < part.end && part.tile < part.tiles_end; p += block) {
        const long count = part.end - p < block ? part.end - p : block;
        nn_quant_copy_pixels(d, a->x, p, count, copies);
        for (long k = part.tile; k < part.tiles_end; k++) {
            const long o = k * NN_QUANT_TILE;
            const nn_quant_column c = nn_quant_column_at(d, a, o);
            nn_quant_rows(&c, &reads, count, a->y + p * apart + o, apart);
        }
        nn_quant_finish(d, a, &part, p, count);
    }
}

/* From a group's first channel, panel and output on. */
NN_INLINE nn_int8_conv_args nn_quant_group_of(const nn_int8_conv *d, const nn_int8_conv_args *a, long g)
{
    const long o = g * d->o, packed = nn_int8_packed(d->o, nn_int8_depth(d->c, d->kh, d->kw));
    nn_int8_conv_args group = *a;
    group.x += g * d->c, group.panels += g * packed, group.y += o;
    group.bias += o, group.multiplier += o, group.shift += o;
    if (a->add) group.residual += o;
    return group;
}

NN_KERNEL void nn_int8_forward(const nn_int8_conv *d, const nn_int8_conv_args *a, int t, int T)
{
    const nn_quant_image m = nn_quant_image_of(d);
    for (long g = 0; g < d->groups; g++) {
        const nn_int8_conv_args group = nn_quant_group_of(d, a, g);
        if (m.rows)
            nn_quant_by_rows(d, &group, &m, t, T);
        else
            nn_quant_by_pixels(d, &group, t, T);
    }
}

#endif /* NN_LINKED */

#endif
