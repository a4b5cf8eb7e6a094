/*
 * conv_depthwise.h: depthwise convolution of NHWC images, each channel a group with one output:
 *
 *   forward        S[u, v][c] = b[c] + Σ_tap W[c][tap] · L[u·sh + row, v·sw + column][c]
 *   backward-data  L[…][c]    = b[c] + Σ_tap W[c][tap] · S[…][c]
 *   wgrad          W[c][tap]  = Σ_{n, u, v} S[u, v][c] · L[…][c]
 *
 * Channels are in the lanes.  Forward and backward-data compute rows of pixels (conv_rows.h) from
 * the same panels, [tap][channel].  Images may be in bf16; products and sums are those of floats.
 */
#ifndef NN_CONV_DEPTHWISE_H
#define NN_CONV_DEPTHWISE_H

#include "runtime/kernels/conv/conv_rows.h"
#include "runtime/kernels/conv/conv_types.h"
#include "runtime/kernels/simd/lanes.h"

NN_KERNEL void nn_depthwise_panels(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    nn_rows_panels(0, 0, d, weight, panels, t, T);
}

NN_KERNEL void nn_depthwise_panels_widened(const nn_conv *d, const uint16_t *weight, float *panels, int t, int T)
{
    nn_rows_panels(1, 0, d, weight, panels, t, T);
}

NN_KERNEL void nn_depthwise_row(int K, const nn_tap_table *r, const nn_conv_row *row)
{
    (void)K;
    nn_row_run(0, 1, r, row);
}

NN_KERNEL void nn_depthwise_row_bf16(int K, const nn_tap_table *r, const nn_conv_row *row)
{
    (void)K;
    nn_row_run(1, 1, r, row);
}

NN_KERNEL void nn_depthwise_forward(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_rows_forward(0, nn_depthwise_row, d, nn_rows_of(d, a), a->x, t, T);
}

NN_KERNEL void nn_depthwise_forward_bf16(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_rows_forward(1, nn_depthwise_row_bf16, d, nn_rows_of(d, a), a->x, t, T);
}

NN_KERNEL void nn_depthwise_backward_data(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_rows_backward_data(0, nn_depthwise_row, d, nn_rows_of(d, a), a->x, t, T);
}

NN_KERNEL void nn_depthwise_backward_data_bf16(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_rows_backward_data(1, nn_depthwise_row_bf16, d, nn_rows_of(d, a), a->x, t, T);
}

/* ---- wgrad ------------------------------------------------------------------------------ */

enum { NN_DEPTHWISE_TAPS = 3 };

/* A row of dy, and the row of x that a row of taps reads there. */
typedef struct nn_depthwise_rows {
    const void *x, *dy;
    long lanes; /* in use: NN_W, or fewer of a single vector of channels */
} nn_depthwise_rows;

/* sum[tap][v] += Σ over the row's pixels of x · dy, `count` taps from column j of the kernel on, V vectors of
 * channels. */
NN_INLINE void nn_depthwise_row_sum(const int half, const int count, const int V, const nn_conv *d,
                                    const nn_depthwise_rows *r, int j, nn_vec sum[][NN_LINE_VECTORS])
{
    const long tap = (long)d->dw * d->c_step, lanes = r->lanes;
    const void *dy = r->dy;
    nn_vec part[NN_DEPTHWISE_TAPS][NN_LINE_VECTORS];
    NN_UNROLL
    for (int k = 0; k < count; k++) NN_UNROLL
    for (int v = 0; v < V; v++) part[k][v] = nn_zero();
    for (int pixel = 0; pixel < d->ow; pixel++, dy = nn_at(half, dy, d->o_step)) {
        const int w = pixel * d->sw - d->left + j * d->dw, inside = w >= 0 && w + (count - 1) * d->dw < d->w;
        const void *at = nn_at(half, r->x, (long)w * d->c_step);
        NN_UNROLL
        for (int k = 0; k < count; k++) {
            if (!inside && (w + k * d->dw < 0 || w + k * d->dw >= d->w)) continue;
            NN_UNROLL
            for (int v = 0; v < V; v++)
                part[k][v] += nn_load_some_as(half, nn_at(half, at, k * tap + v * NN_W), lanes) *
                              nn_load_some_as(half, nn_at(half, dy, v * NN_W), lanes);
        }
    }
    NN_UNROLL
    for (int k = 0; k < count; k++) NN_UNROLL
    for (int v = 0; v < V; v++) sum[k][v] += part[k][v];
}

