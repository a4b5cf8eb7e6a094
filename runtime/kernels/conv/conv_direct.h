/*
 * conv_direct.h: direct convolution of NHWC images (implicit GEMM).
 *
 * A grid has u × v output pixels in each of n images.  Each pixel reads `taps` runs of
 * neighbouring channels, that of a tap at (u·su + row, v·sv + column), and writes `outputs`
 * channels:
 *
 *   y[pixel][o] = start[o] + Σ_{tap, c} x[pixel at tap][c] · panel[o / 16][tap][c][o mod 16]
 *
 * Weights are packed into panels of NN_PANEL outputs; a tile of NN_TILE_ROWS pixels ×
 * NN_TILE_PANELS panels stays in registers.  Images are not copied: the tile holds one pointer
 * per pixel and moves it from tap to tap, so padding (the pointer is at zeros), strides and the
 * ends of rows and images cost nothing in the micro-kernel.
 *
 * The depth, taps · run, is divided into blocks whose part of a panel fits L1; between blocks the
 * partial sums are kept in y.  The order of a sum is tap by tap and channel by channel, whatever
 * the thread, tile or block.
 *
 * Weights may be stored in 16 bits (panel_formats.h).  A part of a panel is widened where it is next
 * read, once for all pixels of a block: half as many bytes come from memory, and sums are those of the
 * same weights as floats, bit by bit.
 */
#ifndef NN_CONV_DIRECT_H
#define NN_CONV_DIRECT_H

#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/conv/panel_formats.h"
#include "runtime/kernels/simd/transpose.h"

typedef struct nn_conv_grid {
    int n, u, v, su, sv; /* images, the grid and its step */
    const float *x;
    int h, w, run;   /* of the image that is read; channels of a tap */
    long xn, xu, xv; /* strides in x from image to image, row to row, column to column */
    int taps;
    int row[NN_MAX_TAPS], column[NN_MAX_TAPS];
    const void *panels; /* [outputs / 16][taps][run][16] */
    long panel;         /* elements from one to the next */
    float *wide;        /* panels in 16 bits: NN_CONV_WIDE floats to widen them into */
    int outputs;
    const float *start; /* of the sums, or NULL */
    float *y;
    long yn, yu, yv;
    const float *y0;             /* the residual has the offsets from y0 that y has */
    int channel;                 /* of the first output, in the epilogue's scale and shift */
    int groups;                  /* of channels and outputs */
    long group;                  /* from the panels of one to those of the next */
    const nn_epilogue *epilogue; /* or NULL */
    const void *after;           /* panels that are read next, or NULL */
    int streamed;                /* the panels are a part of many, and do not stay in L2 until they are read again */
} nn_conv_grid;

enum { NN_CONV_WIDE = NN_CONV_DEPTH * NN_TILE_PANELS * NN_PANEL }; /* a block's part of the panels of a tile */

/* A pixel: where it reads and writes. */
typedef struct nn_pixel {
    const float *x; /* at row, column, which may be outside the image */
    float *y;
    int row, column;
    int inside; /* bit 0: its columns are inside at every tap; bit 1: its rows are */
} nn_pixel;

static const float nn_zeros[NN_ZEROS] __attribute__((unused));

/* ---- one tile ---------------------------------------------------------------------- */

/* The addresses that the pixels read at a tap; returns 0 if the tap is outside for all of them. */
NN_INLINE int nn_conv_tile_pointers(const int M, const nn_conv_grid *s, const nn_pixel *pixel, int inside, int tap,
                                    int c, const float **at)
{
    const int row = s->row[tap], column = s->column[tap];
    const long offset = row * s->xu + column * s->xv + c;
    int any = inside == 3;
    NN_UNROLL
    for (int m = 0; m < M; m++) at[m] = pixel[m].x + offset;
    if (inside == 3) return 1;
    NN_UNROLL
    for (int m = 0; m < M; m++) {
        int here =
            (unsigned)(pixel[m].row + row) < (unsigned)s->h && (unsigned)(pixel[m].column + column) < (unsigned)s->w;
        at[m] = here ? at[m] : nn_zeros;
        any |= here;
    }
    return any;
}

