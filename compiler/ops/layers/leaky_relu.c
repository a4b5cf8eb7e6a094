/*
 * leaky_relu: y = x for x > 0, slope · x otherwise (Maas, Hannun and Ng 2013).
 *
 * With slope ≥ 0 the output is positive exactly where the input is, so the
 * output is the gradient's mask; a negative slope folds the line and the
 * gradient takes the input.
 */
#include <math.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

typedef struct LeakyReluAttrs {
    double slope;
} LeakyReluAttrs;

static const Attr leaky_relu_attrs[] = {
    {"slope", ATTR_REAL, offsetof(LeakyReluAttrs, slope), "0.01", 0, 0, NULL},
    {0},
};

static void bind_slope(Writer *w, const Node *n)
{
    const LeakyReluAttrs *a = n->attrs;
    writer_bind_real(w, "slope", a->slope);
}

static void leaky_relu_plain(Writer *w, const Node *n)
{
    bind_slope(w, n);
    elementwise_forward(w, n, "$x > 0 ? $x : $slope * $x");
}

static void leaky_relu_emit(Writer *w, const Node *n)
{
    bind_slope(w, n);
    elementwise_emit(w, n, "nn_leaky_relu", "$slope, ");
}

static int64_t leaky_relu_flops(const Node *n) { return elementwise_cost(n, 2); }

static void leaky_relu_grad_y_plain(Writer *w, const Node *n)
{
    bind_slope(w, n);
    elementwise_backward(w, n, "$y > 0 ? $dy : $slope * $dy");
}

static void leaky_relu_grad_y_emit(Writer *w, const Node *n)
{
    bind_slope(w, n);
    elementwise_emit(w, n, "nn_leaky_relu_grad", "$slope, ");
}

static void leaky_relu_grad_x_plain(Writer *w, const Node *n)
{
    bind_slope(w, n);
    elementwise_backward(w, n, "$x > 0 ? $dy : $slope * $dy");
}

static void leaky_relu_grad_x_emit(Writer *w, const Node *n)
{
    bind_slope(w, n);
    elementwise_emit(w, n, "nn_leaky_relu_grad", "$slope, ");
}

static const Variant leaky_relu_gradient_y_variants[] = {{.name = "simd",
                                                          .layouts = IN_ANY_LAYOUT,
                                                          .dtypes = OF_F32 | OF_BF16,
                                                          .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                          .emit = leaky_relu_grad_y_emit,
                                                          .kernel = "piecewise"},
                                                         {0}};

static const Op leaky_relu_gradient_y = {
    .name = "leaky_relu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = leaky_relu_grad_y_plain,
    .variants = leaky_relu_gradient_y_variants,
};

static const Variant leaky_relu_gradient_x_variants[] = {{.name = "simd",
                                                          .layouts = IN_ANY_LAYOUT,
                                                          .dtypes = OF_F32 | OF_BF16,
                                                          .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                          .emit = leaky_relu_grad_x_emit,
                                                          .kernel = "piecewise"},
                                                         {0}};

static const Op leaky_relu_gradient_x = {
    .name = "leaky_relu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = leaky_relu_grad_x_plain,
    .variants = leaky_relu_gradient_x_variants,
};

static void leaky_relu_grad(Backward *b, const Node *n)
{
    const LeakyReluAttrs *a = n->attrs;
    elementwise_grad(b, n, a->slope >= 0 ? &leaky_relu_gradient_y : &leaky_relu_gradient_x);
}

static const Variant leaky_relu_variants[] = {{.name = "simd",
                                               .layouts = IN_ANY_LAYOUT,
                                               .dtypes = OF_F32 | OF_BF16,
                                               .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                               .emit = leaky_relu_emit,
                                               .kernel = "piecewise"},
                                              {0}};

static double leaky_relu_slope(const Node *n)
{
    const LeakyReluAttrs *a = n->attrs;
    return fmax(1, fabs(a->slope));
}

static double leaky_relu_value(const Node *n, double x)
{
    const LeakyReluAttrs *a = n->attrs;
    return x > 0 ? x : a->slope * x;
}

const Op op_leaky_relu = {
    .name = "leaky_relu",
    .summary = "rectified linear unit with a small slope below 0",
    .formula = "y = x > 0 ? x : slope * x",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = leaky_relu_attrs,
    .attrs_size = sizeof(LeakyReluAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .derivative = "x > 0 ? 1 : slope",
    .slope = leaky_relu_slope,
    .flops = leaky_relu_flops,
    .grad = leaky_relu_grad,
    .plain = leaky_relu_plain,
    .quantize = quantized_function,
    .value = leaky_relu_value,
    .variants = leaky_relu_variants,
};
