/*
 * region.h: operators that move elements of images: crop, pad with a value,
 * channel_shuffle, upsample.  The numbers are those of the plain form.
 *
 * Images are [n][c][height][width], planes being their n · c images of one
 * channel.  Thread t of T does its part of the planes.  nn_…_last serve images
 * [n][height][width][c], whose pixels are runs of channels; a part of an image needs
 * no kernel of its own then: it is one of wider rows, with one channel.
 */
#ifndef NN_REGION_H
#define NN_REGION_H

/* A part of h × w elements, whose corner is at (top, left) of the whole, H × W. */
typedef struct nn_region {
    int c, h, w, H, W, top, left;
} nn_region;

/* Each element of h × w becomes sh × sw. */
typedef struct nn_scale {
    int c, h, w, sh, sw;
} nn_scale;

#ifdef NN_LINKED

void nn_take(const nn_region *, long n, const float *whole, float *part, int t, int T);
void nn_place(const nn_region *, long n, const float *part, float *whole, float value, int t, int T);
void nn_shuffle(long n, int groups, int k, long pixels, const float *x, float *y, int t, int T);
void nn_nearest(const nn_scale *, long n, const float *x, float *y, int t, int T);
void nn_nearest_dx(const nn_scale *, long n, const float *dy, float *dx, int t, int T);
void nn_shuffle_last(long n, int groups, int k, long pixels, const float *x, float *y, int t, int T);
void nn_nearest_last(const nn_scale *, long n, const float *x, float *y, int t, int T);
void nn_nearest_last_dx(const nn_scale *, long n, const float *dy, float *dx, int t, int T);
void nn_bilinear(const nn_scale *, long n, const float *x, float *y, int t, int T);
void nn_bilinear_dx(const nn_scale *, long n, const float *dy, float *dx, int t, int T);

#else

#include "lanes.h"

NN_INLINE void nn_copy_run_of(float *to, const float *from, long count)
{
    for (long i = 0; i < count; i += NN_W) nn_store_some(to + i, count - i, nn_load_some(from + i, count - i));
}

NN_INLINE void nn_fill_run(float *to, long count, float value)
{
    for (long i = 0; i < count; i += NN_W) nn_store_some(to + i, count - i, nn_spread(value));
}

/* Thread t of T does its part of the rows. */
NN_KERNEL void nn_take(const nn_region *d, long n, const float *whole, float *part, int t, int T)
{
    const long rows = n * d->c * d->h;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++)
        nn_copy_run_of(part + k * d->w, whole + (k / d->h * d->H + d->top + k % d->h) * d->W + d->left, d->w);
}

/* `value` all around the part */
NN_KERNEL void nn_place(const nn_region *d, long n, const float *part, float *whole, float value, int t, int T)
{
    const long rows = n * d->c * d->H;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const long row = k % d->H - d->top, after = (long)d->W - d->left - d->w;
        float *to = whole + k * d->W;
        if (row < 0 || row >= d->h) {
            nn_fill_run(to, d->W, value);
            continue;
        }
        nn_fill_run(to, d->left, value);
        nn_copy_run_of(to + d->left, part + (k / d->H * d->h + row) * d->w, d->w);
        nn_fill_run(to + d->left + d->w, after, value);
    }
}

/* y[j · groups + q] = x[q · k + j], whole channels: 0 ≤ q < groups, 0 ≤ j < k */
NN_KERNEL void nn_shuffle(long n, int groups, int k, long pixels, const float *x, float *y, int t, int T)
{
    long c = (long)groups * k;
    for (long p = n * c * t / T; p < n * c * (t + 1) / T; p++) {
        long to = p % c, from = to % groups * k + to / groups;
        nn_copy_run_of(y + p * pixels, x + (p - to + from) * pixels, pixels);
    }
}

/* ---- upsample ------------------------------------------------------------------- */

/* y[i][j] = x[i / sh][j / sw] */
NN_KERNEL void nn_nearest(const nn_scale *d, long n, const float *x, float *y, int t, int T)
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

