/*
 * batch_blocked.h: convolution, dense layers and their gradients in the batch-blocked layout.
 *
 * A block is 16 samples: images are [n / 16][c][h][w][16], vectors [n / 16][f][16].  The lanes of
 * a vector are samples, so every load is full whatever the number of channels, weights are read
 * unpacked as scalars, and taps outside the image are skipped.
 *
 *   y[o][pixel]   = b[o] + Σ_{c, tap} W[o][c][tap] · x[c][pixel at tap]   nn_blocked_conv
 *   dx[c][pixel]  = Σ_{o, tap} W[o][c][tap] · dy[o][…], the same sum over
 *                   the taps in reverse order; stride 1                   nn_blocked_conv_dx
 *   dW[o][c][tap] = Σ_{block, pixel, sample} dy[o][pixel] · x[c][…]       nn_blocked_conv_dweight
 *
 * A tile of outputs × the samples of a pixel stays in registers; for dW, outputs × taps, whose
 * lanes are added at the end.
 *
 * The first two process whole blocks, which the caller divides among the threads; the last
 * computes part t of T of the outputs.  No sum depends on the threads.
 */
#ifndef NN_BATCH_BLOCKED_H
#define NN_BATCH_BLOCKED_H

typedef struct nn_blocked {
    int c, h, w, o, oh, ow;
    int kh, kw, sh, sw, dh, dw, top, left;
} nn_blocked;

#ifdef NN_LINKED

void nn_blocked_conv(const nn_blocked *, long blocks, const float *x, const float *weight, const float *bias, float *y);
void nn_blocked_conv_dx(const nn_blocked *, long blocks, const float *dy, const float *weight, float *dx);
void nn_blocked_conv_dweight(const nn_blocked *, long blocks, const float *x, const float *dy, float *dweight, int t,
                             int T);
void nn_blocked_dense(long blocks, int i, int o, const float *x, const float *weight, const float *bias, float *y);
void nn_blocked_dense_dx(long blocks, int i, int o, const float *dy, const float *weight, float *dx);

#else

#include "runtime/kernels/simd/lanes.h"

enum {
    NN_BLOCKED_VECTORS = NN_BLOCKED_PIXELS * NN_LINE_VECTORS, /* of a tile */
    NN_BLOCKED_WGRAD_TILES = 8 /* tiles of taps that are summed up together, row by row: x and dy stay in L1 */
};

/* ---- sums over channels and taps -------------------------------------------------- */

/* A linear map from an image x to an image y: their shapes, and the strides of W. */
typedef struct nn_blocked_map {
    int c, h, w, o, oh, ow;
    int kh, kw, sh, sw, dh, dw, top, left;
    const float *weight;                        /* of output 0, channel 0 and the first tap */
    long to_output, to_channel, to_row, to_tap; /* strides in it */
    const float *bias;                          /* or NULL */
} nn_blocked_map;

/* The taps of a pixel that are inside the image, and the addresses of the first of them. */
typedef struct nn_blocked_taps {
    int rows, columns;
    const float *x, *weight;
} nn_blocked_taps;

/* Products that a tile sums up: channels of a tap, or taps of a row. */
typedef struct nn_blocked_products {
    long count;
    const float *x, *weight;  /* of the first */
    long x_step, weight_step; /* from one to the next */
    long to_pixel, to_output; /* from pixel to pixel in x, from output to output in W */
} nn_blocked_products;

/* sum[m][…] += Σ_k W[m] · x */
NN_INLINE void nn_blocked_micro_kernel(const int M, const int P, const nn_blocked_products *p,
                                       nn_vec sum[NN_BLOCKED_OUTPUTS][NN_BLOCKED_VECTORS])
{
    const float *x = p->x, *weight = p->weight;
    for (long k = 0; k < p->count; k++, x += p->x_step, weight += p->weight_step) {
        nn_vec v[NN_BLOCKED_VECTORS];
        NN_UNROLL
        for (int i = 0; i < P * NN_LINE_VECTORS; i++)
            v[i] = nn_load(x + i / NN_LINE_VECTORS * p->to_pixel + i % NN_LINE_VECTORS * NN_W);
        NN_UNROLL
        for (int m = 0; m < M; m++) {
            const float factor = weight[m * p->to_output];
            NN_UNROLL
            for (int i = 0; i < P * NN_LINE_VECTORS; i++) sum[m][i] += factor * v[i];
        }
    }
}

