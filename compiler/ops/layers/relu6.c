/*
 * relu6: y = min(max(x, 0), 6) (Krizhevsky, Convolutional Deep Belief Networks
 * on CIFAR-10, 2010; MobileNet).
 *
 * NaN passes through, as in PyTorch; the gradient there, at 0 and at 6 is 0.
 * The output is its own mask.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void relu6_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x < 0 ? 0 : $x > 6 ? 6 : $x"); }

static void relu6_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_relu6", ""); }

static int64_t relu6_flops(const Node *n) { return elementwise_cost(n, 2); }

static void relu6_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "$y > 0 && $y < 6 ? $dy : 0"); }

static void relu6_grad_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_relu6_grad", ""); }

static const Variant relu6_gradient_variants[] = {{.name = "simd",
                                                   .layouts = IN_ANY_LAYOUT,
                                                   .dtypes = OF_F32 | OF_BF16,
                                                   .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                   .emit = relu6_grad_emit,
                                                   .kernel = "piecewise"},
                                                  {0}};

static const Op relu6_gradient = {
    .name = "relu6.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = relu6_grad_plain,
    .variants = relu6_gradient_variants,
};

static void relu6_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &relu6_gradient); }

static const Variant relu6_variants[] = {{.name = "simd",
                                          .layouts = IN_ANY_LAYOUT,
                                          .dtypes = OF_F32 | OF_BF16,
                                          .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                          .emit = relu6_emit,
                                          .kernel = "piecewise"},
                                         {0}};

static void relu6_clamp(const Node *n, double bounds[2])
{
    (void)n;
    bounds[0] = 0;
    bounds[1] = 6;
}

const Op op_relu6 = {
    .name = "relu6",
    .summary = "rectified linear unit, cut off at 6",
    .formula = "y = min(max(x, 0), 6)",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_RECTIFIES,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
    .flops = relu6_flops,
    .grad = relu6_grad,
    .plain = relu6_plain,
    .quantize = quantized_function,
    .clamp = relu6_clamp,
    .epilogue = EPILOGUE_RELU6,
    .variants = relu6_variants,
};
