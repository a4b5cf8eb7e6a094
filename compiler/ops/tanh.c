/*
 * tanh: y = tanh(x), the hyperbolic tangent.
 *
 * dx = dy · (1 − y²) is written in the output.
 */
#include "ops/elementwise.h"

static void tanh_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$tanh($x)"); }

static bool tanh_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_tanh", ""); }

static int64_t tanh_flops(const Node *n) { return elementwise_cost(n, 5); /* as (1 − e) / (1 + e) with e = exp(−2x) */ }

static void tanh_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$dy * (1 - $y * $y)"); }

static bool tanh_grad_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_tanh_grad", ""); }

static const Op tanh_gradient = {
    .name = "tanh.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = tanh_grad_plain,
    .fast = tanh_grad_fast,
    .kernel = "activation",
};

static void tanh_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &tanh_gradient); }

const Op op_tanh = {
    .name = "tanh",
    .summary = "hyperbolic tangent",
    .formula = "y = tanh(x)",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .flops = tanh_flops,
    .grad = tanh_grad,
    .plain = tanh_plain,
    .fast = tanh_fast,
    .kernel = "activation",
};
