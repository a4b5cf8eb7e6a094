/*
 * erf: y = erf(x) = 2/√π · ∫₀ˣ exp(−t²) dt.
 *
 *   dx = dy · 2/√π · exp(−x²)
 */
#include "ops/shared/elementwise.h"

static void erf_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$erf($x)"); }

static void erf_grad_plain(Writer *w, const Node *n)
{
    writer_bind_real(w, "factor", 1.12837916709551257390); /* 2 / √π */
    elementwise_backward(w, n, "$dy * $factor * $exp(-$x * $x)");
}

static const Op erf_gradient = {
    .name = "erf.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = erf_grad_plain,
};

static void erf_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &erf_gradient); }

/* 2 / √π, at 0. */
static double erf_slope(const Node *n)
{
    (void)n;
    return 1.1283791670955126;
}

const Op op_erf = {
    .name = "erf",
    .summary = "error function",
    .formula = "y = erf(x)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = erf_slope,
    .saturation = (const double[]){-1, 1},
    .grad = erf_grad,
    .plain = erf_plain,
};
