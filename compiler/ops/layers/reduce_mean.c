/* reduce_mean: the mean over some axes, PyTorch's mean; see ops/shared/reduce.h. */
#include "ops/shared/reduce.h"

#include "ops/shared/elementwise.h"

const Op op_reduce_mean = {
    .name = "reduce_mean",
    .summary = "mean over some axes",
    .formula = "y = mean of x over the axes",
    .class = OP_LAYER,
    .attrs = reduce_attrs,
    .attrs_size = sizeof(ReduceAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = reduce_shape,
    .window = reduce_window,
    .flops = reduce_flops,
    .grad = reduce_mean_grad,
    .plain = reduce_mean_plain,
    .variants = reduce_mean_variants,
};