/* M outputs of P neighbouring pixels whose taps are the same, from output o on. */
NN_INLINE void nn_blocked_tile(const int M, const int P, const nn_blocked_map *s, const nn_blocked_taps *a, int o,
                               float *y)
{
    const long plane = (long)s->h * s->w * NN_LINE, out = (long)s->oh * s->ow * NN_LINE;
    const long row = (long)s->dh * s->w * NN_LINE;
    const float *weight = a->weight + o * s->to_output;
    nn_blocked_products p = {.count = s->c,
                             .x = a->x,
                             .weight = weight,
                             .x_step = plane,
                             .weight_step = s->to_channel,
                             .to_pixel = (long)s->sw * NN_LINE,
                             .to_output = s->to_output};
    nn_vec sum[NN_BLOCKED_OUTPUTS][NN_BLOCKED_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int i = 0; i < P * NN_LINE_VECTORS; i++) sum[m][i] = s->bias ? nn_broadcast(s->bias[o + m]) : nn_zero();
    if (a->rows * a->columns == 1) {
        nn_blocked_micro_kernel(M, P, &p, sum);
    } else {
        p.count = a->columns;
        p.x_step = (long)s->dw * NN_LINE;
        p.weight_step = s->to_tap;
        for (int c = 0; c < s->c; c++) {
            for (int u = 0; u < a->rows; u++) {
                p.x = a->x + c * plane + u * row;
                p.weight = weight + c * s->to_channel + u * s->to_row;
                nn_blocked_micro_kernel(M, P, &p, sum);
            }
        }
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int i = 0; i < P * NN_LINE_VECTORS; i++) nn_store(y + (o + m) * out + i * NN_W, sum[m][i]);
}

/* One instance for each number of outputs. */
NN_INLINE void nn_blocked_tile_run(const int P, const nn_blocked_map *s, const nn_blocked_taps *a, int o, int count,
                                   float *y)
{
#define NN_CASE(M)                         \
    case M:                                \
        nn_blocked_tile(M, P, s, a, o, y); \
        break;
    switch (count) {
        NN_CASE(1)
        NN_CASE(2)
#if NN_BLOCKED_OUTPUTS > 2
        NN_CASE(3)
        NN_CASE(4)
        NN_CASE(5)
        NN_CASE(6)
#endif
#if NN_BLOCKED_OUTPUTS > 6
        NN_CASE(7)
        NN_CASE(8)
        NN_CASE(9)
        NN_CASE(10)
#endif
    }
#undef NN_CASE
}

/* Of k taps from `corner` on, those inside: the first, and how many. */
NN_INLINE int nn_blocked_taps_inside(int corner, int k, int dilation, int size, int *first)
{
    *first = 0;
    if (corner >= 0 && corner + (k - 1) * dilation < size) return k;
    while (*first < k && corner + *first * dilation < 0) ++*first;
    int end = k;
    while (end > *first && corner + (end - 1) * dilation >= size) end--;
    return end - *first;
}

/* The taps of the pixel at (i, j) of a block. */
NN_INLINE nn_blocked_taps nn_blocked_taps_of(const nn_blocked_map *s, const float *x, int i, int j)
{
    const int top = i * s->sh - s->top, left = j * s->sw - s->left;
    int u, v;
    nn_blocked_taps a = {.rows = nn_blocked_taps_inside(top, s->kh, s->dh, s->h, &u)};
    a.columns = nn_blocked_taps_inside(left, s->kw, s->dw, s->w, &v);
    a.x = x + ((long)(top + u * s->dh) * s->w + left + v * s->dw) * NN_LINE;
    a.weight = s->weight + u * s->to_row + v * s->to_tap;
    return a;
}

/* Pixels from column j on that a tile may take together: their taps are all inside. */
NN_INLINE int nn_blocked_pixels(const nn_blocked_map *s, int j)
{
    const int left = j * s->sw - s->left, right = left + (NN_BLOCKED_PIXELS - 1) * s->sw + (s->kw - 1) * s->dw;
    return NN_BLOCKED_PIXELS > 1 && j + NN_BLOCKED_PIXELS <= s->ow && left >= 0 && right < s->w ? NN_BLOCKED_PIXELS : 1;
}

