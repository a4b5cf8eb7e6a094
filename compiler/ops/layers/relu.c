/*
 * relu: y = max(x, 0).
 *
 * NaN passes through, as in PyTorch, and lets the gradient pass; the gradient at 0
 * is 0.  Backward needs only the output: it is its own mask.
 */
#include <math.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void relu_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x < 0 ? 0 : $x"); }

static void relu_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_relu", ""); }

static void relu_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$y <= 0 ? 0 : $dy"); }

static void relu_grad_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_relu_grad", ""); }

static const Variant relu_gradient_variants[] = {
    {.name = "simd",
     .layouts = IN_ANY_LAYOUT,
     .dtypes = OF_F32 | OF_BF16,
     .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
     .emit = relu_grad_emit,
     .kernel = "piecewise"},
    {0},
};

static const Op relu_gradient = {
    .name = "relu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = relu_grad_plain,
    .variants = relu_gradient_variants,
};

static void relu_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &relu_gradient); }

static const Variant relu_variants[] = {
    {.name = "simd",
     .layouts = IN_ANY_LAYOUT,
     .dtypes = OF_F32 | OF_BF16,
     .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
     .emit = relu_emit,
     .kernel = "piecewise"},
    {0},
};

static void relu_clamp(const Node *n, double bounds[2])
{
    (void)n;
    bounds[0] = 0;
    bounds[1] = INFINITY;
}

const Op op_relu = {
    .name = "relu",
    .summary = "rectified linear unit",
    .formula = "y = max(x, 0)",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_RECTIFIES,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .derivative = "y > 0 ? 1 : 0",
    .slope = slope_one,
    .grad = relu_grad,
    .plain = relu_plain,
    .quantize = quantized_function,
    .clamp = relu_clamp,
    .epilogue = EPILOGUE_RELU,
    .variants = relu_variants,
};
