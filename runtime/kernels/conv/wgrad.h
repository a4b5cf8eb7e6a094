/*
 * wgrad.h: the gradient of a convolution's weights, from channels-last images:
 *
 *   weight[o][c][tap] = Σ_{n, u, v} small[n][u, v][o] · large[n][u·sh + row, v·sw + column][c]
 *
 * A unit of work is some panels of 16 outputs × some channels.  Block by block of
 * points, its channels of the large image are copied with their padding; and panel by
 * panel, the outputs of the small one.  Then a tile of NN_TILE_ROWS channels × one panel is
 * summed in registers over the block's points, tap by tap, and added to the unit's sums.
 * What each unit and block is depends on the shapes alone, not on the threads.
 *
 * Where there are few channels, a row of taps is taken as one run of kw · c channels,
 * since they lie side by side.  Groups of few channels are taken together, as many as
 * fill a panel: products of one's channels and another's outputs are summed, too, and left.
 */
#ifndef NN_WGRAD_H
#define NN_WGRAD_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/conv/wgrad_pack.h"
#include "runtime/kernels/simd/transpose.h"

/* ---- one tile -------------------------------------------------------------------------- */

/* How the points that a tile is summed over lie in the copy of the large image. */
typedef struct nn_points {
    int images, rows, columns;
    long image, row; /* distances in floats */
    int step;
} nn_points;

NN_INLINE nn_points nn_points_of(const nn_moments *s, const nn_patch *p)
{
    if (s->tiled) return (nn_points){1, 1, p->images * p->rows * p->columns, 0, 0, NN_TILE_ROWS};
    const long row = (long)p->width * p->channels;
    return (nn_points){p->images, p->rows, p->columns, p->height * row, s->sh * row, s->sw * p->channels};
}

/* sums[m][lane] += Σ over the points of large[m] · small[lane] */
NN_INLINE void nn_moment_tile(const int M, const int V, const nn_points *p, const float *large, const float *small,
                              float *sums, long panel)
{
    const long far = NN_TILE_PANELS > 1 ? (long)p->images * p->rows * p->columns * NN_PANEL : NN_W;
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
                for (int v = 0; v < V; v++) dy[v] = nn_load(small + v * far);
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
        nn_store(to, nn_load(to) + sum[m][v]);
    }
}

