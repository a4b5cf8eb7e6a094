/*
 * batch_blocked.h: convolution, the fully connected layer and their gradients over images
 * that lie samples last.
 *
 * Sixteen samples are a block: an image is [n / 16][c][h][w][16], a vector
 * [n / 16][f][16].  A vector register holds samples, so that every load is full
 * whatever the number of channels, weights are read as they lie, one number at a
 * time, and taps beyond the border are left out rather than multiplied by zeros.
 *
 *   y[o][pixel]  = b[o] + Σ_{c, tap} W[o][c][tap] · x[c][pixel at tap]    nn_samples_conv
 *   dx[c][pixel] = Σ_{o, tap} W[o][c][tap] · dy[o][…], the same sum with the weights
 *                  walked the other way round; stride 1                   nn_samples_conv_dx
 *   dW[o][c][tap] = Σ_{block, pixel, sample} dy[o][pixel] · x[c][…]        nn_samples_conv_dweight
 *
 * A tile of outputs × the samples of a pixel stays in registers; of dW a tile of
 * outputs × taps, whose lanes are added up at the very end.
 *
 * The first two do whole blocks, which threads share out; of the last thread t of T
 * does its part of the outputs.  No sum depends on that.
 */
#ifndef NN_BATCH_BLOCKED_H
#define NN_BATCH_BLOCKED_H

typedef struct nn_samples {
    int c, h, w, o, oh, ow;
    int kh, kw, sh, sw, dh, dw, top, left;
} nn_samples;

#ifdef NN_LINKED

void nn_samples_conv(const nn_samples *, long blocks, const float *x, const float *weight, const float *bias, float *y);
void nn_samples_conv_dx(const nn_samples *, long blocks, const float *dy, const float *weight, float *dx);
void nn_samples_conv_dweight(const nn_samples *, long blocks, const float *x, const float *dy, float *dweight, int t,
                             int T);
void nn_samples_dense(long blocks, int i, int o, const float *x, const float *weight, const float *bias, float *y);
void nn_samples_dense_dx(long blocks, int i, int o, const float *dy, const float *weight, float *dx);

#else

#include "runtime/kernels/simd/lanes.h"

enum {
    NN_BLOCKED_VECTORS = NN_BLOCKED_PIXELS * NN_LINE_VECTORS, /* of a tile */
    NN_BLOCKED_WGRAD_TILES = 8 /* tiles of taps that are summed up together, row by row: x and dy stay in L1 */
};

/* ---- sums over channels and taps -------------------------------------------------- */

/* One image is made of another: what is read, what is written, and where W lies. */
typedef struct nn_blend {
    int c, h, w, o, oh, ow;
    int kh, kw, sh, sw, dh, dw, top, left;
    const float *weight;                        /* of output 0, channel 0 and the first tap */
    long to_output, to_channel, to_row, to_tap; /* distances in it */
    const float *bias;                          /* or NULL */
} nn_blend;

/* The taps of a pixel that are inside, and where the first of them reads. */
typedef struct nn_blend_taps {
    int rows, columns;
    const float *x, *weight;
} nn_blend_taps;

/* sum[m][…] += Σ_k W[m] · x, k steps of x and of W */
NN_INLINE void nn_blend_run(const int M, const int P, long count, const float *x, long step, long across,
                            const float *weight, long weight_step, long to_output,
                            nn_vec sum[NN_BLOCKED_OUTPUTS][NN_BLOCKED_VECTORS])
{
    for (long k = 0; k < count; k++, x += step, weight += weight_step) {
        nn_vec v[NN_BLOCKED_VECTORS];
        NN_UNROLL
        for (int i = 0; i < P * NN_LINE_VECTORS; i++)
            v[i] = nn_load(x + i / NN_LINE_VECTORS * across + i % NN_LINE_VECTORS * NN_W);
        NN_UNROLL
        for (int m = 0; m < M; m++) {
            const float factor = weight[m * to_output];
            NN_UNROLL
            for (int i = 0; i < P * NN_LINE_VECTORS; i++) sum[m][i] += factor * v[i];
        }
    }
}

