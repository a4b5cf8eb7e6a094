/*
 * winograd_wgrad_pairs.h: the weight gradient of a 3 × 3 convolution of NHWC images in bf16 by Winograd's algorithm
 * (winograd_wgrad.h) for tiles of 2 × 2 of the small image, F(3 × 3, 2 × 2), with products of pairs of bf16.
 *
 *   dW = Aᵀ [ Σ over tiles of U ⊙ V ] A,   U = bf16(G dy Gᵀ), V = bf16(Bᵀ x B)
 *
 * Tiles 2n and 2n + 1 are a pair: all tiles of the batch, row by row, image by image; an odd last one is paired with
 * zeros.  The order of a sum: zero; within a block pair after pair, the odd tile first.  The sums of the blocks are
 * added, as floats, one block after the other; a block has NN_WINOGRAD_WGRAD_PAIRS pairs.
 */
#ifndef NN_WINOGRAD_WGRAD_PAIRS_H
#define NN_WINOGRAD_WGRAD_PAIRS_H

#include "runtime/kernels/conv/wgrad_bf16.h"
#include "runtime/kernels/conv/winograd_pairs.h"
#include "runtime/kernels/conv/winograd_wgrad.h"

/* ---- transforms: of two tiles, a row of frequencies ------------------------------------------------- */

/* What a row of frequencies is made of: rows of the tile with factors. */
typedef struct nn_winograd_row {
    int first, second; /* of Bᵀ x: x[first] + sign · x[second] */
    float sign;
    float low, high; /* of G dy: low · dy[0] + high · dy[1] */
} nn_winograd_row;

static const nn_winograd_row nn_winograd_rows[4]
    __attribute__((unused)) = {{0, 2, -1, 1, 0}, {1, 2, 1, 0.5f, 0.5f}, {2, 1, -1, 0.5f, -0.5f}, {1, 3, -1, 0, 1}};

/* Two rows of a tile's pixels: of four pixels, or of two. */
typedef struct nn_winograd_pixels {
    const uint16_t *first[4], *second[4];
} nn_winograd_pixels;

/* (Bᵀ x B)[row] of a vector of channels. */
NN_INLINE void nn_winograd_large_row(const nn_winograd_row *row, const nn_winograd_pixels *at, long c, long lanes,
                                     nn_vec to[4])
{
    nn_vec once[NN_WINOGRAD_EDGE];
    NN_UNROLL
    for (int j = 0; j < 4; j++)
        once[j] = nn_load_bf16_some(at->first[j] + c, lanes) + row->sign * nn_load_bf16_some(at->second[j] + c, lanes);
    nn_winograd_b(4, once, to);
}

/* (G dy Gᵀ)[row] of a vector of outputs. */
NN_INLINE void nn_winograd_small_row(const nn_winograd_row *row, const nn_winograd_pixels *at, long o, long lanes,
                                     nn_vec to[4])
{
    nn_vec once[2];
    NN_UNROLL
    for (int j = 0; j < 2; j++)
        once[j] = row->low * nn_load_bf16_some(at->first[j] + o, lanes) +
                  row->high * nn_load_bf16_some(at->second[j] + o, lanes);
    to[0] = once[0];
    to[1] = (once[0] + once[1]) * 0.5f;
    to[2] = (once[0] - once[1]) * 0.5f;
    to[3] = once[1];
}

/* to[f · stride]: a vector of pairs of each frequency. */
NN_INLINE void nn_winograd_store_pairs(const nn_vec even[4], const nn_vec odd[4], float *to, long stride)
{
    NN_UNROLL
    for (int f = 0; f < 4; f++) nn_store(to + f * stride, (nn_vec)nn_round_pairs(1, even[f], odd[f]));
}

NN_INLINE void nn_winograd_large_pairs(const nn_winograd_row *row, const nn_winograd_pixels at[2], long c, long lanes,
                                       float *to, long stride)
{
    nn_vec even[4], odd[4];
    nn_winograd_large_row(row, &at[0], c, lanes, even);
    nn_winograd_large_row(row, &at[1], c, lanes, odd);
    nn_winograd_store_pairs(even, odd, to, stride);
}

