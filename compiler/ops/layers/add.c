/*
 * add: y = x0 + x1 + …, the meeting point of a residual connection.
 *
 * All branches have one shape.  The gradient of every branch is dy itself: no
 * node computes it and nothing is stored.
 */
#include "autodiff/backward.h"
#include "ops/shared/combine.h"

static void add_plain(Writer *w, const Node *n) { combine_fold(w, n, "+"); }

static void add_emit(Writer *w, const Node *n) { combine_emit(w, n, "nn_add"); }

static void add_grad(Backward *b, const Node *n)
{
    Tensor *dy = backward_of(b, n->out[0]);
    for (int i = 0; i < n->in_count; i++) {
        if (backward_wants(b, n->in[i])) backward_give(b, n->in[i], dy);
    }
}

static const Variant add_variants[] = {
    {.name = "simd", .layouts = IN_ANY_LAYOUT, .traits = VARIANT_ANY_BATCH, .emit = add_emit, .kernel = "combine"},
    {0}};

const Op op_add = {
    .name = "add",
    .summary = "sum of the branches",
    .formula = "y = x0 + x1 + ...",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = combine_shape,
    .flops = combine_flops,
    .grad = add_grad,
    .plain = add_plain,
    .epilogue = EPILOGUE_ADD,
    .variants = add_variants,
};