NN_KERNEL void nn_nearest_dx(const nn_scale *d, long n, const float *dy, float *dx, int t, int T)
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

/* ---- channels last ---------------------------------------------------------------- */

/* As nn_shuffle, each pixel by itself. */
NN_KERNEL void nn_shuffle_last(long n, int groups, int k, long pixels, const float *x, float *y, int t, int T)
{
    const long c = (long)groups * k;
    for (long p = n * pixels * t / T; p < n * pixels * (t + 1) / T; p++) {
        const float *from = x + p * c;
        float *to = y + p * c;
        for (int j = 0; j < k; j++)
            for (int q = 0; q < groups; q++) *to++ = from[(long)q * k + j];
    }
}

/* A row of x becomes sh rows of y. */
NN_KERNEL void nn_nearest_last(const nn_scale *d, long n, const float *x, float *y, int t, int T)
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
NN_INLINE void nn_nearest_sum(const nn_scale *d, const float *dy, long width, float *dx)
{
    for (long k = 0; k < d->c; k += NN_W) {
        nn_vec sum = nn_zero();
        for (int u = 0; u < d->sh; u++)
            for (int v = 0; v < d->sw; v++) sum += nn_load_some(dy + u * width + (long)v * d->c + k, d->c - k);
        nn_store_some(dx + k, d->c - k, sum);
    }
}

NN_KERNEL void nn_nearest_last_dx(const nn_scale *d, long n, const float *dy, float *dx, int t, int T)
{
    const long width = (long)d->w * d->sw * d->c;
    for (long p = n * d->h * t / T; p < n * d->h * (t + 1) / T; p++)
        for (int j = 0; j < d->w; j++)
            nn_nearest_sum(d, dy + p * d->sh * width + (long)j * d->sw * d->c, width, dx + (p * d->w + j) * d->c);
}

/* ---- between pixels ----------------------------------------------------------------- */

/* Output u of an axis lies between the inputs low and high: (1 − part) · low + part · high. */
typedef struct nn_between {
    int low, high;
    float part;
} nn_between;

/* (u + ½) / scale − ½, not below 0, in units of 1 / (2 · scale) */
NN_INLINE nn_between nn_between_of(int u, int size, int scale)
{
    int at = 2 * u + 1 > scale ? 2 * u + 1 - scale : 0;
    nn_between b = {at / (2 * scale), 0, (float)(at % (2 * scale)) / (float)(2 * scale)};
    b.high = b.low < size - 1 ? b.low + 1 : b.low;
    return b;
}

NN_KERNEL void nn_bilinear(const nn_scale *d, long n, const float *x, float *y, int t, int T)
{
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        const float *plane = x + p * d->h * d->w;
        float *to = y + p * d->h * d->sh * d->w * d->sw;
        for (int i = 0; i < d->h * d->sh; i++) {
            nn_between a = nn_between_of(i, d->h, d->sh);
            const float *low = plane + (long)a.low * d->w, *high = plane + (long)a.high * d->w;
            for (int j = 0; j < d->w * d->sw; j++) {
                nn_between b = nn_between_of(j, d->w, d->sw);
                float upper = (1 - b.part) * low[b.low] + b.part * low[b.high];
                float lower = (1 - b.part) * high[b.low] + b.part * high[b.high];
                *to++ = (1 - a.part) * upper + a.part * lower;
            }
        }
    }
}

NN_KERNEL void nn_bilinear_dx(const nn_scale *d, long n, const float *dy, float *dx, int t, int T)
{
    for (long p = n * d->c * t / T; p < n * d->c * (t + 1) / T; p++) {
        float *plane = dx + p * d->h * d->w;
        const float *from = dy + p * d->h * d->sh * d->w * d->sw;
        nn_fill_run(plane, (long)d->h * d->w, 0);
        for (int i = 0; i < d->h * d->sh; i++) {
            nn_between a = nn_between_of(i, d->h, d->sh);
            float *low = plane + (long)a.low * d->w, *high = plane + (long)a.high * d->w;
            for (int j = 0; j < d->w * d->sw; j++) {
                nn_between b = nn_between_of(j, d->w, d->sw);
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
