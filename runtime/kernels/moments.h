/*
 * moments.h: the gradient of a convolution's weights, from channels-last images:
 *
 *   weight[o][c][tap] = Σ_{n, u, v} small[n][u, v][o] · large[n][u·sh + row, v·sw + column][c]
 *
 * A unit of work is some panels of 16 outputs × some channels.  Block by block of
 * points, its channels of the large image are copied with their padding, and its
 * outputs of the small one; then a tile of NN_ROWS channels × one panel is summed in
 * registers over the block's points, tap by tap, and added to the unit's sums.  What
 * each unit and block is depends on the shapes alone, not on the threads.
 *
 * Where there are few channels, a row of taps is taken as one run of kw · c channels,
 * since they lie side by side.
 */
#ifndef NN_MOMENTS_H
#define NN_MOMENTS_H

#include "conv.h"
#include "transpose.h"
#include "walk.h"

enum {
    NN_LARGE = 24576, /* floats that are copied of the large image, */
    NN_SMALL = 24576, /* of the small one, */
    NN_UNIT = 24576,  /* and of a unit's sums */
    NN_FEW = 8        /* channels that are taken together with the taps of a row */
};

typedef struct nn_moments {
    const nn_conv *d;
    int c, o;                   /* channels and outputs of the group */
    int kh, kw, dh, dw;         /* taps that are walked over: kw is 1 where a row of taps is one run */
    int sh, sw;                 /* steps in the copy: 1 where one tap needs only what it reads */
    int merged;                 /* taps of a run */
    int channels, panels;       /* of a unit */
    int images, rows, columns;  /* of a block: points */
    const float *large, *small; /* of the group */
} nn_moments;

NN_INLINE int nn_ceil(int a, int b) { return (a + b - 1) / b; }
NN_INLINE int nn_min(int a, int b) { return a < b ? a : b; }

/* Rows and columns of the copy for so many points. */
NN_INLINE int nn_copy_rows_of(const nn_moments *s, int rows) { return (rows - 1) * s->sh + (s->d->kh - 1) * s->dh + 1; }
NN_INLINE int nn_copy_columns_of(const nn_moments *s, int columns)
{
    return (columns - 1) * s->sw + (s->d->kw - 1) * s->dw + 1;
}

NN_INLINE int nn_copy_fits(const nn_moments *s, int images, int rows, int columns)
{
    long large = (long)images * nn_copy_rows_of(s, rows) * nn_copy_columns_of(s, columns) * s->channels;
    return large <= NN_LARGE && (long)images * rows * columns * s->panels * NN_PANEL <= NN_SMALL;
}

/* Sizes of units and blocks; 0 where not even one point fits. */
NN_INLINE int nn_moments_sizes(nn_moments *s)
{
    const nn_conv *d = s->d;
    const int taps = s->kh * s->kw * s->merged, most = s->merged > 1 ? s->c : 132, all = nn_ceil(s->o, NN_PANEL);
    s->panels = nn_min(all, taps > 1 ? 2 : 8);
    s->panels = nn_ceil(s->panels, NN_GROUP) * NN_GROUP;
    int blocks = nn_ceil(s->c, most);
    while (blocks < s->c && (taps * nn_ceil(s->c, blocks) * s->panels * NN_PANEL > NN_UNIT ||
                             (long)nn_copy_rows_of(s, 1) * nn_copy_columns_of(s, 1) * nn_ceil(s->c, blocks) > NN_LARGE))
        blocks++;
    if (blocks * nn_ceil(all, s->panels) % 2 && s->c >= 2 * NN_ROWS && s->merged == 1) blocks++;
    s->channels = nn_ceil(nn_ceil(s->c, blocks), NN_ROWS) * NN_ROWS;
    if (s->channels > s->c) s->channels = s->c;
    if (taps * s->channels * s->panels * NN_PANEL > NN_UNIT) return 0;
    s->images = s->rows = 1;
    s->columns = d->ow;
    while (s->columns > 1 && !nn_copy_fits(s, 1, 1, s->columns)) s->columns = nn_ceil(s->columns, 2);
    if (!nn_copy_fits(s, 1, 1, s->columns)) return 0;
    if (s->columns < d->ow) return 1;
    while (s->rows < d->oh && nn_copy_fits(s, 1, s->rows + 1, s->columns)) s->rows++;
    s->rows = nn_ceil(d->oh, nn_ceil(d->oh, s->rows));
    if (s->rows < d->oh) return 1;
    while (s->images < d->n && nn_copy_fits(s, s->images + 1, s->rows, s->columns)) s->images++;
    return 1;
}

