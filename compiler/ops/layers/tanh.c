/*
 * tanh: y = tanh(x), the hyperbolic tangent.
 *
 * dx = dy · (1 − y²) is written in the output.
 */
#include <math.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void tanh_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$tanh($x)"); }

static void tanh_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_tanh", ""); }

static int64_t tanh_flops(const Node *n) { return elementwise_cost(n, 5); /* as (1 − e) / (1 + e) with e = exp(−2x) */ }

static void tanh_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$dy * (1 - $y * $y)"); }

static void tanh_grad_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_tanh_grad", ""); }

static const Variant tanh_gradient_variants[] = {{.name = "simd",
                                                  .layouts = IN_ANY_LAYOUT,
                                                  .dtypes = OF_F32 | OF_BF16,
                                                  .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                  .emit = tanh_grad_emit,
                                                  .kernel = "activation"},
                                                 {0}};

static const Op tanh_gradient = {
    .name = "tanh.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = tanh_grad_plain,
    .variants = tanh_gradient_variants,
};

static void tanh_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &tanh_gradient); }

static const Variant tanh_variants[] = {{.name = "simd",
                                         .layouts = IN_ANY_LAYOUT,
                                         .dtypes = OF_F32 | OF_BF16,
                                         .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                         .emit = tanh_emit,
                                         .kernel = "activation"},
                                        {0}};

static double tanh_value(const Node *n, double x)
{
    (void)n;
    return tanh(x);
}

const Op op_tanh = {
    .name = "tanh",
    .summary = "hyperbolic tangent",
    .formula = "y = tanh(x)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .derivative = "1 - y^2",
    .slope = slope_one,
    .saturation = (const double[]){-1, 1},
    .flops = tanh_flops,
    .grad = tanh_grad,
    .plain = tanh_plain,
    .quantize = quantized_function,
    .value = tanh_value,
    .variants = tanh_variants,
};
