/*
 * rmsprop: the gradient over the root of a running mean of its square (Tieleman
 * and Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012; centered
 * as in Graves, "Generating Sequences With Recurrent Neural Networks", 2013).
 *
 *   g = gradient + weight_decay · w
 *   s ← alpha · s + (1 − alpha) · g²
 *   centered: a ← alpha · a + (1 − alpha) · g and s − a² stands for s below
 *   w ← w − lr · g / (sqrt(s) + eps), or with momentum
 *   b ← momentum · b + g / (sqrt(s) + eps), w ← w − lr · b
 *
 * s is the state square_avg, a grad_avg, b momentum_buffer.
 */
#include "ops/shared/optimizer.h"

typedef struct RmspropAttrs {
    double lr, alpha, eps, weight_decay, momentum;
    bool centered;
} RmspropAttrs;

static const Attr rmsprop_attrs[] = {
    {"lr", ATTR_REAL, offsetof(RmspropAttrs, lr), "0.01", 0, OPTIMIZER_MAX, NULL},
    {"alpha", ATTR_REAL, offsetof(RmspropAttrs, alpha), "0.99", 0, OPTIMIZER_BETA_MAX, NULL},
    {"eps", ATTR_REAL, offsetof(RmspropAttrs, eps), "1e-8", 0, OPTIMIZER_MAX, NULL},
    {"weight_decay", ATTR_REAL, offsetof(RmspropAttrs, weight_decay), "0", 0, OPTIMIZER_MAX, NULL},
    {"momentum", ATTR_REAL, offsetof(RmspropAttrs, momentum), "0", 0, OPTIMIZER_MAX, NULL},
    {"centered", ATTR_BOOL, offsetof(RmspropAttrs, centered), "no", 0, 0, NULL},
    {0},
};

static void rmsprop_states(Graph *g, Node *n)
{
    const RmspropAttrs *a = n->attrs;
    node_state(g, n, "square_avg", 0);
    if (a->momentum != 0) node_state(g, n, "momentum_buffer", 0);
    if (a->centered) node_state(g, n, "grad_avg", 0);
}

static void rmsprop_plain(Writer *w, const Node *n)
{
    const RmspropAttrs *a = n->attrs;
    optimizer_bind_beta(w, "alpha", "rest", a->alpha);
    writer_bind_real(w, "momentum", a->momentum);
    writer_bind_real(w, "eps", a->eps);
    optimizer_open(w, n, a->weight_decay);
    writer_put(w, "square_avg[k] = $alpha * square_avg[k] + $rest * g * g;");
    if (a->centered) {
        writer_put(w, "grad_avg[k] = $alpha * grad_avg[k] + $rest * g;\n"
                      "const $real root = $sqrt(square_avg[k] - grad_avg[k] * grad_avg[k]);\n");
    } else {
        writer_put(w, "const $real root = $sqrt(square_avg[k]);");
    }
    if (a->momentum != 0) {
        writer_put(w, "momentum_buffer[k] = $momentum * momentum_buffer[k] + g / (root + $eps);\n"
                      "param[k] -= $lr * momentum_buffer[k];\n");
    } else {
        writer_put(w, "param[k] -= $lr * g / (root + $eps);");
    }
    optimizer_close(w);
}

static void rmsprop_emit(Writer *w, const Node *n)
{
    const RmspropAttrs *a = n->attrs;
    optimizer_bind(w, n, a->weight_decay);
    optimizer_bind_beta(w, "alpha", "rest", a->alpha);
    writer_bind_real(w, "momentum", a->momentum);
    writer_bind_real(w, "eps", a->eps);
    writer_bind(w, "buffer", a->momentum != 0 ? "momentum_buffer" : "0");
    writer_bind(w, "average", a->centered ? "grad_avg" : "0");
    writer_put(w, "static const nn_rmsprop rule = {.alpha = $alpha, .rest = $rest, .momentum = $momentum, "
                  ".eps = $eps, .decay = $decay};\n" OPTIMIZER_UPDATE
                  "nn_rmsprop_step(&rule, &update, square_avg, $buffer, $average, $t, $T);\n");
}

static const Variant rmsprop_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = rmsprop_emit, .kernel = "optimizer"}, {0}};

const Op op_rmsprop = {
    .name = "rmsprop",
    .summary = "steps scaled by a running mean of the gradient's square",
    .formula = "s = alpha * s + (1 - alpha) * g^2; w -= lr * g / (sqrt(s) + eps)",
    .class = OP_OPTIMIZER,
    .traits = OP_SPLITTABLE,
    .uses = USES_LR,
    .attrs = rmsprop_attrs,
    .attrs_size = sizeof(RmspropAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4 | 8 | 16,
    .states = rmsprop_states,
    .plain = rmsprop_plain,
    .variants = rmsprop_variants,
};
