/*
 * sub: y = x0 − x1; dimensions of 1 are stretched.
 *
 *   dx0 = dy,  dx1 = −dy, summed over the dimensions along which they were stretched
 */
#include "ops/shared/combine.h"

static void sub_plain(Writer *w, const Node *n) { combine_fold(w, n, "-"); }

static void sub_grad(Backward *b, const Node *n)
{
    combine_give_share(b, n, 0, 1);
    combine_give_share(b, n, 1, -1);
}

const Op op_sub = {
    .name = "sub",
    .summary = "the first branch minus the second; dimensions of 1 are stretched",
    .formula = "y = x0 - x1",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = combine_two_shape,
    .window = combine_window,
    .flops = combine_flops,
    .grad = sub_grad,
    .plain = sub_plain,
};
