/*
 * nadam: Adam with Nesterov's momentum (Dozat, "Incorporating Nesterov Momentum into
 * Adam", 2016), PyTorch's NAdam.
 *
 *   g = gradient + weight_decay · w
 *   m ← beta1 · m + (1 − beta1) · g;   v ← beta2 · v + (1 − beta2) · g²
 *   mu_t = beta1 · (1 − 0.96^(t · momentum_decay) / 2),   P_t = mu_1 · mu_2 · … · mu_t
 *   w ← w − lr · ((1 − mu_t) / (1 − P_t) · g + mu_{t+1} / (1 − P_{t+1}) · m)
 *                / (sqrt(v / (1 − beta2^t)) + eps),   t = 1, 2, …
 *
 * m is the state exp_avg, v exp_avg_sq, P mu_product, one number.
 */
#include <math.h>

#include "ops/shared/optimizer.h"

typedef struct NadamAttrs {
    double lr, beta1, beta2, eps, weight_decay, momentum_decay;
} NadamAttrs;

static const Attr nadam_attrs[] = {
    {"lr", ATTR_REAL, offsetof(NadamAttrs, lr), "2e-3", 0, OPTIMIZER_MAX, NULL},
    {"beta1", ATTR_REAL, offsetof(NadamAttrs, beta1), "0.9", 0, OPTIMIZER_BETA_MAX, NULL},
    {"beta2", ATTR_REAL, offsetof(NadamAttrs, beta2), "0.999", 0, OPTIMIZER_BETA_MAX, NULL},
    {"eps", ATTR_REAL, offsetof(NadamAttrs, eps), "1e-8", 0, OPTIMIZER_MAX, NULL},
    {"weight_decay", ATTR_REAL, offsetof(NadamAttrs, weight_decay), "0", 0, OPTIMIZER_MAX, NULL},
    {"momentum_decay", ATTR_REAL, offsetof(NadamAttrs, momentum_decay), "4e-3", 0, OPTIMIZER_MAX, NULL},
    {0},
};

static void nadam_states(Graph *g, Node *n)
{
    node_state(g, n, "exp_avg", 0);
    node_state(g, n, "exp_avg_sq", 0);
    node_state_number(g, n, "mu_product", 1);
}

static void nadam_plain(Writer *w, const Node *n)
{
    const NadamAttrs *a = n->attrs;
    optimizer_bind_beta(w, "beta1", "rest1", a->beta1);
    optimizer_bind_beta(w, "beta2", "rest2", a->beta2);
    writer_bind_real(w, "eps", a->eps);
    writer_bind_real(w, "fade", a->momentum_decay * log(0.96));
    writer_bind_real(w, "half", 0.5);
    adam_correction2(w, a->beta2);
    writer_put(w, "const $real mu = $beta1 * (1 - $half * $exp(t * $fade));\n"
                  "const $real mu_next = $beta1 * (1 - $half * $exp((t + 1) * $fade));\n"
                  "const $real product = mu_product[0] * mu;\n"
                  "const $real now = $lr * (1 - mu) / (1 - product);\n"
                  "const $real ahead = $lr * mu_next / (1 - product * mu_next);\n"
                  "const $real root = $sqrt(correction2);\n"
                  "mu_product[0] = product;\n");
    optimizer_open(w, n, a->weight_decay);
    writer_put(w, "exp_avg[k] = $beta1 * exp_avg[k] + $rest1 * g;\n"
                  "exp_avg_sq[k] = $beta2 * exp_avg_sq[k] + $rest2 * g * g;\n"
                  "param[k] -= (now * g + ahead * exp_avg[k]) / ($sqrt(exp_avg_sq[k]) / root + $eps);\n");
    optimizer_close(w);
}

const Op op_nadam = {
    .name = "nadam",
    .summary = "adam with Nesterov's momentum",
    .formula = "adam's step with the momentum of the next step",
    .class = OP_OPTIMIZER,
    .uses = USES_LR | USES_STEP,
    .attrs = nadam_attrs,
    .attrs_size = sizeof(NadamAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4 | 8 | 16,
    .states = nadam_states,
    .plain = nadam_plain,
};
