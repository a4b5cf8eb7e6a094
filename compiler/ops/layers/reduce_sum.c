/* reduce_sum: the sum over some axes, PyTorch's sum; see ops/shared/reduce.h. */
#include "ops/shared/reduce.h"

#include "ops/shared/elementwise.h"

const Op op_reduce_sum = {
    .name = "reduce_sum",
    .summary = "sum over some axes",
    .formula = "y = sum of x over the axes",
    .class = OP_LAYER,
    .attrs = reduce_attrs,
    .attrs_size = sizeof(ReduceAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = reduce_shape,
    .window = reduce_window,
    .flops = reduce_flops,
    .grad = reduce_sum_grad,
    .plain = reduce_sum_plain,
    .variants = reduce_sum_variants,
};