/* M outputs of P neighbouring pixels whose taps are the same, from output o on. */
NN_INLINE void nn_blend_tile(const int M, const int P, const nn_blend *s, const nn_blend_taps *a, int o, float *y)
{
    const long plane = (long)s->h * s->w * NN_LINE, out = (long)s->oh * s->ow * NN_LINE;
    const long across = (long)s->sw * NN_LINE, tap = (long)s->dw * NN_LINE, row = (long)s->dh * s->w * NN_LINE;
    const float *weight = a->weight + o * s->to_output;
    nn_vec sum[NN_BLOCKED_OUTPUTS][NN_BLOCKED_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int i = 0; i < P * NN_LINE_VECTORS; i++) sum[m][i] = s->bias ? nn_spread(s->bias[o + m]) : nn_zero();
    if (a->rows * a->columns == 1) {
        nn_blend_run(M, P, s->c, a->x, plane, across, weight, s->to_channel, s->to_output, sum);
    } else {
        for (int c = 0; c < s->c; c++)
            for (int u = 0; u < a->rows; u++)
                nn_blend_run(M, P, a->columns, a->x + c * plane + u * row, tap, across,
                             weight + c * s->to_channel + u * s->to_row, s->to_tap, s->to_output, sum);
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int i = 0; i < P * NN_LINE_VECTORS; i++) nn_store(y + (o + m) * out + i * NN_W, sum[m][i]);
}