/* A run of neighbouring channels under a tap, and what is prefetched meanwhile. */
typedef struct nn_conv_run {
    long length;
    const float *b;    /* its rows of the panels */
    long panel_stride; /* from one vector of a row to the next */
    const float *next; /* the first cache line to prefetch into L2, */
    long step;         /* and the distance of the others, one for each row, */
    long apart;        /* and that of the second panel's */
} nn_conv_run;

/* Fetches a cache line of each panel of a tile into L2. */
NN_INLINE void nn_conv_fetch(const float *next, long apart)
{
    __builtin_prefetch(next, 0, 2);
    if (NN_TILE_PANELS > 1) __builtin_prefetch(next + apart, 0, 2);
}

/* sum[m][v] += Σ_k at[m][k] · b[k][v].  With `fetch`, each k prefetches a cache line of each panel. */
NN_INLINE void nn_conv_micro_kernel(const int M, const int V, const int fetch, const float *const *at,
                                    const nn_conv_run *r, nn_vec sum[NN_TILE_ROWS][NN_TILE_VECTORS])
{
    const float *next = r->next;
    for (long k = 0; k < r->length; k++) {
        nn_vec row[NN_TILE_VECTORS];
        if (fetch) nn_conv_fetch(next, r->apart), next += r->step;
        NN_UNROLL
        for (int v = 0; v < V; v++) row[v] = nn_load(r->b + k * NN_PANEL + v * r->panel_stride);
        NN_UNROLL
        for (int m = 0; m < M; m++) NN_UNROLL
        for (int v = 0; v < V; v++) sum[m][v] += at[m][k] * row[v];
    }
}

typedef struct nn_conv_block {
    const float *panel; /* the tile's first panel, from k0 on */
    long panel_stride;  /* from one to the next */
    int output;         /* the tile's first output */
    int count;          /* outputs there, at most the tile's width */
    int k0, k1;         /* depth */
    int first, last;    /* of the blocks of the depth */
    int taps;           /* that form one run, for pixels whose taps are all inside; else 1 */
    int tap, c;         /* the position of k0, in runs of `taps` and in runs of one tap */
    int tap_1, c_1;
    const float *next; /* what is prefetched while a tile is computed: */
    int burst;         /* so many cache lines at its start, */
    long step;         /* then one per depth step, `step` floats apart, */
    long apart;        /* and as many of the second panel, this far from them */
} nn_conv_block;

/* Of a vector of outputs from `channel` on, which are from element `at` on in y; the residual is in bf16 (half). */
NN_INLINE nn_vec nn_epilogue_apply(const int half, const nn_epilogue *e, long channel, long lanes, long at, nn_vec v)
{
    if (e->scale) {
        const nn_vec scale = nn_load_some(e->scale + channel, lanes), shift = nn_load_some(e->shift + channel, lanes);
        v = v * scale + shift; /* after both loads, so that compilers contract it alike in all copies */
    }
    if (e->residual) v += nn_load_some_as(half, nn_at(half, e->residual, at), lanes);
    if (e->relu) v = nn_relu_of(v);
    return e->relu == NN_RELU6 ? nn_at_most_6(v) : v;
}

/* Outputs in vector v, of the `count` that are left. */
NN_INLINE long nn_conv_tile_lanes(int count, int v) { return count > v * NN_W ? count - v * NN_W : 0; }

/* The epilogue of the tile's sums. */
NN_INLINE void nn_conv_tile_epilogue(const int M, const int V, const int whole, const nn_conv_grid *s,
                                     const nn_pixel *pixel, const nn_conv_block *d,
                                     nn_vec sum[NN_TILE_ROWS][NN_TILE_VECTORS])
{
    const nn_epilogue *epilogue = s->epilogue;
    const float *residual = (const float *)epilogue->residual;
    const int channel = s->channel + d->output;
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        const long lanes = whole ? NN_W : nn_conv_tile_lanes(d->count, v);
        if (epilogue->scale) {
            nn_vec scale = nn_load_some(epilogue->scale + channel + v * NN_W, lanes);
            nn_vec shift = nn_load_some(epilogue->shift + channel + v * NN_W, lanes);
            NN_UNROLL
            for (int m = 0; m < M; m++) sum[m][v] = sum[m][v] * scale + shift;
        }
        if (residual) {
            NN_UNROLL
            for (int m = 0; m < M; m++)
                sum[m][v] += nn_load_some(residual + (pixel[m].y - s->y0) + d->output + v * NN_W, lanes);
        }
        if (epilogue->relu) {
            NN_UNROLL
            for (int m = 0; m < M; m++) sum[m][v] = nn_relu_of(sum[m][v]);
        }
        if (epilogue->relu == NN_RELU6) {
            NN_UNROLL
            for (int m = 0; m < M; m++) sum[m][v] = nn_at_most_6(sum[m][v]);
        }
    }
}