/* Row i of a block, `count` outputs from o on. */
NN_KERNEL void nn_blocked_row(const nn_blocked_map *s, const float *x, int i, int o, int count, float *y)
{
    for (int j = 0; j < s->ow;) {
        const nn_blocked_taps a = nn_blocked_taps_of(s, x, i, j);
        const int pixels = nn_blocked_pixels(s, j);
        float *to = y + ((long)i * s->ow + j) * NN_LINE;
        if (pixels > 1)
            nn_blocked_tile_run(NN_BLOCKED_PIXELS, s, &a, o, count, to);
        else
            nn_blocked_tile_run(1, s, &a, o, count, to);
        j += pixels;
    }
}

/* Rows in the outer loop: what a row reads of x then stays in L1. */
NN_KERNEL void nn_blocked_run(const nn_blocked_map *s, long blocks, const float *x, float *y)
{
    const int tiles = (s->o + NN_BLOCKED_OUTPUTS - 1) / NN_BLOCKED_OUTPUTS;
    const long from = (long)s->c * s->h * s->w * NN_LINE, to = (long)s->o * s->oh * s->ow * NN_LINE;
    for (long b = 0; b < blocks; b++) {
        for (int i = 0; i < s->oh; i++) {
            for (int k = 0; k < tiles; k++) {
                int o = s->o * k / tiles, end = s->o * (k + 1) / tiles;
                nn_blocked_row(s, x + b * from, i, o, end - o, y + b * to);
            }
        }
    }
}

NN_KERNEL void nn_blocked_conv(const nn_blocked *d, long blocks, const float *x, const float *weight, const float *bias,
                               float *y)
{
    const long taps = (long)d->kh * d->kw;
    const nn_blocked_map s = {.c = d->c,
                              .h = d->h,
                              .w = d->w,
                              .o = d->o,
                              .oh = d->oh,
                              .ow = d->ow,
                              .kh = d->kh,
                              .kw = d->kw,
                              .sh = d->sh,
                              .sw = d->sw,
                              .dh = d->dh,
                              .dw = d->dw,
                              .top = d->top,
                              .left = d->left,
                              .weight = weight,
                              .to_output = d->c * taps,
                              .to_channel = taps,
                              .to_row = d->kw,
                              .to_tap = 1,
                              .bias = bias};
    nn_blocked_run(&s, blocks, x, y);
}

/* The taps in reverse order, with padding (k − 1) · dilation − padding. */
NN_KERNEL void nn_blocked_conv_dx(const nn_blocked *d, long blocks, const float *dy, const float *weight, float *dx)
{
    const long taps = (long)d->kh * d->kw;
    const nn_blocked_map s = {.c = d->o,
                              .h = d->oh,
                              .w = d->ow,
                              .o = d->c,
                              .oh = d->h,
                              .ow = d->w,
                              .kh = d->kh,
                              .kw = d->kw,
                              .sh = 1,
                              .sw = 1,
                              .dh = d->dh,
                              .dw = d->dw,
                              .top = (d->kh - 1) * d->dh - d->top,
                              .left = (d->kw - 1) * d->dw - d->left,
                              .weight = weight + taps - 1,
                              .to_output = taps,
                              .to_channel = d->c * taps,
                              .to_row = -d->kw,
                              .to_tap = -1};
    nn_blocked_run(&s, blocks, dy, dx);
}

/* Vectors are images of one pixel with c and o channels. */
NN_INLINE nn_blocked_map nn_blocked_vectors(int c, int o, const float *weight, long to_output, long to_channel)
{
    return (nn_blocked_map){.c = c,
                            .h = 1,
                            .w = 1,
                            .o = o,
                            .oh = 1,
                            .ow = 1,
                            .kh = 1,
                            .kw = 1,
                            .sh = 1,
                            .sw = 1,
                            .dh = 1,
                            .dw = 1,
                            .weight = weight,
                            .to_output = to_output,
                            .to_channel = to_channel};
}

NN_KERNEL void nn_blocked_dense(long blocks, int i, int o, const float *x, const float *weight, const float *bias,
                                float *y)
{
    nn_blocked_map s = nn_blocked_vectors(i, o, weight, i, 1);
    s.bias = bias;
    nn_blocked_run(&s, blocks, x, y);
}

NN_KERNEL void nn_blocked_dense_dx(long blocks, int i, int o, const float *dy, const float *weight, float *dx)
{
    const nn_blocked_map s = nn_blocked_vectors(o, i, weight, 1, i);
    nn_blocked_run(&s, blocks, dy, dx);
}

