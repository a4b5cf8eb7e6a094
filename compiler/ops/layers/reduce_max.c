/* reduce_max: the largest element over some axes, PyTorch's amax; see ops/shared/reduce.h. */
#include "ops/shared/reduce.h"

#include "ops/shared/elementwise.h"

static void reduce_max_plain(Writer *w, const Node *n) { reduce_extreme_plain(w, n, ">"); }

const Op op_reduce_max = {
    .name = "reduce_max",
    .summary = "largest element over some axes",
    .formula = "y = max of x over the axes",
    .class = OP_LAYER,
    .traits = OP_SELECTS,
    .attrs = reduce_attrs,
    .attrs_size = sizeof(ReduceAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = reduce_shape,
    .window = reduce_window,
    .flops = reduce_flops,
    .grad = reduce_extreme_grad,
    .plain = reduce_max_plain,
    .variants = reduce_max_variants,
};
