/*
 * celu: y = x for x > 0, alpha · (exp(x / alpha) − 1) otherwise: elu with a slope
 * that is continuous at 0 for every alpha (Barron, "Continuously Differentiable
 * Exponential Linear Units", 2017).
 *
 *   dx = dy for x > 0, dy · exp(x / alpha) = dy · (1 + y / alpha) otherwise
 *
 * The output's sign is the input's, also for a negative alpha, so the output is
 * enough.  NaN passes through, and makes the gradient NaN.
 */
#include "ops/shared/elementwise.h"

typedef struct CeluAttrs {
    double alpha;
} CeluAttrs;

static const Attr celu_attrs[] = {
    {"alpha", ATTR_REAL, offsetof(CeluAttrs, alpha), "1", 0, 0, NULL},
    {0},
};

static void celu_bind(Writer *w, const Node *n)
{
    const CeluAttrs *a = n->attrs;
    writer_bind_real(w, "alpha", a->alpha);
    writer_bind_real(w, "inverse", 1 / a->alpha);
}

static bool celu_shape(Graph *g, Node *n)
{
    const CeluAttrs *a = n->attrs;
    if (a->alpha != 0) return elementwise_shape(g, n);
    diag_error(g->compilation, n->span, "celu: alpha is 0, and the formula divides by it; relu is its limit");
    return false;
}

static void celu_plain(Writer *w, const Node *n)
{
    celu_bind(w, n);
    elementwise_forward(w, n, "$x <= 0 ? $alpha * $expm1($inverse * $x) : $x");
}

static int64_t celu_flops(const Node *n) { return elementwise_cost(n, 4); }

static void celu_grad_plain(Writer *w, const Node *n)
{
    celu_bind(w, n);
    elementwise_backward(w, n, "$y > 0 ? $dy : $dy * (1 + $inverse * $y)");
}

static const Op celu_gradient = {
    .name = "celu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = celu_grad_plain,
};

static void celu_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &celu_gradient); }

const Op op_celu = {
    .name = "celu",
    .summary = "exponential linear unit with a continuous slope",
    .formula = "y = x > 0 ? x : alpha * (exp(x / alpha) - 1)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = celu_attrs,
    .attrs_size = sizeof(CeluAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = celu_shape,
    .slope = slope_one,
    .flops = celu_flops,
    .grad = celu_grad,
    .plain = celu_plain,
};