/* ---- gradients of weights ----------------------------------------------------------- */

/* A channel and a tap: the offset in x for the first pixel of dy, and the rows and columns of dy
 * for which the tap is inside the image. */
typedef struct nn_blocked_overlap {
    long x;
    int top, bottom, first, last;
} nn_blocked_overlap;

/* The elements of an axis of dy for which a tap at `offset` is inside. */
NN_INLINE void nn_blocked_overlap_range(int offset, int stride, int size, int count, int *first, int *last)
{
    *first = 0;
    *last = count;
    while (*first < count && *first * stride + offset < 0) ++*first;
    while (*last > *first && (*last - 1) * stride + offset >= size) --*last;
}

/* Tap number k of [c][kh][kw]. */
NN_INLINE nn_blocked_overlap nn_blocked_overlap_of(const nn_blocked *d, int k)
{
    const int taps = d->kh * d->kw, c = k / taps, row = k % taps / d->kw * d->dh - d->top,
              column = k % d->kw * d->dw - d->left;
    nn_blocked_overlap a = {.x = (((long)c * d->h + row) * d->w + column) * NN_LINE};
    nn_blocked_overlap_range(row, d->sh, d->h, d->oh, &a.top, &a.bottom);
    nn_blocked_overlap_range(column, d->sw, d->w, d->ow, &a.first, &a.last);
    return a;
}

/* The intersection of K taps, which may be empty. */
NN_INLINE nn_blocked_overlap nn_blocked_overlap_all(const nn_blocked_overlap *a, int K)
{
    nn_blocked_overlap all = a[0];
    for (int k = 1; k < K; k++) {
        if (a[k].top > all.top) all.top = a[k].top;
        if (a[k].bottom < all.bottom) all.bottom = a[k].bottom;
        if (a[k].first > all.first) all.first = a[k].first;
        if (a[k].last < all.last) all.last = a[k].last;
    }
    if (all.last < all.first) all.last = all.first;
    return all;
}

/* A rectangle of dy. */
typedef struct nn_blocked_area {
    int top, bottom, first, last;
} nn_blocked_area;

/* Rows top … bottom − 1 of a block: x, and the outputs of dy from the tile's first on. */
typedef struct nn_blocked_chunk {
    const nn_blocked *d;
    const float *x, *dy;
    int top, bottom;
} nn_blocked_chunk;

/* sum[m · NN_BLOCKED_WGRAD_TAPS + k] += Σ dy[m][pixel] · x[pixel under tap k], of the pixels of the area */
NN_INLINE void nn_blocked_wgrad_tile(const int M, const int K, const nn_blocked_chunk *c, const nn_blocked_overlap *a,
                                     nn_blocked_area r, nn_vec *sum)
{
    const nn_blocked *d = c->d;
    const float *x = c->x, *dy = c->dy;
    const long step = (long)d->sw * NN_LINE, plane = (long)d->oh * d->ow * NN_LINE, count = r.last - r.first;
    nn_vec s[NN_BLOCKED_WGRAD_OUTPUTS][NN_BLOCKED_WGRAD_TAPS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int k = 0; k < K; k++) s[m][k] = sum[m * NN_BLOCKED_WGRAD_TAPS + k];
    for (long i = r.top; i < r.bottom; i++) {
        const float *from = dy + (i * d->ow + r.first) * NN_LINE, *at[NN_BLOCKED_WGRAD_TAPS];
        NN_UNROLL
        for (int k = 0; k < K; k++) at[k] = x + a[k].x + (i * d->sh * d->w + (long)r.first * d->sw) * NN_LINE;
        for (long j = 0; j < count; j++) {
            NN_UNROLL
            for (int v = 0; v < NN_LINE; v += NN_W) {
                nn_vec value[NN_BLOCKED_WGRAD_TAPS];
                NN_UNROLL
                for (int k = 0; k < K; k++) value[k] = nn_load(at[k] + j * step + v);
                NN_UNROLL
                for (int m = 0; m < M; m++) {
                    const nn_vec slope = nn_load(from + m * plane + j * NN_LINE + v);
                    NN_UNROLL
                    for (int k = 0; k < K; k++) s[m][k] += slope * value[k];
                }
            }
        }
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int k = 0; k < K; k++) sum[m * NN_BLOCKED_WGRAD_TAPS + k] = s[m][k];
}

