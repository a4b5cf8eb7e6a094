/*
 * wgrad.h: the weight gradient of a convolution of NHWC images:
 *
 *   weight[o][c][tap] = Σ_{n, u, v} small[n][u, v][o] · large[n][u·sh + row, v·sw + column][c]
 *
 * A unit of work is some panels of 16 outputs × some channels.  Block by block of pixels, its
 * channels of the large image are packed with their padding and, panel by panel, its outputs of
 * the small image (wgrad_pack.h).  Then a tile of NN_TILE_ROWS channels × NN_TILE_PANELS panels is
 * summed in registers over the pixels of the block, tap by tap, and added to the unit's sums.
 * Units and blocks depend only on the shapes, not on the threads.
 *
 * With few channels, a row of taps is one run of kw · c channels, since they are contiguous.
 * Small groups are bundled until they fill a panel; the products of one group's channels with
 * another's outputs are computed and discarded.
 */
#ifndef NN_WGRAD_H
#define NN_WGRAD_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/conv/wgrad_pack.h"
#include "runtime/kernels/simd/transpose.h"

/* ---- one tile -------------------------------------------------------------------------- */

NN_INLINE nn_wgrad_pixels nn_wgrad_pixels_of(const nn_wgrad *s, const nn_wgrad_block *p)
{
    const int first = p->image == 0 && p->row == 0 && p->column == 0;
    const int pixels = p->images * p->rows * p->columns;
    const long panel = nn_wgrad_panel_stride(pixels);
    if (s->tiled) return (nn_wgrad_pixels){1, 1, pixels, 0, 0, NN_TILE_ROWS, first, panel};
    const long row = (long)p->width * p->channels;
    return (nn_wgrad_pixels){p->images,           p->rows, p->columns, p->height * row, s->sh * row,
                             s->sw * p->channels, first,   panel};
}

/* sums[m][lane] += Σ over the pixels of large[m] · small[lane] */
NN_INLINE void nn_wgrad_tile(const int M, const int V, const nn_wgrad_pixels *p, const float *large, const float *small,
                             float *sums, long panel)
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
                nn_vec dy[NN_TILE_VECTORS];
                NN_UNROLL
                for (int v = 0; v < V; v++) dy[v] = nn_load(small + v * panel_stride);
                NN_UNROLL
                for (int m = 0; m < M; m++) NN_UNROLL
                for (int v = 0; v < V; v++) sum[m][v] += x[m] * dy[v];
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

