/*
 * pow: y = x^exponent, as C's pow: of a negative number it is NaN unless the
 * exponent is an integer; exponent 0 gives 1 even of NaN.
 *
 *   dx = dy · exponent · x^(exponent − 1), 0 for exponent 0, as in PyTorch
 */
#include <math.h>

#include "ops/shared/elementwise.h"

typedef struct PowAttrs {
    double exponent;
} PowAttrs;

static const Attr pow_attrs[] = {
    {"exponent", ATTR_REAL, offsetof(PowAttrs, exponent), NULL, 0, 0, NULL},
    {0},
};

static void pow_bind(Writer *w, const Node *n)
{
    const PowAttrs *a = n->attrs;
    writer_bind_real(w, "exponent", a->exponent);
}

static void pow_plain(Writer *w, const Node *n)
{
    pow_bind(w, n);
    elementwise_forward(w, n, "$pow($x, $exponent)");
}

static void pow_grad_plain(Writer *w, const Node *n)
{
    const PowAttrs *a = n->attrs;
    writer_bind_real(w, "exponent", a->exponent);
    writer_bind_real(w, "less", a->exponent - 1);
    elementwise_backward(w, n, "$dy * ($exponent * $pow($x, $less))");
}

static const Op pow_gradient = {
    .name = "pow.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = pow_grad_plain,
};

static void pow_grad(Backward *b, const Node *n)
{
    const PowAttrs *a = n->attrs;
    if (a->exponent != 0) elementwise_grad(b, n, &pow_gradient);
}

static double pow_slope(const Node *n)
{
    const PowAttrs *a = n->attrs;
    return a->exponent == 0 || a->exponent == 1 ? a->exponent : INFINITY;
}

const Op op_pow = {
    .name = "pow",
    .summary = "a power with a given exponent",
    .formula = "y = x^exponent",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = pow_attrs,
    .attrs_size = sizeof(PowAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = pow_slope,
    .grad = pow_grad,
    .plain = pow_plain,
};
