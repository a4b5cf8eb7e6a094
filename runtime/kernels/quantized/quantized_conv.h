/*
 * quantized_conv.h: convolution and fully connected layers over int8 numbers, NHWC, one group.
 *
 *   sum = bias[o] + Σ_k w[o][k] · (x[k] − zero), in 32 bits
 *   y[o] = clamp(nn_rescale(sum, multiplier[o], shift[o]) + out_zero, low, high)
 *
 * with k = (row of taps, tap, channel).  Panels of 16 outputs, [k / 4][16][4] bytes with zeros behind
 * the last k, and after each its sums Σ_k w in 32 bits: Σ w · (x − zero) = Σ w · x − zero · Σ w.
 *
 * A block of pixels is copied, what each of them reads in a row of its own (im2col) with the zero
 * around the image; then tiles of NN_QUANT_ROWS pixels × NN_QUANT_VECTORS vectors of outputs stay in
 * registers over all of k.  The sums are integers: any order gives the same.
 */
#ifndef NN_QUANTIZED_CONV_H
#define NN_QUANTIZED_CONV_H

#include "runtime/kernels/quantized/quantized_types.h"

#ifdef NN_LINKED

void nn_int8_panels(long o, long c, long taps, const int8_t *weight, int8_t *panels, int t, int T);
void nn_int8_forward(const nn_int8_conv *, const nn_int8_conv_args *, int t, int T);

#else

#include "runtime/kernels/quantized/int8_results.h"

enum {
    NN_QUANT_COPIES = 131072 / sizeof(nn_quant_x), /* of a block of pixels: half of a small L2 */
    NN_QUANT_TILE = NN_QUANT_VECTORS * NN_QUANT_OUTPUTS,
    NN_QUANT_TILE_SUMS = NN_QUANT_TILE / NN_QUANT_LANES, /* vectors of 32 bits */
    NN_QUANT_FEW = 256                                   /* pixels that one thread copies for all outputs */
};

/* ---- weights -------------------------------------------------------------------------------------- */

/* weight: [o][c][taps]; nn_int8_panels_bytes of limits.h. */
NN_KERNEL void nn_int8_panels(long o, long c, long taps, const int8_t *weight, int8_t *panels, int t, int T)
{
    const long count = (o + NN_PANEL - 1) / NN_PANEL, depth = nn_round_up(c * taps, 4);
    for (long p = count * t / T; p < count * (t + 1) / T; p++) {
        int8_t *panel = panels + p * nn_int8_panel_bytes(c * taps);
        int32_t sums[NN_PANEL] = {0};
        __builtin_memset(panel, 0, (unsigned long)(depth * NN_PANEL));
        for (long i = 0; i < NN_PANEL && p * NN_PANEL + i < o; i++) {
            const int8_t *row = weight + (p * NN_PANEL + i) * c * taps;
            for (long k = 0; k < c * taps; k++) {
                const int8_t value = row[k % c * taps + k / c];
                panel[k / 4 * 4 * NN_PANEL + i * 4 + k % 4] = value;
                sums[i] += value;
            }
        }
        __builtin_memcpy(panel + depth * NN_PANEL, sums, sizeof sums);
    }
}

/* ---- what pixels read ----------------------------------------------------------------------------------- */

NN_INLINE void nn_quant_fill(nn_quant_x *to, int zero, long count)
{
    for (long i = 0; i < count; i++) to[i] = (nn_quant_x)(zero + NN_QUANT_OFFSET);
}

/* A row of taps from `from` on, where column 0 would be; some of them are beside the image. */
NN_INLINE void nn_quant_copy_border(const nn_int8_conv *d, nn_quant_x *to, const int8_t *from, int column)
{
    for (int v = 0; v < d->kw; v++, to += d->c) {
        const int at = column + v * d->dw;
        if (at >= 0 && at < d->w)
            nn_quant_copy(to, from + (long)at * d->c, d->c);
        else
            nn_quant_fill(to, d->zero, d->c);
    }
}

