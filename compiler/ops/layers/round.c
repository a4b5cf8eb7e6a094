/*
 * round: y = the whole number nearest to x, the even one of two; PyTorch's round, ONNX's Round.
 *
 * Its derivative is 0 wherever there is one, so nothing before it can be trained; it has no gradient rule.
 */
#include "ops/shared/elementwise.h"

static void round_plain(Writer *w, const Node *n)
{
    elementwise_lines(w, n,
                      "const $real below = $floor($x), rest = $x - below, half = ($real)0.5;\n"
                      "$y = rest > half || (rest == half && below != 2 * $floor(below / 2)) ? below + 1 : below;\n");
}

static int64_t round_flops(const Node *n) { return elementwise_cost(n, 4); }

const Op op_round = {
    .name = "round",
    .summary = "nearest whole number, ties to even; not trainable through",
    .formula = "y = round(x)",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_ZERO_GRADIENT,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_zero,
    .flops = round_flops,
    .plain = round_plain,
};
