/*
 * conv_grouped.h: grouped convolution of NHWC images, forward and backward-data.
 *
 * Groups of 2, 4 or 8 channels with as many outputs have the outputs of many groups in the lanes
 * (conv_rows.h), of images in floats or bf16.  Other groups are direct convolutions, one after another
 * (conv_nhwc.h).
 */
#ifndef NN_CONV_GROUPED_H
#define NN_CONV_GROUPED_H

#include "runtime/kernels/conv/conv_nhwc.h"
#include "runtime/kernels/conv/conv_panels.h"
#include "runtime/kernels/conv/conv_rows.h"
#include "runtime/kernels/conv/conv_types.h"

enum { NN_GROUPED_CHANNELS = NN_W < 8 ? NN_W : 8 }; /* largest number of channels in a group */

/* Whether the lanes hold the outputs of many groups. */
NN_INLINE int nn_grouped_in_lanes(const nn_conv *d)
{
    return d->c / d->groups <= NN_GROUPED_CHANNELS && nn_grouped_rows_serves(d->groups, d->c, d->o);
}

NN_KERNEL void nn_grouped_panels(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    if (nn_grouped_in_lanes(d))
        nn_rows_panels(0, 0, d, weight, panels, t, T);
    else
        nn_conv_panels(d, weight, panels, t, T);
}

NN_KERNEL void nn_grouped_panels_widened(const nn_conv *d, const uint16_t *weight, float *panels, int t, int T)
{
    if (nn_grouped_in_lanes(d))
        nn_rows_panels(1, 0, d, weight, panels, t, T);
    else
        nn_conv_panels_widened(d, weight, panels, t, T);
}

NN_KERNEL void nn_grouped_panels_backward(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    if (nn_grouped_in_lanes(d))
        nn_rows_panels(0, 1, d, weight, panels, t, T);
    else
        nn_conv_panels_backward(d, weight, panels, t, T);
}

NN_KERNEL void nn_grouped_panels_backward_widened(const nn_conv *d, const uint16_t *weight, float *panels, int t, int T)
{
    if (nn_grouped_in_lanes(d))
        nn_rows_panels(1, 1, d, weight, panels, t, T);
    else
        nn_conv_panels_backward_widened(d, weight, panels, t, T);
}

/* One instance for each number of channels. */
NN_KERNEL void nn_grouped_row(int K, const nn_tap_table *r, const nn_conv_row *row)
{
    switch (K) {
    case 2: nn_row_run(0, 2, r, row); break;
    case 4: nn_row_run(0, 4, r, row); break;
#if defined(NN_FOURS)
    case 8: nn_row_run(0, 8, r, row); break;
#endif
    }
}

NN_KERNEL void nn_grouped_row_bf16(int K, const nn_tap_table *r, const nn_conv_row *row)
{
    switch (K) {
    case 2: nn_row_run(1, 2, r, row); break;
    case 4: nn_row_run(1, 4, r, row); break;
    case 8: nn_row_run(1, 8, r, row); break;
    }
}

NN_KERNEL void nn_grouped_forward(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    if (nn_grouped_in_lanes(d))
        nn_rows_forward(0, nn_grouped_row, d, nn_rows_of(d, a), a->x, t, T);
    else
        nn_conv_forward(d, a, t, T);
}

NN_KERNEL void nn_grouped_backward_data(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    if (nn_grouped_in_lanes(d))
        nn_rows_backward_data(0, nn_grouped_row, d, nn_rows_of(d, a), a->x, t, T);
    else
        nn_conv_backward_data(d, a, t, T);
}

/* ---- images in bf16, of groups that nn_grouped_rows_serves; panels and sums are of floats ------ */

NN_KERNEL void nn_grouped_panels_bf16(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    nn_rows_panels(0, 0, d, weight, panels, t, T);
}

NN_KERNEL void nn_grouped_panels_backward_bf16(const nn_conv *d, const float *weight, float *panels, int t, int T)
{
    nn_rows_panels(0, 1, d, weight, panels, t, T);
}

NN_KERNEL void nn_grouped_forward_bf16(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_rows_forward(1, nn_grouped_row_bf16, d, nn_rows_of(d, a), a->x, t, T);
}

NN_KERNEL void nn_grouped_backward_data_bf16(const nn_conv *d, const nn_conv_args *a, int t, int T)
{
    nn_rows_backward_data(1, nn_grouped_row_bf16, d, nn_rows_of(d, a), a->x, t, T);
}

#endif
