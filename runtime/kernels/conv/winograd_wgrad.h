/*
 * winograd_wgrad.h: the weight gradient of a 3 × 3 convolution with stride 1 in a quarter of the
 * multiplications: F(3 × 3, 4 × 4), with a 4 × 4 tile of the small image in place of the kernel.
 * With the interpolation points of winograd.h,
 *
 *   dW = Aᵀ [ Σ over tiles of (G dy Gᵀ) ⊙ (Bᵀ x B) ] A
 *
 * The 36 sums of a unit of some channels × some panels of outputs are kept in a slot of `work`
 * while its tiles are processed block by block; they are transformed once, at the end.  An
 * element's sum does not depend on its unit, so the division into units may depend on the threads.
 */
#ifndef NN_WINOGRAD_WGRAD_H
#define NN_WINOGRAD_WGRAD_H

#include "runtime/kernels/conv/wgrad.h"
#include "runtime/kernels/conv/winograd.h"

/* G dy Gᵀ of one tile, 16 outputs from at[k]; to[f · stride][16]. */
NN_INLINE void nn_winograd_transform_small(const int half, const void *const at[16], int lanes, float *to, long stride)
{
    for (int v = 0; v < NN_PANEL; v += NN_W) {
        nn_vec once[6][4];
        for (int j = 0; j < 4; j++) {
            nn_vec g[4], column[6];
            NN_UNROLL
            for (int i = 0; i < 4; i++)
                g[i] = v < lanes ? nn_load_some_as(half, nn_at(half, at[i * 4 + j], v), lanes - v) : nn_zero();
            nn_winograd_g(6, 4, g, column);
            NN_UNROLL
            for (int i = 0; i < 6; i++) once[i][j] = column[i];
        }
        for (int i = 0; i < 6; i++) {
            nn_vec row[6];
            nn_winograd_g(6, 4, once[i], row);
            NN_UNROLL
            for (int j = 0; j < 6; j++) nn_store(to + (i * 6 + j) * stride + v, row[j]);
        }
    }
}

/* Panels p … p + panels of the small image; to: [36][panels][count][16] */
NN_INLINE void nn_winograd_small_inputs(const int half, const nn_winograd_block *s, const void *dy, int p, int panels,
                                        float *to)
{
    const nn_conv *d = s->d;
    for (long i = 0; i < s->count; i++) {
        long tile = s->first + i, image = tile / (s->down * s->across), rest = tile % (s->down * s->across);
        int h0 = (int)(rest / s->across) * 4, w0 = (int)(rest % s->across) * 4;
        for (int q = 0; q < panels; q++) {
            const void *at[16];
            for (int k = 0; k < 16; k++) {
                int h = h0 + k / 4, w = w0 + k % 4;
                const long place = ((image * d->oh + h) * d->ow + w) * d->o_step + (p + q) * NN_PANEL;
                at[k] = h < d->oh && w < d->ow ? nn_at(half, dy, place) : nn_zeros;
            }
            nn_winograd_transform_small(half, at, d->o - (p + q) * NN_PANEL, to + (q * s->count + i) * NN_PANEL,
                                        nn_winograd_stride(s->count, panels * NN_PANEL));
        }
    }
}

/* Aᵀ of e vectors. */
NN_INLINE void nn_winograd_a3(const int e, const nn_vec m[NN_WINOGRAD_EDGE], nn_vec to[3])
{
    nn_vec a = m[1] + m[2];
    if (e == 4) {
        to[0] = m[0] + a;
        to[1] = m[1] - m[2];
        to[2] = a - m[3];
        return;
    }
    nn_vec c = m[3] + m[4];
    to[0] = m[0] + a + c;
    to[1] = (m[1] - m[2]) + 2 * (m[3] - m[4]);
    to[2] = a + 4 * c + m[5];
}