/* ---- a block ---------------------------------------------------------------------- */

typedef struct nn_patch {
    int image, row, column;    /* the first point */
    int images, rows, columns; /* points */
    int height, width;         /* of the copy of an image */
    int channel, channels, panel, panels;
} nn_patch;

/* Whole vectors are stored: what is too much is written again by the next point. */
NN_INLINE void nn_patch_point(const float *from, int channels, float *to)
{
    int k = 0;
    if (!from) {
        for (; k < channels; k += NN_W) nn_store(to + k, nn_zero());
        return;
    }
    for (; k + NN_W <= channels; k += NN_W) nn_store(to + k, nn_load(from + k));
    if (k < channels) nn_store(to + k, nn_load_some(from + k, channels - k));
}

NN_INLINE void nn_patch_large(const nn_moments *s, const nn_patch *p, float *to)
{
    const nn_conv *d = s->d;
    const int step_h = d->kh > 1 ? 1 : d->sh, step_w = d->kw > 1 ? 1 : d->sw;
    const int h0 = p->row * d->sh - d->top, w0 = p->column * d->sw - d->left;
    for (int n = 0; n < p->images; n++) {
        for (int i = 0; i < p->height; i++) {
            int h = h0 + i * step_h;
            const float *row = s->large + ((long)(p->image + n) * d->h + h) * d->w * d->c_step + p->channel;
            for (int j = 0; j < p->width; j++, to += p->channels) {
                int w = w0 + j * step_w, inside = h >= 0 && h < d->h && w >= 0 && w < d->w;
                nn_patch_point(inside ? row + (long)w * d->c_step : 0, p->channels, to);
            }
        }
    }
}

/* Outputs of one point, `far` apart from panel to panel. */
NN_INLINE void nn_patch_outputs(const float *from, int outputs, int panels, float *to, long far)
{
    for (int q = 0; q < panels; q++, from += NN_PANEL, to += far, outputs -= NN_PANEL)
        for (int k = 0; k < NN_PANEL; k += NN_W)
            nn_store(to + k, k < outputs ? nn_load_some(from + k, outputs - k) : nn_zero());
}

/* to: [panel][point][16] */
NN_INLINE void nn_patch_small(const nn_moments *s, const nn_patch *p, float *to)
{
    const nn_conv *d = s->d;
    const long far = (long)p->images * p->rows * p->columns * NN_PANEL;
    for (int n = 0; n < p->images; n++) {
        for (int i = 0; i < p->rows; i++) {
            const float *from = s->small + p->panel * NN_PANEL +
                                (((long)(p->image + n) * d->oh + p->row + i) * d->ow + p->column) * d->o_step;
            for (int j = 0; j < p->columns; j++, to += NN_PANEL, from += d->o_step)
                nn_patch_outputs(from, s->o - p->panel * NN_PANEL, p->panels, to, far);
        }
    }
}

/* ---- the next block -------------------------------------------------------------------- */

/* Lines of a block that is not wanted yet, in the order in which it will be copied. */
typedef struct nn_ahead {
    const float *at;             /* the point */
    long step, row, image;       /* from the last of its points to the next, of a row or an image */
    int lines, columns, rows;    /* of a point, a row, an image */
    int line, column, where_row; /* where it is */
    long left;                   /* lines */
    int share;                   /* of a tile */
} nn_ahead;

NN_INLINE void nn_ahead_begin(nn_ahead *a, const float *at, long step, long row, long image, int floats, int columns,
                              int rows, int images, long tiles)
{
    *a = (nn_ahead){.at = at, .step = step, .lines = nn_ceil(floats, NN_LINE), .columns = columns, .rows = rows};
    a->row = row - columns * step;
    a->image = image - rows * row;
    a->left = (long)a->lines * columns * rows * images;
    a->share = (int)((a->left + tiles - 1) / tiles);
}

NN_INLINE void nn_ahead_fetch(nn_ahead *a)
{
    for (int i = a->share; i > 0 && a->left > 0; i--, a->left--) {
        __builtin_prefetch(a->at + a->line * NN_LINE, 0, 2);
        if (++a->line < a->lines) continue;
        a->line = 0;
        a->at += a->step;
        if (++a->column < a->columns) continue;
        a->column = 0;
        a->at += a->row;
        if (++a->where_row < a->rows) continue;
        a->where_row = 0;
        a->at += a->image;
    }
}

