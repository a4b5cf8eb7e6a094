/*
 * softplus: y = log(1 + exp(x)).
 *
 * Above 20 the function is x to the last digit of a float, and exp(x) would
 * overflow before long; PyTorch has the same threshold.  The derivative is the
 * logistic function, which is 1 − exp(−y): the output is enough, and expm1 keeps
 * the digits of small y.
 */
#include "ops/shared/elementwise.h"

static void softplus_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x > 20 ? $x : $log1p($exp($x))"); }

static void softplus_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_softplus", ""); }

static int64_t softplus_flops(const Node *n) { return elementwise_cost(n, 4); }

static void softplus_grad_plain(Writer *w, const Node *n)
{
    elementwise_backward(w, n, "$y > 20 ? $dy : -$dy * $expm1(-$y)");
}

static void softplus_grad_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_softplus_grad", ""); }

static const Variant softplus_gradient_variants[] = {{.name = "simd",
                                                      .layouts = IN_ANY_LAYOUT,
                                                      .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                      .emit = softplus_grad_emit,
                                                      .kernel = "activation"},
                                                     {0}};

static const Op softplus_gradient = {
    .name = "softplus.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = softplus_grad_plain,
    .variants = softplus_gradient_variants,
};

static void softplus_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &softplus_gradient); }

static const Variant softplus_variants[] = {{.name = "simd",
                                             .layouts = IN_ANY_LAYOUT,
                                             .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                             .emit = softplus_emit,
                                             .kernel = "activation"},
                                            {0}};

const Op op_softplus = {
    .name = "softplus",
    .summary = "smooth form of relu",
    .formula = "y = log(1 + exp(x))",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
    .flops = softplus_flops,
    .grad = softplus_grad,
    .plain = softplus_plain,
    .variants = softplus_variants,
};
