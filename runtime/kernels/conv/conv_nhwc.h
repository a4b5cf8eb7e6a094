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

/* The grid of the small image's pixels, which read the large one, and where outputs go; no arrays. */
NN_INLINE void nn_conv_grid_of_small(const nn_conv *d, nn_conv_grid *s)
{
    const int c = d->c / d->groups, o = d->o / d->groups;
    *s = (nn_conv_grid){.n = d->n, .u = d->oh, .v = d->ow, .su = d->sh, .sv = d->sw, .h = d->h, .w = d->w, .run = c};
    s->xv = d->c_step;
    s->xu = d->w * s->xv;
    s->xn = d->h * s->xu;
    s->taps = d->kh * d->kw;
    for (int i = 0; i < s->taps; i++) {
        s->row[i] = i / d->kw * d->dh - d->top;
        s->column[i] = i % d->kw * d->dw - d->left;
    }
    s->outputs = o;
    s->yv = d->o_step;
    s->yu = d->ow * s->yv;
    s->yn = d->oh * s->yu;
    s->groups = d->groups;
}

/* Of the large image's, without what differs between residues. */
NN_INLINE void nn_conv_grid_of_large(const nn_conv *d, nn_conv_grid *s)
{
    const long yv = d->c_step, yu = d->w * yv;
    *s = (nn_conv_grid){.n = d->n, .su = 1, .sv = 1, .h = d->oh, .w = d->ow, .run = d->o / d->groups};
    s->xv = d->o_step;
    s->xu = d->ow * s->xv;
    s->xn = d->oh * s->xu;
    s->outputs = d->c / d->groups;
    s->yv = d->sw * yv;
    s->yu = d->sh * yu;
    s->yn = d->h * yu;
    s->groups = d->groups;
}

/* The pixels (p, q) + (sh, sw) · (u, v): their taps and number.  Returns the offset of the first in y; −1: none. */
NN_INLINE long nn_conv_grid_residue(const nn_conv *d, int p, int q, nn_conv_grid *s)
{
    nn_residue r;
    nn_residue_of(d, p, q, &r);
    s->taps = r.taps;
    for (int k = 0; k < r.taps; k++) s->row[k] = r.row[k], s->column[k] = r.column[k];
    s->u = (d->h - p + d->sh - 1) / d->sh;
    s->v = (d->w - q + d->sw - 1) / d->sw;
    return s->u > 0 && s->v > 0 ? ((long)p * d->w + q) * d->c_step : -1;
}

/* The panels of forward. */
NN_INLINE void nn_conv_grid_weights(const nn_conv_args *a, nn_conv_grid *s)
{
    s->panels = a->panels;
    s->panel = (long)s->taps * s->run * NN_PANEL;
    s->group = (s->outputs + NN_PANEL - 1) / NN_PANEL * s->panel;
}

/* Of backward-data: from the panels of a group, of all residues, to those of the next. */
NN_INLINE long nn_conv_grid_group_back(const nn_conv *d, const nn_conv_grid *s)
{
    return (long)(s->outputs + NN_PANEL - 1) / NN_PANEL * d->kh * d->kw * s->run * NN_PANEL;
}

/* The grid and arrays of nn_conv_forward. */
NN_INLINE void nn_conv_grid_forward(const nn_conv *d, const nn_conv_args *a, nn_conv_grid *s)
{
    nn_conv_grid_of_small(d, s);
    nn_conv_grid_weights(a, s);
    s->x = (const float *)a->x;
    s->y0 = s->y = (float *)a->y;
    s->epilogue = a->epilogue;
    s->start = a->bias;
}

/* y = epilogue(bias + weight ∗ x); x is the large image, y the small one. */
NN_KERNEL void nn_conv_forward(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_conv_grid s;
    nn_conv_grid_forward(d, a, &s);
    nn_conv_grid_run(&s, t, T);
}

/* The same of panels in bf16, of one group or several. */
NN_KERNEL void nn_conv_forward_w16(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    float wide[NN_CONV_WIDE] __attribute__((aligned(64)));
    nn_conv_grid s;
    nn_conv_grid_forward(d, a, &s);
    s.wide = wide;
    nn_conv_grid_run_w16(&s, t, T);
}

/* y = bias + the transposed convolution of x; x is the small image, y the large one.  There is no
 * epilogue. */
NN_KERNEL void nn_conv_backward_data(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    const float *panels = (const float *)a->panels;
    nn_conv_grid s;
    nn_conv_grid_of_large(d, &s);
    s.group = nn_conv_grid_group_back(d, &s);
    s.start = a->bias;
    s.x = (const float *)a->x;
    for (int i = 0; i < d->sh * d->sw; i++) {
        const long at = nn_conv_grid_residue(d, i / d->sw, i % d->sw, &s);
        s.panel = (long)s.taps * s.run * NN_PANEL;
        s.panels = panels;
        panels += (s.outputs + NN_PANEL - 1) / NN_PANEL * s.panel;
        s.y = (float *)a->y + (at < 0 ? 0 : at);
        if (at >= 0) nn_conv_grid_run(&s, t, T);
    }
}

#endif
