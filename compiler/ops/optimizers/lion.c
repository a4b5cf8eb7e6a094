/*
 * lion: steps of one size, in the direction of the sign of an interpolated
 * momentum (Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023).
 *
 *   c = beta1 · m + (1 − beta1) · gradient
 *   w ← w − lr · (sign(c) + weight_decay · w)
 *   m ← beta2 · m + (1 − beta2) · gradient
 *
 * m is the state exp_avg.
 */
#include "ops/shared/optimizer.h"

typedef struct LionAttrs {
    double lr, beta1, beta2, weight_decay;
} LionAttrs;

static const Attr lion_attrs[] = {
    {"lr", ATTR_REAL, offsetof(LionAttrs, lr), "1e-4", 0, OPTIMIZER_MAX, NULL},
    {"beta1", ATTR_REAL, offsetof(LionAttrs, beta1), "0.9", 0, OPTIMIZER_BETA_MAX, NULL},
    {"beta2", ATTR_REAL, offsetof(LionAttrs, beta2), "0.99", 0, OPTIMIZER_BETA_MAX, NULL},
    {"weight_decay", ATTR_REAL, offsetof(LionAttrs, weight_decay), "0", 0, OPTIMIZER_MAX, NULL},
    {0},
};

static void lion_states(Graph *g, Node *n) { node_state(g, n, "exp_avg", 0); }

static void lion_plain(Writer *w, const Node *n)
{
    const LionAttrs *a = n->attrs;
    optimizer_bind_beta(w, "beta1", "rest1", a->beta1);
    optimizer_bind_beta(w, "beta2", "rest2", a->beta2);
    writer_bind_real(w, "shrink", a->weight_decay);
    optimizer_open(w, n, 0);
    writer_put(w, "const $real c = $beta1 * exp_avg[k] + $rest1 * g;\n"
                  "const $real sign = ($real)((c > 0) - (c < 0));\n");
    bool shrinks = a->weight_decay != 0;
    writer_put(w, shrinks ? "param[k] -= $lr * (sign + $shrink * param[k]);" : "param[k] -= $lr * sign;");
    writer_put(w, "exp_avg[k] = $beta2 * exp_avg[k] + $rest2 * g;");
    optimizer_close(w);
}

static void lion_emit(Writer *w, const Node *n)
{
    const LionAttrs *a = n->attrs;
    optimizer_bind(w, n, 0);
    optimizer_bind_beta(w, "beta1", "rest1", a->beta1);
    optimizer_bind_beta(w, "beta2", "rest2", a->beta2);
    writer_bind_real(w, "shrink", a->weight_decay);
    writer_put(w, "static const nn_lion rule = {.beta1 = $beta1, .rest1 = $rest1, "
                  ".beta2 = $beta2, .rest2 = $rest2, .shrink = $shrink};\n" OPTIMIZER_UPDATE
                  "nn_lion_step(&rule, &update, exp_avg, $t, $T);\n");
}

static const Variant lion_variants[] = {{.name = "simd", .layouts = IN_NCHW, .emit = lion_emit, .kernel = "optimizer"},
                                        {0}};

const Op op_lion = {
    .name = "lion",
    .summary = "steps of one size along the sign of the momentum",
    .formula = "w -= lr * (sign(beta1 * m + (1 - beta1) * g) + weight_decay * w)",
    .class = OP_OPTIMIZER,
    .traits = OP_SPLITTABLE,
    .uses = USES_LR,
    .attrs = lion_attrs,
    .attrs_size = sizeof(LionAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4,
    .states = lion_states,
    .plain = lion_plain,
    .variants = lion_variants,
};