NN_KERNEL void nn_wgrad_tile_run(int rows, int vectors, const nn_wgrad_pixels *p, const float *large,
                                 const float *small, float *sums, long panel)
{
#define NN_CASE(M)                                                           \
    case M:                                                                  \
        if (vectors == 1)                                                    \
            nn_wgrad_tile(M, 1, p, large, small, sums, panel);               \
        else                                                                 \
            nn_wgrad_tile(M, NN_TILE_VECTORS, p, large, small, sums, panel); \
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

/* All taps and channels of one tile's panels. */
NN_INLINE void nn_wgrad_tiles_add(const nn_wgrad *s, const nn_wgrad_block *p, const float *large, const float *small,
                                  float *sums)
{
    const int channels = p->channels * s->merged, tiles = nn_ceil(channels, NN_TILE_ROWS), taps = s->kh * s->kw;
    const int vectors = s->o <= NN_W && NN_TILE_PANELS == 1 ? 1 : NN_TILE_VECTORS;
    const long panel = (long)taps * channels * NN_PANEL;
    const nn_wgrad_pixels pixels = nn_wgrad_pixels_of(s, p);
    for (int tap = 0; tap < taps; tap++) {
        const float *x = large + ((long)(tap / s->kw) * s->dh * p->width + tap % s->kw * s->dw) * p->channels;
        for (int i = 0; i < tiles; i++) {
            const int first = nn_wgrad_tile_first(channels, i, tiles),
                      rows = nn_wgrad_tile_first(channels, i + 1, tiles) - first;
            s->as.tile(rows, vectors, &pixels, x + (s->tiled ? i * nn_wgrad_tile_stride(pixels.columns) : first), small,
                       sums + ((long)tap * channels + first) * NN_PANEL, panel);
        }
    }
}

/* ---- a unit -------------------------------------------------------------------------------- */

/* The elements of an output's weights, in order, and where a panel has their sums, [tap][channel][16]. */
typedef struct nn_wgrad_element {
    int tap, taps, channels;
    const float *at, *next; /* of this element, and of its channel's first tap */
} nn_wgrad_element;

NN_INLINE void nn_wgrad_next_element(nn_wgrad_element *e)
{
    e->at += e->channels * NN_PANEL;
    if (++e->tap < e->taps) return;
    e->tap = 0;
    e->at = e->next += NN_PANEL;
}

/* `outputs` of one panel, less than a vector; of all others the elements after whole squares. */
NN_INLINE void nn_wgrad_panel_rest(nn_wgrad_element e, float *weight, long step, int outputs, int count)
{
    for (int i = 0; i < count; i++, nn_wgrad_next_element(&e))
        for (int o = 0; o < outputs; o++) weight[o * step + i] = e.at[o];
}

/* Squares are transposed in registers. */
NN_INLINE void nn_wgrad_panel_store(const nn_wgrad *s, int channels, const float *panel, float *weight, int outputs)
{
    const int taps = s->d->kh * s->d->kw, all = channels * taps, squares = outputs / NN_W * NN_W;
    const long step = (long)s->c * taps;
    const nn_wgrad_element start = {.taps = taps, .channels = channels, .at = panel, .next = panel};
    nn_wgrad_element e = start, others = start;
    int i = 0;
    for (; squares && i + NN_W <= all; i += NN_W) {
        const float *row[NN_W];
        for (int k = 0; k < NN_W; k++, nn_wgrad_next_element(&e)) row[k] = e.at;
        for (int o = 0; o < squares; o += NN_W) {
            nn_transpose_gathered(weight + o * step + i, step, row);
            for (int k = 0; k < NN_W; k++) row[k] += NN_W;
        }
    }
    nn_wgrad_panel_rest(e, weight + i, step, squares, all - i);
    others.at += squares;
    others.next += squares;
    nn_wgrad_panel_rest(others, weight + squares * step, step, outputs - squares, all);
}

NN_INLINE void nn_wgrad_unit_store(const nn_wgrad *s, const nn_wgrad_block *p, const float *sums, float *weight,
                                   int group)
{
    const int taps = s->d->kh * s->d->kw;
    weight += (long)group * s->o * s->c * taps + (long)p->channel * taps;
    for (int q = 0; q < p->panels; q++, sums += (long)p->channels * taps * NN_PANEL) {
        const int first = (p->panel + q) * NN_PANEL;
        nn_wgrad_panel_store(s, p->channels, sums, weight + (long)first * s->c * taps, nn_min(s->o - first, NN_PANEL));
    }
}

/* Of a bundle, the products within each group. */
NN_INLINE void nn_wgrad_bundle_store(const nn_wgrad *s, const nn_wgrad_block *p, const float *sums, float *weight,
                                     int bundle)
{
    const nn_conv *d = s->d;
    const int c = d->c / d->groups, o = d->o / d->groups, taps = d->kh * d->kw;
    weight += (long)bundle * s->o * c * taps;
    for (int k = p->channel; k < p->channel + p->channels; k++) {
        for (int output = k / c * o; output < (k / c + 1) * o; output++) {
            float *to = weight + ((long)output * c + k % c) * taps;
            for (int tap = 0; tap < taps; tap++)
                to[tap] = sums[((long)tap * p->channels + k - p->channel) * NN_PANEL + output];
        }
    }
}

/* One block of all panels of the unit. */
NN_INLINE void nn_wgrad_block_add(const nn_wgrad *s, const nn_wgrad_block *p, float *large, float *small, float *sums)
{
    const long panel = (long)s->kh * s->kw * s->merged * p->channels * NN_PANEL;
    const long packed = nn_wgrad_panel_stride((long)p->images * p->rows * p->columns);
    s->as.pack_large(s, p, large);
    s->as.pack_small(s, p, small);
    for (int q = 0; q < p->panels; q += NN_TILE_PANELS)
        nn_wgrad_tiles_add(s, p, large, small + q * packed, sums + q * panel);
}

NN_KERNEL void nn_wgrad_unit_run(const nn_wgrad *s, int unit, float *weight, int group)
{
    float large[NN_WGRAD_BUFFER] __attribute__((aligned(64)));
    float small[NN_WGRAD_PANELS * (NN_WGRAD_TILED_PIXELS * NN_PANEL + NN_LINE)] __attribute__((aligned(64)));
    float sums[NN_WGRAD_SUMS] __attribute__((aligned(64)));
    const int across = nn_ceil(s->c, s->channels), all = nn_ceil(s->o, NN_PANEL), blocks = nn_wgrad_blocks(s);
    nn_wgrad_block p = {.channel = unit % across * s->channels, .panel = unit / across * s->panels};
    p.channels = nn_min(s->channels, s->c - p.channel);
    p.panels = nn_min(s->panels, nn_ceil(all - p.panel, NN_TILE_PANELS) * NN_TILE_PANELS);
    for (int b = 0; b < blocks; b++) {
        nn_wgrad_block_at(s, b, &p);
        nn_wgrad_block_add(s, &p, large, small, sums);
    }
    p.panels = nn_min(p.panels, all - p.panel);
    if (s->groups < s->d->groups)
        nn_wgrad_bundle_store(s, &p, sums, weight, group);
    else
        nn_wgrad_unit_store(s, &p, sums, weight, group);
}

/* How many groups are bundled. */
NN_INLINE int nn_wgrad_bundle(const nn_conv *d)
{
    const int c = d->c / d->groups, o = d->o / d->groups;
    int groups = NN_PANEL / (c > o ? c : o);
    while (groups > 1 && d->groups % groups) groups--;
    return groups > 1 ? groups : 1;
}

NN_INLINE void nn_wgrad_of(const nn_conv *d, int paired, int merge, nn_wgrad *s)
{
    *s = (nn_wgrad){
        .d = d, .n = nn_ceil(d->n, paired), .groups = d->groups / nn_wgrad_bundle(d), .merged = merge ? d->kw : 1};
    s->c = d->c / s->groups;
    s->o = d->o / s->groups;
    s->kh = d->kh;
    s->kw = merge ? 1 : d->kw;
    s->tiled = d->kh * d->kw == 1;
    s->dh = d->dh;
    s->dw = d->dw;
    s->sh = d->kh > 1 ? d->sh : 1;
    s->sw = d->kw > 1 ? d->sw : 1;
}

/* Units of all groups, part t of T. */
NN_INLINE void nn_wgrad_units(nn_wgrad *s, const void *large, const void *small, float *weight, int t, int T)
{
    const int units = nn_ceil(s->c, s->channels) * nn_ceil(nn_ceil(s->o, NN_PANEL), s->panels);
    const long all = (long)units * s->groups;
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        int group = (int)(k / units);
        s->large = nn_at(s->as.large, large, group * s->c);
        s->small = nn_at(s->as.small, small, group * s->o);
        nn_wgrad_unit_run(s, (int)(k % units), weight, group);
    }
}

