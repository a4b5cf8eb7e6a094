/*
 * conv_nhwc.h: forward, backward-data and wgrad of a convolution of NHWC images.
 *
 * Forward is one grid of output pixels (conv_direct.h).  Backward-data is one grid for each residue
 * of (row, column) modulo the stride, with the taps that meet it, so no zeros are inserted.
 * Convolutions of small groups have kernels of their own (conv_grouped.h).
 */
#ifndef NN_CONV_NHWC_H
#define NN_CONV_NHWC_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_grouped.h"
#include "runtime/kernels/conv/conv_panels.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/conv/wgrad.h"

/* ---- forward ----------------------------------------------------------------------- */

/* small = epilogue(bias + weight ∗ large); bias and epilogue may be NULL. */
NN_KERNEL void nn_conv_forward(const nn_conv *d, const float *large, const float *panels, const float *bias,
                               const nn_epilogue *epilogue, float *small, int t, int T)
{
    const int c = d->c / d->groups, o = d->o / d->groups;
    if (nn_grouped_channels(d)) {
        nn_grouped_forward(d, large, panels, bias, epilogue, small, t, T);
        return;
    }
    nn_conv_grid s = {.n = d->n, .u = d->oh, .v = d->ow, .su = d->sh, .sv = d->sw, .h = d->h, .w = d->w, .run = c};
    s.xv = d->c_step;
    s.xu = d->w * s.xv;
    s.xn = d->h * s.xu;
    s.taps = d->kh * d->kw;
    for (int i = 0; i < s.taps; i++) {
        s.row[i] = i / d->kw * d->dh - d->top;
        s.column[i] = i % d->kw * d->dw - d->left;
    }
    s.panel = (long)s.taps * c * NN_PANEL;
    s.outputs = o;
    s.yv = d->o_step;
    s.yu = d->ow * s.yv;
    s.yn = d->oh * s.yu;
    s.x = large;
    s.y0 = s.y = small;
    s.epilogue = epilogue;
    s.start = bias;
    s.panels = panels;
    s.groups = d->groups;
    s.group = (o + NN_PANEL - 1) / NN_PANEL * s.panel;
    nn_conv_grid_run(&s, t, T);
}

/* ---- backward-data ---------------------------------------------------------------------- */

/* large = bias + the transposed convolution of small; bias may be NULL. */
NN_KERNEL void nn_conv_backward_data(const nn_conv *d, const float *small, const float *panels, const float *bias,
                                     float *large, int t, int T)
{
    const int c = d->c / d->groups, o = d->o / d->groups;
    const long yv = d->c_step, yu = d->w * yv;
    if (nn_grouped_channels(d)) {
        nn_grouped_backward_data(d, small, panels, bias, large, t, T);
        return;
    }
    nn_conv_grid s = {.n = d->n, .su = 1, .sv = 1, .h = d->oh, .w = d->ow, .run = o};
    s.xv = d->o_step;
    s.xu = d->ow * s.xv;
    s.xn = d->oh * s.xu;
    s.outputs = c;
    s.yv = d->sw * yv;
    s.yu = d->sh * yu;
    s.yn = d->h * yu;
    s.groups = d->groups;
    s.group = (c + NN_PANEL - 1) / NN_PANEL * d->kh * d->kw * o * NN_PANEL;
    s.start = bias;
    s.x = small;
    for (int i = 0; i < d->sh * d->sw; i++) {
        int p = i / d->sw, q = i % d->sw;
        nn_residue r;
        nn_residue_of(d, p, q, &r);
        s.taps = r.taps;
        for (int k = 0; k < r.taps; k++) s.row[k] = r.row[k], s.column[k] = r.column[k];
        s.panel = (long)r.taps * o * NN_PANEL;
        s.panels = panels;
        panels += (c + NN_PANEL - 1) / NN_PANEL * s.panel;
        s.u = (d->h - p + d->sh - 1) / d->sh;
        s.v = (d->w - q + d->sw - 1) / d->sw;
        s.y = large + p * yu + q * yv;
        if (s.u > 0 && s.v > 0) nn_conv_grid_run(&s, t, T);
    }
}

/* ---- wgrad ------------------------------------------------------------------------------ */

NN_KERNEL void nn_conv_wgrad(const nn_conv *d, const float *large, const float *small, float *weight, int t, int T)
{
    if (nn_grouped_channels(d) == 1) {
        nn_depthwise_wgrad(d, large, small, weight, t, T);
        return;
    }
    nn_wgrad_run(d, large, small, weight, t, T);
}

#endif
