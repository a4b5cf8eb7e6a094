/*
 * wgrad_pack.h: how wgrad (wgrad.h) is divided into units of channels × panels and blocks of
 * pixels, and the packing of a block.
 *
 * The large image is packed in image order, with its padding, if there are several taps; with one
 * tap, in the order in which tiles read it, [tile][pixel][NN_TILE_ROWS].  The small image is packed
 * for all panels of the unit, [panel][pixel][16].  Images may be in bf16; the copies are floats, or,
 * for products of bf16 (wgrad_bf16.h), words: a word is one element of two images, the even one in the
 * lower half, and what is said of an image is said of a pair of them; a last image is paired with zeros.
 */
#ifndef NN_WGRAD_PACK_H
#define NN_WGRAD_PACK_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/simd/elements.h"

enum {
    NN_WGRAD_TILES = (NN_WGRAD_CHANNELS + NN_TILE_ROWS - 1) / NN_TILE_ROWS, /* of a unit, at most */
    NN_WGRAD_BUFFER = NN_WGRAD_COPY + NN_WGRAD_TILES * NN_W,                /* a vector may be written past each tile */
    NN_WGRAD_AHEAD = 12,                                                    /* pixels, of prefetching */
    NN_WGRAD_MERGED = 8 /* largest number of channels that form runs with the taps of a row */
};

typedef struct nn_wgrad_block {
    int image, row, column;    /* the first pixel */
    int images, rows, columns; /* pixels */
    int height, width;         /* of the copy of an image */
    int channel, channels, panel, panels;
} nn_wgrad_block;

/* The layout of a block's pixels in the packed large image. */
typedef struct nn_wgrad_pixels {
    int images, rows, columns;
    long image, row; /* strides in floats */
    int step;
    int first;  /* of all blocks: nothing has been summed before it */
    long panel; /* from one of the packed small image to the next */
} nn_wgrad_pixels;

typedef struct nn_wgrad nn_wgrad;
typedef void nn_wgrad_large_packing(const nn_wgrad *, const nn_wgrad_block *, float *to);
typedef void nn_wgrad_small_packing(const nn_wgrad *, const nn_wgrad_block *, float *to);
typedef void nn_wgrad_tile_sums(int rows, int vectors, const nn_wgrad_pixels *, const float *large, const float *small,
                                float *sums, long panel);

/* How images are packed: floats as they are, bf16 as floats, or pairs of images in bf16 as words. */
enum { NN_WGRAD_FLOATS, NN_WGRAD_HALVES, NN_WGRAD_PAIRS };

/* The images' formats, 0 of floats, 1 of bf16; images that are packed as one; the packing of either,
 * and the tiles that read it. */
typedef struct nn_wgrad_formats {
    int large, small, paired;
    nn_wgrad_large_packing *pack_large;
    nn_wgrad_small_packing *pack_small;
    nn_wgrad_tile_sums *tile;
} nn_wgrad_formats;

struct nn_wgrad {
    const nn_conv *d;
    nn_wgrad_formats as;
    int n;                /* images, or pairs of them */
    int groups;           /* or bundles of them */
    int c, o;             /* of a group or bundle */
    int kh, kw, dh, dw;   /* the loop over taps: kw is 1 if a row of taps is one run */
    int sh, sw;           /* strides in the copy: 1 along an axis with one tap, of which only what is read is copied */
    int merged;           /* taps of a run */
    int tiled;            /* one tap: packed in tiles */
    int channels, panels; /* of a unit */
    int images, rows, columns; /* of a block: pixels */
    const void *large, *small; /* of the group */
};

NN_INLINE int nn_ceil(int a, int b) { return (a + b - 1) / b; }
NN_INLINE int nn_min(int a, int b) { return a < b ? a : b; }

/* Rows and columns of the copy for so many pixels. */
NN_INLINE int nn_wgrad_copy_rows(const nn_wgrad *s, int rows)
{
    return (rows - 1) * s->sh + (s->d->kh - 1) * s->dh + 1;
}
NN_INLINE int nn_wgrad_copy_columns(const nn_wgrad *s, int columns)
{
    return (columns - 1) * s->sw + (s->d->kw - 1) * s->dw + 1;
}

