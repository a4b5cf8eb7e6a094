/*
 * threshold: y = x for x > value, replace otherwise.
 *
 * NaN passes through, as in PyTorch (whose names for the two are threshold and
 * value).  With replace ≤ value the output is its own mask; otherwise the
 * gradient takes the input.
 */
#include "ops/shared/elementwise.h"

typedef struct ThresholdAttrs {
    double value, replace;
} ThresholdAttrs;

static const Attr threshold_attrs[] = {
    {"value", ATTR_REAL, offsetof(ThresholdAttrs, value), NULL, 0, 0, NULL},
    {"replace", ATTR_REAL, offsetof(ThresholdAttrs, replace), NULL, 0, 0, NULL},
    {0},
};

static void bind_values(Writer *w, const Node *n)
{
    const ThresholdAttrs *a = n->attrs;
    writer_bind_real(w, "value", a->value);
    writer_bind_real(w, "replace", a->replace);
}

static void threshold_plain(Writer *w, const Node *n)
{
    bind_values(w, n);
    elementwise_forward(w, n, "$x <= $value ? $replace : $x");
}

static void threshold_emit(Writer *w, const Node *n)
{
    bind_values(w, n);
    elementwise_emit_params(w, n, "nn_threshold",
                            "static const nn_threshold_params params = {.value = $value, .replace = $replace};");
}

static void threshold_grad_y_plain(Writer *w, const Node *n)
{
    bind_values(w, n);
    elementwise_backward(w, n, "$y <= $value ? 0 : $dy");
}

static void threshold_grad_y_emit(Writer *w, const Node *n)
{
    bind_values(w, n);
    elementwise_emit(w, n, "nn_threshold_grad", "$value, ");
}

static void threshold_grad_x_plain(Writer *w, const Node *n)
{
    bind_values(w, n);
    elementwise_backward(w, n, "$x <= $value ? 0 : $dy");
}

static void threshold_grad_x_emit(Writer *w, const Node *n)
{
    bind_values(w, n);
    elementwise_emit(w, n, "nn_threshold_grad", "$value, ");
}

static const Variant threshold_gradient_y_variants[] = {{.name = "simd",
                                                         .layouts = IN_ANY_LAYOUT,
                                                         .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                         .emit = threshold_grad_y_emit,
                                                         .kernel = "piecewise"},
                                                        {0}};

static const Op threshold_gradient_y = {
    .name = "threshold.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = threshold_grad_y_plain,
    .variants = threshold_gradient_y_variants,
};

static const Variant threshold_gradient_x_variants[] = {{.name = "simd",
                                                         .layouts = IN_ANY_LAYOUT,
                                                         .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                         .emit = threshold_grad_x_emit,
                                                         .kernel = "piecewise"},
                                                        {0}};

static const Op threshold_gradient_x = {
    .name = "threshold.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = threshold_grad_x_plain,
    .variants = threshold_gradient_x_variants,
};

static void threshold_grad(Backward *b, const Node *n)
{
    const ThresholdAttrs *a = n->attrs;
    elementwise_grad(b, n, (float)a->replace <= (float)a->value ? &threshold_gradient_y : &threshold_gradient_x);
}

static const Variant threshold_variants[] = {{.name = "simd",
                                              .layouts = IN_ANY_LAYOUT,
                                              .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                              .emit = threshold_emit,
                                              .kernel = "piecewise"},
                                             {0}};

const Op op_threshold = {
    .name = "threshold",
    .summary = "replaces what is not above a value",
    .formula = "y = x > value ? x : replace",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = threshold_attrs,
    .attrs_size = sizeof(ThresholdAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
    .grad = threshold_grad,
    .plain = threshold_plain,
    .variants = threshold_variants,
};
