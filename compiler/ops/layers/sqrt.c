/*
 * sqrt: y = √x, NaN below 0.
 *
 *   dx = dy / (2 y), infinite at 0, as in PyTorch
 */
#include "ops/shared/elementwise.h"

static void sqrt_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$sqrt($x)"); }

static void sqrt_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$dy / (2 * $y)"); }

static const Op sqrt_gradient = {
    .name = "sqrt.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = sqrt_grad_plain,
};

static void sqrt_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &sqrt_gradient); }

const Op op_sqrt = {
    .name = "sqrt",
    .summary = "square root",
    .formula = "y = sqrt(x)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_unbounded,
    .grad = sqrt_grad,
    .plain = sqrt_plain,
};