/* From one tile of a tiled copy to the next, with room for a vector that is written past the last pixel. */
NN_INLINE long nn_wgrad_tile_stride(long pixels) { return pixels * NN_TILE_ROWS + NN_W; }

/* From one panel of a packed small image to the next: a line apart, so that they are not all in one set of a cache. */
NN_INLINE long nn_wgrad_panel_stride(long pixels) { return pixels * NN_PANEL + NN_LINE; }

/* Floats of the packed copy, without the room past the tiles; a partly filled tile counts in full. */
NN_INLINE long nn_wgrad_copy_floats(const nn_wgrad *s, int channels, int images, int rows, int columns)
{
    if (s->tiled) return (long)nn_ceil(channels, NN_TILE_ROWS) * NN_TILE_ROWS * images * rows * columns;
    return (long)images * nn_wgrad_copy_rows(s, rows) * nn_wgrad_copy_columns(s, columns) * channels;
}

/* Whether so many pixels of the small image fit. */
NN_INLINE int nn_wgrad_pixels_fit(const nn_wgrad *s, long pixels)
{
    if (s->tiled) return pixels <= NN_WGRAD_TILED_PIXELS;
    return pixels <= NN_WGRAD_PIXELS && pixels * s->panels <= NN_WGRAD_PANELS * NN_WGRAD_TILED_PIXELS;
}

NN_INLINE int nn_wgrad_copy_fits(const nn_wgrad *s, int images, int rows, int columns)
{
    return nn_wgrad_copy_floats(s, s->channels, images, rows, columns) <= NN_WGRAD_COPY &&
           nn_wgrad_pixels_fit(s, (long)images * rows * columns);
}

/* Whether a unit of so many channels and panels fits. */
NN_INLINE int nn_wgrad_unit_fits(const nn_wgrad *s, int channels, int panels)
{
    const long sums =
        (long)s->kh * s->kw * s->merged * channels * nn_ceil(panels, NN_TILE_PANELS) * NN_TILE_PANELS * NN_PANEL;
    return sums <= NN_WGRAD_SUMS && nn_wgrad_copy_floats(s, channels, 1, 1, 1) <= NN_WGRAD_COPY;
}

/* The size of a unit: whole tiles of channels if they fit. */
NN_INLINE void nn_wgrad_unit_sizes(nn_wgrad *s)
{
    const int most = s->merged > 1 ? s->c : NN_WGRAD_CHANNELS, all = nn_ceil(s->o, NN_PANEL);
    const int panels = nn_min(all, s->kh * s->kw * s->merged > 1 ? NN_WGRAD_PANELS / 2 : NN_WGRAD_PANELS);
    int across = nn_ceil(all, panels), blocks = nn_ceil(s->c, most);
    while (blocks < s->c && !nn_wgrad_unit_fits(s, nn_ceil(s->c, blocks), panels)) blocks++;
    if (s->groups == 1 && blocks * across % 2) { /* work for two threads; the image of fewer channels is packed again */
        if (s->c >= 2 * NN_TILE_ROWS && s->merged == 1 && (s->c >= s->o || across == all))
            blocks++;
        else if (across < all)
            across++;
    }
    s->panels = nn_ceil(nn_ceil(all, across), NN_TILE_PANELS) * NN_TILE_PANELS;
    const int least = nn_ceil(s->c, blocks), whole = nn_min(nn_ceil(least, NN_TILE_ROWS) * NN_TILE_ROWS, s->c);
    s->channels = nn_wgrad_unit_fits(s, whole, s->panels) ? whole : least;
}