/* Does nothing for an empty area. */
NN_INLINE void nn_blocked_wgrad_single(const int M, const nn_blocked_chunk *c, const nn_blocked_overlap *a,
                                       nn_blocked_area r, nn_vec *sum)
{
    if (r.top < r.bottom && r.first < r.last) nn_blocked_wgrad_tile(M, 1, c, a, r, sum);
}

/* One tap without the area that is done: above, below, left and right of it. */
NN_KERNEL void nn_blocked_wgrad_rest(const int M, const nn_blocked_chunk *c, const nn_blocked_overlap *a,
                                     nn_blocked_area done, nn_vec *sum)
{
    const int top = a->top > c->top ? a->top : c->top, bottom = a->bottom < c->bottom ? a->bottom : c->bottom;
    if (done.top > bottom || done.bottom <= done.top || done.last <= done.first) done.top = done.bottom = bottom;
    const nn_blocked_area rest[] = {{top, done.top, a->first, a->last},
                                    {done.top, done.bottom, a->first, done.first},
                                    {done.top, done.bottom, done.last, a->last},
                                    {done.bottom, bottom, a->first, a->last}};
    for (int i = 0; i < 4; i++) {
        switch (M) {
        case 1: nn_blocked_wgrad_single(1, c, a, rest[i], sum); break;
        case 2: nn_blocked_wgrad_single(2, c, a, rest[i], sum); break;
        case 3: nn_blocked_wgrad_single(3, c, a, rest[i], sum); break;
#if NN_BLOCKED_WGRAD_OUTPUTS > 3
        case 4: nn_blocked_wgrad_single(4, c, a, rest[i], sum); break;
#endif
        }
    }
}

/* K taps: their intersection, then the rest of each tap. */
NN_INLINE void nn_blocked_wgrad_rows(const int M, const int K, const nn_blocked_chunk *c, const nn_blocked_overlap *a,
                                     nn_vec *sum)
{
    const nn_blocked *d = c->d;
    const nn_blocked_overlap all = nn_blocked_overlap_all(a, K);
    const nn_blocked_area area = {c->top > all.top ? c->top : all.top, c->bottom < all.bottom ? c->bottom : all.bottom,
                                  all.first, all.last};
    const int whole = all.top == 0 && all.bottom == d->oh && all.first == 0 && all.last == d->ow;
    if (area.first < area.last && area.top < area.bottom) nn_blocked_wgrad_tile(M, K, c, a, area, sum);
    for (int k = 0; k < K && !whole; k++) nn_blocked_wgrad_rest(M, c, a + k, area, sum + k);
}

/* Rows of dy per chunk: with those of x they fit L1. */
NN_INLINE int nn_blocked_wgrad_chunk(const nn_blocked *d)
{
    const int most = NN_BLOCKED_NEAR / ((NN_BLOCKED_WGRAD_OUTPUTS + d->sw) * d->ow),
              chunks = most > 0 ? (d->oh + most - 1) / most : d->oh;
    return (d->oh + chunks - 1) / chunks;
}

/* One instance for each number of taps. */
NN_INLINE void nn_blocked_wgrad_taps(const int M, const nn_blocked_chunk *c, const nn_blocked_overlap *a, int taps,
                                     nn_vec *sum)
{
    switch (taps) {
    case 1: nn_blocked_wgrad_rows(M, 1, c, a, sum); break;
    case 2: nn_blocked_wgrad_rows(M, 2, c, a, sum); break;
    case 3: nn_blocked_wgrad_rows(M, 3, c, a, sum); break;
#if NN_BLOCKED_WGRAD_TAPS > 3
    case 4: nn_blocked_wgrad_rows(M, 4, c, a, sum); break;
    case 5: nn_blocked_wgrad_rows(M, 5, c, a, sum); break;
    case 6: nn_blocked_wgrad_rows(M, 6, c, a, sum); break;
#endif
    }
}

/* Outputs of one tile, and the taps of up to NN_BLOCKED_WGRAD_TILES: from number k on. */
typedef struct nn_blocked_wgrad {
    int o, outputs, k, taps, tiles;
} nn_blocked_wgrad;

