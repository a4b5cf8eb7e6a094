/*
 * conv.h: convolution over channels-last images, and its gradients.
 *
 * A convolution joins a large image L: [n][h][w][c], a small one S: [n][oh][ow][o]
 * and a weight W: [o][c / groups][kh][kw]:
 *
 *   gather    S[u, v][o] = b[o] + Σ_{c, tap} W[o][c][tap] · L[u·sh + row, v·sw + column][c]
 *   scatter   L[…][c]    = b[c] + Σ_{o, tap} W[o][c][tap] · S[…][o], one walk for each
 *             residue of (row, column) modulo the stride, with the taps that reach it,
 *             so that no zero is ever inserted
 *   weights   W[o][c][tap] = Σ_{n, u, v} S[u, v][o] · L[…][c]
 *
 * A conv is a gather and its gradients are the other two; a deconv is a scatter and
 * its gradients are the other two.  Gather and scatter read the weights as panels
 * (conv_direct.h), which nn_conv_panels and nn_conv_panels_back make.
 *
 * Of planar images there is conv_planar.h alone, for few channels.
 */
#ifndef NN_CONV_H
#define NN_CONV_H

#include "runtime/kernels/conv/conv_types.h"

#ifdef NN_LINKED

void nn_conv_panels(const nn_conv *, const float *weight, float *panels, int t, int T);
void nn_conv_panels_back(const nn_conv *, const float *weight, float *panels, int t, int T);
void nn_conv_gather(const nn_conv *, const float *large, const float *panels, const float *bias, const nn_tail *,
                    float *small, int t, int T);
void nn_conv_scatter(const nn_conv *, const float *small, const float *panels, const float *bias, float *large, int t,
                     int T);
void nn_conv_weights(const nn_conv *, const float *large, const float *small, float *weight, int t, int T);

void nn_plane_conv(const nn_conv *, const float *x, const float *weight, const float *bias, float *y, int t, int T);

void nn_winograd_panels(const nn_conv *, int m, int back, const float *weight, float *panels, int t, int T);
void nn_winograd(const nn_conv *, int m, const float *x, const float *panels, const float *bias, const nn_tail *,
                 float *y, float *work, int t, int T);
void nn_winograd_weights(const nn_conv *, const float *large, const float *small, float *weight, float *work, int t,
                         int T);

#else

#include "runtime/kernels/conv/conv_direct.h"

#include "runtime/kernels/conv/conv_grouped.h"
#include "runtime/kernels/conv/conv_planar.h"
#include "runtime/kernels/conv/wgrad.h"
#include "runtime/kernels/conv/winograd.h"
#include "runtime/kernels/conv/winograd_wgrad.h"

/* ---- panels ------------------------------------------------------------------- */

/* panels: [groups][⌈o / groups / 16⌉][tap][c / groups][16], for gather. */
NN_KERNEL void nn_conv_panels(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    const long c = d->c / d->groups, o = d->o / d->groups, taps = d->kh * d->kw, count = (o + NN_PANEL - 1) / NN_PANEL;
    if (nn_narrow(d)) {
        nn_narrow_panels(d, 0, weight, panels, t, T);
        return;
    }
    for (long p = d->groups * count * t / T; p < d->groups * count * (t + 1) / T; p++) {
        long first = p % count * NN_PANEL, lanes = o - first < NN_PANEL ? o - first : NN_PANEL;
        const float *from = weight + (p / count * o + first) * c * taps;
        float *to = panels + p * taps * c * NN_PANEL;
        nn_panel_turn(from, lanes, c, taps, to);
    }
}

/* The taps that reach rows (or columns) h ≡ residue modulo the stride, by where they
 * read, in rising order: h + before − i·dilation is a multiple of the stride there. */
NN_INLINE int nn_residue_taps(int residue, int before, int k, int stride, int dilation, int *tap, int *offset)
{
    int count = 0;
    for (int i = k - 1; i >= 0; i--) {
        int at = residue + before - i * dilation, quotient = at >= 0 ? at / stride : -((-at + stride - 1) / stride);
        if (at - quotient * stride != 0) continue;
        tap[count] = i;
        offset[count++] = quotient;
    }
    return count;
}

/* A residue's taps: which of the weight's they are, and where they read. */
typedef struct nn_residue {
    int taps, tap[NN_MAX_TAPS], row[NN_MAX_TAPS], column[NN_MAX_TAPS];
} nn_residue;