/* Of both images. */
typedef struct nn_coming {
    nn_ahead large, small;
} nn_coming;

NN_INLINE void nn_coming_begin(nn_coming *next, const nn_moments *s, const nn_patch *p, long tiles)
{
    const nn_conv *d = s->d;
    const long row = (long)d->w * d->c_step, small_row = (long)d->ow * d->o_step;
    const int step_h = d->kh > 1 ? 1 : d->sh, step_w = d->kw > 1 ? 1 : d->sw;
    const int h = p->row * d->sh > d->top ? p->row * d->sh - d->top : 0;
    const int w = p->column * d->sw > d->left ? p->column * d->sw - d->left : 0;
    nn_ahead_begin(&next->large, s->large + ((long)p->image * d->h + h) * row + (long)w * d->c_step + p->channel,
                   (long)step_w * d->c_step, step_h * row, d->h * row, p->channels, p->width, p->height, p->images,
                   tiles);
    nn_ahead_begin(&next->small,
                   s->small + ((long)p->image * d->oh + p->row) * small_row + (long)p->column * d->o_step +
                       p->panel * NN_PANEL,
                   d->o_step, small_row, d->oh * small_row, nn_min(p->panels * NN_PANEL, s->o - p->panel * NN_PANEL),
                   p->columns, p->rows, p->images, tiles);
}

/* ---- one tile -------------------------------------------------------------------------- */