/* What one pixel of the result reads. */
NN_INLINE void nn_quant_copy_pixel(const nn_int8_conv *d, const int8_t *x, int i, int j, nn_quant_x *to)
{
    const int column = j * d->sw - d->left, depth = d->kh * d->kw * d->c;
    const int whole = column >= 0 && column + d->kw <= d->w && d->dw == 1;
    const long run = (long)d->kw * d->c;
    nn_quant_x *at = to;
    for (int u = 0; u < d->kh; u++, at += run) {
        const int row = i * d->sh - d->top + u * d->dh;
        const int8_t *from = x + (long)row * d->w * d->c;
        if (row < 0 || row >= d->h)
            nn_quant_fill(at, d->zero, run);
        else if (whole)
            nn_quant_copy(at, from + (long)column * d->c, run);
        else
            nn_quant_copy_border(d, at, from, column);
    }
    for (; at < to + nn_round_up(depth, 4); at++) *at = 0; /* beside weights of 0 */
}

NN_INLINE int nn_quant_is_pointwise(const nn_int8_conv *d)
{
    return d->kh == 1 && d->kw == 1 && d->sh == 1 && d->sw == 1 && !d->top && !d->left && d->oh == d->h &&
           d->ow == d->w && d->c % 4 == 0;
}

/* Pixels first … first + count − 1 of all images. */
NN_INLINE void nn_quant_copy_pixels(const nn_int8_conv *d, const int8_t *x, long first, long count, nn_quant_x *to)
{
    const long pixels = (long)d->oh * d->ow, depth = nn_round_up((long)d->kh * d->kw * d->c, 4);
    if (nn_quant_is_pointwise(d)) {
        nn_quant_copy(to, x + first * d->c, count * d->c);
        return;
    }
    for (long p = first; p < first + count; p++, to += depth)
        nn_quant_copy_pixel(d, x + p / pixels * d->h * d->w * d->c, (int)(p % pixels / d->ow), (int)(p % d->ow), to);
}

/* ---- a tile ----------------------------------------------------------------------------------------------- */

/* NN_QUANT_TILE outputs, of which `count` exist. */
typedef struct nn_quant_column {
    const int8_t *weight[NN_QUANT_VECTORS];
    nn_quant_scale scale[NN_QUANT_TILE_SUMS];
    nn_quant_bounds bounds;
    long count;
} nn_quant_column;

NN_INLINE nn_quant_column nn_quant_column_at(const nn_int8_conv *d, const nn_int8_conv_args *a, long o)
{
    const long taps = (long)d->kh * d->kw * d->c, depth = nn_round_up(taps, 4), bytes = nn_int8_panel_bytes(taps);
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
        c.scale[v] = nn_quant_scale_at(a, at, d->o - at, sums * (NN_QUANT_OFFSET + d->zero));
    }
    return c;
}

/* M pixels, whose copies begin at x and are `depth` apart. */
NN_INLINE void nn_quant_tile(const int M, const nn_int8_conv *d, const nn_quant_column *c, const nn_quant_x *x,
                             long depth, int8_t *y)
{
    nn_quant_sums sum[NN_QUANT_ROWS][NN_QUANT_VECTORS];
    const int8_t *weight[NN_QUANT_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < NN_QUANT_VECTORS; v++) sum[m][v] = (nn_quant_sums){0};
    NN_UNROLL
    for (int v = 0; v < NN_QUANT_VECTORS; v++) weight[v] = c->weight[v];
    const nn_quant_x
        *three[(NN_QUANT_ROWS + 2) / 3]; /* the first of three rows; the others are at depth and 2 · depth */
    NN_UNROLL
    for (int m = 0; m < M; m += 3) three[m / 3] = x + m * depth;
    for (long k = 0; k < depth; k += 4) {
        nn_quant_sums w[NN_QUANT_VECTORS];
        NN_UNROLL
        for (int v = 0; v < NN_QUANT_VECTORS; v++) w[v] = nn_quant_weights(weight[v] + k * NN_PANEL);
        NN_UNROLL
        for (int m = 0; m < M; m++) {
            const nn_quant_sums four = nn_quant_broadcast(three[m / 3] + m % 3 * depth);
            NN_UNROLL
            for (int v = 0; v < NN_QUANT_VECTORS; v++) sum[m][v] = nn_quant_dot(sum[m][v], four, w[v]);
        }
        NN_UNROLL
        for (int m = 0; m < M; m += 3) {
            three[m / 3] += 4;
            __asm__("" : "+r"(three[m / 3])); /* else there is a counter for each row, and no register */
        }
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) {
        nn_quant_sums made[NN_QUANT_TILE_SUMS];
        NN_UNROLL
        for (int v = 0; v < NN_QUANT_TILE_SUMS; v++)
            made[v] = nn_quant_plus(nn_quant_outputs_of(&sum[m][v * NN_QUANT_VECTORS / NN_QUANT_TILE_SUMS]),
                                    c->scale[v].start);
        nn_quant_store_row(y + (long)m * d->o, made, c->scale, &c->bounds, c->count);
    }
}

