/*
 * avgpool: the average of each window, PyTorch's AvgPool2d.
 *
 *   y[c][i][j] = (1 / count) Σ_{u,v} x[c][i·stride + u − pad][j·stride + v − pad]
 *   dx[c][row][col] = Σ dy[c][i][j] / count over the windows that hold (row, col)
 *
 * `count` is the window's area.  With count_pad=no it is the part of it inside
 * the image; with ceil=yes what reaches beyond the padding never counts.  With divisor_override it
 * is that number, for all windows.
 */
#include "ops/shared/avgpool.h"

static const Variant avgpool_variants[] = {POOL_ROWS(IN_NCHW, pool_regions_refusal, avgpool_emit), {0}};

const Op op_avgpool = {
    .name = "avgpool",
    .summary = "average of each window of an image",
    .formula = "y[c][i][j] = mean_{u,v} x[c][i*stride + u - pad][j*stride + v - pad]",
    .class = OP_LAYER,
    .attrs = avgpool_attrs,
    .attrs_size = sizeof(AvgpoolAttrs),
    .in = pool_regions_in,
    .out = pool_regions_out,
    .shape = avgpool_shape,
    .window = avgpool_window,
    .flops = avgpool_flops,
    .grad = avgpool_grad,
    .plain = avgpool_plain,
    .quantize = avgpool_quantize,
    .variants = avgpool_variants,
};
