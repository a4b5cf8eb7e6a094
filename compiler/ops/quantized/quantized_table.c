/*
 * quantized_table: an element-wise function of int8 numbers, all 256 of its values.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void quantized_table_plain(Writer *w, const Node *n)
{
    quantized_put_table(w, "int8_t", "table", n->attrs, 256);
    elementwise_forward(w, n, "table[$x + 128]");
}

static void quantized_table_emit(Writer *w, const Node *n)
{
    quantized_put_table(w, "int8_t", "table", n->attrs, 256);
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "nn_int8_lookup((long)$N * $elements, table, x, y, $t, $T);");
}

static const Variant quantized_table_variants[] = {{.name = "lookup",
                                                    .layouts = IN_NCHW | IN_NHWC,
                                                    .dtypes = OF_I8,
                                                    .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                    .emit = quantized_table_emit,
                                                    .kernel = "quantized_map"},
                                                   {0}};

const Op op_quantized_table = {
    .name = "quantized_table",
    .summary = "an element-wise function of int8",
    .formula = "y = table[x]",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .plain = quantized_table_plain,
    .variants = quantized_table_variants,
};
