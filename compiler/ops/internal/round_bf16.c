/*
 * round_bf16: y = x rounded to bf16, as floats: what a layer reads of its f32 weights while it is
 * trained with bf16, and values of a batch-blocked net (passes/bf16_values.c).
 */
#include "ops/shared/elementwise.h"

static void round_bf16_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, n->out[0]->batched ? "for ($int k = 0; k < $N * $elements; k++) {"
                                     : "for ($int k = 0; k < $elements; k++) {");
    writer_put(w, "    y[k] = nn_from_bf16(nn_to_bf16(x[k]));\n"
                  "}\n");
}

static void round_bf16_emit(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, n->out[0]->batched ? "nn_round_bf16((long)$N * $elements, x, y, $t, $T);"
                                     : "nn_round_bf16($elements, x, y, $t, $T);");
}

static const Variant round_bf16_variants[] = {
    {.name = "simd",
     .layouts = IN_ANY_LAYOUT,
     .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
     .emit = round_bf16_emit,
     .kernel = "convert"},
    {0},
};

const Op op_round_bf16 = {
    .name = "round_bf16",
    .summary = "numbers rounded to bf16, as floats",
    .formula = "y = bf16(x)",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .plain = round_bf16_plain,
    .variants = round_bf16_variants,
};