NN_INLINE void nn_conv_tile(const int M, const int V, const int whole, const int fetch, const nn_conv_grid *s,
                            const nn_pixel *pixel, const nn_conv_block *d)
{
    const long panel_stride = NN_TILE_PANELS > 1 ? d->panel_stride : NN_W;
    nn_vec sum[NN_TILE_ROWS][NN_TILE_VECTORS];
    NN_UNROLL
    for (int v = 0; v < V; v++) {
        const long lanes = whole ? NN_W : nn_conv_tile_lanes(d->count, v);
        nn_vec start = d->first && s->start ? nn_load_some(s->start + d->output + v * NN_W, lanes) : nn_zero();
        NN_UNROLL
        for (int m = 0; m < M; m++)
            sum[m][v] = d->first ? start : nn_load_some(pixel[m].y + d->output + v * NN_W, lanes);
    }
    int inside = 3;
    NN_UNROLL
    for (int m = 0; m < M; m++) inside &= pixel[m].inside;
    if (d->first) { /* the destination */
        NN_UNROLL
        for (int m = 0; m < M; m++) __builtin_prefetch(pixel[m].y + d->output, 1);
    }
    const int taps = inside & 1 ? d->taps : 1, run = taps * s->run;
    int tap = inside & 1 ? d->tap : d->tap_1, c = inside & 1 ? d->c : d->c_1;
    for (int k = d->k0; k < d->k1; c = 0, tap += taps) {
        const float *at[NN_TILE_ROWS];
        int length = run - c < d->k1 - k ? run - c : d->k1 - k;
        if (nn_conv_tile_pointers(M, s, pixel, inside, tap, c, at)) {
            const nn_conv_run r = {.length = length,
                                   .b = d->panel + (long)(k - d->k0) * NN_PANEL,
                                   .panel_stride = panel_stride,
                                   .next = d->next + (k - d->k0) * d->step,
                                   .step = d->step,
                                   .apart = d->apart};
            nn_conv_micro_kernel(M, V, fetch, at, &r, sum);
        }
        k += length;
    }
    if (d->last && s->epilogue) nn_conv_tile_epilogue(M, V, whole, s, pixel, d, sum);
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++)
        nn_store_some(pixel[m].y + d->output + v * NN_W, whole ? NN_W : nn_conv_tile_lanes(d->count, v), sum[m][v]);
}

