/*
 * relu: y = max(x, 0).
 *
 * NaN passes through, as in PyTorch; the gradient at 0 is 0.  Backward needs
 * only the output: it is its own mask.
 */
#include "ops/elementwise.h"

static void relu_plain(Writer *w, const Node *n)
{
    elementwise_forward(w, n, "$x < 0 ? 0 : $x");
}

static void relu_grad_plain(Writer *w, const Node *n)
{
    elementwise_backward(w, n, "$y > 0 ? $dy : 0");
}

static const Op relu_gradient = {
    .name = "relu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = relu_grad_plain,
};

static void relu_grad(Backward *b, const Node *n)
{
    elementwise_grad(b, n, &relu_gradient);
}

const Op op_relu = {
    .name = "relu",
    .summary = "rectified linear unit",
    .formula = "y = max(x, 0)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .grad = relu_grad,
    .plain = relu_plain,
};
