/*
 * silu: y = x · σ(x), σ the logistic function (Elfwing, Uchibe and Doya 2018;
 * also called swish).
 *
 *   dx = dy · s · (1 + x · (1 − s)),  s = σ(x)
 *
 * The function is not monotonic, so the gradient needs the input.  −inf gives
 * NaN, as the same formula does in PyTorch.
 */
#include <math.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"

static void silu_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x / (1 + $exp(-$x))"); }

static void silu_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_silu", ""); }

static int64_t silu_flops(const Node *n) { return elementwise_cost(n, 4); }

static void silu_grad_plain(Writer *w, const Node *n)
{
    elementwise_lines(w, n,
                      "const $real s = 1 / (1 + $exp(-$x));\n"
                      "$dx = $dy * s * (1 + $x * (1 - s));\n");
}

static void silu_grad_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_silu_grad", ""); }

static const Variant silu_gradient_variants[] = {{.name = "simd",
                                                  .layouts = IN_ANY_LAYOUT,
                                                  .dtypes = OF_F32 | OF_BF16,
                                                  .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                  .emit = silu_grad_emit,
                                                  .kernel = "activation"},
                                                 {0}};

static const Op silu_gradient = {
    .name = "silu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = silu_grad_plain,
    .variants = silu_gradient_variants,
};

static void silu_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &silu_gradient); }

static const Variant silu_variants[] = {{.name = "simd",
                                         .layouts = IN_ANY_LAYOUT,
                                         .dtypes = OF_F32 | OF_BF16,
                                         .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                         .emit = silu_emit,
                                         .kernel = "activation"},
                                        {0}};

/* Where x · tanh(x / 2) = 2, at 2.3994. */
static double silu_slope(const Node *n)
{
    (void)n;
    return 1.099839320128867;
}

static double silu_value(const Node *n, double x)
{
    (void)n;
    return x / (1 + exp(-x));
}

const Op op_silu = {
    .name = "silu",
    .summary = "sigmoid linear unit (swish)",
    .formula = "y = x / (1 + exp(-x))",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = silu_slope,
    .flops = silu_flops,
    .grad = silu_grad,
    .plain = silu_plain,
    .quantize = quantized_function,
    .value = silu_value,
    .variants = silu_variants,
};