/* One instance for each number of outputs. */
NN_INLINE void nn_blocked_wgrad_outputs(int outputs, const nn_blocked_chunk *c, const nn_blocked_overlap *a, int taps,
                                        nn_vec *sum)
{
    switch (outputs) {
    case 1: nn_blocked_wgrad_taps(1, c, a, taps, sum); break;
    case 2: nn_blocked_wgrad_taps(2, c, a, taps, sum); break;
    case 3: nn_blocked_wgrad_taps(3, c, a, taps, sum); break;
#if NN_BLOCKED_WGRAD_OUTPUTS > 3
    case 4: nn_blocked_wgrad_taps(4, c, a, taps, sum); break;
#endif
    }
}

/* dW of these outputs and taps. */
NN_KERNEL void nn_blocked_wgrad_run(const nn_blocked_wgrad *s, const nn_blocked *d, long blocks, const float *x,
                                    const float *dy, float *dweight)
{
    const long from = (long)d->c * d->h * d->w * NN_LINE, plane = (long)d->oh * d->ow * NN_LINE;
    const int chunk = nn_blocked_wgrad_chunk(d);
    nn_blocked_overlap a[NN_BLOCKED_WGRAD_TILES * NN_BLOCKED_WGRAD_TAPS];
    nn_vec sum[NN_BLOCKED_WGRAD_TILES][NN_BLOCKED_WGRAD_OUTPUTS * NN_BLOCKED_WGRAD_TAPS];
    for (int k = 0; k < s->taps; k++) a[k] = nn_blocked_overlap_of(d, s->k + k);
    for (int q = 0; q < s->tiles; q++)
        for (int m = 0; m < NN_BLOCKED_WGRAD_OUTPUTS * NN_BLOCKED_WGRAD_TAPS; m++) sum[q][m] = nn_zero();
    for (long b = 0; b < blocks; b++) {
        for (int i = 0; i < d->oh; i += chunk) {
            const nn_blocked_chunk c = {.d = d,
                                        .x = x + b * from,
                                        .dy = dy + (b * d->o + s->o) * plane,
                                        .top = i,
                                        .bottom = i + chunk < d->oh ? i + chunk : d->oh};
            for (int q = 0; q < s->tiles; q++) {
                int k = q * NN_BLOCKED_WGRAD_TAPS,
                    end = k + NN_BLOCKED_WGRAD_TAPS < s->taps ? k + NN_BLOCKED_WGRAD_TAPS : s->taps;
                nn_blocked_wgrad_outputs(s->outputs, &c, a + k, end - k, sum[q]);
            }
        }
    }
    for (int q = 0; q < s->tiles; q++) {
        int first = q * NN_BLOCKED_WGRAD_TAPS,
            end = first + NN_BLOCKED_WGRAD_TAPS < s->taps ? first + NN_BLOCKED_WGRAD_TAPS : s->taps;
        for (int m = 0; m < s->outputs; m++)
            for (int k = first; k < end; k++)
                dweight[(long)(s->o + m) * d->c * d->kh * d->kw + s->k + k] =
                    nn_lanes_sum(sum[q][m * NN_BLOCKED_WGRAD_TAPS + k - first]);
    }
}

/* Part t of T of the tiles of outputs × groups of taps. */
NN_KERNEL void nn_blocked_conv_dweight(const nn_blocked *d, long blocks, const float *x, const float *dy,
                                       float *dweight, int t, int T)
{
    const int taps = d->c * d->kh * d->kw, runs = (taps + NN_BLOCKED_WGRAD_TAPS - 1) / NN_BLOCKED_WGRAD_TAPS,
              groups = (runs + NN_BLOCKED_WGRAD_TILES - 1) / NN_BLOCKED_WGRAD_TILES;
    const int tiles = (d->o + NN_BLOCKED_WGRAD_OUTPUTS - 1) / NN_BLOCKED_WGRAD_OUTPUTS;
    const long count = (long)tiles * groups;
    for (long i = count * t / T; i < count * (t + 1) / T; i++) {
        const int tile = (int)(i / groups), group = (int)(i % groups), first = runs * group / groups;
        nn_blocked_wgrad s = {
            .o = d->o * tile / tiles, .k = first * NN_BLOCKED_WGRAD_TAPS, .tiles = runs * (group + 1) / groups - first};
        s.outputs = d->o * (tile + 1) / tiles - s.o;
        s.taps = taps - s.k < s.tiles * NN_BLOCKED_WGRAD_TAPS ? taps - s.k : s.tiles * NN_BLOCKED_WGRAD_TAPS;
        nn_blocked_wgrad_run(&s, d, blocks, x, dy, dweight);
    }
}

#endif /* NN_LINKED */

#endif
