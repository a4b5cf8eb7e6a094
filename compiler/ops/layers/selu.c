/*
 * selu: y = s · x for x > 0, s · a · (exp(x) − 1) otherwise (Klambauer et al.,
 * Self-Normalizing Neural Networks, 2017).
 *
 * s and a are the constants for which mean 0 and variance 1 are a fixed point.
 * Where x ≤ 0, y + s·a = s·a·exp(x) is the derivative, so the output is enough.
 * NaN passes through, and makes the gradient NaN.
 */
#include "ops/shared/elementwise.h"

static const double selu_scale = 1.0507009873554804934193349852946;
static const double selu_alpha = 1.6732632423543772848170429916717;

static void selu_bind_constants(Writer *w)
{
    writer_bind_real(w, "above", selu_scale);
    writer_bind_real(w, "below", selu_scale * selu_alpha);
}

static void selu_plain(Writer *w, const Node *n)
{
    selu_bind_constants(w);
    elementwise_forward(w, n, "$x <= 0 ? $below * $expm1($x) : $above * $x");
}

static const char selu_params[] = "static const nn_elu_params params = {.above = $above, .below = $below};";

static void selu_emit(Writer *w, const Node *n)
{
    selu_bind_constants(w);
    elementwise_emit_params(w, n, "nn_elu", selu_params);
}

static int64_t selu_flops(const Node *n) { return elementwise_cost(n, 3); }

static void selu_grad_plain(Writer *w, const Node *n)
{
    selu_bind_constants(w);
    elementwise_backward(w, n, "$y > 0 ? $dy * $above : $dy * ($y + $below)");
}

static void selu_grad_emit(Writer *w, const Node *n)
{
    selu_bind_constants(w);
    elementwise_emit_params(w, n, "nn_elu_grad", selu_params);
}

static const Variant selu_gradient_variants[] = {{.name = "simd",
                                                  .layouts = IN_ANY_LAYOUT,
                                                  .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                  .emit = selu_grad_emit,
                                                  .kernel = "activation"},
                                                 {0}};

static const Op selu_gradient = {
    .name = "selu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = selu_grad_plain,
    .variants = selu_gradient_variants,
};

static void selu_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &selu_gradient); }

static const Variant selu_variants[] = {{.name = "simd",
                                         .layouts = IN_ANY_LAYOUT,
                                         .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                         .emit = selu_emit,
                                         .kernel = "activation"},
                                        {0}};

/* At 0, from the left. */
static double selu_slope(const Node *n)
{
    (void)n;
    return selu_scale * selu_alpha;
}

const Op op_selu = {
    .name = "selu",
    .summary = "self-normalizing exponential linear unit",
    .formula = "y = 1.0507 * (x > 0 ? x : 1.67326 * (exp(x) - 1))",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = selu_slope,
    .flops = selu_flops,
    .grad = selu_grad,
    .plain = selu_plain,
    .variants = selu_variants,
};
