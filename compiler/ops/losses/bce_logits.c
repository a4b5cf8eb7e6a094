/*
 * bce_logits: binary cross entropy of σ(s) against targets t in 0 … 1, from the
 * scores s before the logistic function σ:
 *
 *   L = mean of (1 − t) · s − log σ(s),  log σ(s) = min(s, 0) − log(1 + exp(−|s|))
 *   ds = (σ(s) − t) / elements
 *
 * In this form nothing overflows and nothing is lost for large |s|.
 */
#include "ops/shared/losses.h"

static void bce_logits_plain(Writer *w, const Node *n)
{
    loss_values(w, n, "total += (1 - $t) * $s - ($s < 0 ? $s : 0) + $log1p($exp(-$fabs($s)));");
}

static int64_t bce_logits_flops(const Node *n) { return loss_cost(n, 10); }

static void bce_logits_grad_plain(Writer *w, const Node *n)
{
    loss_values_gradient(w, n, "$ds = part * (1 / (1 + $exp(-$s)) - $t);");
}

static const Op bce_logits_gradient = {
    .name = "bce_logits.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = loss_in,
    .out = loss_gradient_out,
    .plain = bce_logits_grad_plain,
};

static void bce_logits_grad(Backward *b, const Node *n) { loss_grad(b, n, &bce_logits_gradient); }

const Op op_bce_logits = {
    .name = "bce_logits",
    .summary = "binary cross entropy of scores",
    .formula = "L = mean((1 - t) * s + log(1 + exp(-s)))",
    .class = OP_LOSS,
    .meaning = OUTPUT_EACH_LOGIT,
    .uses = USES_COUNT,
    .in = loss_in,
    .out = loss_out,
    .shape = loss_values_shape,
    .flops = bce_logits_flops,
    .grad = bce_logits_grad,
    .plain = bce_logits_plain,
};
