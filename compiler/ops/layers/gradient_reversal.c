/*
 * gradient_reversal: y = x, with the gradient dx = −scale · dy: what is before it
 * learns to make the loss behind it larger (Ganin and Lempitsky, "Unsupervised
 * Domain Adaptation by Backpropagation", 2015; their λ is scale).
 *
 * Forwards it is the value itself: no memory and no code.
 */
#include "ops/shared/elementwise.h"

typedef struct ReversalAttrs {
    double scale;
} ReversalAttrs;

static const Attr gradient_reversal_attrs[] = {
    {"scale", ATTR_REAL, offsetof(ReversalAttrs, scale), "1", 0, 0, NULL},
    {0},
};

static void gradient_reversal_grad_plain(Writer *w, const Node *n)
{
    const ReversalAttrs *a = n->attrs;
    writer_bind_real(w, "factor", -a->scale);
    elementwise_backward(w, n, a->scale == 1 ? "-$dy" : "$factor * $dy");
}

static const Op gradient_reversal_gradient = {
    .name = "gradient_reversal.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_dy,
    .out = gradient_out,
    .plain = gradient_reversal_grad_plain,
};

static void gradient_reversal_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &gradient_reversal_gradient); }

const Op op_gradient_reversal = {
    .name = "gradient_reversal",
    .summary = "the value itself, with the opposite gradient",
    .formula = "y = x; dx = -scale * dy",
    .class = OP_LAYER,
    .traits = OP_VIEW | OP_OWN_GRADIENT,
    .attrs = gradient_reversal_attrs,
    .attrs_size = sizeof(ReversalAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .grad = gradient_reversal_grad,
};
