/*
 * depthwise.h: convolution of each channel with a kernel of its own, channels last.
 * Channels lie in the lanes.  The panels are the weights as [tap][c], padded to whole
 * vectors.  See conv.h for what is gathered, scattered and summed.
 */
#ifndef NN_DEPTHWISE_H
#define NN_DEPTHWISE_H

#include "conv.h"
#include "walk.h"

NN_INLINE int nn_is_depthwise(const nn_conv *d) { return d->groups > 1 && d->c == d->groups && d->o == d->groups; }

/* From [c][tap] to [tap][c rounded up to 16]. */
NN_KERNEL void nn_depthwise_panels(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    const long taps = d->kh * d->kw, row = (d->c + NN_PANEL - 1) / NN_PANEL * NN_PANEL;
    for (long i = taps * t / T; i < taps * (t + 1) / T; i++)
        for (long c = 0; c < row; c++) panels[i * row + c] = c < d->c ? weight[c * taps + i] : 0;
}

/* The taps u of 0 … k − 1 with 0 ≤ at + u·dilation < size: first … last − 1. */
NN_INLINE void nn_taps_inside(int at, int k, int dilation, int size, int *first, int *last)
{
    *first = at < 0 ? (-at + dilation - 1) / dilation : 0;
    *last = at < size ? (size - 1 - at) / dilation + 1 : 0;
    if (*last > k) *last = k;
}

/* One point, channels c … c + lanes. */
NN_INLINE nn_vec nn_depthwise_point(const nn_conv *d, const float *image, const float *panels, long row, int u, int v,
                                    long c, long lanes, nn_vec sum)
{
    int i0, i1, j0, j1, h = u * d->sh - d->top, w = v * d->sw - d->left;
    nn_taps_inside(h, d->kh, d->dh, d->h, &i0, &i1);
    nn_taps_inside(w, d->kw, d->dw, d->w, &j0, &j1);
    for (int i = i0; i < i1; i++) {
        const float *x = image + ((long)(h + i * d->dh) * d->w + w) * d->c_step + c;
        for (int j = j0; j < j1; j++)
            sum += nn_load_some(x + (long)j * d->dw * d->c_step, lanes) * nn_load(panels + (i * d->kw + j) * row + c);
    }
    return sum;
}

NN_KERNEL void nn_depthwise_gather(const nn_conv *d, const float *large, const float *panels, const float *bias,
                                   const nn_tail *tail, float *small, int t, int T)
{
    const long rows = (long)d->n * d->oh, row = (d->c + NN_PANEL - 1) / NN_PANEL * NN_PANEL;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const float *image = large + k / d->oh * d->h * d->w * d->c_step;
        for (int v = 0; v < d->ow; v++) {
            float *y = small + (k * d->ow + v) * d->o_step;
            for (long c = 0; c < d->c; c += NN_W) {
                long lanes = d->c - c;
                nn_vec sum = bias ? nn_load_some(bias + c, lanes) : nn_zero();
                sum = nn_depthwise_point(d, image, panels, row, (int)(k % d->oh), v, c, lanes, sum);
                if (tail)
                    sum = nn_finish(tail, (int)c, lanes, tail->summand ? tail->summand + (y + c - small) : 0, sum);
                nn_store_some(y + c, lanes, sum);
            }
        }
    }
}

NN_INLINE nn_vec nn_depthwise_back(const nn_conv *d, const float *image, const float *panels, long row, int h, int w,
                                   long c, long lanes, nn_vec sum)
{
    for (int i = 0; i < d->kh; i++) {
        int u = h + d->top - i * d->dh;
        if (u < 0 || u % d->sh || u / d->sh >= d->oh) continue;
        for (int j = 0; j < d->kw; j++) {
            int v = w + d->left - j * d->dw;
            if (v < 0 || v % d->sw || v / d->sw >= d->ow) continue;
            sum += nn_load_some(image + ((long)(u / d->sh) * d->ow + v / d->sw) * d->o_step + c, lanes) *
                   nn_load(panels + (i * d->kw + j) * row + c);
        }
    }
    return sum;
}

NN_KERNEL void nn_depthwise_scatter(const nn_conv *d, const float *small, const float *panels, const float *bias,
                                    float *large, int t, int T)
{
    const long rows = (long)d->n * d->h, row = (d->c + NN_PANEL - 1) / NN_PANEL * NN_PANEL;
    for (long k = rows * t / T; k < rows * (t + 1) / T; k++) {
        const float *image = small + k / d->h * d->oh * d->ow * d->o_step;
        for (int w = 0; w < d->w; w++) {
            for (long c = 0; c < d->c; c += NN_W) {
                long lanes = d->c - c;
                nn_vec sum = bias ? nn_load_some(bias + c, lanes) : nn_zero();
                sum = nn_depthwise_back(d, image, panels, row, (int)(k % d->h), w, c, lanes, sum);
                nn_store_some(large + (k * d->w + w) * d->c_step + c, lanes, sum);
            }
        }
    }
}

/* Σ over the points of an image that have the tap inside, channels c … c + lanes. */
NN_INLINE nn_vec nn_depthwise_sum(const nn_conv *d, const float *large, const float *small, int i, int j, long c,
                                  long lanes)
{
    nn_vec sum = nn_zero();
    for (int u = 0; u < d->oh; u++) {
        int h = u * d->sh - d->top + i * d->dh;
        if (h < 0 || h >= d->h) continue;
        for (int v = 0; v < d->ow; v++) {
            int w = v * d->sw - d->left + j * d->dw;
            if (w < 0 || w >= d->w) continue;
            sum += nn_load_some(large + ((long)h * d->w + w) * d->c_step + c, lanes) *
                   nn_load_some(small + ((long)u * d->ow + v) * d->o_step + c, lanes);
        }
    }
    return sum;
}

/* weight: [c][tap]; thread t of T does its part of the vectors of channels. */
NN_KERNEL void nn_depthwise_weights(const nn_conv *d, const float *large, const float *small, float *weight, int t,
                                    int T)
{
    const int taps = d->kh * d->kw;
    const long vectors = (d->c + NN_W - 1) / NN_W;
    for (long k = vectors * t / T; k < vectors * (t + 1) / T; k++) {
        long c = k * NN_W, lanes = d->c - c < NN_W ? d->c - c : NN_W;
        for (int tap = 0; tap < taps; tap++) {
            nn_vec sum = nn_zero();
            for (int n = 0; n < d->n; n++)
                sum +=
                    nn_depthwise_sum(d, large + (long)n * d->h * d->w * d->c_step,
                                     small + (long)n * d->oh * d->ow * d->o_step, tap / d->kw, tap % d->kw, c, lanes);
            nn_lanes lane;
            nn_store(lane, sum);
            for (long i = 0; i < lanes; i++) weight[(c + i) * taps + tap] = lane[i];
        }
    }
}

#endif
