/*
 * minpool: the smallest element of each window, padding never wins.
 *
 *   y[c][i][j] = min_{u,v} x[c][i·stride + u·dilation − pad][j·stride + v·dilation − pad]
 *   dx[c][row][col] = Σ dy[c][i][j] over the windows that (row, col) won
 *
 * MaxPool2d of PyTorch with the order turned round; NaN and equal elements as ops/shared/minmax_pool.c says.
 */
#include "ops/shared/minmax_pool.h"
#include "ops/shared/quantized.h"

#include <math.h>

static void minpool_plain(Writer *w, const Node *n) { minmax_pool_plain(w, n, "<", INFINITY); }

static void minpool_emit(Writer *w, const Node *n) { minmax_pool_emit(w, n, true); }

static void minpool_training_plain(Writer *w, const Node *n) { minmax_pool_training_plain(w, n, "<"); }

static const Variant minpool_variants[] = {POOL_ROWS(IN_NCHW | IN_NCHW16N, minmax_pool_refusal, minpool_emit), {0}};

static const Op minpool_training = {
    .name = "minpool.training",
    .class = OP_INTERNAL,
    .attrs = minmax_pool_attrs,
    .attrs_size = sizeof(MinMaxPoolAttrs),
    .in = minmax_pool_in,
    .out = minmax_pool_training_out,
    .shape = minmax_pool_training_shape,
    .window = minmax_pool_window,
    .flops = minmax_pool_flops,
    .grad = minmax_pool_grad,
    .plain = minpool_training_plain,
    .variants = minpool_variants,
};

const Op op_minpool = {
    .name = "minpool",
    .summary = "minimum of each window of an image",
    .formula = "y[c][i][j] = min_{u,v} x[c][i*stride + u*dilation - pad][j*stride + v*dilation - pad]",
    .class = OP_LAYER,
    .attrs = minmax_pool_attrs,
    .attrs_size = sizeof(MinMaxPoolAttrs),
    .in = minmax_pool_in,
    .out = minmax_pool_out,
    .shape = minmax_pool_shape,
    .window = minmax_pool_window,
    .flops = minmax_pool_flops,
    .training = &minpool_training,
    .plain = minpool_plain,
    .quantize = quantized_movement,
    .variants = minpool_variants,
};
