/*
 * cos: y = cos(x), x in radians.
 *
 *   dx = −dy · sin(x)
 */
#include "ops/shared/elementwise.h"

static void cos_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$cos($x)"); }

static void cos_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "-$dy * $sin($x)"); }

static const Op cos_gradient = {
    .name = "cos.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = cos_grad_plain,
};

static void cos_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &cos_gradient); }

const Op op_cos = {
    .name = "cos",
    .summary = "cosine",
    .formula = "y = cos(x)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
    .grad = cos_grad,
    .plain = cos_plain,
};
