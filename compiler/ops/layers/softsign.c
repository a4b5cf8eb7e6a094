/*
 * softsign: y = x / (1 + |x|).
 *
 *   dx = dy / (1 + |x|)²
 *
 * From the input: 1 − |y| would lose the digits of large values.  An infinity gives
 * NaN, and its gradient is NaN, as in PyTorch.  An infinite dy gives an infinite dx; PyTorch, which
 * differentiates the quotient, subtracts two infinities.
 */
#include "ops/shared/elementwise.h"

static void softsign_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x / (1 + $fabs($x))"); }

static int64_t softsign_flops(const Node *n) { return elementwise_cost(n, 3); }

static void softsign_grad_plain(Writer *w, const Node *n)
{
    elementwise_lines(w, n,
                      "const $real slope = 1 / (1 + $fabs($x));\n"
                      "$dx = $dy * slope * slope + 0 * $x;\n");
}

static const Op softsign_gradient = {
    .name = "softsign.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = softsign_grad_plain,
};

static void softsign_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &softsign_gradient); }

const Op op_softsign = {
    .name = "softsign",
    .summary = "x over one more than its size",
    .formula = "y = x / (1 + |x|)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
    .saturation = (const double[]){-1, 1},
    .flops = softsign_flops,
    .grad = softsign_grad,
    .plain = softsign_plain,
};
