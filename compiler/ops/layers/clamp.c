/*
 * clamp: y = min(max(x, min), max); PyTorch's clamp.
 *
 *   dx = dy where min ≤ x ≤ max, both included, 0 elsewhere
 *
 * NaN passes through; its gradient is 0.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

typedef struct ClampAttrs {
    double min, max;
} ClampAttrs;

static const Attr clamp_attrs[] = {
    {"min", ATTR_REAL, offsetof(ClampAttrs, min), NULL, 0, 0, NULL},
    {"max", ATTR_REAL, offsetof(ClampAttrs, max), NULL, 0, 0, NULL},
    {0},
};

static void clamp_bind(Writer *w, const Node *n)
{
    const ClampAttrs *a = n->attrs;
    writer_bind_real(w, "min", a->min);
    writer_bind_real(w, "max", a->max);
}

static bool clamp_shape(Graph *g, Node *n)
{
    const ClampAttrs *a = n->attrs;
    if (a->min <= a->max) return elementwise_shape(g, n);
    diag_error(g->compilation, n->span, "clamp: min=%g is above max=%g", a->min, a->max);
    return false;
}

static void clamp_plain(Writer *w, const Node *n)
{
    clamp_bind(w, n);
    elementwise_forward(w, n, "$x < $min ? $min : $x > $max ? $max : $x");
}

static int64_t clamp_flops(const Node *n) { return elementwise_cost(n, 2); }

static void clamp_grad_plain(Writer *w, const Node *n)
{
    clamp_bind(w, n);
    elementwise_backward(w, n, "$x >= $min && $x <= $max ? $dy : 0");
}

static const Op clamp_gradient = {
    .name = "clamp.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = clamp_grad_plain,
};

static void clamp_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &clamp_gradient); }

static void clamp_clamp(const Node *n, double bounds[2])
{
    const ClampAttrs *a = n->attrs;
    bounds[0] = a->min;
    bounds[1] = a->max;
}

const Op op_clamp = {
    .name = "clamp",
    .summary = "x cut off at two values",
    .formula = "y = min(max(x, min), max)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = clamp_attrs,
    .attrs_size = sizeof(ClampAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = clamp_shape,
    .slope = slope_one,
    .flops = clamp_flops,
    .grad = clamp_grad,
    .plain = clamp_plain,
    .quantize = quantized_function,
    .clamp = clamp_clamp,
};
