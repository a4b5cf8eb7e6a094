/*
 * adagrad: the gradient over the root of the sum of its squares so far (Duchi,
 * Hazan and Singer, "Adaptive Subgradient Methods", 2011).
 *
 *   g = gradient + weight_decay · w;   s ← s + g²;   w ← w − lr · g / (sqrt(s) + eps)
 *
 * s is the state sum, which starts at `initial`.
 */
#include "ops/shared/optimizer.h"

typedef struct AdagradAttrs {
    double lr, weight_decay, initial, eps;
} AdagradAttrs;

static const Attr adagrad_attrs[] = {
    {"lr", ATTR_REAL, offsetof(AdagradAttrs, lr), "0.01", 0, OPTIMIZER_MAX, NULL},
    {"weight_decay", ATTR_REAL, offsetof(AdagradAttrs, weight_decay), "0", 0, OPTIMIZER_MAX, NULL},
    {"initial", ATTR_REAL, offsetof(AdagradAttrs, initial), "0", 0, OPTIMIZER_MAX, NULL},
    {"eps", ATTR_REAL, offsetof(AdagradAttrs, eps), "1e-10", 0, OPTIMIZER_MAX, NULL},
    {0},
};

static void adagrad_states(Graph *g, Node *n)
{
    const AdagradAttrs *a = n->attrs;
    node_state(g, n, "sum", a->initial);
}

static void adagrad_plain(Writer *w, const Node *n)
{
    const AdagradAttrs *a = n->attrs;
    writer_bind_real(w, "eps", a->eps);
    optimizer_open(w, n, a->weight_decay);
    writer_put(w, "sum[k] += g * g;\n"
                  "param[k] -= $lr * g / ($sqrt(sum[k]) + $eps);\n");
    optimizer_close(w);
}

static void adagrad_emit(Writer *w, const Node *n)
{
    const AdagradAttrs *a = n->attrs;
    writer_bind_real(w, "eps", a->eps);
    optimizer_bind(w, n, a->weight_decay);
    writer_put(w, "static const nn_adagrad rule = {.eps = $eps, .decay = $decay};\n" OPTIMIZER_UPDATE
                  "nn_adagrad_step(&rule, &update, sum, $t, $T);\n");
}

static const Variant adagrad_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = adagrad_emit, .kernel = "optimizer"}, {0}};

const Op op_adagrad = {
    .name = "adagrad",
    .summary = "steps scaled by the sum of the gradient's squares so far",
    .formula = "s += g^2; w -= lr * g / (sqrt(s) + eps)",
    .class = OP_OPTIMIZER,
    .traits = OP_SPLITTABLE,
    .uses = USES_LR,
    .attrs = adagrad_attrs,
    .attrs_size = sizeof(AdagradAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4,
    .states = adagrad_states,
    .plain = adagrad_plain,
    .variants = adagrad_variants,
};
