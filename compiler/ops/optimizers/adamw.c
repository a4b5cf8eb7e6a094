/*
 * adamw: Adam with the weight decay apart from the gradient (Loshchilov and
 * Hutter, "Decoupled Weight Decay Regularization", 2019).
 *
 *   w ← w − lr · weight_decay · w, then Adam's step with g = gradient
 */
#include "ops/shared/optimizer.h"

static const Attr adamw_attrs[] = {
    {"lr", ATTR_REAL, offsetof(AdamAttrs, lr), "1e-3", 0, OPTIMIZER_MAX, NULL},
    {"beta1", ATTR_REAL, offsetof(AdamAttrs, beta1), "0.9", 0, OPTIMIZER_BETA_MAX, NULL},
    {"beta2", ATTR_REAL, offsetof(AdamAttrs, beta2), "0.999", 0, OPTIMIZER_BETA_MAX, NULL},
    {"eps", ATTR_REAL, offsetof(AdamAttrs, eps), "1e-8", 0, OPTIMIZER_MAX, NULL},
    {"weight_decay", ATTR_REAL, offsetof(AdamAttrs, weight_decay), "0.01", 0, OPTIMIZER_MAX, NULL},
    {"amsgrad", ATTR_BOOL, offsetof(AdamAttrs, amsgrad), "no", 0, 0, NULL},
    {0},
};

static void adamw_plain(Writer *w, const Node *n)
{
    const AdamAttrs *a = n->attrs;
    writer_bind_real(w, "shrink", a->weight_decay);
    adam_step(w, n, 0, a->weight_decay != 0 ? "param[k] -= $lr * $shrink * param[k];" : NULL);
}

static void adamw_emit(Writer *w, const Node *n)
{
    const AdamAttrs *a = n->attrs;
    adam_emit_step(w, n, 0, a->weight_decay);
}

static const Variant adamw_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .refuses = adam_refusal, .emit = adamw_emit, .kernel = "optimizer"}, {0}};

static const Op adamw_cycled = {
    .name = "adamw.cycled",
    .class = OP_OPTIMIZER,
    .traits = OP_SPLITTABLE,
    .uses = USES_LR | USES_STEP | USES_MOMENTUM,
    .attrs = adamw_attrs,
    .attrs_size = sizeof(AdamAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4 | 8 | 16,
    .states = adam_states,
    .plain = adamw_plain,
    .variants = adamw_variants,
};

const Op op_adamw = {
    .name = "adamw",
    .summary = "adam with decoupled weight decay",
    .formula = "w -= lr * weight_decay * w, then adam's step",
    .class = OP_OPTIMIZER,
    .traits = OP_SPLITTABLE,
    .uses = USES_LR | USES_STEP,
    .attrs = adamw_attrs,
    .attrs_size = sizeof(AdamAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4 | 8 | 16,
    .states = adam_states,
    .cycled = &adamw_cycled,
    .plain = adamw_plain,
    .variants = adamw_variants,
};
