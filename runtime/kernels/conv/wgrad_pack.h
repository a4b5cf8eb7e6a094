/*
 * wgrad_pack.h: how the gradient of a convolution's weights (wgrad.h) is cut into units of
 * channels × panels and into blocks of points, and the copies of a block that its tiles
 * read.
 *
 * The copy of the large image lies as the image does, with its padding, where there are
 * many taps; and as the tiles read it, [tile][point][NN_TILE_ROWS], where there is one.  That of
 * the small image is of the panels of one tile, [panel][point][16].  What is copied next is
 * fetched while the tiles of a block go by.
 */
#ifndef NN_WGRAD_PACK_H
#define NN_WGRAD_PACK_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_types.h"

enum {
    NN_WGRAD_TILES = (NN_WGRAD_CHANNELS + NN_TILE_ROWS - 1) / NN_TILE_ROWS, /* of a unit, at most */
    NN_WGRAD_BUFFER = NN_WGRAD_COPY + NN_WGRAD_TILES * NN_W, /* a vector may be written behind each tile */
    NN_WGRAD_MERGED = 8 /* channels that are taken together with the taps of a row */
};

typedef struct nn_moments {
    const nn_conv *d;
    int groups;                 /* or bundles of them */
    int c, o;                   /* channels and outputs of one */
    int kh, kw, dh, dw;         /* taps that are walked over: kw is 1 where a row of taps is one run */
    int sh, sw;                 /* steps in the copy: 1 where one tap needs only what it reads */
    int merged;                 /* taps of a run */
    int tiled;                  /* one tap: the copy lies in tiles */
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

/* From one tile of a tiled copy to the next: what is too much of a vector may be written after
 * the last point. */
NN_INLINE long nn_tile_step(long points) { return points * NN_TILE_ROWS + NN_W; }

/* Floats of the copy of so many points, without what may be written behind them; a tile that is
 * not full takes as much as one that is. */
NN_INLINE long nn_copy_floats(const nn_moments *s, int channels, int images, int rows, int columns)
{
    if (s->tiled) return (long)nn_ceil(channels, NN_TILE_ROWS) * NN_TILE_ROWS * images * rows * columns;
    return (long)images * nn_copy_rows_of(s, rows) * nn_copy_columns_of(s, columns) * channels;
}

NN_INLINE int nn_copy_fits(const nn_moments *s, int images, int rows, int columns)
{
    return nn_copy_floats(s, s->channels, images, rows, columns) <= NN_WGRAD_COPY &&
           (long)images * rows * columns <= (s->tiled ? NN_WGRAD_TILED_PIXELS : NN_WGRAD_PIXELS);
}

/* Whether a unit of so many channels and panels has room. */
NN_INLINE int nn_unit_fits(const nn_moments *s, int channels, int panels)
{
    const long sums =
        (long)s->kh * s->kw * s->merged * channels * nn_ceil(panels, NN_TILE_PANELS) * NN_TILE_PANELS * NN_PANEL;
    return sums <= NN_WGRAD_SUMS && nn_copy_floats(s, channels, 1, 1, 1) <= NN_WGRAD_COPY;
}

/* Whole tiles of channels where they have room. */
NN_INLINE void nn_unit_sizes(nn_moments *s)
{
    const int most = s->merged > 1 ? s->c : NN_WGRAD_CHANNELS, all = nn_ceil(s->o, NN_PANEL);
    const int panels = nn_min(all, s->kh * s->kw * s->merged > 1 ? 4 : 8);
    int across = nn_ceil(all, panels), blocks = nn_ceil(s->c, most);
    while (blocks < s->c && !nn_unit_fits(s, nn_ceil(s->c, blocks), panels)) blocks++;
    if (s->groups == 1 && blocks * across % 2) { /* two threads are to have as much to do */
        if (s->c >= 2 * NN_TILE_ROWS && s->merged == 1)
            blocks++;
        else if (across < all)
            across++;
    }
    s->panels = nn_ceil(nn_ceil(all, across), NN_TILE_PANELS) * NN_TILE_PANELS;
    const int least = nn_ceil(s->c, blocks), whole = nn_min(nn_ceil(least, NN_TILE_ROWS) * NN_TILE_ROWS, s->c);
    s->channels = nn_unit_fits(s, whole, s->panels) ? whole : least;
}

/* As many points as have room, of whole rows and images where that is possible. */
NN_INLINE void nn_block_sizes(nn_moments *s)
{
    const nn_conv *d = s->d;
    s->images = s->rows = 1;
    s->columns = d->ow;
    while (s->columns > 1 && !nn_copy_fits(s, 1, 1, s->columns)) s->columns = nn_ceil(s->columns, 2);
    if (s->columns < d->ow) return;
    while (s->rows < d->oh && nn_copy_fits(s, 1, s->rows + 1, s->columns)) s->rows++;
    s->rows = nn_ceil(d->oh, nn_ceil(d->oh, s->rows));
    if (s->rows < d->oh) return;
    while (s->images < d->n && nn_copy_fits(s, s->images + 1, s->rows, s->columns)) s->images++;
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
    for (; k + NN_W <= channels; k += NN_W) nn_store(to + k, nn_load(from + k));
    if (k < channels) nn_store(to + k, nn_load_some(from + k, channels - k));
}

/* Of tile `i` of `tiles` of the channels, the first; all have nearly as many. */
NN_INLINE int nn_tile_first(int channels, int i, int tiles) { return channels * i / tiles; }

/* How the channels of a point are put into tiles. */
typedef struct nn_tiling {
    int tiles, whole; /* of the first `whole`, whole vectors can be read */
    int first[NN_WGRAD_TILES];
    long far; /* from one to the next */
} nn_tiling;

NN_INLINE void nn_tiling_of(const nn_patch *p, nn_tiling *g)
{
    g->tiles = nn_ceil(p->channels, NN_TILE_ROWS);
    g->far = nn_tile_step((long)p->images * p->rows * p->columns);
    g->whole = 0;
    for (int i = 0; i < g->tiles; i++) {
        g->first[i] = nn_tile_first(p->channels, i, g->tiles);
        g->whole += g->first[i] + nn_ceil(NN_TILE_ROWS, NN_W) * NN_W <= p->channels;
    }
}

NN_INLINE void nn_patch_tiles(const nn_tiling *g, const float *from, int channels, float *to)
{
    int i = 0;
    for (; i < g->whole; i++, to += g->far)
        for (int k = 0; k < NN_TILE_ROWS; k += NN_W) nn_store(to + k, nn_load(from + g->first[i] + k));
    for (; i < g->tiles; i++, to += g->far)
        for (int k = 0; k < NN_TILE_ROWS; k += NN_W)
            nn_store(to + k, nn_load_some(from + g->first[i] + k, channels - g->first[i] - k));
}

/* to: [image][height][width][channel], or `tiled` [tile][point][NN_TILE_ROWS] */
NN_INLINE void nn_patch_pixels(const int tiled, const nn_moments *s, const nn_patch *p, float *to)
{
    const nn_conv *d = s->d;
    const int step_h = d->kh > 1 ? 1 : d->sh, step_w = d->kw > 1 ? 1 : d->sw;
    const int h0 = p->row * d->sh - d->top, w0 = p->column * d->sw - d->left;
    const int step = tiled ? NN_TILE_ROWS : p->channels;
    nn_tiling tiling = {0};
    if (tiled) nn_tiling_of(p, &tiling);
    for (int n = 0; n < p->images; n++) {
        for (int i = 0; i < p->height; i++) {
            int h = h0 + i * step_h;
            const float *row = s->large + ((long)(p->image + n) * d->h + h) * d->w * d->c_step + p->channel;
            for (int j = 0; j < p->width; j++, to += step) {
                int w = w0 + j * step_w, inside = h >= 0 && h < d->h && w >= 0 && w < d->w;
                const float *from = inside ? row + (long)w * d->c_step : nn_zeros;
                if (tiled)
                    nn_patch_tiles(&tiling, from, p->channels, to);
                else
                    nn_patch_point(from, p->channels, to);
            }
        }
    }
}

NN_INLINE void nn_patch_large(const nn_moments *s, const nn_patch *p, float *to)
{
    if (s->tiled)
        nn_patch_pixels(1, s, p, to);
    else
        nn_patch_pixels(0, s, p, to);
}

/* The panels of a tile from panel q of the unit on; to: [panel][point][16]. */
NN_INLINE void nn_patch_small(const nn_moments *s, const nn_patch *p, int q, float *to)
{
    const nn_conv *d = s->d;
    for (int g = q; g < q + NN_TILE_PANELS; g++) {
        const int first = (p->panel + g) * NN_PANEL, outputs = s->o - first;
        for (int n = 0; n < p->images; n++) {
            for (int i = 0; i < p->rows; i++) {
                const float *from =
                    s->small + first + (((long)(p->image + n) * d->oh + p->row + i) * d->ow + p->column) * d->o_step;
                for (int j = 0; j < p->columns; j++, to += NN_PANEL, from += d->o_step)
                    for (int k = 0; k < NN_PANEL; k += NN_W)
                        nn_store(to + k, k < outputs ? nn_load_some(from + k, outputs - k) : nn_zero());
            }
        }
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

/* ---- what comes next -------------------------------------------------------------------- */

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

/* Of the large image's next block, and of the small one's next panel. */
typedef struct nn_coming {
    nn_ahead large, small;
} nn_coming;

NN_INLINE void nn_coming_large(nn_coming *next, const nn_moments *s, const nn_patch *p, long tiles)
{
    const nn_conv *d = s->d;
    const long row = (long)d->w * d->c_step;
    const int step_h = d->kh > 1 ? 1 : d->sh, step_w = d->kw > 1 ? 1 : d->sw;
    const int h = p->row * d->sh > d->top ? p->row * d->sh - d->top : 0;
    const int w = p->column * d->sw > d->left ? p->column * d->sw - d->left : 0;
    nn_ahead_begin(&next->large, s->large + ((long)p->image * d->h + h) * row + (long)w * d->c_step + p->channel,
                   (long)step_w * d->c_step, step_h * row, d->h * row, p->channels, p->width, p->height, p->images,
                   tiles);
}

NN_INLINE void nn_coming_small(nn_coming *next, const nn_moments *s, const nn_patch *p, int q, long tiles)
{
    const nn_conv *d = s->d;
    const int first = (p->panel + q) * NN_PANEL;
    const long row = (long)d->ow * d->o_step;
    nn_ahead_begin(&next->small,
                   s->small + ((long)p->image * d->oh + p->row) * row + (long)p->column * d->o_step + first, d->o_step,
                   row, d->oh * row, nn_min(NN_TILE_PANELS * NN_PANEL, s->o - first), p->columns, p->rows, p->images,
                   tiles);
}

#endif
