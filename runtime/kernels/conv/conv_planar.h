/*
 * conv_planar.h: direct convolution of NCHW images with few channels and outputs, too few to fill
 * vectors; the lanes hold neighbouring columns instead.
 *
 *   y[o][u][v] = b[o] + Σ_{c, i, j} W[o][c][i][j] · x[c][u·sh + i·dh − top][v + j·dw − left]
 *
 * A tile of some outputs × two vectors of a row stays in registers.  The last vector of a row ends
 * with the row, so some columns are computed twice, with bitwise identical results.  With padding,
 * the rows that a row of outputs reads are copied with zeros around them.  Sums are in the order of
 * channels, then taps.
 */
#ifndef NN_CONV_PLANAR_H
#define NN_CONV_PLANAR_H

#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/simd/lanes.h"

enum { NN_PLANAR_OUTPUTS = 6 }; /* at most, of a tile */

/* The rows that a row of outputs reads, with the strides of channels and rows. */
typedef struct nn_planar_rows {
    const float *x;
    long channel, row;
} nn_planar_rows;

/* The outputs of a tile. */
typedef struct nn_planar_outputs {
    int count;
    const float *weight, *bias; /* of the first; bias may be NULL */
    float *y;                   /* the first one's row */
} nn_planar_outputs;

/* M outputs, the columns of two vectors, from `first` and `second` on. */
NN_INLINE void nn_planar_tile(const int M, const nn_conv *d, const nn_planar_rows *from, const nn_planar_outputs *to,
                              int first, int second)
{
    const long depth = (long)d->c * d->kh * d->kw, area = (long)d->oh * d->ow;
    const float *weight = to->weight;
    float *y = to->y;
    nn_vec sum[NN_PLANAR_OUTPUTS][2];
    NN_UNROLL
    for (int m = 0; m < M; m++) sum[m][0] = sum[m][1] = to->bias ? nn_broadcast(to->bias[m]) : nn_zero();
    for (int c = 0; c < d->c; c++) {
        for (int i = 0; i < d->kh; i++) {
            const float *x = from->x + c * from->channel + (long)i * d->dh * from->row;
            for (int j = 0; j < d->kw; j++, x += d->dw, weight++) {
                nn_vec a = nn_load(x + first), b = nn_load(x + second);
                NN_UNROLL
                for (int m = 0; m < M; m++) {
                    sum[m][0] += weight[m * depth] * a;
                    sum[m][1] += weight[m * depth] * b;
                }
            }
        }
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) {
        nn_store(y + m * area + first, sum[m][0]);
        nn_store(y + m * area + second, sum[m][1]);
    }
}

/* One instance for each number of outputs. */
NN_KERNEL void nn_planar_tile_run(const nn_conv *d, const nn_planar_rows *from, const nn_planar_outputs *to, int first,
                                  int second)
{
    switch (to->count) {
    case 1: nn_planar_tile(1, d, from, to, first, second); break;
    case 2: nn_planar_tile(2, d, from, to, first, second); break;
    case 3: nn_planar_tile(3, d, from, to, first, second); break;
    case 4: nn_planar_tile(4, d, from, to, first, second); break;
    case 5: nn_planar_tile(5, d, from, to, first, second); break;
    case 6: nn_planar_tile(6, d, from, to, first, second); break;
    }
}

/* The rows that row u of the outputs reads, in the image or in a padded copy. */
NN_INLINE nn_planar_rows nn_planar_rows_of(const nn_conv *d, const float *image, int u, int width, float *copy)
{
    const int rows = (d->kh - 1) * d->dh + 1, h0 = u * d->sh - d->top;
    nn_planar_rows from = {image + (long)h0 * d->w - d->left, (long)d->h * d->w, d->w};
    if (!copy) return from;
    for (int c = 0; c < d->c; c++) {
        for (int i = 0; i < rows; i++) {
            const float *row = image + ((long)c * d->h + h0 + i) * d->w;
            const int inside = h0 + i >= 0 && h0 + i < d->h;
            float *to = copy + (c * rows + i) * width;
            for (int k = 0; k < width; k++) {
                const int at = k - d->left;
                to[k] = inside && at >= 0 && at < d->w ? row[at] : 0;
            }
        }
    }
    return (nn_planar_rows){copy, (long)rows * width, width};
}

/* Part t of T of the rows.  weight: [o][c][kh][kw]; ow ≥ NN_W, sw = groups = 1. */
NN_KERNEL void nn_conv_planar(const nn_conv *d, const float *x, const float *weight, const float *bias, float *y, int t,
                              int T)
{
    float copy[NN_PLANAR_COPY] __attribute__((aligned(64)));
    const long rows = (long)d->n * d->oh, depth = (long)d->c * d->kh * d->kw;
    const int width = d->ow + (d->kw - 1) * d->dw, tiles = (d->o + NN_PLANAR_OUTPUTS - 1) / NN_PLANAR_OUTPUTS;
    const int padded = d->top > 0 || d->left > 0 || width - d->left > d->w ||
                       (d->oh - 1) * d->sh + (d->kh - 1) * d->dh - d->top >= d->h;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const long n = k / d->oh;
        const int u = (int)(k % d->oh);
        const nn_planar_rows from = nn_planar_rows_of(d, x + n * d->c * d->h * d->w, u, width, padded ? copy : 0);
        for (int i = 0; i < tiles; i++) {
            const int o = d->o * i / tiles;
            const nn_planar_outputs to = {.count = d->o * (i + 1) / tiles - o,
                                          .weight = weight + o * depth,
                                          .bias = bias ? bias + o : 0,
                                          .y = y + ((n * d->o + o) * d->oh + u) * d->ow};
            for (int v = 0; v < d->ow; v += 2 * NN_W) {
                const int first = v + NN_W <= d->ow ? v : d->ow - NN_W;
                const int second = v + 2 * NN_W <= d->ow ? v + NN_W : d->ow - NN_W;
                nn_planar_tile_run(d, &from, &to, first, second);
            }
        }
    }
}

#endif