NN_INLINE void nn_winograd_small_pairs(const nn_winograd_row *row, const nn_winograd_pixels at[2], long o, long lanes,
                                       float *to, long stride)
{
    nn_vec even[4], odd[4];
    nn_winograd_small_row(row, &at[0], o, lanes, even);
    nn_winograd_small_row(row, &at[1], o, lanes, odd);
    nn_winograd_store_pairs(even, odd, to, stride);
}

typedef struct nn_winograd_image {
    const uint16_t *first; /* pixel */
    int height, width, step;
} nn_winograd_image;

/* Row h from column w on, `count` pixels; zeros outside of the image. */
NN_INLINE void nn_winograd_row_pixels(const nn_winograd_image *x, int h, int w, int count, const uint16_t *at[4])
{
    for (int j = 0; j < count; j++) {
        const int inside = h >= 0 && h < x->height && w + j >= 0 && w + j < x->width;
        at[j] = inside ? x->first + ((long)h * x->width + w + j) * x->step : (const uint16_t *)(const void *)nn_zeros;
    }
}

/* What a tile reads for the row; nothing, behind the last. */
NN_INLINE void nn_winograd_tile_pixels(const nn_winograd_block *s, const nn_winograd_row *row,
                                       const nn_winograd_images *io, long tile, nn_winograd_pixels *large,
                                       nn_winograd_pixels *small)
{
    const nn_conv *d = s->d;
    const long image = tile / (s->down * s->across), rest = tile % (s->down * s->across);
    const int h = (int)(rest / s->across) * 2, w = (int)(rest % s->across) * 2, there = image < d->n;
    const nn_winograd_image x = {(const uint16_t *)io->large + image * d->h * d->w * d->c_step, there ? d->h : 0, d->w,
                                 d->c_step};
    const nn_winograd_image dy = {(const uint16_t *)io->small + image * d->oh * d->ow * d->o_step, there ? d->oh : 0,
                                  d->ow, d->o_step};
    nn_winograd_row_pixels(&x, h - d->top + row->first, w - d->left, 4, large->first);
    nn_winograd_row_pixels(&x, h - d->top + row->second, w - d->left, 4, large->second);
    nn_winograd_row_pixels(&dy, h, w, 2, small->first);
    nn_winograd_row_pixels(&dy, h + 1, w, 2, small->second);
}

/* A block's pairs are large: [4][pair][channels rounded up to 16] and small: [4][panel][pair][16], in words. */
NN_INLINE void nn_winograd_wgrad_inputs(const nn_winograd_block *s, const nn_winograd_row *row,
                                        const nn_winograd_unit *u, const nn_winograd_images *io, float *large,
                                        float *small)
{
    const long channels = nn_round_up(u->channels, NN_PANEL), panels = (long)u->panels * NN_PANEL,
               first = (long)u->p * NN_PANEL, outputs = s->d->o - first < panels ? s->d->o - first : panels;
    for (long k = 0; k < s->count; k++) {
        nn_winograd_pixels x[2], dy[2];
        for (int i = 0; i < 2; i++) nn_winograd_tile_pixels(s, row, io, 2 * (s->first + k) + i, &x[i], &dy[i]);
        for (long c = 0; c < u->channels; c += NN_W) {
            float *to = large + k * channels + c;
            if (u->channels - c >= NN_W)
                nn_winograd_large_pairs(row, x, u->c0 + c, NN_W, to, s->count * channels);
            else
                nn_winograd_large_pairs(row, x, u->c0 + c, u->channels - c, to, s->count * channels);
        }
        for (long o = 0; o < panels; o += NN_W) {
            float *to = small + (o / NN_PANEL * s->count + k) * NN_PANEL + o % NN_PANEL;
            if (outputs - o >= NN_W)
                nn_winograd_small_pairs(row, dy, first + o, NN_W, to, s->count * panels);
            else
                nn_winograd_small_pairs(row, dy, first + o, outputs > o ? outputs - o : 0, to, s->count * panels);
        }
    }
}

