/*
 * hardsigmoid: y = min(max(x + 3, 0), 6) / 6, the logistic function as three
 * straight lines.
 *
 * dx = dy / 6 where 0 < y < 1, else 0: the output is its own mask.
 */
#include <math.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void hardsigmoid_plain(Writer *w, const Node *n)
{
    elementwise_lines(w, n,
                      "const $real gate = $x + 3;\n"
                      "$y = (gate < 0 ? 0 : gate > 6 ? 6 : gate) / 6;\n");
}

static void hardsigmoid_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_hardsigmoid", ""); }

static int64_t hardsigmoid_flops(const Node *n) { return elementwise_cost(n, 4); }

static void hardsigmoid_grad_plain(Writer *w, const Node *n)
{
    elementwise_backward(w, n, "$y > 0 && $y < 1 ? $dy / 6 : 0");
}

static void hardsigmoid_grad_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_hardsigmoid_grad", ""); }

static const Variant hardsigmoid_gradient_variants[] = {{.name = "simd",
                                                         .layouts = IN_ANY_LAYOUT,
                                                         .dtypes = OF_F32 | OF_BF16,
                                                         .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                         .emit = hardsigmoid_grad_emit,
                                                         .kernel = "piecewise"},
                                                        {0}};

static const Op hardsigmoid_gradient = {
    .name = "hardsigmoid.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = hardsigmoid_grad_plain,
    .variants = hardsigmoid_gradient_variants,
};

static void hardsigmoid_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &hardsigmoid_gradient); }

static const Variant hardsigmoid_variants[] = {{.name = "simd",
                                                .layouts = IN_ANY_LAYOUT,
                                                .dtypes = OF_F32 | OF_BF16,
                                                .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                .emit = hardsigmoid_emit,
                                                .kernel = "piecewise"},
                                               {0}};

static double hardsigmoid_slope(const Node *n)
{
    (void)n;
    return 1.0 / 6;
}

static double hardsigmoid_value(const Node *n, double x)
{
    (void)n;
    return fmin(fmax(x + 3, 0), 6) / 6;
}

const Op op_hardsigmoid = {
    .name = "hardsigmoid",
    .summary = "logistic function made of straight lines",
    .formula = "y = min(max(x + 3, 0), 6) / 6",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = hardsigmoid_slope,
    .saturation = (const double[]){0, 1},
    .flops = hardsigmoid_flops,
    .grad = hardsigmoid_grad,
    .plain = hardsigmoid_plain,
    .quantize = quantized_function,
    .value = hardsigmoid_value,
    .variants = hardsigmoid_variants,
};
