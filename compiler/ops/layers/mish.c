/*
 * mish: y = x · tanh(log(1 + exp(x))) (Misra, "Mish: A Self Regularized
 * Non-Monotonic Activation Function", 2019).
 *
 *   dx = dy · (t + x · (1 − t²) · σ(x)),  t = tanh(log(1 + exp(x))), σ the logistic function
 *
 * The function is not monotonic, so the gradient needs the input.  −inf gives NaN,
 * as the same formula does in PyTorch.
 */
#include "ops/shared/elementwise.h"

static void mish_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x * $tanh($log1p($exp($x)))"); }

static int64_t mish_flops(const Node *n) { return elementwise_cost(n, 5); }

static void mish_grad_plain(Writer *w, const Node *n)
{
    elementwise_lines(w, n,
                      "const $real t = $tanh($log1p($exp($x)));\n"
                      "$dx = $dy * (t + $x * (1 - t * t) / (1 + $exp(-$x)));\n");
}

static const Op mish_gradient = {
    .name = "mish.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = mish_grad_plain,
};

static void mish_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &mish_gradient); }

/* At 1.4906. */
static double mish_slope(const Node *n)
{
    (void)n;
    return 1.0884981612517277;
}

const Op op_mish = {
    .name = "mish",
    .summary = "x times tanh of softplus",
    .formula = "y = x * tanh(log(1 + exp(x)))",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = mish_slope,
    .flops = mish_flops,
    .grad = mish_grad,
    .plain = mish_plain,
};
