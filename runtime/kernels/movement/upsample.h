/*
 * upsample.h: upsample by whole factors sh × sw, nearest neighbour or bilinear.
 *
 * NCHW images are [n][c][h][w]: thread t of T does its part of the n · c planes.  nn_upsample_nearest_nhwc
 * takes NHWC images, [n][h][w][c], whose pixels are runs of channels, and divides the rows.
 */
#ifndef NN_UPSAMPLE_H
#define NN_UPSAMPLE_H

/* Each element of h × w becomes sh × sw. */
typedef struct nn_upsample {
    int c, h, w, sh, sw;
} nn_upsample;

#ifdef NN_LINKED

void nn_upsample_nearest(const nn_upsample *, long n, const float *x, float *y, int t, int T);
void nn_upsample_nearest_dx(const nn_upsample *, long n, const float *dy, float *dx, int t, int T);
void nn_upsample_nearest_nhwc(const nn_upsample *, long n, const float *x, float *y, int t, int T);
void nn_upsample_nearest_nhwc_dx(const nn_upsample *, long n, const float *dy, float *dx, int t, int T);
void nn_upsample_bilinear(const nn_upsample *, long n, const float *x, float *y, int t, int T);
void nn_upsample_bilinear_dx(const nn_upsample *, long n, const float *dy, float *dx, int t, int T);

#else

#include "runtime/kernels/movement/runs.h"

/* ---- NCHW, nearest neighbour -------------------------------------------------------- */

/* y[i][j] = x[i / sh][j / sw] */
NN_KERNEL void nn_upsample_nearest(const nn_upsample *d, long n, const float *x, float *y, int t, int T)
{
    const long width = (long)d->w * d->sw;
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        for (int i = 0; i < d->h; i++) {
            const float *from = x + (p * d->h + i) * d->w;
            float *row = y + (p * d->h + i) * d->sh * width;
            for (int j = 0; j < d->w; j++)
                for (int v = 0; v < d->sw; v++) row[j * d->sw + v] = from[j];
            for (int u = 1; u < d->sh; u++) nn_copy_run_of(row + u * width, row, width);
        }
    }
}

NN_KERNEL void nn_upsample_nearest_dx(const nn_upsample *d, long n, const float *dy, float *dx, int t, int T)
{
    const long width = (long)d->w * d->sw;
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        for (long i = p * d->h; i < (p + 1) * d->h; i++) {
            for (int j = 0; j < d->w; j++) {
                float sum = 0;
                for (int u = 0; u < d->sh; u++)
                    for (int v = 0; v < d->sw; v++) sum += dy[(i * d->sh + u) * width + j * d->sw + v];
                dx[i * d->w + j] = sum;
            }
        }
    }
}

/* ---- NHWC, nearest neighbour -------------------------------------------------------- */

/* A row of x becomes sh rows of y. */
NN_KERNEL void nn_upsample_nearest_nhwc(const nn_upsample *d, long n, const float *x, float *y, int t, int T)
{
    const long width = (long)d->w * d->sw * d->c;
    for (long p = n * d->h * t / T; p < n * d->h * (t + 1) / T; p++) {
        const float *from = x + p * d->w * d->c;
        for (int u = 0; u < d->sh; u++) {
            float *to = y + (p * d->sh + u) * width;
            for (int j = 0; j < d->w; j++)
                for (int v = 0; v < d->sw; v++, to += d->c) nn_copy_run_of(to, from + (long)j * d->c, d->c);
        }
    }
}

/* The sum of sh × sw pixels of dy that lie `width` floats apart from row to row. */
NN_INLINE void nn_upsample_nearest_sum(const nn_upsample *d, const float *dy, long width, float *dx)
{
    for (long k = 0; k < d->c; k += NN_W) {
        nn_vec sum = nn_zero();
        for (int u = 0; u < d->sh; u++)
            for (int v = 0; v < d->sw; v++) sum += nn_load_some(dy + u * width + (long)v * d->c + k, d->c - k);
        nn_store_some(dx + k, d->c - k, sum);
    }
}

NN_KERNEL void nn_upsample_nearest_nhwc_dx(const nn_upsample *d, long n, const float *dy, float *dx, int t, int T)
{
    const long width = (long)d->w * d->sw * d->c;
    for (long p = n * d->h * t / T; p < n * d->h * (t + 1) / T; p++)
        for (int j = 0; j < d->w; j++)
            nn_upsample_nearest_sum(d, dy + p * d->sh * width + (long)j * d->sw * d->c, width,
                                    dx + (p * d->w + j) * d->c);
}

/* ---- NCHW, bilinear ------------------------------------------------------------------ */

/* Output u of an axis lies between the inputs low and high: (1 − part) · low + part · high. */
typedef struct nn_interpolation {
    int low, high;
    float part;
} nn_interpolation;

/* (u + ½) / scale − ½, not below 0, in units of 1 / (2 · scale) */
NN_INLINE nn_interpolation nn_interpolation_of(int u, int size, int scale)
{
    int at = 2 * u + 1 > scale ? 2 * u + 1 - scale : 0;
    nn_interpolation b = {at / (2 * scale), 0, (float)(at % (2 * scale)) / (float)(2 * scale)};
    b.high = b.low < size - 1 ? b.low + 1 : b.low;
    return b;
}

NN_KERNEL void nn_upsample_bilinear(const nn_upsample *d, long n, const float *x, float *y, int t, int T)
{
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        const float *plane = x + p * d->h * d->w;
        float *to = y + p * d->h * d->sh * d->w * d->sw;
        for (int i = 0; i < d->h * d->sh; i++) {
            nn_interpolation a = nn_interpolation_of(i, d->h, d->sh);
            const float *low = plane + (long)a.low * d->w, *high = plane + (long)a.high * d->w;
            for (int j = 0; j < d->w * d->sw; j++) {
                nn_interpolation b = nn_interpolation_of(j, d->w, d->sw);
                float upper = (1 - b.part) * low[b.low] + b.part * low[b.high];
                float lower = (1 - b.part) * high[b.low] + b.part * high[b.high];
                *to++ = (1 - a.part) * upper + a.part * lower;
            }
        }
    }
}

NN_KERNEL void nn_upsample_bilinear_dx(const nn_upsample *d, long n, const float *dy, float *dx, int t, int T)
{
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        float *plane = dx + p * d->h * d->w;
        const float *from = dy + p * d->h * d->sh * d->w * d->sw;
        nn_fill_run(plane, (long)d->h * d->w, 0);
        for (int i = 0; i < d->h * d->sh; i++) {
            nn_interpolation a = nn_interpolation_of(i, d->h, d->sh);
            float *low = plane + (long)a.low * d->w, *high = plane + (long)a.high * d->w;
            for (int j = 0; j < d->w * d->sw; j++) {
                nn_interpolation b = nn_interpolation_of(j, d->w, d->sw);
                float upper = (1 - a.part) * *from, lower = a.part * *from++;
                low[b.low] += (1 - b.part) * upper;
                low[b.high] += b.part * upper;
                high[b.low] += (1 - b.part) * lower;
                high[b.high] += b.part * lower;
            }
        }
    }
}

#endif /* NN_LINKED */

#endif