/* The size of a block: as many pixels as fit, in whole rows and images if possible. */
NN_INLINE void nn_wgrad_block_sizes(nn_wgrad *s)
{
    const nn_conv *d = s->d;
    s->images = s->rows = 1;
    s->columns = d->ow;
    while (s->columns > 1 && !nn_wgrad_copy_fits(s, 1, 1, s->columns)) s->columns = nn_ceil(s->columns, 2);
    if (s->columns < d->ow) return;
    while (s->rows < d->oh && nn_wgrad_copy_fits(s, 1, s->rows + 1, s->columns)) s->rows++;
    s->rows = nn_ceil(d->oh, nn_ceil(d->oh, s->rows));
    if (s->rows < d->oh) return;
    while (s->images < s->n && nn_wgrad_copy_fits(s, s->images + 1, s->rows, s->columns)) s->images++;
}

/* ---- a block ---------------------------------------------------------------------- */

/* A pixel to pack: of an image, and of the one that it is paired with. */
typedef struct nn_wgrad_pixel {
    const void *at, *odd;
} nn_wgrad_pixel;

/* Channels k … k + NN_W of the pixel, `count` of which there are. */
NN_INLINE nn_vec nn_wgrad_load(const int as, const nn_wgrad_pixel *p, int k, int count)
{
    const int half = as != NN_WGRAD_FLOATS;
    if (as == NN_WGRAD_PAIRS)
        return (nn_vec)nn_zip_some((const uint16_t *)p->at + k, (const uint16_t *)p->odd + k, count);
    return nn_load_some_as(half, nn_at(half, p->at, k), count);
}

/* The pixel that is `offset` elements into image i of the block's; there may be no image to pair it with. */
NN_INLINE nn_wgrad_pixel nn_wgrad_pixel_of(const int as, const nn_wgrad *s, const void *images, int i, long image,
                                           long offset)
{
    const int half = as != NN_WGRAD_FLOATS, paired = as == NN_WGRAD_PAIRS;
    const void *at = nn_at(half, images, (long)i * (1 + paired) * image + offset);
    return (nn_wgrad_pixel){at, paired && 2 * i + 1 < s->d->n ? nn_at(half, at, image) : nn_zeros};
}

/* The lines of a pixel that is packed soon, `ahead` elements on: neighbours may be pages apart, where caches
 * fetch nothing by themselves. */
NN_INLINE void nn_wgrad_prefetch(const int as, const nn_wgrad_pixel *p, long ahead, int count)
{
    const int half = as != NN_WGRAD_FLOATS;
    for (int k = 0; k < count; k += NN_LINE * (1 + half)) {
        __builtin_prefetch(nn_at(half, p->at, ahead + k));
        if (as == NN_WGRAD_PAIRS) __builtin_prefetch(nn_at(half, p->odd, ahead + k));
    }
}

/* Stores whole vectors: the next pixel overwrites what is too much. */
NN_INLINE void nn_wgrad_pack_pixel(const int as, const nn_wgrad_pixel *from, int channels, float *to)
{
    int k = 0;
    for (; k + NN_W <= channels; k += NN_W) nn_store(to + k, nn_wgrad_load(as, from, k, NN_W));
    if (k < channels) nn_store(to + k, nn_wgrad_load(as, from, k, channels - k));
}

/* The first channel of tile i; all tiles have nearly as many. */
NN_INLINE int nn_wgrad_tile_first(int channels, int i, int tiles) { return channels * i / tiles; }

/* The division of a pixel's channels into tiles. */
typedef struct nn_wgrad_tiling {
    int tiles, whole; /* the first `whole` are read in whole vectors */
    int first[NN_WGRAD_TILES];
    long stride; /* from one to the next */
} nn_wgrad_tiling;

NN_INLINE void nn_wgrad_tiling_of(const nn_wgrad_block *p, nn_wgrad_tiling *g)
{
    g->tiles = nn_ceil(p->channels, NN_TILE_ROWS);
    g->stride = nn_wgrad_tile_stride((long)p->images * p->rows * p->columns);
    g->whole = 0;
    for (int i = 0; i < g->tiles; i++) {
        g->first[i] = nn_wgrad_tile_first(p->channels, i, g->tiles);
        g->whole += g->first[i] + nn_ceil(NN_TILE_ROWS, NN_W) * NN_W <= p->channels;
    }
}

