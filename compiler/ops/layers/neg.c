/*
 * neg: y = −x.
 *
 *   dx = −dy
 */
#include "ops/shared/elementwise.h"

static void neg_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "-$x"); }

static void neg_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "-$dy"); }

static const Op neg_gradient = {
    .name = "neg.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_dy,
    .out = gradient_out,
    .plain = neg_grad_plain,
};

static void neg_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &neg_gradient); }

const Op op_neg = {
    .name = "neg",
    .summary = "the value with the other sign",
    .formula = "y = -x",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
    .grad = neg_grad,
    .plain = neg_plain,
};