/* sums: [e²][…], `stride` apart; the nine weights of each lane to w[tap][lane]. */
NN_INLINE void nn_winograd_taps(const int e, const float *sums, long stride, float w[9][NN_PANEL])
{
    for (int v = 0; v < NN_PANEL; v += NN_W) {
        nn_vec half[3][NN_WINOGRAD_EDGE], row[3];
        for (int j = 0; j < e; j++) {
            nn_vec m[NN_WINOGRAD_EDGE], column[3];
            for (int i = 0; i < e; i++) m[i] = nn_load(sums + (i * e + j) * stride + v);
            nn_winograd_a3(e, m, column);
            for (int i = 0; i < 3; i++) half[i][j] = column[i];
        }
        for (int i = 0; i < 3; i++) {
            nn_winograd_a3(e, half[i], row);
            for (int j = 0; j < 3; j++) nn_store(w[i * 3 + j] + v, row[j]);
        }
    }
}

/* Floats, or both in bf16. */
typedef struct nn_winograd_images {
    const void *large, *small;
    float *weight;
} nn_winograd_images;

/* A unit: channels c0 … c0 + channels, panels p … p + panels. */
typedef struct nn_winograd_unit {
    int c0, channels, p, panels;
} nn_winograd_unit;

NN_INLINE void nn_winograd_unit_store(const int e, const nn_conv *d, const nn_winograd_unit *u, const float *sums,
                                      float *weight)
{
    const long stride = (long)u->panels * u->channels * NN_PANEL;
    for (int q = 0; q < u->panels; q++) {
        for (int c = 0; c < u->channels; c++) {
            float w[9][NN_PANEL] __attribute__((aligned(64)));
            nn_winograd_taps(e, sums + ((long)q * u->channels + c) * NN_PANEL, stride, w);
            const int first = (u->p + q) * NN_PANEL, lanes = nn_min(d->o - first, NN_PANEL);
            for (int lane = 0; lane < lanes; lane++)
                for (int tap = 0; tap < 9; tap++)
                    weight[((long)(first + lane) * d->c + u->c0 + c) * 9 + tap] = w[tap][lane];
        }
    }
}

/* sums[f][panel][c][16] += Σ over the block's tiles of large[f][tile][c] · small[f][panel][tile][16] */
NN_INLINE void nn_winograd_unit_add(const nn_winograd_unit *u, long count, const float *large, const float *small,
                                    float *sums)
{
    const nn_wgrad_pixels pixels = {1, 1, (int)count, 0, 0, u->channels, 0, count * NN_PANEL};
    const int tiles = nn_ceil(u->channels, NN_TILE_ROWS);
    const long panel = (long)u->channels * NN_PANEL;
    for (int f = 0; f < 36; f++) {
        for (int q = 0; q < u->panels; q += NN_TILE_PANELS) {
            const float *dy = small + f * nn_winograd_stride(count, u->panels * NN_PANEL) + q * count * NN_PANEL;
            float *to = sums + ((long)f * u->panels + q) * panel;
            const int vectors = u->panels - q >= NN_TILE_PANELS ? NN_TILE_VECTORS : NN_TILE_VECTORS / NN_TILE_PANELS;
            for (int i = 0; i < tiles; i++) {
                int first = nn_wgrad_tile_first(u->channels, i, tiles),
                    last = nn_wgrad_tile_first(u->channels, i + 1, tiles);
                nn_wgrad_tile_run(last - first, vectors, &pixels,
                                  large + f * nn_winograd_stride(count, u->channels) + first, dy, to + first * NN_PANEL,
                                  panel);
            }
        }
    }
}

NN_INLINE void nn_winograd_unit_run(const int half, const nn_conv *d, const nn_winograd_unit *u,
                                    const nn_winograd_images *io, float *work)
{
    nn_winograd_block s = {.d = d, .down = (d->oh + 3) / 4, .across = (d->ow + 3) / 4};
    const long tiles = (long)d->n * s.down * s.across, sizes = 36L * u->panels * u->channels * NN_PANEL;
    float *large = work + sizes, *small = large + 36 * nn_winograd_stride(NN_WINOGRAD_WGRAD_TILES, u->channels);
    for (long i = 0; i < sizes; i += NN_W) nn_store(work + i, nn_zero());
    for (s.first = 0; s.first < tiles; s.first += NN_WINOGRAD_WGRAD_TILES) {
        s.count = tiles - s.first < NN_WINOGRAD_WGRAD_TILES ? tiles - s.first : NN_WINOGRAD_WGRAD_TILES;
        nn_winograd_inputs((nn_winograd_form){half, 4, 6, NN_PANELS_F32}, &s, io->large, u->c0, u->channels, large);
        nn_winograd_small_inputs(half, &s, io->small, u->p, u->panels, small);
        nn_winograd_unit_add(u, s.count, large, small, work);
    }
    nn_winograd_unit_store(6, d, u, work, io->weight);
}

