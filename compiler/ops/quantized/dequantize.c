/*
 * dequantize: y = scale · (x − zero), of an int8 x.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void dequantize_plain(Writer *w, const Node *n)
{
    writer_bind_real(w, "step", n->in[0]->scale);
    quantized_bind_offset(w, "less_zero", -n->in[0]->zero_point);
    elementwise_forward(w, n, n->in[0]->zero_point ? "$step * ($real)($x$less_zero)" : "$step * ($real)$x");
}

const Op op_dequantize = {
    .name = "dequantize",
    .summary = "int8 as real numbers",
    .formula = "y = scale * (x - zero)",
    .class = OP_INTERNAL,
    .in = elementwise_in,
    .out = elementwise_out,
    .plain = dequantize_plain,
};
