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

const Op op_quantize = {
    .name = "quantize",
    .summary = "real numbers as int8",
    .formula = "y = round(x / scale) + zero",
    .class = OP_INTERNAL,
    .in = elementwise_in,
    .out = elementwise_out,
    .plain = quantize_plain,
};
