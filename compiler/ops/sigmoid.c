/*
 * sigmoid: y = 1 / (1 + exp(−x)).
 *
 * Where exp(−x) overflows, the quotient is 0, as it should be: no case is
 * needed.  dx = dy · y · (1 − y) is written in the output.
 */
#include "ops/elementwise.h"

static void sigmoid_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "1 / (1 + $exp(-$x))"); }

static bool sigmoid_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_sigmoid", ""); }

static int64_t sigmoid_flops(const Node *n) { return elementwise_cost(n, 4); }

static void sigmoid_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$dy * $y * (1 - $y)"); }

static bool sigmoid_grad_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_sigmoid_grad", ""); }

static const Op sigmoid_gradient = {
    .name = "sigmoid.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = sigmoid_grad_plain,
    .fast = sigmoid_grad_fast,
    .kernel = "activation",
};

static void sigmoid_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &sigmoid_gradient); }

const Op op_sigmoid = {
    .name = "sigmoid",
    .summary = "logistic function",
    .formula = "y = 1 / (1 + exp(-x))",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .flops = sigmoid_flops,
    .grad = sigmoid_grad,
    .plain = sigmoid_plain,
    .fast = sigmoid_fast,
    .kernel = "activation",
};