NN_INLINE void nn_wgrad_pack_tiles(const int as, const nn_wgrad_tiling *g, const nn_wgrad_pixel *from, int channels,
                                   float *to)
{
    int i = 0;
    for (; i < g->whole; i++, to += g->stride)
        for (int k = 0; k < NN_TILE_ROWS; k += NN_W) nn_store(to + k, nn_wgrad_load(as, from, g->first[i] + k, NN_W));
    for (; i < g->tiles; i++, to += g->stride)
        for (int k = 0; k < NN_TILE_ROWS; k += NN_W)
            nn_store(to + k, nn_wgrad_load(as, from, g->first[i] + k, channels - g->first[i] - k));
}

NN_INLINE void nn_wgrad_pack_zeros(int count, float *to)
{
    for (int k = 0; k < count; k += NN_W) nn_store(to + k, nn_zero());
}

/* Whether the pixels of a row follow each other in memory and in the copy.  A row that is paired with none has
 * zeros beside it. */
NN_INLINE int nn_wgrad_packs_rows(const nn_wgrad *s, const nn_wgrad_block *p)
{
    return !s->tiled && s->d->kw > 1 && p->channels == s->d->c_step && (long)p->width * p->channels <= NN_ZEROS;
}

/* Row h of image i of the block's, from column w0 on, with the padding at its ends. */
NN_INLINE void nn_wgrad_pack_row(const int as, const nn_wgrad *s, const nn_wgrad_block *p, int i, int h, int w0,
                                 float *to)
{
    const nn_conv *d = s->d;
    const int c = p->channels, inside = h >= 0 && h < d->h;
    const int left = inside && w0 < 0 ? nn_min(-w0, p->width) : 0;
    const int end = inside ? nn_min(d->w - w0, p->width) : 0;
    nn_wgrad_pack_zeros(left * c, to);
    if (end > left) {
        const long line = (long)d->w * c;
        const nn_wgrad_pixel from =
            nn_wgrad_pixel_of(as, s, s->large, i, d->h * line, h * line + p->channel + (long)(w0 + left) * c);
        nn_wgrad_pack_pixel(as, &from, (end - left) * c, to + left * c);
    }
    const int first = end > left ? end : left;
    nn_wgrad_pack_zeros((p->width - first) * c, to + first * c);
}

/* to: [image][height][width][channel], or `tiled` [tile][pixel][NN_TILE_ROWS] */
NN_INLINE void nn_wgrad_pack_pixels(const int as, const int tiled, const nn_wgrad *s, const nn_wgrad_block *p,
                                    float *to)
{
    const nn_conv *d = s->d;
    const nn_wgrad_pixel outside = {nn_zeros, nn_zeros};
    const long line = (long)d->w * d->c_step;
    const int step_h = d->kh > 1 ? 1 : d->sh, step_w = d->kw > 1 ? 1 : d->sw;
    const int h0 = p->row * d->sh - d->top, w0 = p->column * d->sw - d->left;
    const int step = tiled ? NN_TILE_ROWS : p->channels, rows = nn_wgrad_packs_rows(s, p);
    nn_wgrad_tiling tiling = {0};
    if (tiled) nn_wgrad_tiling_of(p, &tiling);
    for (int n = 0; n < p->images; n++) {
        for (int i = 0; i < p->height; i++) {
            int h = h0 + i * step_h;
            const long row = h * line + p->channel;
            if (rows) {
                nn_wgrad_pack_row(as, s, p, p->image + n, h, w0, to);
                to += p->width * step;
                continue;
            }
            for (int j = 0; j < p->width; j++, to += step) {
                int w = w0 + j * step_w, inside = h >= 0 && h < d->h && w >= 0 && w < d->w;
                const nn_wgrad_pixel from =
                    inside ? nn_wgrad_pixel_of(as, s, s->large, p->image + n, d->h * line, row + (long)w * d->c_step)
                           : outside;
                nn_wgrad_prefetch(as, &from, NN_WGRAD_AHEAD * (long)step_w * d->c_step, p->channels);
                if (tiled)
                    nn_wgrad_pack_tiles(as, &tiling, &from, p->channels, to);
                else
                    nn_wgrad_pack_pixel(as, &from, p->channels, to);
            }
        }
    }
}

