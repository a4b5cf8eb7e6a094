/*
 * relu: y = max(x, 0).
 *
 * NaN passes through, as in PyTorch, and lets the gradient pass; the gradient at 0
 * is 0.  Backward needs only the output: it is its own mask.
 */
#include "ops/elementwise.h"

static void relu_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x < 0 ? 0 : $x"); }

static bool relu_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_relu", ""); }

static void relu_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$y <= 0 ? 0 : $dy"); }

static bool relu_grad_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_relu_grad", ""); }

static const Op relu_gradient = {
    .name = "relu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = relu_grad_plain,
    .fast = relu_grad_fast,
    .kernel = "piecewise",
};

static void relu_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &relu_gradient); }

const Op op_relu = {
    .name = "relu",
    .summary = "rectified linear unit",
    .formula = "y = max(x, 0)",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .grad = relu_grad,
    .plain = relu_plain,
    .epilogue = EPILOGUE_RELU,
    .fast = relu_fast,
    .kernel = "piecewise",
};