NN_KERNEL void nn_moment_tile_run(int rows, int vectors, const nn_points *p, const float *large, const float *small,
                                  float *sums, long panel)
{
#define NN_CASE(M)                                                            \
    case M:                                                                   \
        if (vectors == 1)                                                     \
            nn_moment_tile(M, 1, p, large, small, sums, panel);               \
        else                                                                  \
            nn_moment_tile(M, NN_TILE_VECTORS, p, large, small, sums, panel); \
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
NN_INLINE void nn_patch_add(const nn_moments *s, const nn_patch *p, const float *large, const float *small, float *sums,
                            nn_coming *next)
{
    const int channels = p->channels * s->merged, tiles = nn_ceil(channels, NN_TILE_ROWS), taps = s->kh * s->kw;
    const int vectors = s->o <= NN_W && NN_TILE_PANELS == 1 ? 1 : NN_TILE_VECTORS;
    const long panel = (long)taps * channels * NN_PANEL;
    const nn_points points = nn_points_of(s, p);
    for (int tap = 0; tap < taps; tap++) {
        const float *x = large + ((long)(tap / s->kw) * s->dh * p->width + tap % s->kw * s->dw) * p->channels;
        for (int i = 0; i < tiles; i++) {
            const int first = nn_tile_first(channels, i, tiles), rows = nn_tile_first(channels, i + 1, tiles) - first;
            nn_ahead_fetch(&next->large);
            nn_ahead_fetch(&next->small);
            nn_moment_tile_run(rows, vectors, &points, x + (s->tiled ? i * nn_tile_step(points.columns) : first), small,
                               sums + ((long)tap * channels + first) * NN_PANEL, panel);
        }
    }
}

/* ---- a unit -------------------------------------------------------------------------------- */

/* Outputs first … last of one panel, channels from `c` on, one number at a time. */
NN_INLINE void nn_panel_store(const nn_moments *s, const nn_patch *p, const float *panel, float *weight, int first,
                              int last, int c)
{
    const nn_conv *d = s->d;
    const int taps = d->kh * d->kw, channels = p->channels * s->merged, lane = first % NN_PANEL;
    for (int o = first; o < last; o++) {
        float *to = weight + ((long)o * s->c + p->channel + c) * taps;
        for (int k = c; k < p->channels; k++)
            for (int tap = 0; tap < taps; tap++, to++) {
                int row = s->merged > 1 ? tap / d->kw * channels + tap % d->kw * p->channels + k : tap * channels + k;
                *to = panel[(long)row * NN_PANEL + lane + o - first];
            }
    }
}

/* With one tap, squares are turned while both sides have whole ones. */
NN_INLINE void nn_unit_store(const nn_moments *s, const nn_patch *p, const float *sums, float *weight, int group)
{
    const long depth = (long)s->kh * s->kw * p->channels * s->merged;
    const int whole = s->tiled ? p->channels / NN_W * NN_W : 0;
    weight += (long)group * s->o * s->c * s->d->kh * s->d->kw;
    for (int q = 0; q < p->panels; q++, sums += depth * NN_PANEL) {
        const int first = (p->panel + q) * NN_PANEL, last = nn_min(s->o, first + NN_PANEL);
        int o = first;
        for (; whole && o + NN_W <= last; o += NN_W) {
            for (int c = 0; c < whole; c += NN_W)
                nn_transpose_square(weight + (long)o * s->c + p->channel + c, s->c, sums + c * NN_PANEL + o - first,
                                    NN_PANEL);
            nn_panel_store(s, p, sums, weight, o, o + NN_W, whole);
        }
        nn_panel_store(s, p, sums, weight, o, last, 0);
    }
}

/* Of a bundle of groups, what is within them. */
NN_INLINE void nn_bundle_store(const nn_moments *s, const nn_patch *p, const float *sums, float *weight, int bundle)
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

/* One block of all the unit's panels; `after` is the one that follows, or NULL. */
NN_INLINE void nn_block_add(const nn_moments *s, const nn_patch *p, const nn_patch *after, float *large, float *small,
                            float *sums)
{
    const long tiles = (long)nn_ceil(p->channels * s->merged, NN_TILE_ROWS) * s->kh * s->kw;
    const long panel = (long)s->kh * s->kw * s->merged * p->channels * NN_PANEL;
    nn_coming next = {0};
    if (after) nn_coming_large(&next, s, after, tiles * (p->panels / NN_TILE_PANELS));
    nn_patch_large(s, p, large);
    for (int q = 0; q < p->panels; q += NN_TILE_PANELS) {
        nn_patch_small(s, p, q, small);
        if (q + NN_TILE_PANELS < p->panels)
            nn_coming_small(&next, s, p, q + NN_TILE_PANELS, tiles);
        else if (after)
            nn_coming_small(&next, s, after, 0, tiles);
        nn_patch_add(s, p, large, small, sums + q * panel, &next);
    }
}

NN_KERNEL void nn_unit_run(const nn_moments *s, int unit, float *weight, int group)
{
    float large[NN_WGRAD_BUFFER] __attribute__((aligned(64)));
    float small[NN_TILE_PANELS * NN_WGRAD_PIXELS * NN_PANEL] __attribute__((aligned(64)));
    float sums[NN_WGRAD_SUMS] __attribute__((aligned(64)));
    const int across = nn_ceil(s->c, s->channels), all = nn_ceil(s->o, NN_PANEL), blocks = nn_blocks_of(s);
    nn_patch p = {.channel = unit % across * s->channels, .panel = unit / across * s->panels};
    p.channels = nn_min(s->channels, s->c - p.channel);
    p.panels = nn_min(s->panels, nn_ceil(all - p.panel, NN_TILE_PANELS) * NN_TILE_PANELS);
    for (long i = 0; i < (long)s->kh * s->kw * s->merged * p.channels * p.panels * NN_PANEL; i += NN_W)
        nn_store(sums + i, nn_zero());
    for (int b = 0; b < blocks; b++) {
        nn_patch after = p;
        nn_patch_at(s, b, &p);
        if (b + 1 < blocks) nn_patch_at(s, b + 1, &after);
        nn_block_add(s, &p, b + 1 < blocks ? &after : 0, large, small, sums);
    }
    p.panels = nn_min(p.panels, all - p.panel);
    if (s->groups < s->d->groups)
        nn_bundle_store(s, &p, sums, weight, group);
    else
        nn_unit_store(s, &p, sums, weight, group);
}

/* How many groups are taken together. */
NN_INLINE int nn_bundle(const nn_conv *d)
{
    const int c = d->c / d->groups, o = d->o / d->groups;
    int groups = NN_PANEL / (c > o ? c : o);
    while (groups > 1 && d->groups % groups) groups--;
    return groups > 1 ? groups : 1;
}

NN_INLINE void nn_moments_of(const nn_conv *d, int merge, nn_moments *s)
{
    *s = (nn_moments){.d = d, .groups = d->groups / nn_bundle(d), .merged = merge ? d->kw : 1};
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
NN_INLINE void nn_moments_units(nn_moments *s, const float *large, const float *small, float *weight, int t, int T)
{
    const int units = nn_ceil(s->c, s->channels) * nn_ceil(nn_ceil(s->o, NN_PANEL), s->panels);
    const long all = (long)units * s->groups;
    for (long k = all * t / T; k < all * (t + 1) / T; k++) {
        int group = (int)(k / units);
        s->large = large + group * s->c;
        s->small = small + group * s->o;
        nn_unit_run(s, (int)(k % units), weight, group);
    }
}

NN_KERNEL void nn_moments_run(const nn_conv *d, const float *large, const float *small, float *weight, int t, int T)
{
    nn_moments s;
    const int c = d->c / d->groups;
    nn_moments_of(d, c <= NN_WGRAD_MERGED && d->groups == 1 && d->dw == 1 && d->kw > 1, &s);
    nn_unit_sizes(&s);
    nn_block_sizes(&s);
    nn_moments_units(&s, large, small, weight, t, T);
}

#endif
