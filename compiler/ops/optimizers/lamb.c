/*
 * lamb: Adam's step, as long for each parameter as the parameter is (You et al., "Large
 * Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2020, algorithm 2).
 *
 *   m ← beta1 · m + (1 − beta1) · g;   v ← beta2 · v + (1 − beta2) · g²
 *   r = (m / (1 − beta1^t)) / (sqrt(v / (1 − beta2^t)) + eps) + weight_decay · w
 *   w ← w − lr · ‖w‖ / ‖r‖ · r,   t = 1, 2, …
 *
 * The norms are of the whole parameter; where one of them is 0 their ratio counts as 1.
 * g is the gradient, m the state exp_avg, v exp_avg_sq.
 */
#include "ops/shared/optimizer.h"

static const Attr lamb_attrs[] = {
    {"lr", ATTR_REAL, offsetof(AdamAttrs, lr), "1e-3", 0, OPTIMIZER_MAX, NULL},
    {"beta1", ATTR_REAL, offsetof(AdamAttrs, beta1), "0.9", 0, OPTIMIZER_BETA_MAX, NULL},
    {"beta2", ATTR_REAL, offsetof(AdamAttrs, beta2), "0.999", 0, OPTIMIZER_BETA_MAX, NULL},
    {"eps", ATTR_REAL, offsetof(AdamAttrs, eps), "1e-6", 0, OPTIMIZER_MAX, NULL},
    {"weight_decay", ATTR_REAL, offsetof(AdamAttrs, weight_decay), "0.01", 0, OPTIMIZER_MAX, NULL},
    {0},
};

/* r of element k, from the moments that are there. */
static const char direction[] =
    "const $real r = exp_avg[k] / correction1 / ($sqrt(exp_avg_sq[k]) / root + $eps) + $shrink * param[k];";

static void lamb_plain(Writer *w, const Node *n)
{
    const AdamAttrs *a = n->attrs;
    optimizer_bind_beta(w, "beta1", "rest1", a->beta1);
    optimizer_bind_beta(w, "beta2", "rest2", a->beta2);
    writer_bind_real(w, "eps", a->eps);
    writer_bind_real(w, "shrink", a->weight_decay);
    adam_corrections(w, a->beta1, a->beta2);
    writer_put(w, "const $real root = $sqrt(correction2);\n"
                  "$real weights = 0;\n"
                  "$real steps = 0;\n");
    optimizer_open(w, n, 0);
    writer_put(w, "exp_avg[k] = $beta1 * exp_avg[k] + $rest1 * g;\n"
                  "exp_avg_sq[k] = $beta2 * exp_avg_sq[k] + $rest2 * g * g;\n");
    writer_put(w, direction);
    writer_put(w, "weights += param[k] * param[k];\n"
                  "steps += r * r;\n");
    optimizer_close(w);
    writer_put(w, "const $real ratio = weights > 0 && steps > 0 ? $sqrt(weights) / $sqrt(steps) : 1;\n"
                  "for ($int k = 0; k < $elements; k++) {\n");
    writer_put(w, direction);
    writer_put(w, "    param[k] -= $lr * ratio * r;\n"
                  "}\n");
}

const Op op_lamb = {
    .name = "lamb",
    .summary = "adam's step, scaled to the norm of each parameter",
    .formula = "w -= lr * |w| / |r| * r, r adam's step plus weight_decay * w",
    .class = OP_OPTIMIZER,
    .uses = USES_LR | USES_STEP,
    .attrs = lamb_attrs,
    .attrs_size = sizeof(AdamAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4 | 8,
    .states = adam_states,
    .plain = lamb_plain,
};
