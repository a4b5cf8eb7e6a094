/*
 * exp: y = exp(x).
 *
 *   dx = dy · y
 */
#include "ops/shared/elementwise.h"

static void exp_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$exp($x)"); }

static void exp_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$dy * $y"); }

static const Op exp_gradient = {
    .name = "exp.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = exp_grad_plain,
};

static void exp_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &exp_gradient); }

const Op op_exp = {
    .name = "exp",
    .summary = "exponential function",
    .formula = "y = exp(x)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .derivative = "y",
    .slope = slope_unbounded,
    .grad = exp_grad,
    .plain = exp_plain,
};
