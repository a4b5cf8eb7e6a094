/*
 * abs: y = |x|.
 *
 *   dx = dy · sign(x), 0 where x is 0 or NaN, as in PyTorch (there a NaN in dy stays
 *   one; so it does here)
 */
#include "ops/shared/elementwise.h"

static void abs_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$fabs($x)"); }

static void abs_grad_plain(Writer *w, const Node *n)
{
    elementwise_backward(w, n, "$dy * ($real)(($x > 0) - ($x < 0))");
}

static const Op abs_gradient = {
    .name = "abs.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = abs_grad_plain,
};

static void abs_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &abs_gradient); }

const Op op_abs = {
    .name = "abs",
    .summary = "absolute value",
    .formula = "y = |x|",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
    .grad = abs_grad,
    .plain = abs_plain,
};
