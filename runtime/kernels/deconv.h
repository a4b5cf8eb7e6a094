/*
 * deconv.h: transposed convolution, by the kernels of convolution: what is forward
 * here is the gradient of the input there, and the other way round.
 *
 *   x, dx: [n][c][h][w], the small image   y, dy: [n][o][H][W], the large one
 *   weight, dweight: [c][o / groups][kh][kw]   bias: [o], or NULL
 *
 * Forward, thread t of T does its part of the samples, since the bias is added to
 * what the thread itself has made; the gradients are shared as convolution's.
 */
#ifndef NN_DECONV_H
#define NN_DECONV_H

typedef struct nn_deconv {
    int o, H, W, c, h, w, groups;
    int kh, kw, sh, sw, dh, dw, top, left;
} nn_deconv;

#ifdef NN_LINKED

void nn_deconv_forward(const nn_deconv *, long n, const float *x, const float *weight, const float *bias, float *y,
                       int t, int T);
void nn_deconv_dx(const nn_deconv *, long n, const float *dy, const float *weight, float *dx, int t, int T);
void nn_deconv_dweight(const nn_deconv *, long n, const float *x, const float *dy, float *dweight, int t, int T);

#else

#include "conv.h"
#include "lanes.h"

/* The convolution from the large image to the small one. */
NN_INLINE nn_conv nn_deconv_reversed(const nn_deconv *d, long n)
{
    return (nn_conv){(int)n, d->o,  d->H,  d->W,  d->c,  d->h,  d->w,   d->groups,
                     d->kh,  d->kw, d->sh, d->sw, d->dh, d->dw, d->top, d->left};
}

NN_INLINE void nn_add_bias(const nn_deconv *d, long n, const float *bias, float *y)
{
    const long plane = (long)d->H * d->W;
    for (long p = 0; p < n * d->o; p++, y += plane)
        for (long i = 0; i < plane; i += NN_W)
            nn_store_part(y + i, plane - i, nn_load_part(y + i, plane - i) + bias[p % d->o]);
}

NN_KERNEL void nn_deconv_forward(const nn_deconv *d, long n, const float *x, const float *weight, const float *bias,
                                 float *y, int t, int T)
{
    const long first = n * t / T, last = n * (t + 1) / T;
    const nn_conv reversed = nn_deconv_reversed(d, last - first);
    if (first == last) return;
    x += first * d->c * d->h * d->w;
    y += first * d->o * d->H * d->W;
    nn_conv_dx(&reversed, x, weight, y, 0, 1);
    if (bias) nn_add_bias(d, last - first, bias, y);
}

NN_KERNEL void nn_deconv_dx(const nn_deconv *d, long n, const float *dy, const float *weight, float *dx, int t, int T)
{
    const nn_conv reversed = nn_deconv_reversed(d, n);
    nn_conv_forward(&reversed, dy, weight, 0, dx, t, T);
}

NN_KERNEL void nn_deconv_dweight(const nn_deconv *d, long n, const float *x, const float *dy, float *dweight, int t,
                                 int T)
{
    const nn_conv reversed = nn_deconv_reversed(d, n);
    nn_conv_dweight(&reversed, dy, x, dweight, t, T);
}

#endif /* NN_LINKED */

#endif
