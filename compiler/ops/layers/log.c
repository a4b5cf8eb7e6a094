/*
 * log: y = log(x), the natural logarithm: −inf of 0 and NaN below it, as in
 * PyTorch.
 *
 *   dx = dy / x
 */
#include "ops/shared/elementwise.h"

static void log_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$log($x)"); }

static void log_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$dy / $x"); }

static const Op log_gradient = {
    .name = "log.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = log_grad_plain,
};

static void log_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &log_gradient); }

const Op op_log = {
    .name = "log",
    .summary = "natural logarithm",
    .formula = "y = log(x)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .derivative = "1 / x",
    .slope = slope_unbounded,
    .grad = log_grad,
    .plain = log_plain,
};
