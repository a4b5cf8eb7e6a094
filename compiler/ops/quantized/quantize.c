/*
 * quantize: y = clamp(round(x / scale) + zero, −128, 127) in int8, ties away from zero.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void quantize_plain(Writer *w, const Node *n)
{
    writer_bind_real(w, "step", n->out[0]->scale);
    writer_bind_int(w, "zero", n->out[0]->zero_point);
    elementwise_forward(w, n, "nn_quantize($x, $step, $zero)");
}

static void quantize_emit(Writer *w, const Node *n)
{
    writer_bind_real(w, "step", n->out[0]->scale);
    writer_bind_int(w, "zero", n->out[0]->zero_point);
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "nn_int8_from_floats((long)$N * $elements, $step, $zero, x, y, $t, $T);");
}

static const Variant quantize_variants[] = {{.name = "simd",
                                             .layouts = IN_NCHW | IN_NHWC,
                                             .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                             .emit = quantize_emit,
                                             .kernel = "quantized_map"},
                                            {0}};

const Op op_quantize = {
    .name = "quantize",
    .summary = "real numbers as int8",
    .formula = "y = round(x / scale) + zero",
    .class = OP_INTERNAL,
    .in = elementwise_in,
    .out = elementwise_out,
    .plain = quantize_plain,
    .variants = quantize_variants,
};
