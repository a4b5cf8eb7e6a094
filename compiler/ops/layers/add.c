/*
 * add: y = x0 + x1 + …, the meeting point of a residual connection.
 *
 * Dimensions of 1 are stretched.  The gradient of a branch that is not stretched is dy
 * itself: no node computes it and nothing is stored.
 */
#include "ops/shared/combine.h"
#include "ops/shared/quantized.h"

static void add_plain(Writer *w, const Node *n) { combine_fold(w, n, "+"); }

static int64_t add_terms(const Node *n, int64_t batch, int64_t k, Term *terms, int64_t most)
{
    (void)batch;
    if (!combine_is_even(n)) return 0;
    for (int i = 0; i < n->in_count && i < most; i++) terms[i] = (Term){{i, -1}, {k, 0}};
    return n->in_count;
}

static void add_emit(Writer *w, const Node *n) { combine_emit(w, n, "nn_add"); }

static void add_grad(Backward *b, const Node *n)
{
    for (int i = 0; i < n->in_count; i++) combine_give_share(b, n, i, 1);
}

static const Variant add_variants[] = {{.name = "simd",
                                        .layouts = IN_ANY_LAYOUT,
                                        .dtypes = OF_F32 | OF_BF16,
                                        .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                        .refuses = combine_refusal,
                                        .emit = add_emit,
                                        .kernel = "combine"},
                                       {0}};

const Op op_add = {
    .name = "add",
    .summary = "sum of the branches; dimensions of 1 are stretched",
    .formula = "y = x0 + x1 + ...",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = combine_shape,
    .window = combine_window,
    .flops = combine_flops,
    .grad = add_grad,
    .terms = add_terms,
    .plain = add_plain,
    .quantize = quantized_add_branches,
    .epilogue = EPILOGUE_ADD,
    .variants = add_variants,
};