/* sum[tap][v], of all pixels */
NN_INLINE void nn_depthwise_sums(const int half, const int V, const nn_conv *d, const void *large, const void *small,
                                 long lanes, nn_vec sum[][NN_LINE_VECTORS])
{
    for (int tap = 0; tap < d->kh * d->kw; tap++) NN_UNROLL
    for (int v = 0; v < V; v++) sum[tap][v] = nn_zero();
    for (long k = 0; k < (long)d->n * d->oh; k++) {
        nn_depthwise_rows r = {.dy = nn_at(half, small, k * d->ow * d->o_step), .lanes = lanes};
        for (int i = 0; i < d->kh; i++) {
            const int h = (int)(k % d->oh) * d->sh - d->top + i * d->dh;
            r.x = nn_at(half, large, (k / d->oh * d->h + h) * d->w * d->c_step);
            if (h < 0 || h >= d->h) continue;
            int j = 0;
            for (; j + NN_DEPTHWISE_TAPS <= d->kw; j += NN_DEPTHWISE_TAPS)
                nn_depthwise_row_sum(half, NN_DEPTHWISE_TAPS, V, d, &r, j, sum + i * d->kw + j);
            for (; j < d->kw; j++) nn_depthwise_row_sum(half, 1, V, d, &r, j, sum + i * d->kw + j);
        }
    }
}

/* The sums of some vectors of channels, to weight[channel][tap]. */
NN_INLINE void nn_depthwise_store(int vectors, int taps, long lanes, nn_vec sum[][NN_LINE_VECTORS], float *weight)
{
    for (int tap = 0; tap < taps; tap++) {
        for (int v = 0; v < vectors; v++) {
            nn_lanes lane;
            nn_store(lane, sum[tap][v]);
            for (long l = 0; l < lanes; l++) weight[(v * NN_W + l) * taps + tap] = lane[l];
        }
    }
}

/* weight: [c][tap]; part t of T of the cache lines of channels. */
NN_INLINE void nn_depthwise_gradient(const int half, const nn_conv *d, const void *large, const void *small,
                                     float *weight, int t, int T)
{
    const int taps = d->kh * d->kw;
    const long units = (d->c + NN_LINE - 1) / NN_LINE;
    nn_vec sum[NN_MAX_TAPS][NN_LINE_VECTORS];
    for (long unit = units * t / T; unit < units * (t + 1) / T; unit++) {
        const int whole = d->c - unit * NN_LINE >= NN_LINE;
        for (long c = unit * NN_LINE; c < d->c && c < (unit + 1) * NN_LINE; c += whole ? NN_LINE : NN_W) {
            const long lanes = d->c - c < NN_W ? d->c - c : NN_W;
            const void *x = nn_at(half, large, c), *dy = nn_at(half, small, c);
            if (whole)
                nn_depthwise_sums(half, NN_LINE_VECTORS, d, x, dy, NN_W, sum);
            else
                nn_depthwise_sums(half, 1, d, x, dy, lanes, sum);
            nn_depthwise_store(whole ? NN_LINE_VECTORS : 1, taps, lanes, sum, weight + c * taps);
        }
    }
}

NN_KERNEL void nn_depthwise_wgrad(const nn_conv *d, const float *large, const float *small, float *weight, int t, int T)
{
    nn_depthwise_gradient(0, d, large, small, weight, t, T);
}

NN_KERNEL void nn_depthwise_wgrad_bf16(const nn_conv *d, const uint16_t *large, const uint16_t *small, float *weight,
                                       int t, int T)
{
    nn_depthwise_gradient(1, d, large, small, weight, t, T);
}

#endif
