/*
 * narrow: y = x rounded to bf16, to the nearest and of two equally near ones to the even one
 * (runtime/kernels/system/bf16.h).  Put in by passes/bf16_values.c after what makes floats, and
 * before what reads weights in bf16.
 */
#include "ops/shared/elementwise.h"

static void narrow_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, n->out[0]->batched ? "for ($int k = 0; k < $N * $elements; k++) {"
                                     : "for ($int k = 0; k < $elements; k++) {");
    writer_put(w, "    y[k] = nn_to_bf16(x[k]);\n"
                  "}\n");
}

static void narrow_emit(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, n->out[0]->batched ? "nn_narrow((long)$N * $elements, x, y, $t, $T);"
                                     : "nn_narrow($elements, x, y, $t, $T);");
}

static const Variant narrow_variants[] = {
    {.name = "simd",
     .layouts = IN_ANY_LAYOUT,
     .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
     .emit = narrow_emit,
     .kernel = "convert"},
    {0},
};

const Op op_narrow = {
    .name = "narrow",
    .summary = "numbers rounded to bf16",
    .formula = "y = bf16(x)",
    .class = OP_INTERNAL,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .plain = narrow_plain,
    .variants = narrow_variants,
};
