/*
 * widen: y = x, from bf16 to floats.  Put in by passes/legalize.c for weights and by
 * passes/bf16_values.c for values, where what reads them takes floats.
 */
#include "ops/shared/elementwise.h"

static void widen_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, n->out[0]->batched ? "for ($int i = 0; i < $N * $elements; i++) {"
                                     : "for ($int i = 0; i < $elements; i++) {");
    writer_put(w, "    @y(i) = @x(i);\n"
                  "}\n");
}

static void widen_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_widen", ""); }

static const char *widen_refusal(const Node *n) { return n->out[0]->batched ? NULL : "it is of weights"; }

static const Variant widen_variants[] = {
    {.name = "simd",
     .layouts = IN_ANY_LAYOUT,
     .dtypes = OF_BF16,
     .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
     .refuses = widen_refusal,
     .emit = widen_emit,
     .kernel = "convert"},
    {0},
};

const Op op_widen = {
    .name = "widen",
    .summary = "numbers in bf16 as floats",
    .formula = "y = x",
    .class = OP_INTERNAL,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .plain = widen_plain,
    .variants = widen_variants,
};
