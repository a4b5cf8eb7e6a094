/*
 * reciprocal: y = 1 / x, infinite at 0.
 *
 *   dx = −dy · y²
 */
#include "ops/shared/elementwise.h"

static void reciprocal_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "1 / $x"); }

static void reciprocal_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "-$dy * ($y * $y)"); }

static const Op reciprocal_gradient = {
    .name = "reciprocal.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = reciprocal_grad_plain,
};

static void reciprocal_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &reciprocal_gradient); }

const Op op_reciprocal = {
    .name = "reciprocal",
    .summary = "one over x",
    .formula = "y = 1 / x",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_unbounded,
    .grad = reciprocal_grad,
    .plain = reciprocal_plain,
};
