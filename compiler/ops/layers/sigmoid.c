/*
 * sigmoid: y = 1 / (1 + exp(−x)).
 *
 * Where exp(−x) overflows, the quotient is 0, as it should be: no case is
 * needed.  dx = dy · y · (1 − y) is written in the output.
 */
#include <math.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void sigmoid_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "1 / (1 + $exp(-$x))"); }

static void sigmoid_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_sigmoid", ""); }

static int64_t sigmoid_flops(const Node *n) { return elementwise_cost(n, 4); }

static void sigmoid_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$dy * $y * (1 - $y)"); }

static void sigmoid_grad_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_sigmoid_grad", ""); }

static const Variant sigmoid_gradient_variants[] = {{.name = "simd",
                                                     .layouts = IN_ANY_LAYOUT,
                                                     .dtypes = OF_F32 | OF_BF16,
                                                     .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                     .emit = sigmoid_grad_emit,
                                                     .kernel = "activation"},
                                                    {0}};

static const Op sigmoid_gradient = {
    .name = "sigmoid.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = sigmoid_grad_plain,
    .variants = sigmoid_gradient_variants,
};

static void sigmoid_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &sigmoid_gradient); }

static const Variant sigmoid_variants[] = {{.name = "simd",
                                            .layouts = IN_ANY_LAYOUT,
                                            .dtypes = OF_F32 | OF_BF16,
                                            .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                            .emit = sigmoid_emit,
                                            .kernel = "activation"},
                                           {0}};

/* At 0. */
static double sigmoid_slope(const Node *n)
{
    (void)n;
    return 0.25;
}

static double sigmoid_value(const Node *n, double x)
{
    (void)n;
    return 1 / (1 + exp(-x));
}

const Op op_sigmoid = {
    .name = "sigmoid",
    .summary = "logistic function",
    .formula = "y = 1 / (1 + exp(-x))",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .derivative = "y * (1 - y)",
    .slope = sigmoid_slope,
    .saturation = (const double[]){0, 1},
    .flops = sigmoid_flops,
    .grad = sigmoid_grad,
    .plain = sigmoid_plain,
    .quantize = quantized_function,
    .value = sigmoid_value,
    .variants = sigmoid_variants,
};
