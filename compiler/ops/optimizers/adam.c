/*
 * adam: steps by a running mean of the gradient over the root of a running mean
 * of its square (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015).
 *
 *   g = gradient + weight_decay · w
 *   m ← beta1 · m + (1 − beta1) · g;   v ← beta2 · v + (1 − beta2) · g²
 *   w ← w − lr · (m / (1 − beta1^t)) / (sqrt(v / (1 − beta2^t)) + eps),  t = 1, 2, …
 *
 * m is the state exp_avg, v exp_avg_sq.  With amsgrad the largest v so far, the state
 * max_exp_avg_sq, is in the place of v (Reddi, Kale and Kumar, "On the Convergence of Adam
 * and Beyond", 2018).  In the cycled form beta1 is the momentum of the model.
 */
#include "ops/shared/optimizer.h"

static const Attr adam_attrs[] = {
    {"lr", ATTR_REAL, offsetof(AdamAttrs, lr), "1e-3", 0, OPTIMIZER_MAX, NULL},
    {"beta1", ATTR_REAL, offsetof(AdamAttrs, beta1), "0.9", 0, OPTIMIZER_BETA_MAX, NULL},
    {"beta2", ATTR_REAL, offsetof(AdamAttrs, beta2), "0.999", 0, OPTIMIZER_BETA_MAX, NULL},
    {"eps", ATTR_REAL, offsetof(AdamAttrs, eps), "1e-8", 0, OPTIMIZER_MAX, NULL},
    {"weight_decay", ATTR_REAL, offsetof(AdamAttrs, weight_decay), "0", 0, OPTIMIZER_MAX, NULL},
    {"amsgrad", ATTR_BOOL, offsetof(AdamAttrs, amsgrad), "no", 0, 0, NULL},
    {0},
};

static void adam_plain(Writer *w, const Node *n)
{
    const AdamAttrs *a = n->attrs;
    adam_step(w, n, a->weight_decay, NULL);
}

static void adam_emit(Writer *w, const Node *n)
{
    const AdamAttrs *a = n->attrs;
    adam_emit_step(w, n, a->weight_decay, 0);
}

static const Variant adam_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .refuses = adam_refusal, .emit = adam_emit, .kernel = "optimizer"}, {0}};

static const Op adam_cycled = {
    .name = "adam.cycled",
    .class = OP_OPTIMIZER,
    .traits = OP_SPLITTABLE,
    .uses = USES_LR | USES_STEP | USES_MOMENTUM,
    .attrs = adam_attrs,
    .attrs_size = sizeof(AdamAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4 | 8 | 16,
    .states = adam_states,
    .plain = adam_plain,
    .variants = adam_variants,
};

const Op op_adam = {
    .name = "adam",
    .summary = "steps scaled by running moments of the gradient",
    .formula = "w -= lr * m / (sqrt(v) + eps), m and v corrected means of g and g^2",
    .class = OP_OPTIMIZER,
    .traits = OP_SPLITTABLE,
    .uses = USES_LR | USES_STEP,
    .attrs = adam_attrs,
    .attrs_size = sizeof(AdamAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4 | 8 | 16,
    .states = adam_states,
    .cycled = &adam_cycled,
    .plain = adam_plain,
    .variants = adam_variants,
};