NN_INLINE void nn_residue_of(const nn_conv *d, int p, int q, nn_residue *r)
{
    int rows[NN_MAX_TAPS], row[NN_MAX_TAPS], columns[NN_MAX_TAPS], column[NN_MAX_TAPS];
    int a = nn_residue_taps(p, d->top, d->kh, d->sh, d->dh, rows, row);
    int b = nn_residue_taps(q, d->left, d->kw, d->sw, d->dw, columns, column);
    r->taps = a * b;
    for (int i = 0; i < r->taps; i++) {
        r->tap[i] = rows[i / b] * d->kw + columns[i % b];
        r->row[i] = row[i / b];
        r->column[i] = column[i % b];
    }
}

/* panels: for each group and residue [⌈c / groups / 16⌉][its taps][o / groups][16], for scatter. */
NN_KERNEL void nn_conv_panels_back(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    const long c = d->c / d->groups, o = d->o / d->groups, taps = d->kh * d->kw, count = (c + NN_PANEL - 1) / NN_PANEL;
    if (nn_narrow(d)) {
        nn_narrow_panels(d, 1, weight, panels, t, T);
        return;
    }
    for (int g = 0; g < d->groups; g++) {
        for (int i = 0; i < d->sh * d->sw; i++) {
            nn_residue r;
            nn_residue_of(d, i / d->sw, i % d->sw, &r);
            for (long p = count * o * t / T; p < count * o * (t + 1) / T; p++) {
                long k = p % o, first = p / o * NN_PANEL, lanes = c - first < NN_PANEL ? c - first : NN_PANEL;
                const float *from = weight + ((g * o + k) * c + first) * taps;
                float *to = panels + (p / o * r.taps * o + k) * NN_PANEL;
                if (taps == 1 && r.taps == 1 && lanes == NN_PANEL) { /* they lie as they are wanted */
                    for (long lane = 0; lane < NN_PANEL; lane += NN_W) nn_store(to + lane, nn_load(from + lane));
                    continue;
                }
                for (int s = 0; s < r.taps; s++)
                    for (long lane = 0; lane < NN_PANEL; lane++)
                        to[s * o * NN_PANEL + lane] = lane < lanes ? from[lane * taps + r.tap[s]] : 0;
            }
            panels += count * r.taps * o * NN_PANEL;
        }
    }
}

/* ---- gather ----------------------------------------------------------------------- */

/* small = bias + weight ∗ large, and then the tail; bias and tail may be NULL. */
NN_KERNEL void nn_conv_gather(const nn_conv *d, const float *large, const float *panels, const float *bias,
                              const nn_tail *tail, float *small, int t, int T)
{
    const int c = d->c / d->groups, o = d->o / d->groups;
    if (nn_narrow(d)) {
        nn_narrow_gather(d, large, panels, bias, tail, small, t, T);
        return;
    }
    nn_walk s = {.n = d->n, .u = d->oh, .v = d->ow, .su = d->sh, .sv = d->sw, .h = d->h, .w = d->w, .run = c};
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
    s.tail = tail;
    s.start = bias;
    s.panels = panels;
    s.groups = d->groups;
    s.group = (o + NN_PANEL - 1) / NN_PANEL * s.panel;
    nn_walk_run(&s, t, T);
}

/* ---- scatter ------------------------------------------------------------------------ */

/* large = bias + what small leaves there; bias may be NULL. */
NN_KERNEL void nn_conv_scatter(const nn_conv *d, const float *small, const float *panels, const float *bias,
                               float *large, int t, int T)
{
    const int c = d->c / d->groups, o = d->o / d->groups;
    const long yv = d->c_step, yu = d->w * yv;
    if (nn_narrow(d)) {
        nn_narrow_scatter(d, small, panels, bias, large, t, T);
        return;
    }
    nn_walk s = {.n = d->n, .su = 1, .sv = 1, .h = d->oh, .w = d->ow, .run = o};
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
        if (s.u > 0 && s.v > 0) nn_walk_run(&s, t, T);
    }
}

/* ---- weights -------------------------------------------------------------------------- */

NN_KERNEL void nn_conv_weights(const nn_conv *d, const float *large, const float *small, float *weight, int t, int T)
{
    if (nn_narrow(d) == 1) {
        nn_depthwise_weights(d, large, small, weight, t, T);
        return;
    }
    nn_moments_run(d, large, small, weight, t, T);
}

#endif /* NN_LINKED */

#endif