NN_KERNEL void nn_wgrad_pack_large(const nn_wgrad *s, const nn_wgrad_block *p, float *to)
{
    if (s->tiled)
        nn_wgrad_pack_pixels(NN_WGRAD_FLOATS, 1, s, p, to);
    else
        nn_wgrad_pack_pixels(NN_WGRAD_FLOATS, 0, s, p, to);
}

NN_KERNEL void nn_wgrad_pack_large_bf16(const nn_wgrad *s, const nn_wgrad_block *p, float *to)
{
    if (s->tiled)
        nn_wgrad_pack_pixels(NN_WGRAD_HALVES, 1, s, p, to);
    else
        nn_wgrad_pack_pixels(NN_WGRAD_HALVES, 0, s, p, to);
}

/* The panels of the unit; to: [panel][pixel][16]. */
NN_INLINE void nn_wgrad_pack_panels(const int as, const nn_wgrad *s, const nn_wgrad_block *p, float *to)
{
    const nn_conv *d = s->d;
    const int first = p->panel * NN_PANEL, outputs = s->o - first, all = p->panels * NN_PANEL;
    const long step = d->o_step, image = d->oh * d->ow * step;
    const long panel = nn_wgrad_panel_stride((long)p->images * p->rows * p->columns);
    for (int n = 0; n < p->images; n++) {
        for (int i = 0; i < p->rows; i++) {
            const long at = ((long)(p->row + i) * d->ow + p->column) * d->o_step + first;
            for (int j = 0; j < p->columns; j++, to += NN_PANEL) {
                const nn_wgrad_pixel from = nn_wgrad_pixel_of(as, s, s->small, p->image + n, image, at + j * step);
                float *of_panel = to;
                nn_wgrad_prefetch(as, &from, NN_WGRAD_AHEAD * step, nn_min(all, outputs));
                for (int q = 0; q < all; q += NN_PANEL, of_panel += panel)
                    for (int k = 0; k < NN_PANEL; k += NN_W)
                        nn_store(of_panel + k,
                                 q + k < outputs ? nn_wgrad_load(as, &from, q + k, outputs - q - k) : nn_zero());
            }
        }
    }
}

NN_KERNEL void nn_wgrad_pack_small(const nn_wgrad *s, const nn_wgrad_block *p, float *to)
{
    nn_wgrad_pack_panels(NN_WGRAD_FLOATS, s, p, to);
}

NN_KERNEL void nn_wgrad_pack_small_bf16(const nn_wgrad *s, const nn_wgrad_block *p, float *to)
{
    nn_wgrad_pack_panels(NN_WGRAD_HALVES, s, p, to);
}

/* Blocks of the pixels of all images. */
NN_INLINE int nn_wgrad_blocks(const nn_wgrad *s)
{
    return nn_ceil(s->n, s->images) * nn_ceil(s->d->oh, s->rows) * nn_ceil(s->d->ow, s->columns);
}

NN_INLINE void nn_wgrad_block_at(const nn_wgrad *s, int block, nn_wgrad_block *p)
{
    const nn_conv *d = s->d;
    const int across = nn_ceil(d->ow, s->columns), down = nn_ceil(d->oh, s->rows);
    p->image = block / (across * down) * s->images;
    p->row = block / across % down * s->rows;
    p->column = block % across * s->columns;
    p->images = nn_min(s->images, s->n - p->image);
    p->rows = nn_min(s->rows, d->oh - p->row);
    p->columns = nn_min(s->columns, d->ow - p->column);
    p->height = nn_wgrad_copy_rows(s, p->rows);
    p->width = nn_wgrad_copy_columns(s, p->columns);
}

#endif
