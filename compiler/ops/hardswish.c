/*
 * hardswish: y = x · min(max(x + 3, 0), 6) / 6 (Howard et al., Searching for
 * MobileNetV3, 2019).
 *
 *   dx = 0 for x ≤ −3, dy for x ≥ 3, dy · (x / 3 + 1/2) between
 *
 * The function is not monotonic, so the gradient needs the input.  NaN
 * passes through, and makes the gradient NaN.
 */
#include "ops/elementwise.h"

static void hardswish_plain(Writer *w, const Node *n)
{
    elementwise_lines(w, n,
                      "const $real gate = $x + 3;\n"
                      "$y = $x * (gate < 0 ? 0 : gate > 6 ? 6 : gate) / 6;\n");
}

static bool hardswish_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_hardswish", ""); }

static int64_t hardswish_flops(const Node *n) { return elementwise_cost(n, 5); }

static void hardswish_grad_plain(Writer *w, const Node *n)
{
    writer_bind_real(w, "half", 0.5);
    elementwise_backward(w, n, "$x <= -3 ? 0 : $x >= 3 ? $dy : $dy * ($x / 3 + $half)");
}

static bool hardswish_grad_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_hardswish_grad", ""); }

static const Op hardswish_gradient = {
    .name = "hardswish.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = hardswish_grad_plain,
    .fast = hardswish_grad_fast,
    .kernel = "piecewise",
};

static void hardswish_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &hardswish_gradient); }

const Op op_hardswish = {
    .name = "hardswish",
    .summary = "silu made of straight lines and a parabola",
    .formula = "y = x * min(max(x + 3, 0), 6) / 6",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .flops = hardswish_flops,
    .grad = hardswish_grad,
    .plain = hardswish_plain,
    .fast = hardswish_fast,
    .kernel = "piecewise",
};
