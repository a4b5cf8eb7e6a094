/*
 * avgpool1d: the average of each window of a sequence, PyTorch's AvgPool1d.
 *
 *   y[c][j] = (1 / count) Σ_v x[c][j·stride + v − pad]
 *
 * It is avgpool of an image of one row, `count` and all.
 */
#include "ops/shared/avgpool.h"

static const Variant avgpool1d_variants[] = {{.name = "simd",
                                              .layouts = IN_NCHW,
                                              .traits = VARIANT_ANY_BATCH,
                                              .refuses = pool_regions_refusal,
                                              .emit = avgpool_emit,
                                              .kernel = "pool"},
                                             {0}};

const Op op_avgpool1d = {
    .name = "avgpool1d",
    .summary = "average of each window of a sequence",
    .formula = "y[c][j] = mean_v x[c][j*stride + v - pad]",
    .class = OP_LAYER,
    .attrs = avgpool1d_attrs,
    .attrs_size = sizeof(AvgpoolAttrs),
    .in = pool_regions_in,
    .out = pool_regions_out,
    .shape = avgpool1d_shape,
    .window = avgpool_window,
    .flops = avgpool_flops,
    .grad = avgpool_grad,
    .plain = avgpool_plain,
    .quantize = avgpool_quantize,
    .variants = avgpool1d_variants,
};
