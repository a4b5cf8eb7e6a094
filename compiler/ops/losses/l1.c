/*
 * l1: L = mean of |s − t| over samples and elements.
 *
 * ds = sign(s − t) / elements, 0 where they are equal, as in PyTorch.
 */
#include "ops/shared/losses.h"

static void l1_plain(Writer *w, const Node *n) { loss_values(w, n, "total += $fabs($s - $t);"); }

static int64_t l1_flops(const Node *n) { return loss_cost(n, 3); }

static void l1_grad_plain(Writer *w, const Node *n)
{
    loss_values_gradient(w, n,
                         "const $real d = $s - $t;\n"
                         "$ds = d > 0 ? part : d < 0 ? -part : 0;\n");
}

static const Op l1_gradient = {
    .name = "l1.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = loss_in,
    .out = loss_gradient_out,
    .plain = l1_grad_plain,
};

static void l1_grad(Backward *b, const Node *n) { loss_grad(b, n, &l1_gradient); }

const Op op_l1 = {
    .name = "l1",
    .summary = "mean absolute error",
    .formula = "L = mean(|s - t|)",
    .class = OP_LOSS,
    .uses = USES_COUNT,
    .in = loss_in,
    .out = loss_out,
    .shape = loss_values_shape,
    .flops = l1_flops,
    .grad = l1_grad,
    .plain = l1_plain,
};
