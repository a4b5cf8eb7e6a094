/*
 * maxpool: the largest element of each window, padding never wins.
 *
 *   y[c][i][j] = max_{u,v} x[c][i·stride + u·dilation − pad][j·stride + v·dilation − pad]
 *   dx[c][row][col] = Σ dy[c][i][j] over the windows that (row, col) won
 *
 * PyTorch's MaxPool2d; NaN and equal elements as ops/shared/minmax_pool.c says.
 */
#include "ops/shared/minmax_pool.h"
#include "ops/shared/quantized.h"

#include <math.h>

static void maxpool_plain(Writer *w, const Node *n) { minmax_pool_plain(w, n, ">", -INFINITY); }

static void maxpool_emit(Writer *w, const Node *n) { minmax_pool_emit(w, n, false); }

static void maxpool_training_plain(Writer *w, const Node *n) { minmax_pool_training_plain(w, n, ">"); }

static const Variant maxpool_variants[] = {POOL_ROWS(IN_NCHW | IN_NCHW16N, minmax_pool_refusal, maxpool_emit),
                                           {.name = "int8_nhwc",
                                            .layouts = IN_NHWC,
                                            .dtypes = OF_I8,
                                            .traits = VARIANT_ANY_BATCH,
                                            .refuses = minmax_pool_refusal,
                                            .emit = minmax_pool_int8_emit,
                                            .kernel = "quantized_pool"},
                                           {0}};

static const Op maxpool_training = {
    .name = "maxpool.training",
    .class = OP_INTERNAL,
    .attrs = minmax_pool_attrs,
    .attrs_size = sizeof(MinMaxPoolAttrs),
    .in = minmax_pool_in,
    .out = minmax_pool_training_out,
    .shape = minmax_pool_training_shape,
    .window = minmax_pool_window,
    .flops = minmax_pool_flops,
    .grad = minmax_pool_grad,
    .plain = maxpool_training_plain,
    .variants = maxpool_variants,
};

static const Op maxpool_in_place = {
    .name = "maxpool.in_place",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE | OP_SHRINKS_INPLACE,
    .attrs = minmax_pool_attrs,
    .attrs_size = sizeof(MinMaxPoolAttrs),
    .in = minmax_pool_in,
    .out = minmax_pool_out,
    .window = minmax_pool_window,
    .flops = minmax_pool_flops,
    .plain = maxpool_plain,
};

static const Op *maxpool_in_place_of(const Node *n, int64_t batch)
{
    (void)batch;
    return minmax_pool_goes_forward(n) ? &maxpool_in_place : NULL;
}

const Op op_maxpool = {
    .name = "maxpool",
    .summary = "maximum of each window of an image",
    .formula = "y[c][i][j] = max_{u,v} x[c][i*stride + u*dilation - pad][j*stride + v*dilation - pad]",
    .class = OP_LAYER,
    .attrs = minmax_pool_attrs,
    .attrs_size = sizeof(MinMaxPoolAttrs),
    .in = minmax_pool_in,
    .out = minmax_pool_out,
    .shape = minmax_pool_shape,
    .window = minmax_pool_window,
    .flops = minmax_pool_flops,
    .training = &maxpool_training,
    .in_place = maxpool_in_place_of,
    .plain = maxpool_plain,
    .quantize = quantized_movement,
    .variants = maxpool_variants,
};
