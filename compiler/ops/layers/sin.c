/*
 * sin: y = sin(x), x in radians.
 *
 *   dx = dy · cos(x)
 */
#include "ops/shared/elementwise.h"

static void sin_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$sin($x)"); }

static void sin_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$dy * $cos($x)"); }

static const Op sin_gradient = {
    .name = "sin.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = sin_grad_plain,
};

static void sin_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &sin_gradient); }

const Op op_sin = {
    .name = "sin",
    .summary = "sine",
    .formula = "y = sin(x)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
    .grad = sin_grad,
    .plain = sin_plain,
};
