/*
 * hardswish: y = x · min(max(x + 3, 0), 6) / 6 (Howard et al., Searching for
 * MobileNetV3, 2019).
 *
 *   dx = 0 for x ≤ −3, dy for x ≥ 3, dy · (x / 3 + 1/2) between
 *
 * The function is not monotonic, so the gradient needs the input.  NaN
 * passes through, and makes the gradient NaN.
 */
#include <math.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void hardswish_plain(Writer *w, const Node *n)
{
    elementwise_lines(w, n,
                      "const $real gate = $x + 3;\n"
                      "$y = $x * (gate < 0 ? 0 : gate > 6 ? 6 : gate) / 6;\n");
}

static void hardswish_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_hardswish", ""); }

static int64_t hardswish_flops(const Node *n) { return elementwise_cost(n, 5); }

static void hardswish_grad_plain(Writer *w, const Node *n)
{
    writer_bind_real(w, "half", 0.5);
    elementwise_backward(w, n, "$x <= -3 ? 0 : $x >= 3 ? $dy : $dy * ($x / 3 + $half)");
}

static void hardswish_grad_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_hardswish_grad", ""); }

static const Variant hardswish_gradient_variants[] = {{.name = "simd",
                                                       .layouts = IN_ANY_LAYOUT,
                                                       .dtypes = OF_F32 | OF_BF16,
                                                       .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                       .emit = hardswish_grad_emit,
                                                       .kernel = "piecewise"},
                                                      {0}};

static const Op hardswish_gradient = {
    .name = "hardswish.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = hardswish_grad_plain,
    .variants = hardswish_gradient_variants,
};

static void hardswish_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &hardswish_gradient); }

static const Variant hardswish_variants[] = {{.name = "simd",
                                              .layouts = IN_ANY_LAYOUT,
                                              .dtypes = OF_F32 | OF_BF16,
                                              .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                              .emit = hardswish_emit,
                                              .kernel = "piecewise"},
                                             {0}};

/* At 3, from the left. */
static double hardswish_slope(const Node *n)
{
    (void)n;
    return 1.5;
}

static double hardswish_value(const Node *n, double x)
{
    (void)n;
    return x * fmin(fmax(x + 3, 0), 6) / 6;
}

const Op op_hardswish = {
    .name = "hardswish",
    .summary = "silu made of straight lines and a parabola",
    .formula = "y = x * min(max(x + 3, 0), 6) / 6",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_RECTIFIES,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = hardswish_slope,
    .flops = hardswish_flops,
    .grad = hardswish_grad,
    .plain = hardswish_plain,
    .quantize = quantized_function,
    .value = hardswish_value,
    .variants = hardswish_variants,
};
