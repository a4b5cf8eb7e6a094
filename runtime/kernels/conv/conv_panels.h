/*
 * conv_panels.h: packing of a convolution's weights, and the taps of backward-data.
 *
 * A panel is 16 outputs in the order in which the micro-kernel reads them, [tap][channel][16],
 * padded with zeros.  In backward-data, outputs and channels change places, and there is a set of
 * panels for each residue of (row, column) modulo the stride, with the taps that meet it.
 */
#ifndef NN_CONV_PANELS_H
#define NN_CONV_PANELS_H

#include "runtime/kernels/conv/conv_direct.h"
#include "runtime/kernels/conv/conv_types.h"

/* One panel, to[tap][c][16] from from[lane][c][tap], of bf16; lanes beyond are zero. */
NN_INLINE void nn_panel_transpose_narrow(const int half, const uint16_t *from, long lanes, long c, long taps, void *to)
{
    for (long channel = 0, k = 0; channel < c; channel++) {
        for (long tap = 0; tap < taps; tap++, k++) {
            for (long lane = 0; lane < NN_PANEL; lane++) {
                const uint16_t bits = lane < lanes ? from[lane * c * taps + k] : 0;
                const long at = (tap * c + channel) * NN_PANEL + lane;
                if (half)
                    ((uint16_t *)to)[at] = bits;
                else
                    ((float *)to)[at] = nn_number_at(1, &bits, 0);
            }
        }
    }
}

/* As nn_conv_panels, of weights in bf16; `half`: panels too. */
NN_INLINE void nn_conv_panels_narrow(const int half, const nn_conv *d, const uint16_t *weight, void *panels, int t,
                                     int T)
{
    const long c = d->c / d->groups, o = d->o / d->groups, taps = d->kh * d->kw, count = (o + NN_PANEL - 1) / NN_PANEL;
    for (long p = d->groups * count * t / T; p < d->groups * count * (t + 1) / T; p++) {
        const long first = p % count * NN_PANEL, lanes = o - first < NN_PANEL ? o - first : NN_PANEL;
        nn_panel_transpose_narrow(half, weight + (p / count * o + first) * c * taps, lanes, c, taps,
                                  nn_place(half, panels, p * taps * c * NN_PANEL));
    }
}

/* panels: [groups][⌈o / groups / 16⌉][tap][c / groups][16], for forward. */
NN_KERNEL void nn_conv_panels(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    const long c = d->c / d->groups, o = d->o / d->groups, taps = d->kh * d->kw, count = (o + NN_PANEL - 1) / NN_PANEL;
    for (long p = d->groups * count * t / T; p < d->groups * count * (t + 1) / T; p++) {
        long first = p % count * NN_PANEL, lanes = o - first < NN_PANEL ? o - first : NN_PANEL;
        const float *from = weight + (p / count * o + first) * c * taps;
        float *to = panels + p * taps * c * NN_PANEL;
        nn_panel_transpose(from, lanes, c, taps, to);
    }
}

/* The same of weights in bf16: as floats, */
NN_KERNEL void nn_conv_panels_widened(const nn_conv *d, const uint16_t *weight, float *panels, int t, int T)
{
    nn_conv_panels_narrow(0, d, weight, panels, t, T);
}

/* and as they are. */
NN_KERNEL void nn_conv_panels_w16(const nn_conv *d, const uint16_t *weight, uint16_t *panels, int t, int T)
{
    nn_conv_panels_narrow(1, d, weight, panels, t, T);
}

/* The taps that meet rows (or columns) h ≡ residue modulo the stride, in ascending
 * order of where they read: h + before − i·dilation is a multiple of the stride. */
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

/* The taps of a residue: their numbers in the kernel, and their offsets. */
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

NN_INLINE void nn_conv_pack_backward(const int half, const nn_conv *d, const void *weight, float *panels, int t, int T)
{
    const long c = d->c / d->groups, o = d->o / d->groups, taps = d->kh * d->kw, count = (c + NN_PANEL - 1) / NN_PANEL;
    for (int g = 0; g < d->groups; g++) {
        for (int i = 0; i < d->sh * d->sw; i++) {
            nn_residue r;
            nn_residue_of(d, i / d->sw, i % d->sw, &r);
            for (long p = count * o * t / T; p < count * o * (t + 1) / T; p++) {
                long k = p % o, first = p / o * NN_PANEL, lanes = c - first < NN_PANEL ? c - first : NN_PANEL;
                const void *from = nn_at(half, weight, ((g * o + k) * c + first) * taps);
                float *to = panels + (p / o * r.taps * o + k) * NN_PANEL;
                if (taps == 1 && r.taps == 1 && lanes == NN_PANEL) { /* already in order */
                    for (long lane = 0; lane < NN_PANEL; lane += NN_W)
                        nn_store(to + lane, nn_load_as(half, nn_at(half, from, lane)));
                    continue;
                }
                for (int s = 0; s < r.taps; s++)
                    for (long lane = 0; lane < NN_PANEL; lane++)
                        to[s * o * NN_PANEL + lane] =
                            lane < lanes ? nn_number_at(half, from, lane * taps + r.tap[s]) : 0;
            }
            panels += count * r.taps * o * NN_PANEL;
        }
    }
}

/* panels: for each group and residue [⌈c / groups / 16⌉][its taps][o / groups][16], for backward-data. */
NN_KERNEL void nn_conv_panels_backward(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    nn_conv_pack_backward(0, d, weight, panels, t, T);
}

/* The same of weights in bf16. */
NN_KERNEL void nn_conv_panels_backward_widened(const nn_conv *d, const uint16_t *weight, float *panels, int t, int T)
{
    nn_conv_pack_backward(1, d, weight, panels, t, T);
}

#endif