/* sums[m][lane] += Σ over the block's points of large[m] · small[lane] */
NN_INLINE void nn_moment_tile(const int M, const int V, const nn_moments *s, const nn_patch *p, const float *large,
                              const float *small, float *sums, long panel)
{
    const long far = NN_GROUP > 1 ? (long)p->images * p->rows * p->columns * NN_PANEL : NN_W;
    const long row = (long)s->sh * p->width * p->channels, image = (long)p->height * p->width * p->channels;
    const int step = s->sw * p->channels;
    nn_vec sum[NN_ROWS][NN_TV];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++) sum[m][v] = nn_zero();
    for (int n = 0; n < p->images; n++) {
        for (int i = 0; i < p->rows; i++) {
            const float *x = large + n * image + i * row;
            for (int j = 0; j < p->columns; j++, x += step, small += NN_PANEL) {
                nn_vec dy[NN_TV];
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
        float *to = sums + m * NN_PANEL + v * (NN_GROUP > 1 ? panel : NN_W);
        nn_store(to, nn_load(to) + sum[m][v]);
    }
}

NN_KERNEL void nn_moment_tile_run(int rows, int vectors, const nn_moments *s, const nn_patch *p, const float *large,
                                  const float *small, float *sums, long panel)
{
#define NN_CASE(M)                                                     \
    case M:                                                            \
        if (vectors == 1)                                              \
            nn_moment_tile(M, 1, s, p, large, small, sums, panel);     \
        else                                                           \
            nn_moment_tile(M, NN_TV, s, p, large, small, sums, panel); \
        break;
    switch (rows) {
        NN_CASE(1)
        NN_CASE(2)
#if defined(NN_AVX512) || defined(NN_AVX2) || defined(NN_NEON)
        NN_CASE(3)
        NN_CASE(4)
        NN_CASE(5)
        NN_CASE(6)
#endif
#if defined(NN_AVX512)
        NN_CASE(7)
        NN_CASE(8)
        NN_CASE(9)
        NN_CASE(10)
#endif
    }
#undef NN_CASE
}

/* All taps, channels and panels of a block; sums: [panel][tap][channel][16]. */
NN_INLINE void nn_patch_add(const nn_moments *s, const nn_patch *p, const float *large, const float *small, float *sums,
                            nn_coming *next)
{
    const int channels = p->channels * s->merged, tiles = nn_ceil(channels, NN_ROWS), taps = s->kh * s->kw;
    const long points = (long)p->images * p->rows * p->columns, panel = (long)taps * channels * NN_PANEL;
    const int vectors = s->o <= NN_W && NN_GROUP == 1 ? 1 : NN_TV;
    for (int q = 0; q < p->panels; q += NN_GROUP) {
        for (int tap = 0; tap < taps; tap++) {
            const float *x = large + ((long)(tap / s->kw) * s->dh * p->width + tap % s->kw * s->dw) * p->channels;
            for (int i = 0; i < tiles; i++) {
                int first = channels * i / tiles, last = channels * (i + 1) / tiles;
                nn_ahead_fetch(&next->large);
                nn_ahead_fetch(&next->small);
                nn_moment_tile_run(last - first, vectors, s, p, x + first, small + q * points * NN_PANEL,
                                   sums + q * panel + ((long)tap * channels + first) * NN_PANEL, panel);
            }
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
                int row = s->merged > 1 ? tap / d->kw * channels + tap % d->kw * s->c + k : tap * channels + k;
                *to = panel[(long)row * NN_PANEL + lane + o - first];
            }
    }
}

/* With one tap, squares are turned while both sides have whole ones. */
NN_INLINE void nn_unit_store(const nn_moments *s, const nn_patch *p, const float *sums, float *weight, int group)
{
    const long depth = (long)s->kh * s->kw * p->channels * s->merged;
    const int whole = s->d->kh * s->d->kw == 1 ? p->channels / NN_W * NN_W : 0;
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

/* Blocks of the points of all images. */
NN_INLINE int nn_blocks_of(const nn_moments *s)
{
    return nn_ceil(s->d->n, s->images) * nn_ceil(s->d->oh, s->rows) * nn_ceil(s->d->ow, s->columns);
}

NN_INLINE void nn_patch_at(const nn_moments *s, int block, nn_patch *p)
{
    const nn_conv *d = s->d;
    const int across = nn_ceil(d->ow, s->columns), down = nn_ceil(d->oh, s->rows);
    p->image = block / (across * down) * s->images;
    p->row = block / across % down * s->rows;
    p->column = block % across * s->columns;
    p->images = nn_min(s->images, d->n - p->image);
    p->rows = nn_min(s->rows, d->oh - p->row);
    p->columns = nn_min(s->columns, d->ow - p->column);
    p->height = nn_copy_rows_of(s, p->rows);
    p->width = nn_copy_columns_of(s, p->columns);
}

NN_KERNEL void nn_unit_run(const nn_moments *s, int unit, float *weight, int group)
{
    float large[NN_LARGE + NN_W] __attribute__((aligned(64))), small[NN_SMALL] __attribute__((aligned(64))),
        sums[NN_UNIT] __attribute__((aligned(64)));
    const int across = nn_ceil(s->c, s->channels), all = nn_ceil(s->o, NN_PANEL), blocks = nn_blocks_of(s);
    nn_patch p = {.channel = unit % across * s->channels, .panel = unit / across * s->panels};
    p.channels = nn_min(s->channels, s->c - p.channel);
    p.panels = nn_min(s->panels, nn_ceil(all - p.panel, NN_GROUP) * NN_GROUP);
    const long tiles = (long)nn_ceil(p.channels * s->merged, NN_ROWS) * s->kh * s->kw * (p.panels / NN_GROUP);
    for (long i = 0; i < (long)p.panels * s->kh * s->kw * s->merged * p.channels * NN_PANEL; i += NN_W)
        nn_store(sums + i, nn_zero());
    for (int b = 0; b < blocks; b++) {
        nn_coming next = {0};
        if (b + 1 < blocks) {
            nn_patch_at(s, b + 1, &p);
            nn_coming_begin(&next, s, &p, tiles);
        }
        nn_patch_at(s, b, &p);
        nn_patch_large(s, &p, large);
        nn_patch_small(s, &p, small);
        nn_patch_add(s, &p, large, small, sums, &next);
    }
    p.panels = nn_min(p.panels, all - p.panel);
    nn_unit_store(s, &p, sums, weight, group);
}

NN_INLINE void nn_moments_of(const nn_conv *d, int merge, nn_moments *s)
{
    *s = (nn_moments){.d = d, .c = d->c / d->groups, .o = d->o / d->groups, .merged = merge ? d->kw : 1};
    s->kh = d->kh;
    s->kw = merge ? 1 : d->kw;
    s->dh = d->dh;
    s->dw = d->dw;
    s->sh = d->kh > 1 ? d->sh : 1;
    s->sw = d->kw > 1 ? d->sw : 1;
}

/* Units of all groups, part t of T. */
NN_INLINE void nn_moments_units(nn_moments *s, const float *large, const float *small, float *weight, int t, int T)
{
    const int units = nn_ceil(s->c, s->channels) * nn_ceil(nn_ceil(s->o, NN_PANEL), s->panels);
    const long all = (long)units * s->d->groups;
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
    nn_moments_of(d, c <= NN_FEW && d->groups == 1 && d->dw == 1 && d->kw > 1, &s);
    if (nn_moments_sizes(&s)) nn_moments_units(&s, large, small, weight, t, T);
}

#endif
