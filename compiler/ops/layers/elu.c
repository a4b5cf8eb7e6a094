/*
 * elu: y = x for x > 0, alpha · (exp(x) − 1) otherwise (Clevert, Unterthiner and
 * Hochreiter 2016).
 *
 *   dx = dy for x > 0, dy · alpha · exp(x) = dy · (y + alpha) otherwise
 *
 * With alpha ≥ 0 the output's sign is the input's and the output is enough; with
 * a negative alpha the gradient takes the input.  NaN passes through, and makes the
 * gradient NaN.
 */
#include "ops/shared/elementwise.h"

typedef struct EluAttrs {
    double alpha;
} EluAttrs;

static const Attr elu_attrs[] = {
    {"alpha", ATTR_REAL, offsetof(EluAttrs, alpha), "1", 0, 0, NULL},
    {0},
};

static void bind_alpha(Writer *w, const Node *n)
{
    const EluAttrs *a = n->attrs;
    writer_bind_real(w, "alpha", a->alpha);
}

static void elu_plain(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_forward(w, n, "$x <= 0 ? $alpha * $expm1($x) : $x");
}

static void elu_emit(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_emit(w, n, "nn_elu", "1, $alpha, ");
}

static int64_t elu_flops(const Node *n) { return elementwise_cost(n, 3); }

static void elu_grad_y_plain(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_backward(w, n, "$y > 0 ? $dy : $dy * ($y + $alpha)");
}

static void elu_grad_y_emit(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_emit(w, n, "nn_elu_grad", "1, $alpha, ");
}

static void elu_grad_x_plain(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_backward(w, n, "$x > 0 ? $dy : $dy * $alpha * $exp($x)");
}

static void elu_grad_x_emit(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_emit(w, n, "nn_elu_grad_x", "$alpha, ");
}

static const Variant elu_gradient_y_variants[] = {{.name = "simd",
                                                   .layouts = IN_ANY_LAYOUT,
                                                   .traits = VARIANT_ANY_BATCH,
                                                   .emit = elu_grad_y_emit,
                                                   .kernel = "activation"},
                                                  {0}};

static const Op elu_gradient_y = {
    .name = "elu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = elu_grad_y_plain,
    .variants = elu_gradient_y_variants,
};

static const Variant elu_gradient_x_variants[] = {{.name = "simd",
                                                   .layouts = IN_ANY_LAYOUT,
                                                   .traits = VARIANT_ANY_BATCH,
                                                   .emit = elu_grad_x_emit,
                                                   .kernel = "activation"},
                                                  {0}};

static const Op elu_gradient_x = {
    .name = "elu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = elu_grad_x_plain,
    .variants = elu_gradient_x_variants,
};

static void elu_grad(Backward *b, const Node *n)
{
    const EluAttrs *a = n->attrs;
    elementwise_grad(b, n, a->alpha >= 0 ? &elu_gradient_y : &elu_gradient_x);
}

static const Variant elu_variants[] = {
    {.name = "simd", .layouts = IN_ANY_LAYOUT, .traits = VARIANT_ANY_BATCH, .emit = elu_emit, .kernel = "activation"},
    {0}};

const Op op_elu = {
    .name = "elu",
    .summary = "exponential linear unit",
    .formula = "y = x > 0 ? x : alpha * (exp(x) - 1)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = elu_attrs,
    .attrs_size = sizeof(EluAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .flops = elu_flops,
    .grad = elu_grad,
    .plain = elu_plain,
    .variants = elu_variants,
};
