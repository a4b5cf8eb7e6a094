/*
 * maxpool1d: the largest element of each window of a sequence, padding never wins.
 *
 *   y[c][j] = max_v x[c][j·stride + v·dilation − pad]
 *
 * PyTorch's MaxPool1d: maxpool of an image of one row.
 */
#include "ops/shared/minmax_pool.h"
#include "ops/shared/quantized.h"

#include <math.h>

static void maxpool1d_plain(Writer *w, const Node *n) { minmax_pool_plain(w, n, ">", -INFINITY); }

static void maxpool1d_emit(Writer *w, const Node *n) { minmax_pool_emit(w, n, false); }

static void maxpool1d_training_plain(Writer *w, const Node *n) { minmax_pool_training_plain(w, n, ">"); }

static const Variant maxpool1d_variants[] = {{.name = "simd",
                                              .layouts = IN_NCHW,
                                              .traits = VARIANT_ANY_BATCH,
                                              .refuses = minmax_pool_refusal,
                                              .emit = maxpool1d_emit,
                                              .kernel = "pool"},
                                             {0}};

static const Op maxpool1d_training = {
    .name = "maxpool1d.training",
    .class = OP_INTERNAL,
    .attrs = minmax_pool1d_attrs,
    .attrs_size = sizeof(MinMaxPoolAttrs),
    .in = minmax_pool_in,
    .out = minmax_pool_training_out,
    .shape = minmax_pool_training_shape,
    .window = minmax_pool_window,
    .flops = minmax_pool_flops,
    .grad = minmax_pool_grad,
    .plain = maxpool1d_training_plain,
    .variants = maxpool1d_variants,
};

const Op op_maxpool1d = {
    .name = "maxpool1d",
    .summary = "maximum of each window of a sequence",
    .formula = "y[c][j] = max_v x[c][j*stride + v*dilation - pad]",
    .class = OP_LAYER,
    .attrs = minmax_pool1d_attrs,
    .attrs_size = sizeof(MinMaxPoolAttrs),
    .in = minmax_pool_in,
    .out = minmax_pool_out,
    .shape = minmax_pool1d_shape,
    .window = minmax_pool_window,
    .flops = minmax_pool_flops,
    .training = &maxpool1d_training,
    .plain = maxpool1d_plain,
    .quantize = quantized_movement,
    .variants = maxpool1d_variants,
};
