/*
 * mse: L = mean of (s − t)² over samples and elements.
 *
 *   ds = 2 · (s − t) / elements
 */
#include "ops/shared/losses.h"

static void mse_plain(Writer *w, const Node *n)
{
    loss_values(w, n,
                "const $real d = $s - $t;\n"
                "total += d * d;\n");
}

static int64_t mse_flops(const Node *n) { return loss_cost(n, 3); }

static void mse_grad_plain(Writer *w, const Node *n) { loss_values_gradient(w, n, "$ds = part * 2 * ($s - $t);"); }

static const Op mse_gradient = {
    .name = "mse.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = loss_in,
    .out = loss_gradient_out,
    .plain = mse_grad_plain,
};

static void mse_grad(Backward *b, const Node *n) { loss_grad(b, n, &mse_gradient); }

const Op op_mse = {
    .name = "mse",
    .summary = "mean squared error",
    .formula = "L = mean((s - t)^2)",
    .class = OP_LOSS,
    .uses = USES_COUNT,
    .in = loss_in,
    .out = loss_out,
    .shape = loss_values_shape,
    .flops = mse_flops,
    .grad = mse_grad,
    .plain = mse_plain,
};