/* One instance for each number of pixels, with full or partly used panels. */
NN_KERNEL void nn_conv_tile_run(const nn_conv_grid *s, const nn_pixel *pixel, int pixels, const nn_conv_block *d)
{
    int vectors = (d->count + NN_W - 1) / NN_W, whole = d->count == NN_TILE_VECTORS * NN_W;
#define NN_CASE(M)                                               \
    case M:                                                      \
        if (whole && d->step)                                    \
            nn_conv_tile(M, NN_TILE_VECTORS, 1, 1, s, pixel, d); \
        else if (whole)                                          \
            nn_conv_tile(M, NN_TILE_VECTORS, 1, 0, s, pixel, d); \
        else if (vectors == 1)                                   \
            nn_conv_tile(M, 1, 0, 0, s, pixel, d);               \
        else                                                     \
            nn_conv_tile(M, NN_TILE_VECTORS, 0, 0, s, pixel, d); \
        break;
    switch (pixels) {
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

/* ---- panels ----------------------------------------------------------------------------- */

/* One panel, to[tap][c][16] from from[lane][c][tap]; lanes beyond are zero. */
NN_INLINE void nn_panel_transpose(const float *from, long lanes, long c, long taps, float *to)
{
    const long depth = c * taps, squares = lanes == NN_PANEL ? depth / NN_W : 0;
    long channel = 0, tap = 0;
    for (long i = 0; i < squares; i++) {
        float turned[NN_PANEL / NN_W * NN_W * NN_W] __attribute__((aligned(64)));
        for (int v = 0; v < NN_PANEL / NN_W; v++)
            nn_transpose_square(turned + v * NN_W, NN_PANEL, from + v * NN_W * depth + i * NN_W, depth);
        for (int k = 0; k < NN_W; k++) {
            for (int v = 0; v < NN_PANEL; v += NN_W)
                nn_store(to + (tap * c + channel) * NN_PANEL + v, nn_load(turned + k * NN_PANEL + v));
            if (++tap == taps) tap = 0, channel++;
        }
    }
    for (long k = squares * NN_W; k < depth; k++) {
        for (long lane = 0; lane < NN_PANEL; lane++)
            to[(tap * c + channel) * NN_PANEL + lane] = lane < lanes ? from[lane * depth + k] : 0;
        if (++tap == taps) tap = 0, channel++;
    }
}

/* ---- the grid ------------------------------------------------------------------------ */

NN_INLINE void nn_offset_bounds(const int *offset, int count, int *least, int *most)
{
    *least = *most = count ? offset[0] : 0;
    for (int i = 1; i < count; i++) {
        if (offset[i] < *least) *least = offset[i];
        if (offset[i] > *most) *most = offset[i];
    }
}

NN_INLINE void nn_conv_grid_pixels(const nn_conv_grid *s, long first, int count, nn_pixel *pixel)
{
    int top, bottom, left, right;
    nn_offset_bounds(s->row, s->taps, &top, &bottom);
    nn_offset_bounds(s->column, s->taps, &left, &right);
    long image = first / ((long)s->u * s->v);
    int rest = (int)(first % ((long)s->u * s->v)), u = rest / s->v, v = rest % s->v;
    for (int i = 0; i < count; i++) {
        pixel[i].row = u * s->su;
        pixel[i].column = v * s->sv;
        pixel[i].x = s->x + image * s->xn + pixel[i].row * s->xu + pixel[i].column * s->xv;
        pixel[i].y = s->y + image * s->yn + u * s->yu + v * s->yv;
        pixel[i].inside = (pixel[i].column + left >= 0 && pixel[i].column + right < s->w) |
                          (pixel[i].row + top >= 0 && pixel[i].row + bottom < s->h) << 1;
        if (++v == s->v) v = 0, u++;
        if (u == s->u) u = 0, image++;
    }
}

/* The taps of a row of the kernel: contiguous in the panels, and in x if it has no other channels. */
NN_INLINE int nn_conv_grid_row_taps(const nn_conv_grid *s)
{
    int count = 1;
    while (count < s->taps && s->row[count] == s->row[0] && s->column[count] == s->column[0] + count) count++;
    if (s->taps % count) return 1;
    for (int i = 0; i < s->taps; i++)
        if (s->row[i] != s->row[i / count * count] || s->column[i] != s->column[i % count]) return 1;
    return count;
}

/* The outputs of the panels from p on, at most the width of a tile. */
NN_INLINE void nn_conv_block_outputs(const nn_conv_grid *s, int p, int to, nn_conv_block *d)
{
    const int most = to - p < NN_TILE_PANELS ? NN_PANEL : NN_TILE_PANELS * NN_PANEL;
    d->output = p * NN_PANEL;
    d->count = s->outputs - d->output < most ? s->outputs - d->output : most;
}

/* Part b of the depth, of `blocks`. */
NN_INLINE void nn_conv_block_depth(const nn_conv_grid *s, int b, int blocks, nn_conv_block *d)
{
    const int depth = s->taps * s->run, run = d->taps * s->run;
    d->k0 = (int)((long)depth * b / blocks);
    d->k1 = (int)((long)depth * (b + 1) / blocks);
    d->first = b == 0;
    d->last = b == blocks - 1;
    d->tap = d->k0 / run * d->taps;
    d->c = d->k0 % run;
    d->tap_1 = d->k0 / s->run;
    d->c_1 = d->k0 % s->run;
}

/* The part of a panel that is read next: it is prefetched while the tiles are computed.  NULL:
 * none, or all panels stay in L2. */
NN_INLINE const void *nn_conv_block_next_panel(const int format, const nn_conv_grid *s, const nn_conv_block *d, int p,
                                               int to)
{
    const int half = format != NN_PANELS_F32;
    if (!s->streamed && (s->outputs + NN_PANEL - 1) / NN_PANEL * s->panel <= (NN_CONV_NEAR << half)) return 0;
    if (!d->last) return nn_panel_row_at(format, nn_at(half, s->panels, p * s->panel), d->k1);
    return p + NN_TILE_PANELS < to ? nn_at(half, s->panels, (p + NN_TILE_PANELS) * s->panel) : s->after;
}

/* Divides the prefetching among the tiles.  A processor can have only a few cache lines in flight
 * and stalls when it needs another, so a larger share is spread over the depth of the tile. */
NN_INLINE void nn_conv_block_prefetch(const int format, const nn_conv_grid *s, nn_conv_block *d, const void *next,
                                      int tiles)
{
    const int half = format != NN_PANELS_F32, lines = (d->k1 - d->k0 + half) >> half;
    const int share = next ? (lines + tiles - 1) / tiles : 0, near = share <= NN_CONV_BURST;
    d->next = (const float *)(next ? next : s->panels); /* not used then */
    d->burst = near ? share : 0;
    d->step = near ? 0 : ((NN_LINE >> half) + tiles - 1) / tiles;
    d->apart = s->panel >> half; /* in floats */
}

/* The block's part of the panels from p on: as they are, or widened. */
NN_INLINE void nn_conv_block_panels(const int format, const nn_conv_grid *s, int p, nn_conv_block *d)
{
    const int half = format != NN_PANELS_F32, rows = d->k1 - d->k0, panels = (d->count + NN_PANEL - 1) / NN_PANEL;
    d->panel = half ? s->wide : (const float *)nn_at(half, s->panels, p * s->panel) + (long)d->k0 * NN_PANEL;
    d->panel_stride = half ? (long)rows * NN_PANEL : s->panel;
    for (int q = 0; half && q < panels; q++) {
        const nn_panel_rows part = {nn_at(half, s->panels, (p + q) * s->panel), d->k0, rows};
        nn_panel_widen(format, &part, s->wide + q * d->panel_stride);
    }
}

/* Pixels first … first + count, panels from … to, in tiles as even as possible.  A part of a panel
 * stays in L1 while the tiles are computed. */
NN_INLINE void nn_conv_grid_block(const int format, const nn_conv_grid *s, long first, int count, int from, int to)
{
    nn_pixel pixel[NN_CONV_PIXELS];
    const int depth = s->taps * s->run,
              blocks = depth > NN_CONV_DEPTH ? (depth + NN_CONV_DEPTH - 1) / NN_CONV_DEPTH : 1;
    const int tiles = (count + NN_TILE_ROWS - 1) / NN_TILE_ROWS, rows = count / tiles, more = count % tiles;
    nn_conv_block d = {.taps = s->xv == s->run ? nn_conv_grid_row_taps(s) : 1};
    nn_conv_grid_pixels(s, first, count, pixel);
    for (int p = from; p < to; p += NN_TILE_PANELS) {
        nn_conv_block_outputs(s, p, to, &d);
        for (int b = 0; b < blocks; b++) {
            nn_conv_block_depth(s, b, blocks, &d);
            const void *next = nn_conv_block_next_panel(format, s, &d, p, to);
            nn_conv_block_panels(format, s, p, &d);
            nn_conv_block_prefetch(format, s, &d, next, tiles);
            for (int i = 0, at = 0; i < tiles; i++) {
                const int pixels = rows + (i < more);
                for (int k = 0; k < d.burst; k++) nn_conv_fetch(d.next + k * NN_LINE, d.apart);
                nn_conv_tile_run(s, pixel + at, pixels, &d);
                d.next += d.burst * NN_LINE + (d.k1 - d.k0) * d.step;
                at += pixels;
            }
        }
    }
}

/* ---- few channels ------------------------------------------------------------------------ */

/* With short runs, border pixels, which check every tap separately, would cost as much as all
 * others; so would the taps of a group, which are not contiguous because other channels are between
 * them. In both cases the rows that a block of pixels reads are copied, without the other channels
 * and with zeros around them. */
typedef struct nn_padded {
    int top, bottom, left, right; /* the least and largest offsets of a tap */
    int width;                    /* columns of the copy */
} nn_padded;

NN_INLINE int nn_padded_pays(const nn_conv_grid *s, nn_padded *padded)
{
    const int apart = s->xv != s->run;
    if (s->run > (apart ? NN_PANEL : NN_PANEL / 2) || nn_conv_grid_row_taps(s) == 1) return 0;
    nn_offset_bounds(s->row, s->taps, &padded->top, &padded->bottom);
    nn_offset_bounds(s->column, s->taps, &padded->left, &padded->right);
    padded->width = (s->v - 1) * s->sv + padded->right - padded->left + 1;
    const int outside = padded->left < 0 || (s->v - 1) * s->sv + padded->right >= s->w || padded->top < 0 ||
                        (s->u - 1) * s->su + padded->bottom >= s->h;
    const int rows = (NN_CONV_PIXELS / s->v + 2 < s->u ? NN_CONV_PIXELS / s->v + 2 : s->u) - 1;
    return (outside || apart) &&
           ((long)rows * s->su + padded->bottom - padded->top + 1) * padded->width * s->run <= NN_CONV_PADDED;
}

/* Copies `count` pixels without the channels between them. */
NN_INLINE void nn_padded_pixels(const nn_conv_grid *s, const float *from, long count, float *to)
{
    if (s->xv == s->run) {
        __builtin_memcpy(to, from, (unsigned long)(count * s->run) * sizeof *to);
        return;
    }
    for (long i = 0; i < count; i++, from += s->xv, to += s->run) {
        int c = 0;
        for (; c + NN_W <= s->run; c += NN_W) nn_store(to + c, nn_load(from + c));
        for (; c < s->run; c++) to[c] = from[c];
    }
}

/* Rows from `row` on, columns from `left` on, with zeros outside the image. */
NN_INLINE void nn_padded_copy(const nn_conv_grid *s, const float *image, int row, int rows, int left, int width,
                              float *to)
{
    const int first = left < 0 ? -left : 0, last = s->w - left < width ? s->w - left : width;
    for (int i = 0; i < rows; i++, to += width * s->run) {
        const int inside = row + i >= 0 && row + i < s->h && last > first;
        const long begin = inside ? (long)first * s->run : 0, end = inside ? (long)last * s->run : 0;
        for (long k = 0; k < begin; k++) to[k] = 0;
        if (inside) nn_padded_pixels(s, image + (row + i) * s->xu + (left + first) * s->xv, last - first, to + begin);
        for (long k = end; k < (long)width * s->run; k++) to[k] = 0;
    }
}

/* nn_conv_grid_block from a padded copy; the pixels are of one image. */
NN_INLINE void nn_conv_grid_framed(const int format, const nn_conv_grid *s, const nn_padded *padded, long first,
                                   int count, int from, int to)
{
    float copy[NN_CONV_PADDED] __attribute__((aligned(64)));
    const long area = (long)s->u * s->v, image = first / area;
    const int begin = (int)(first % area), u0 = begin / s->v, u1 = (begin + count - 1) / s->v;
    nn_conv_grid part = *s;
    part.n = 1;
    part.u = u1 - u0 + 1;
    part.h = (part.u - 1) * s->su + padded->bottom - padded->top + 1;
    part.w = padded->width;
    part.x = copy;
    part.xu = (long)part.w * s->run;
    part.xv = s->run;
    part.y = s->y + image * s->yn + u0 * s->yu;
    for (int i = 0; i < s->taps; i++) {
        part.row[i] -= padded->top;
        part.column[i] -= padded->left;
    }
    nn_padded_copy(s, s->x + image * s->xn, u0 * s->su + padded->top, part.h, padded->left, part.w, copy);
    nn_conv_grid_block(format, &part, begin - u0 * s->v, count, from, to);
}

NN_KERNEL void nn_conv_grid_padded(const nn_conv_grid *s, const nn_padded *padded, long first, int count, int from,
                                   int to)
{
    nn_conv_grid_framed(NN_PANELS_F32, s, padded, first, count, from, to);
}

NN_KERNEL void nn_conv_grid_padded_w16(const nn_conv_grid *s, const nn_padded *padded, long first, int count, int from,
                                       int to)
{
    nn_conv_grid_framed(NN_PANELS_BF16, s, padded, first, count, from, to);
}

/* All groups of a block of pixels, one after another while the pixels are in cache. */
NN_INLINE void nn_conv_grid_groups(const int format, const nn_conv_grid *s, const nn_padded *padded, long first,
                                   int count, int from, int to)
{
    nn_conv_grid one = *s;
    for (int g = 0; g < s->groups; g++) {
        one.x = s->x + (long)g * s->run;
        one.y = s->y + (long)g * s->outputs;
        one.start = s->start ? s->start + g * s->outputs : 0;
        one.channel = s->channel + g * s->outputs;
        one.panels = nn_at(format != NN_PANELS_F32, s->panels, g * s->group);
        if (!padded)
            nn_conv_grid_block(format, &one, first, count, from, to);
        else if (format == NN_PANELS_F32)
            nn_conv_grid_padded(&one, padded, first, count, from, to);
        else
            nn_conv_grid_padded_w16(&one, padded, first, count, from, to);
    }
}

/* Part t of T of the panels if the weights are larger than the images and tiles divide evenly; else all of them,
 * and 0. */
NN_INLINE int nn_conv_grid_by_panels(const nn_conv_grid *s, int t, int T, int *from, int *to)
{
    const int panels = (s->outputs + NN_PANEL - 1) / NN_PANEL, tiles = (panels + NN_TILE_PANELS - 1) / NN_TILE_PANELS;
    const long pixels = (long)s->n * s->u * s->v;
    const int divides = s->groups == 1 && tiles % T == 0 && pixels * s->su * s->sv < (long)s->outputs * s->taps;
    const int end = divides ? tiles / T * (t + 1) * NN_TILE_PANELS : panels;
    *from = divides ? tiles / T * t * NN_TILE_PANELS : 0;
    *to = end < panels ? end : panels;
    return divides;
}

/* Part t of T of the pixels, or of the panels. */
NN_INLINE void nn_conv_grid_part(const int format, const nn_conv_grid *s, int t, int T)
{
    const long pixels = (long)s->n * s->u * s->v;
    long first = 0, last = pixels;
    int from, to;
    if (!nn_conv_grid_by_panels(s, t, T, &from, &to)) {
        const long tiles = (pixels + NN_TILE_ROWS - 1) / NN_TILE_ROWS;
        first = pixels * (tiles * t / T) / tiles;
        last = pixels * (tiles * (t + 1) / T) / tiles;
    }
    nn_padded padded;
    if (nn_padded_pays(s, &padded)) {
        for (long end; first < last; first = end) {
            const long area = (long)s->u * s->v;
            end = (first / area + 1) * area;
            if (end > last) end = last;
            if (end > first + NN_CONV_PIXELS) end = first + NN_CONV_PIXELS;
            nn_conv_grid_groups(format, s, &padded, first, (int)(end - first), from, to);
        }
        return;
    }
    const long parts = (last - first + NN_CONV_PIXELS - 1) / NN_CONV_PIXELS;
    for (long i = 0; i < parts; i++) {
        long begin = first + (last - first) * i / parts, end = first + (last - first) * (i + 1) / parts;
        nn_conv_grid_groups(format, s, 0, begin, (int)(end - begin), from, to);
    }
}

NN_KERNEL void nn_conv_grid_run(const nn_conv_grid *s, int t, int T) { nn_conv_grid_part(NN_PANELS_F32, s, t, T); }

/* Of panels in bf16. */
NN_KERNEL void nn_conv_grid_run_w16(const nn_conv_grid *s, int t, int T) { nn_conv_grid_part(NN_PANELS_BF16, s, t, T); }

#endif