/* All sizes, for images in these formats. */
NN_INLINE void nn_wgrad_begin(const nn_conv *d, nn_wgrad_formats as, nn_wgrad *s)
{
    const int c = d->c / d->groups;
    nn_wgrad_of(d, as.paired, c <= NN_WGRAD_MERGED && d->groups == 1 && d->dw == 1 && d->kw > 1, s);
    nn_wgrad_unit_sizes(s);
    nn_wgrad_block_sizes(s);
    s->as = as;
}

NN_KERNEL void nn_conv_wgrad(const nn_conv *d, const float *large, const float *small, float *weight, int t, int T)
{
    nn_wgrad s;
    nn_wgrad_begin(d, (nn_wgrad_formats){0, 0, 1, nn_wgrad_pack_large, nn_wgrad_pack_small, nn_wgrad_tile_run}, &s);
    nn_wgrad_units(&s, large, small, weight, t, T);
}

/* The large image in bf16, the small one, or both. */
NN_KERNEL void nn_conv_wgrad_bf16(const nn_conv *d, const nn_image_formats *of, const void *large, const void *small,
                                  float *weight, int t, int T)
{
    nn_wgrad s;
    const nn_wgrad_formats as = {.large = of->large,
                                 .small = of->small,
                                 .paired = 1,
                                 .pack_large = of->large ? nn_wgrad_pack_large_bf16 : nn_wgrad_pack_large,
                                 .pack_small = of->small ? nn_wgrad_pack_small_bf16 : nn_wgrad_pack_small,
                                 .tile = nn_wgrad_tile_run};
    nn_wgrad_begin(d, as, &s);
    nn_wgrad_units(&s, large, small, weight, t, T);
}

#endif
