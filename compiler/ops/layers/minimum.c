/*
 * minimum: y = min(x0, x1, …), element by element; dimensions of 1 are stretched.
 * NaN wins, and equal values share the gradient: ops/shared/extreme_branch.h.
 */
#include "ops/shared/combine.h"
#include "ops/shared/extreme_branch.h"

static void minimum_plain(Writer *w, const Node *n) { extreme_branch_plain(w, n, "<"); }

static void minimum_dx_plain(Writer *w, const Node *n) { extreme_branch_dx_plain(w, n, "<"); }

static const Op minimum_dx = {
    .name = "minimum.dx",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_INPLACE,
    .attrs_size = sizeof(BranchAttrs),
    .in = combine_dx_in,
    .out = combine_dx_out,
    .plain = minimum_dx_plain,
};

static void minimum_grad(Backward *b, const Node *n) { extreme_branch_grad(b, n, &minimum_dx); }

const Op op_minimum = {
    .name = "minimum",
    .summary = "element-wise minimum of the branches; dimensions of 1 are stretched",
    .formula = "y = min(x0, x1, ...)",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = combine_shape,
    .window = combine_window,
    .flops = combine_flops,
    .grad = minimum_grad,
    .plain = minimum_plain,
};
