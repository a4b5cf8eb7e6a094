/*
 * silu: y = x · σ(x), σ the logistic function (Elfwing, Uchibe and Doya 2018;
 * also called swish).
 *
 *   dx = dy · s · (1 + x · (1 − s)),  s = σ(x)
 *
 * The function is not monotonic, so the gradient needs the input.  −inf gives
 * NaN, as the same formula does in PyTorch.
 */
#include "ops/elementwise.h"

static void silu_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x / (1 + $exp(-$x))"); }

static bool silu_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_silu", ""); }

static int64_t silu_flops(const Node *n) { return elementwise_cost(n, 4); }

static void silu_grad_plain(Writer *w, const Node *n)
{
    elementwise_lines(w, n,
                      "const $real s = 1 / (1 + $exp(-$x));\n"
                      "$dx = $dy * s * (1 + $x * (1 - s));\n");
}

static bool silu_grad_fast(Writer *w, const Node *n) { return elementwise_fast(w, n, "nn_silu_grad", ""); }

static const Op silu_gradient = {
    .name = "silu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = silu_grad_plain,
    .fast = silu_grad_fast,
    .kernel = "activation",
};

static void silu_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &silu_gradient); }

const Op op_silu = {
    .name = "silu",
    .summary = "sigmoid linear unit (swish)",
    .formula = "y = x / (1 + exp(-x))",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_FAST_SAMPLES | OP_POINTWISE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .flops = silu_flops,
    .grad = silu_grad,
    .plain = silu_plain,
    .fast = silu_fast,
    .kernel = "activation",
};
