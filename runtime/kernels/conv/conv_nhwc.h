/*
 * conv_nhwc.h: forward and backward-data of a convolution of NHWC images.
 *
 * Forward is one grid of output pixels (conv_direct.h).  Backward-data is one grid for each residue
 * of (row, column) modulo the stride, with the taps that meet it, so no zeros are inserted.  Groups
 * are computed one after another.
 */
#ifndef NN_CONV_NHWC_H
#define NN_CONV_NHWC_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_panels.h"
#include "runtime/kernels/conv/conv_types.h"

/* y = epilogue(bias + weight ∗ x); x is the large image, y the small one. */
NN_KERNEL void nn_conv_forward(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    const int c = d->c / d->groups, o = d->o / d->groups;
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
    s.x = a->x;
    s.y0 = s.y = a->y;
    s.epilogue = a->epilogue;
    s.start = a->bias;
    s.panels = a->panels;
    s.groups = d->groups;
    s.group = (o + NN_PANEL - 1) / NN_PANEL * s.panel;
    nn_conv_grid_run(&s, t, T);
}

/* y = bias + the transposed convolution of x; x is the small image, y the large one.  There is no
 * epilogue. */
NN_KERNEL void nn_conv_backward_data(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    const int c = d->c / d->groups, o = d->o / d->groups;
    const long yv = d->c_step, yu = d->w * yv;
    const float *panels = a->panels;
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
    s.start = a->bias;
    s.x = a->x;
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
        s.y = a->y + p * yu + q * yv;
        if (s.u > 0 && s.v > 0) nn_conv_grid_run(&s, t, T);
    }
}

#endif
