/*
 * maximum: y = max(x0, x1, …), element by element; dimensions of 1 are stretched.
 * NaN wins, and equal values share the gradient: ops/shared/extreme_branch.h.
 */
#include "ops/shared/combine.h"
#include "ops/shared/extreme_branch.h"

static void maximum_plain(Writer *w, const Node *n) { extreme_branch_plain(w, n, ">"); }

static void maximum_emit(Writer *w, const Node *n) { combine_emit(w, n, "nn_maximum"); }

static void maximum_dx_plain(Writer *w, const Node *n) { extreme_branch_dx_plain(w, n, ">"); }

static void maximum_dx_emit(Writer *w, const Node *n)
{
    const BranchAttrs *a = n->attrs;
    combine_arrays(w, n, "dy", n->in_count);
    writer_bind_int(w, "branch", a->branch);
    writer_put(w, "nn_maximum_dx($count, x, $branch, (long)$N * $elements, dx, $t, $T);");
}

static const Variant maximum_dx_variants[] = {{.name = "simd",
                                               .layouts = IN_ANY_LAYOUT,
                                               .traits = VARIANT_ANY_BATCH,
                                               .refuses = combine_refusal,
                                               .emit = maximum_dx_emit,
                                               .kernel = "combine"},
                                              {0}};

static const Op maximum_dx = {
    .name = "maximum.dx",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_INPLACE,
    .attrs_size = sizeof(BranchAttrs),
    .in = combine_dx_in,
    .out = combine_dx_out,
    .plain = maximum_dx_plain,
    .variants = maximum_dx_variants,
};

static void maximum_grad(Backward *b, const Node *n) { extreme_branch_grad(b, n, &maximum_dx); }

static const Variant maximum_variants[] = {{.name = "simd",
                                            .layouts = IN_ANY_LAYOUT,
                                            .traits = VARIANT_ANY_BATCH,
                                            .refuses = combine_refusal,
                                            .emit = maximum_emit,
                                            .kernel = "combine"},
                                           {0}};

const Op op_maximum = {
    .name = "maximum",
    .summary = "element-wise maximum of the branches; dimensions of 1 are stretched",
    .formula = "y = max(x0, x1, ...)",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = combine_shape,
    .window = combine_window,
    .flops = combine_flops,
    .grad = maximum_grad,
    .plain = maximum_plain,
    .variants = maximum_variants,
};