/* One instance for each number of outputs. */
NN_INLINE void nn_blend_outputs(const int P, const nn_blend *s, const nn_blend_taps *a, int o, int count, float *y)
{
#define NN_CASE(M)                       \
    case M:                              \
        nn_blend_tile(M, P, s, a, o, y); \
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
NN_INLINE int nn_blend_inside(int corner, int k, int dilation, int size, int *first)
{
    *first = 0;
    if (corner >= 0 && corner + (k - 1) * dilation < size) return k;
    while (*first < k && corner + *first * dilation < 0) ++*first;
    int end = k;
    while (end > *first && corner + (end - 1) * dilation >= size) end--;
    return end - *first;
}

/* The taps of the pixel at (i, j) of a block. */
NN_INLINE nn_blend_taps nn_blend_patch(const nn_blend *s, const float *x, int i, int j)
{
    const int top = i * s->sh - s->top, left = j * s->sw - s->left;
    int u, v;
    nn_blend_taps a = {.rows = nn_blend_inside(top, s->kh, s->dh, s->h, &u)};
    a.columns = nn_blend_inside(left, s->kw, s->dw, s->w, &v);
    a.x = x + ((long)(top + u * s->dh) * s->w + left + v * s->dw) * NN_LINE;
    a.weight = s->weight + u * s->to_row + v * s->to_tap;
    return a;
}

/* Pixels from column j on that a tile may take together: their taps are all inside. */
NN_INLINE int nn_blend_pixels(const nn_blend *s, int j)
{
    const int left = j * s->sw - s->left, right = left + (NN_BLOCKED_PIXELS - 1) * s->sw + (s->kw - 1) * s->dw;
    return NN_BLOCKED_PIXELS > 1 && j + NN_BLOCKED_PIXELS <= s->ow && left >= 0 && right < s->w ? NN_BLOCKED_PIXELS : 1;
}

/* Row i of a block, `count` outputs from o on. */
NN_KERNEL void nn_blend_row(const nn_blend *s, const float *x, int i, int o, int count, float *y)
{
    for (int j = 0; j < s->ow;) {
        const nn_blend_taps a = nn_blend_patch(s, x, i, j);
        const int pixels = nn_blend_pixels(s, j);
        float *to = y + ((long)i * s->ow + j) * NN_LINE;
        if (pixels > 1)
            nn_blend_outputs(NN_BLOCKED_PIXELS, s, &a, o, count, to);
        else
            nn_blend_outputs(1, s, &a, o, count, to);
        j += pixels;
    }
}

/* Rows outside, since what a row reads of x is then still in the first cache. */
NN_KERNEL void nn_blend_blocks(const nn_blend *s, long blocks, const float *x, float *y)
{
    const int tiles = (s->o + NN_BLOCKED_OUTPUTS - 1) / NN_BLOCKED_OUTPUTS;
    const long from = (long)s->c * s->h * s->w * NN_LINE, to = (long)s->o * s->oh * s->ow * NN_LINE;
    for (long b = 0; b < blocks; b++) {
        for (int i = 0; i < s->oh; i++) {
            for (int k = 0; k < tiles; k++) {
                int o = s->o * k / tiles, end = s->o * (k + 1) / tiles;
                nn_blend_row(s, x + b * from, i, o, end - o, y + b * to);
            }
        }
    }
}

NN_KERNEL void nn_samples_conv(const nn_samples *d, long blocks, const float *x, const float *weight, const float *bias,
                               float *y)
{
    const long taps = (long)d->kh * d->kw;
    const nn_blend s = {.c = d->c,
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
    nn_blend_blocks(&s, blocks, x, y);
}

/* From the last tap backwards, padded by what the kernel does not reach. */
NN_KERNEL void nn_samples_conv_dx(const nn_samples *d, long blocks, const float *dy, const float *weight, float *dx)
{
    const long taps = (long)d->kh * d->kw;
    const nn_blend s = {.c = d->o,
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
    nn_blend_blocks(&s, blocks, dy, dx);
}

/* Vectors are images of one pixel: c features of x make o of y. */
NN_INLINE void nn_blend_vectors(long blocks, int c, int o, const float *x, const float *weight, long to_output,
                                long to_channel, const float *bias, float *y)
{
    const nn_blend s = {.c = c,
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
                        .to_channel = to_channel,
                        .bias = bias};
    nn_blend_blocks(&s, blocks, x, y);
}

NN_KERNEL void nn_samples_dense(long blocks, int i, int o, const float *x, const float *weight, const float *bias,
                                float *y)
{
    nn_blend_vectors(blocks, i, o, x, weight, i, 1, bias, y);
}

NN_KERNEL void nn_samples_dense_dx(long blocks, int i, int o, const float *dy, const float *weight, float *dx)
{
    nn_blend_vectors(blocks, o, i, dy, weight, 1, i, 0, dx);
}

/* ---- gradients of weights ----------------------------------------------------------- */

/* A channel and a tap: where it reads x for the first pixel of dy, and the rows and
 * columns of dy that meet the image there. */
typedef struct nn_meeting {
    long x;
    int top, bottom, first, last;
} nn_meeting;

/* The elements of an axis of dy that a tap at `offset` finds inside. */
NN_INLINE void nn_meeting_range(int offset, int stride, int size, int count, int *first, int *last)
{
    *first = 0;
    *last = count;
    while (*first < count && *first * stride + offset < 0) ++*first;
    while (*last > *first && (*last - 1) * stride + offset >= size) --*last;
}

/* Tap number k of [c][kh][kw]. */
NN_INLINE nn_meeting nn_meeting_of(const nn_samples *d, int k)
{
    const int taps = d->kh * d->kw, c = k / taps, row = k % taps / d->kw * d->dh - d->top,
              column = k % d->kw * d->dw - d->left;
    nn_meeting a = {.x = (((long)c * d->h + row) * d->w + column) * NN_LINE};
    nn_meeting_range(row, d->sh, d->h, d->oh, &a.top, &a.bottom);
    nn_meeting_range(column, d->sw, d->w, d->ow, &a.first, &a.last);
    return a;
}

/* What all of K taps meet; less than nothing is nothing. */
NN_INLINE nn_meeting nn_meeting_all(const nn_meeting *a, int K)
{
    nn_meeting all = a[0];
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
typedef struct nn_slopes_area {
    int top, bottom, first, last;
} nn_slopes_area;

/* sum[m · NN_BLOCKED_WGRAD_TAPS + k] += Σ dy[m][pixel] · x[pixel under tap k], of the pixels of the area */
NN_INLINE void nn_slopes_run(const int M, const int K, const nn_samples *d, const nn_meeting *a, nn_slopes_area r,
                             const float *x, const float *dy, nn_vec *sum)
{
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

/* Nothing where there is none. */
NN_INLINE void nn_slopes_single(const int M, const nn_samples *d, const nn_meeting *a, nn_slopes_area r, const float *x,
                                const float *dy, nn_vec *sum)
{
    if (r.top < r.bottom && r.first < r.last) nn_slopes_run(M, 1, d, a, r, x, dy, sum);
}

/* Rows top … bottom − 1 that one tap meets, without the area done with all: above,
 * below, left and right of it. */
NN_KERNEL void nn_slopes_rest(const int M, const nn_samples *d, const nn_meeting *a, nn_slopes_area done, int top,
                              int bottom, const float *x, const float *dy, nn_vec *sum)
{
    if (a->top > top) top = a->top;
    if (a->bottom < bottom) bottom = a->bottom;
    if (done.top > bottom || done.bottom <= done.top || done.last <= done.first) done.top = done.bottom = bottom;
    const nn_slopes_area rest[] = {{top, done.top, a->first, a->last},
                                   {done.top, done.bottom, a->first, done.first},
                                   {done.top, done.bottom, done.last, a->last},
                                   {done.bottom, bottom, a->first, a->last}};
    for (int i = 0; i < 4; i++) {
        switch (M) {
        case 1: nn_slopes_single(1, d, a, rest[i], x, dy, sum); break;
        case 2: nn_slopes_single(2, d, a, rest[i], x, dy, sum); break;
        case 3: nn_slopes_single(3, d, a, rest[i], x, dy, sum); break;
#if NN_BLOCKED_WGRAD_OUTPUTS > 3
        case 4: nn_slopes_single(4, d, a, rest[i], x, dy, sum); break;
#endif
        }
    }
}

/* Rows top … bottom − 1 under K taps: what all of them meet, and then what only some do. */
NN_INLINE void nn_slopes_rows(const int M, const int K, const nn_samples *d, const nn_meeting *a, int top, int bottom,
                              const float *x, const float *dy, nn_vec *sum)
{
    const nn_meeting all = nn_meeting_all(a, K);
    nn_slopes_area area = {top > all.top ? top : all.top, bottom < all.bottom ? bottom : all.bottom, all.first,
                           all.last};
    const int whole = all.top == 0 && all.bottom == d->oh && all.first == 0 && all.last == d->ow;
    if (area.first < area.last && area.top < area.bottom) nn_slopes_run(M, K, d, a, area, x, dy, sum);
    for (int k = 0; k < K && !whole; k++) nn_slopes_rest(M, d, a + k, area, top, bottom, x, dy, sum + k);
}

/* Rows of dy that are taken together: with those of x they fit the first cache. */
NN_INLINE int nn_slopes_chunk(const nn_samples *d)
{
    const int most = NN_BLOCKED_NEAR / ((NN_BLOCKED_WGRAD_OUTPUTS + d->sw) * d->ow),
              chunks = most > 0 ? (d->oh + most - 1) / most : d->oh;
    return (d->oh + chunks - 1) / chunks;
}

/* One instance for each number of taps. */
NN_INLINE void nn_slopes_taps(const int M, const nn_samples *d, const nn_meeting *a, int taps, int top, int bottom,
                              const float *x, const float *dy, nn_vec *sum)
{
    switch (taps) {
    case 1: nn_slopes_rows(M, 1, d, a, top, bottom, x, dy, sum); break;
    case 2: nn_slopes_rows(M, 2, d, a, top, bottom, x, dy, sum); break;
    case 3: nn_slopes_rows(M, 3, d, a, top, bottom, x, dy, sum); break;
#if NN_BLOCKED_WGRAD_TAPS > 3
    case 4: nn_slopes_rows(M, 4, d, a, top, bottom, x, dy, sum); break;
    case 5: nn_slopes_rows(M, 5, d, a, top, bottom, x, dy, sum); break;
    case 6: nn_slopes_rows(M, 6, d, a, top, bottom, x, dy, sum); break;
#endif
    }
}

/* Outputs of one tile, and the taps of up to NN_BLOCKED_WGRAD_TILES: from number k on. */
typedef struct nn_slopes {
    int o, outputs, k, taps, tiles;
} nn_slopes;

NN_INLINE void nn_slopes_outputs(const nn_slopes *s, const nn_samples *d, const nn_meeting *a, int taps, int top,
                                 int bottom, const float *x, const float *dy, nn_vec *sum)
{
    switch (s->outputs) {
    case 1: nn_slopes_taps(1, d, a, taps, top, bottom, x, dy, sum); break;
    case 2: nn_slopes_taps(2, d, a, taps, top, bottom, x, dy, sum); break;
    case 3: nn_slopes_taps(3, d, a, taps, top, bottom, x, dy, sum); break;
#if NN_BLOCKED_WGRAD_OUTPUTS > 3
    case 4: nn_slopes_taps(4, d, a, taps, top, bottom, x, dy, sum); break;
#endif
    }
}

/* dW of these outputs and taps. */
NN_KERNEL void nn_slopes_of(const nn_slopes *s, const nn_samples *d, long blocks, const float *x, const float *dy,
                            float *dweight)
{
    const long from = (long)d->c * d->h * d->w * NN_LINE, plane = (long)d->oh * d->ow * NN_LINE;
    const int chunk = nn_slopes_chunk(d);
    nn_meeting a[NN_BLOCKED_WGRAD_TILES * NN_BLOCKED_WGRAD_TAPS];
    nn_vec sum[NN_BLOCKED_WGRAD_TILES][NN_BLOCKED_WGRAD_OUTPUTS * NN_BLOCKED_WGRAD_TAPS];
    for (int k = 0; k < s->taps; k++) a[k] = nn_meeting_of(d, s->k + k);
    for (int q = 0; q < s->tiles; q++)
        for (int m = 0; m < NN_BLOCKED_WGRAD_OUTPUTS * NN_BLOCKED_WGRAD_TAPS; m++) sum[q][m] = nn_zero();
    for (long b = 0; b < blocks; b++) {
        for (int i = 0; i < d->oh; i += chunk) {
            for (int q = 0; q < s->tiles; q++) {
                int k = q * NN_BLOCKED_WGRAD_TAPS,
                    end = k + NN_BLOCKED_WGRAD_TAPS < s->taps ? k + NN_BLOCKED_WGRAD_TAPS : s->taps;
                nn_slopes_outputs(s, d, a + k, end - k, i, i + chunk < d->oh ? i + chunk : d->oh, x + b * from,
                                  dy + (b * d->o + s->o) * plane, sum[q]);
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

/* Part t of T: of the tiles of outputs × groups of taps. */
NN_KERNEL void nn_samples_conv_dweight(const nn_samples *d, long blocks, const float *x, const float *dy,
                                       float *dweight, int t, int T)
{
    const int taps = d->c * d->kh * d->kw, runs = (taps + NN_BLOCKED_WGRAD_TAPS - 1) / NN_BLOCKED_WGRAD_TAPS,
              groups = (runs + NN_BLOCKED_WGRAD_TILES - 1) / NN_BLOCKED_WGRAD_TILES;
    const int tiles = (d->o + NN_BLOCKED_WGRAD_OUTPUTS - 1) / NN_BLOCKED_WGRAD_OUTPUTS;
    const long count = (long)tiles * groups;
    for (long i = count * t / T; i < count * (t + 1) / T; i++) {
        const int tile = (int)(i / groups), group = (int)(i % groups), first = runs * group / groups;
        nn_slopes s = {
            .o = d->o * tile / tiles, .k = first * NN_BLOCKED_WGRAD_TAPS, .tiles = runs * (group + 1) / groups - first};
        s.outputs = d->o * (tile + 1) / tiles - s.o;
        s.taps = taps - s.k < s.tiles * NN_BLOCKED_WGRAD_TAPS ? taps - s.k : s.tiles * NN_BLOCKED_WGRAD_TAPS;
        nn_slopes_of(&s, d, blocks, x, dy, dweight);
    }
}

#endif /* NN_LINKED */

#endif
