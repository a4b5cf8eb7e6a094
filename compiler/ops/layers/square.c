/*
 * square: y = x².
 *
 *   dx = dy · 2x
 */
#include "ops/shared/elementwise.h"

static void square_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x * $x"); }

static void square_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$dy * (2 * $x)"); }

static const Op square_gradient = {
    .name = "square.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = square_grad_plain,
};

static void square_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &square_gradient); }

const Op op_square = {
    .name = "square",
    .summary = "square",
    .formula = "y = x^2",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .derivative = "2 * x",
    .slope = slope_unbounded,
    .grad = square_grad,
    .plain = square_plain,
};