/* ---- sums ------------------------------------------------------------------------------------------- */

/* sums[f][panel][c][16] += Σ over the block's pairs of large[f][pair][c] · small[f][panel][pair][16], or = */
NN_INLINE void nn_winograd_wgrad_add(const nn_winograd_unit *u, int first, long count, const float *large,
                                     const float *small, float *sums)
{
    const long channels = nn_round_up(u->channels, NN_PANEL), panel = (long)u->channels * NN_PANEL;
    const nn_wgrad_pixels pixels = {1, 1, (int)count, 0, 0, channels, first, count * NN_PANEL};
    const int tiles = nn_ceil(u->channels, NN_TILE_ROWS);
    for (int f = 0; f < 4; f++) {
        for (int q = 0; q < u->panels; q += NN_TILE_PANELS) {
            const int vectors = u->panels - q >= NN_TILE_PANELS ? NN_TILE_VECTORS : NN_TILE_VECTORS / NN_TILE_PANELS;
            const long at = (long)f * u->panels + q;
            for (int i = 0; i < tiles; i++) {
                const int from = nn_wgrad_tile_first(u->channels, i, tiles),
                          rows = nn_wgrad_tile_first(u->channels, i + 1, tiles) - from;
                nn_wgrad_pair_tile_run(rows, vectors, &pixels, large + f * count * channels + from,
                                       small + at * count * NN_PANEL, sums + at * panel + from * NN_PANEL, panel);
            }
        }
    }
}

NN_INLINE void nn_winograd_wgrad_unit(const nn_conv *d, const nn_winograd_unit *u, const nn_winograd_images *io,
                                      float *sums)
{
    nn_winograd_block s = {.d = d, .down = (d->oh + 1) / 2, .across = (d->ow + 1) / 2};
    const long pairs = ((long)d->n * s.down * s.across + 1) / 2, row = 4L * u->panels * u->channels * NN_PANEL;
    float *large = sums + 4 * row;
    float *small = large + 4L * NN_WINOGRAD_WGRAD_PAIRS * nn_round_up(u->channels, NN_PANEL);
    for (s.first = 0; s.first < pairs; s.first += NN_WINOGRAD_WGRAD_PAIRS) {
        s.count = pairs - s.first < NN_WINOGRAD_WGRAD_PAIRS ? pairs - s.first : NN_WINOGRAD_WGRAD_PAIRS;
        for (int i = 0; i < 4; i++) {
            nn_winograd_wgrad_inputs(&s, &nn_winograd_rows[i], u, io, large, small);
            nn_winograd_wgrad_add(u, s.first == 0, s.count, large, small, sums + i * row);
        }
    }
    nn_winograd_unit_store(4, d, u, sums, io->weight);
}

/* weight: [o][c][3][3] of floats; part t of T of the units.  `work` has nn_winograd_wgrad_pairs_work(c, o) floats. */
NN_KERNEL void nn_winograd_wgrad_pairs(const nn_conv *d, const uint16_t *x, const uint16_t *dy, float *weight,
                                       float *work, int t, int T)
{
    const nn_winograd_images io = {x, dy, weight};
    const nn_winograd_sizes sizes = {NN_WINOGRAD_WGRAD_PAIR_CHANNELS, NN_WINOGRAD_WGRAD_PAIR_PANELS, 16, 250};
    if (T > NN_WINOGRAD_THREADS) T = NN_WINOGRAD_THREADS;
    if (t >= T) return;
    const int panels = nn_ceil(d->o, NN_PANEL);
    const nn_winograd_cut cut = nn_winograd_cut_for(&sizes, d, panels, T);
    const int units = cut.blocks * cut.across;
    work += nn_slot_of(t, T, NN_WINOGRAD_THREADS) * nn_winograd_wgrad_pairs_slot(d->c, d->o);
    for (int k = units * t / T; k < units * (t + 1) / T; k++) {
        const nn_winograd_unit u = nn_winograd_unit_of(d, panels, cut, k);
        nn_winograd_wgrad_unit(d, &u, &io, work);
    }
}

#endif