/* ---- tiles of a block ---------------------------------------------------------------------------------------- */

/* Rows of the tiles that `count` rows are divided into: there is an instance for each. */
NN_INLINE int nn_quant_tile_rows(long count)
{
    const long tiles = (count + NN_QUANT_ROWS - 1) / NN_QUANT_ROWS, rows = (count + tiles - 1) / tiles;
    const int even = rows < 2 ? 1 : (int)nn_round_up(rows, 2);
    return even <= count ? even : (int)count / 2 * 2;
}

/* Tiles of M rows; the last overlaps the one before it. */
NN_INLINE void nn_quant_tiles(const int M, const nn_int8_conv *d, const nn_quant_column *c, const nn_quant_x *x,
                              long count, int8_t *y)
{
    const long depth = nn_round_up((long)d->kh * d->kw * d->c, 4);
    for (long at = 0; at < count; at += M) {
        const long row = at + M <= count ? at : count - M;
        nn_quant_tile(M, d, c, x + row * depth, depth, y + row * d->o);
    }
}

NN_INLINE void nn_quant_rows(const nn_int8_conv *d, const nn_quant_column *c, const nn_quant_x *x, long count,
                             int8_t *y)
{
    const int rows = nn_quant_tile_rows(count);
    if (rows == 1) nn_quant_tiles(1, d, c, x, count, y);
    if (rows == 2) nn_quant_tiles(2, d, c, x, count, y);
    if (NN_QUANT_ROWS >= 4 && rows == 4) nn_quant_tiles(4, d, c, x, count, y);
    if (NN_QUANT_ROWS >= 6 && rows == 6) nn_quant_tiles(6, d, c, x, count, y);
    if (NN_QUANT_ROWS >= 8 && rows == 8) nn_quant_tiles(8, d, c, x, count, y);
    if (NN_QUANT_ROWS >= 10 && rows == 10) nn_quant_tiles(10, d, c, x, count, y);
    if (NN_QUANT_ROWS >= 12 && rows == 12) nn_quant_tiles(12, d, c, x, count, y);
}

/* Threads have parts of the outputs where there are few pixels and each has as many, else of the pixels. */
NN_KERNEL void nn_int8_forward(const nn_int8_conv *d, const nn_int8_conv_args *a, int t, int T)
{
    nn_quant_x copies[NN_QUANT_COPIES] __attribute__((aligned(64)));
    const long pixels = (long)d->n * d->oh * d->ow, depth = nn_round_up((long)d->kh * d->kw * d->c, 4);
    const long tiles = (d->o + NN_QUANT_TILE - 1) / NN_QUANT_TILE, block = NN_QUANT_COPIES / depth;
    const int by_outputs = pixels < NN_QUANT_FEW && (tiles % T == 0 || pixels < T * NN_QUANT_ROWS);
    const long first = by_outputs ? 0 : pixels * t / T, end = by_outputs ? pixels : pixels * (t + 1) / T;
    const long tile = by_outputs ? tiles * t / T : 0, tiles_end = by_outputs ? tiles * (t + 1) / T : tiles;
    if (tile == tiles_end) return;
    for (long p = first; p < end; p += block) {
        const long count = end - p < block ? end - p : block;
        nn_quant_copy_pixels(d, a->x, p, count, copies);
        for (long k = tile; k < tiles_end; k++) {
            const long o = k * NN_QUANT_TILE;
            const nn_quant_column c = nn_quant_column_at(d, a, o);
            nn_quant_rows(d, &c, copies, count, a->y + p * d->o + o);
        }
    }
}

#endif /* NN_LINKED */

#endif
