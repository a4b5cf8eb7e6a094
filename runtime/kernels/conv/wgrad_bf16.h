/*
 * wgrad_bf16.h: the weight gradient of a convolution of NHWC images in bf16, by products of bf16 that are
 * added up in floats (bf16_dot.h).
 *
 * It is wgrad.h's: units, blocks, tiles.  Images are taken in pairs, the samples 2n and 2n + 1, so a pair
 * of elements is the same pixel and channel of both, and a sum over the pixels of a block goes pair by
 * pair where wgrad's goes sample by sample.  What is packed are words instead of floats, of the same
 * size: a block has as many pixels, of twice as many images.  The last of an odd number of samples is
 * paired with zeros.
 *
 * The order of a sum: zero; within a block pair after pair of its images, row by row, pixel by pixel, of
 * a pair the odd sample first.  The sums of the blocks are added, as floats, one block after the other.
 */
#ifndef NN_WGRAD_BF16_H
#define NN_WGRAD_BF16_H

#include "runtime/kernels/conv/wgrad.h"
#include "runtime/kernels/simd/bf16_dot.h"

/* sums[m][lane] += Σ over the pixels of the pairs of large[m] and small[lane] */
NN_INLINE void nn_wgrad_pair_tile(const int M, const int V, const nn_wgrad_pixels *p, const float *large,
                                  const float *small, float *sums, long panel)
{
    const long panel_stride = NN_TILE_PANELS > 1 ? p->panel : NN_W;
    nn_vec sum[NN_TILE_ROWS][NN_TILE_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++) sum[m][v] = nn_zero();
    for (int n = 0; n < p->images; n++) {
        for (int i = 0; i < p->rows; i++) {
            const float *x = large + n * p->image + i * p->row;
            for (int j = 0; j < p->columns; j++, x += p->step, small += NN_PANEL) {
                nn_words dy[NN_TILE_VECTORS];
                NN_UNROLL
                for (int v = 0; v < V; v++) dy[v] = (nn_words)nn_load(small + v * panel_stride);
                NN_UNROLL
                for (int m = 0; m < M; m++) {
                    const nn_words pair = nn_broadcast_pair((const uint16_t *)(const void *)(x + m));
                    NN_UNROLL
                    for (int v = 0; v < V; v++) sum[m][v] = nn_dot_bf16(sum[m][v], pair, dy[v]);
                }
            }
        }
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++) {
        float *to = sums + m * NN_PANEL + v * (NN_TILE_PANELS > 1 ? panel : NN_W);
        nn_store(to, (p->first ? nn_zero() : nn_load(to)) + sum[m][v]);
    }
}

NN_KERNEL void nn_wgrad_pair_tile_run(int rows, int vectors, const nn_wgrad_pixels *p, const float *large,
                                      const float *small, float *sums, long panel)
{
#define NN_CASE(M)                                                                \
    case M:                                                                       \
        if (vectors == 1)                                                         \
            nn_wgrad_pair_tile(M, 1, p, large, small, sums, panel);               \
        else                                                                      \
            nn_wgrad_pair_tile(M, NN_TILE_VECTORS, p, large, small, sums, panel); \
        break;
    switch (rows) {
        NN_CASE(1)
        NN_CASE(2)
#if NN_TILE_ROWS > 2
        NN_CASE(3)
        NN_CASE(4)
        NN_CASE(5)
        NN_CASE(6)
#endif
#if NN_TILE_ROWS > 6
        NN_CASE(7)
        NN_CASE(8)
        NN_CASE(9)
        NN_CASE(10)
#endif
    }
#undef NN_CASE
}

NN_KERNEL void nn_wgrad_pack_large_pairs(const nn_wgrad *s, const nn_wgrad_block *p, float *to)
{
    if (s->tiled)
        nn_wgrad_pack_pixels(NN_WGRAD_PAIRS, 1, s, p, to);
    else
        nn_wgrad_pack_pixels(NN_WGRAD_PAIRS, 0, s, p, to);
}

NN_KERNEL void nn_wgrad_pack_small_pairs(const nn_wgrad *s, const nn_wgrad_block *p, float *to)
{
    nn_wgrad_pack_panels(NN_WGRAD_PAIRS, s, p, to);
}

/* weight: [o][c / groups][tap] of floats. */
NN_KERNEL void nn_conv_wgrad_pairs(const nn_conv *d, const uint16_t *large, const uint16_t *small, float *weight, int t,
                                   int T)
{
    nn_wgrad s;
    const nn_wgrad_formats as = {1, 1, 2, nn_wgrad_pack_large_pairs, nn_wgrad_pack_small_pairs, nn_wgrad_pair_tile_run};
    nn_wgrad_begin(d, as, &s);
    nn_wgrad_units(&s, large, small, weight, t, T);
}

#endif
