/*
 * taps.h: separable linear maps of images, as resize and pad are.
 *
 *   y[c][i][j] = Σ_{a,u,v} wc[c][a] · wh[i][u] · ww[j][v] · x[tc[c][a]][th[i][u]][tw[j][v]]
 *
 * Images are [n][c][h][w].  A row of y is a weighted sum of rows of x, which is made in vectors, and
 * then of its columns; its gradient goes the same way back.  Thread t of T computes part t of the rows
 * of y, or of the planes of dx.
 */
#ifndef NN_TAPS_H
#define NN_TAPS_H

/* An axis: what outputs read. */
typedef struct nn_tap_axis {
    int in, out, count;
    const int *at;       /* [out][count]; NULL: each reads the input of its own number */
    const float *weight; /* [out][count]; NULL: there is one tap, of weight 1 */
} nn_tap_axis;

/* Channels, rows of at most NN_TAPS_ROW elements in x, columns. */
typedef struct nn_taps {
    nn_tap_axis c, h, w;
} nn_taps;

#ifdef NN_LINKED

void nn_taps_forward(const nn_taps *, long n, const float *x, float *y, int t, int T);
void nn_taps_dx(const nn_taps *, long n, const float *dy, float *dx, int t, int T);

#else

#include "runtime/kernels/movement/runs.h"

NN_INLINE int nn_tap_input(const nn_tap_axis *axis, int i, int tap)
{
    return axis->at ? axis->at[i * axis->count + tap] : i;
}

NN_INLINE float nn_tap_weight(const nn_tap_axis *axis, int i, int tap)
{
    return axis->weight ? axis->weight[i * axis->count + tap] : 1;
}

/* Row i of channel c, before its columns are taken: in `sum`, or as it is in x. */
NN_INLINE const float *nn_tap_row(const nn_taps *d, const float *x, int c, int i, float *sum)
{
    const long width = d->w.in, area = width * d->h.in;
    if (!d->c.weight && !d->h.weight) return x + nn_tap_input(&d->c, c, 0) * area + nn_tap_input(&d->h, i, 0) * width;
    nn_fill_run(sum, width, 0);
    for (int a = 0; a < d->c.count; a++)
        for (int u = 0; u < d->h.count; u++) {
            const float *from = x + nn_tap_input(&d->c, c, a) * area + nn_tap_input(&d->h, i, u) * width;
            const float weight = nn_tap_weight(&d->c, c, a) * nn_tap_weight(&d->h, i, u);
            for (long j = 0; j < width; j += NN_W)
                nn_store_some(sum + j, width - j,
                              nn_load_some(sum + j, width - j) + weight * nn_load_some(from + j, width - j));
        }
    return sum;
}

NN_INLINE void nn_tap_columns(const nn_tap_axis *w, const float *row, float *y)
{
    const int *at = w->at;
    const float *weight = w->weight;
    if (!at) {
        nn_copy_run_of(y, row, w->out);
    } else if (!weight) {
        for (int j = 0; j < w->out; j++) y[j] = row[at[j]];
    } else {
        for (int j = 0; j < w->out; j++) {
            float sum = 0;
            for (int v = 0; v < w->count; v++) sum += *weight++ * row[*at++];
            y[j] = sum;
        }
    }
}

NN_KERNEL void nn_taps_forward(const nn_taps *d, long n, const float *x, float *y, int t, int T)
{
    float sum[NN_TAPS_ROW];
    const long rows = n * d->c.out * d->h.out, image = (long)d->c.in * d->h.in * d->w.in;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const long plane = k / d->h.out;
        const float *row =
            nn_tap_row(d, x + plane / d->c.out * image, (int)(plane % d->c.out), (int)(k % d->h.out), sum);
        nn_tap_columns(&d->w, row, y + k * d->w.out);
    }
}

/* The row of dx that a row of dy makes, before it is weighted: in `sum`. */
NN_INLINE void nn_tap_columns_dx(const nn_tap_axis *w, const float *dy, float *sum)
{
    const int *at = w->at;
    const float *weight = w->weight;
    nn_fill_run(sum, w->in, 0);
    for (int j = 0; j < w->out; j++)
        for (int v = 0; v < w->count; v++) sum[at ? *at++ : j] += (weight ? *weight++ : 1) * dy[j];
}

/* What channel c of dy, times its weight, gives to a plane of dx. */
NN_INLINE void nn_tap_plane_dx(const nn_taps *d, float weight, const float *dy, float *dx, float *sum)
{
    const long width = d->w.in;
    for (int i = 0; i < d->h.out; i++) {
        nn_tap_columns_dx(&d->w, dy + (long)i * d->w.out, sum);
        for (int u = 0; u < d->h.count; u++) {
            float *to = dx + nn_tap_input(&d->h, i, u) * width;
            const float factor = weight * nn_tap_weight(&d->h, i, u);
            for (long j = 0; j < width; j += NN_W)
                nn_store_some(to + j, width - j,
                              nn_load_some(to + j, width - j) + factor * nn_load_some(sum + j, width - j));
        }
    }
}

NN_KERNEL void nn_taps_dx(const nn_taps *d, long n, const float *dy, float *dx, int t, int T)
{
    float sum[NN_TAPS_ROW];
    const long planes = n * d->c.in, area = (long)d->h.in * d->w.in, out_area = (long)d->h.out * d->w.out;
    for (long k = planes * t / T; k < planes * (t + 1) / T; k++) {
        const float *of_sample = dy + k / d->c.in * d->c.out * out_area;
        nn_fill_run(dx + k * area, area, 0);
        for (int c = 0; c < d->c.out; c++)
            for (int a = 0; a < d->c.count; a++)
                if (nn_tap_input(&d->c, c, a) == k % d->c.in)
                    nn_tap_plane_dx(d, nn_tap_weight(&d->c, c, a), of_sample + c * out_area, dx + k * area, sum);
    }
}

#endif /* NN_LINKED */

#endif