/* How many units there are along the channels and along the panels. */
typedef struct nn_winograd_cut {
    int blocks, across;
} nn_winograd_cut;

/* The largest unit; and the multiplications of a tile, channel and output, and about as many as transforming a tile of
 * a channel or output takes. */
typedef struct nn_winograd_sizes {
    int channels, panels, products, transform;
} nn_winograd_sizes;

/* The time of the slowest thread, in multiplications. */
NN_INLINE long nn_winograd_cut_time(const nn_winograd_sizes *z, const nn_conv *d, int panels, nn_winograd_cut cut,
                                    int T)
{
    const long c = nn_ceil(d->c, cut.blocks), o = (long)nn_ceil(panels, cut.across) * NN_PANEL;
    return nn_ceil(cut.blocks * cut.across, T) * (z->products * c * o + z->transform * (c + o));
}

/* The division into units that fit a slot with the least time; of equal ones, the largest units. */
NN_INLINE nn_winograd_cut nn_winograd_cut_for(const nn_winograd_sizes *z, const nn_conv *d, int panels, int T)
{
    const int blocks = nn_ceil(d->c, z->channels), across = nn_ceil(panels, z->panels);
    nn_winograd_cut best = {blocks, across};
    for (int b = blocks; b <= nn_min(blocks + T - 1, d->c); b++) {
        for (int a = across; a <= nn_min(across + T - 1, panels); a++) {
            const nn_winograd_cut cut = {b, a};
            if (nn_winograd_cut_time(z, d, panels, cut, T) < nn_winograd_cut_time(z, d, panels, best, T)) best = cut;
        }
    }
    return best;
}

/* Of the units, unit k. */
NN_INLINE nn_winograd_unit nn_winograd_unit_of(const nn_conv *d, int panels, nn_winograd_cut cut, int k)
{
    nn_winograd_unit u;
    u.c0 = d->c * (k % cut.blocks) / cut.blocks;
    u.channels = d->c * (k % cut.blocks + 1) / cut.blocks - u.c0;
    u.p = panels * (k / cut.blocks) / cut.across;
    u.panels = panels * (k / cut.blocks + 1) / cut.across - u.p;
    return u;
}

/* Part t of T of the units. */
NN_INLINE void nn_winograd_units(const int half, const nn_conv *d, const nn_winograd_images *io, float *work, int t,
                                 int T)
{
    if (T > NN_WINOGRAD_THREADS) T = NN_WINOGRAD_THREADS;
    if (t >= T) return;
    const int panels = nn_ceil(d->o, NN_PANEL);
    const nn_winograd_sizes sizes = {NN_WINOGRAD_WGRAD_CHANNELS, NN_WINOGRAD_WGRAD_PANELS, 36, 300};
    const nn_winograd_cut cut = nn_winograd_cut_for(&sizes, d, panels, T);
    const int units = cut.blocks * cut.across;
    work += nn_slot_of(t, T, NN_WINOGRAD_THREADS) * nn_winograd_wgrad_slot();
    for (int k = units * t / T; k < units * (t + 1) / T; k++) {
        const nn_winograd_unit u = nn_winograd_unit_of(d, panels, cut, k);
        nn_winograd_unit_run(half, d, &u, io, work);
    }
}

/* weight: [o][c][3][3]; part t of T of the units.  `work` has nn_winograd_wgrad_work()
 * floats. */
NN_KERNEL void nn_winograd_wgrad(const nn_conv *d, const float *x, const float *dy, float *weight, float *work, int t,
                                 int T)
{
    const nn_winograd_images io = {x, dy, weight};
    nn_winograd_units(0, d, &io, work, t, T);
}

/* The same of images in bf16. */
NN_KERNEL void nn_winograd_wgrad_bf16(const nn_conv *d, const uint16_t *x, const uint16_t *dy, float *weight,
                                      float *work, int t, int T)
{
    const nn_winograd_images io = {x, dy, weight};
    nn_winograd_units(1, d, &io, work, t, T);
}

#endif
