/*
 * crop.h: crop, and pad with a value: a part of h × w elements of a larger image, H × W.
 *
 * Images are [n][c][height][width].  An NHWC image needs no kernel of its own: it is an image of
 * one channel whose rows are c times as long.  Thread t of T computes part t of the rows.
 */
#ifndef NN_CROP_H
#define NN_CROP_H

/* A part of h × w elements whose corner is at (top, left) of the whole, H × W. */
typedef struct nn_crop_box {
    int c, h, w, H, W, top, left;
} nn_crop_box;

#ifdef NN_LINKED

void nn_crop(const nn_crop_box *, long n, const float *whole, float *part, int t, int T);
void nn_pad(const nn_crop_box *, long n, const float *part, float *whole, float value, int t, int T);

#else

#include "runtime/kernels/movement/runs.h"

/* Thread t of T computes part t of the rows. */
NN_KERNEL void nn_crop(const nn_crop_box *d, long n, const float *whole, float *part, int t, int T)
{
    const long rows = n * d->c * d->h;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++)
        nn_copy_run_of(part + k * d->w, whole + (k / d->h * d->H + d->top + k % d->h) * d->W + d->left, d->w);
}

/* `value` all around the part */
NN_KERNEL void nn_pad(const nn_crop_box *d, long n, const float *part, float *whole, float value, int t, int T)
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

#endif /* NN_LINKED */

#endif
