/*
 * sgd: stochastic gradient descent, with momentum and Nesterov's variant
 * (Sutskever et al., "On the importance of initialization and momentum", 2013,
 * in PyTorch's form).
 *
 *   g = gradient + weight_decay · w
 *   b ← momentum · b + (1 − dampening) · g, at the first step b ← g
 *   w ← w − lr · b, or with nesterov w ← w − lr · (g + momentum · b)
 *
 * With form=ema b is a running mean, which starts at 0:
 *
 *   b ← momentum · b + (1 − momentum) · g
 *   w ← w − lr · b, or with nesterov w ← w − lr · ((1 − momentum) · g + momentum · b)
 *
 * b is the state momentum_buffer; without momentum there is none and w ← w − lr · g.
 * In the cycled form the momentum is the model's, so that there always is a b.
 */
#include "ops/shared/optimizer.h"

typedef struct SgdAttrs {
    double lr, momentum;
    bool nesterov;
    double dampening, weight_decay;
    int form;
} SgdAttrs;

enum { FORM_TORCH, FORM_EMA };

static const char *const sgd_forms[] = {"torch", "ema", NULL};

static const Attr sgd_attrs[] = {
    {"lr", ATTR_REAL, offsetof(SgdAttrs, lr), NULL, 0, OPTIMIZER_MAX, NULL},
    {"momentum", ATTR_REAL, offsetof(SgdAttrs, momentum), "0", 0, OPTIMIZER_MAX, NULL},
    {"nesterov", ATTR_BOOL, offsetof(SgdAttrs, nesterov), "no", 0, 0, NULL},
    {"dampening", ATTR_REAL, offsetof(SgdAttrs, dampening), "0", 0, 1, NULL},
    {"weight_decay", ATTR_REAL, offsetof(SgdAttrs, weight_decay), "0", 0, OPTIMIZER_MAX, NULL},
    {"form", ATTR_SYMBOL, offsetof(SgdAttrs, form), "torch", 0, 0, sgd_forms},
    {0},
};

static bool has_momentum(const Node *n)
{
    return optimizer_is_cycled(n) || ((const SgdAttrs *)n->attrs)->momentum != 0;
}

static bool sgd_shape(Graph *g, Node *n)
{
    const SgdAttrs *a = n->attrs;
    if (a->form == FORM_EMA && a->dampening != 0) {
        diag_error(g->compilation, n->span, "sgd: form=ema has no dampening, but dampening is %g", a->dampening);
        return false;
    }
    if (!a->nesterov || (has_momentum(n) && a->dampening == 0)) return true;
    diag_error(g->compilation, n->span,
               "sgd: nesterov needs a momentum above 0 and no dampening, but momentum is %g and dampening %g",
               a->momentum, a->dampening);
    return false;
}

static void sgd_states(Graph *g, Node *n)
{
    if (has_momentum(n)) node_state(g, n, "momentum_buffer", 0);
}

/* The buffer starts at zero, so that without dampening its first value is g by
 * the general formula too. */
static void put_momentum(Writer *w, const SgdAttrs *a)
{
    writer_bind(w, "own", a->form == FORM_EMA ? "share" : "g");
    if (a->form == FORM_EMA) {
        writer_put(w, "const $real share = $rest * g;\n"
                      "momentum_buffer[k] = $momentum * momentum_buffer[k] + share;\n");
    } else if (a->dampening != 0) {
        writer_put(w, "momentum_buffer[k] = $step == 0 ? g : $momentum * momentum_buffer[k] + $rest * g;");
    } else {
        writer_put(w, "momentum_buffer[k] = $momentum * momentum_buffer[k] + g;");
    }
    if (a->nesterov) {
        writer_put(w, "param[k] -= $lr * ($own + $momentum * momentum_buffer[k]);");
    } else {
        writer_put(w, "param[k] -= $lr * momentum_buffer[k];");
    }
}

/* $momentum, unless it is the model's, and $rest, the factor of the gradient. */
static void bind_momentum(Writer *w, const Node *n)
{
    const SgdAttrs *a = n->attrs;
    if (!optimizer_is_cycled(n)) writer_bind_real(w, "momentum", a->momentum);
    if (a->form == FORM_EMA && optimizer_is_cycled(n))
        writer_bind(w, "rest", "(1 - momentum)");
    else
        writer_bind_real(w, "rest", 1 - (a->form == FORM_EMA ? a->momentum : a->dampening));
}

static void sgd_plain(Writer *w, const Node *n)
{
    const SgdAttrs *a = n->attrs;
    bool counts_steps = has_momentum(n) && a->dampening != 0;
    bind_momentum(w, n);
    if (!counts_steps) writer_put(w, "(void)$step;");
    optimizer_open(w, n, a->weight_decay);
    if (has_momentum(n)) {
        put_momentum(w, a);
    } else {
        writer_put(w, "param[k] -= $lr * g;");
    }
    optimizer_close(w);
}

static void sgd_emit(Writer *w, const Node *n)
{
    const SgdAttrs *a = n->attrs;
    bind_momentum(w, n);
    writer_bind_int(w, "nesterov", a->nesterov);
    writer_bind(w, "constant", optimizer_is_cycled(n) ? "const" : "static const");
    writer_bind(w, "buffer", has_momentum(n) ? "momentum_buffer" : "0");
    optimizer_bind(w, n, a->weight_decay);
    writer_put(w,
               "$constant nn_sgd rule = {.momentum = $momentum, .rest = $rest, .decay = $decay, "
               ".nesterov = $nesterov};\n" OPTIMIZER_UPDATE_AT_STEP "nn_sgd_step(&rule, &update, $buffer, $t, $T);\n");
}

static const char *sgd_refusal(const Node *n)
{
    const SgdAttrs *a = n->attrs;
    return a->form == FORM_EMA && has_momentum(n) ? "form=ema" : NULL;
}

static const Variant sgd_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .refuses = sgd_refusal, .emit = sgd_emit, .kernel = "optimizer"}, {0}};

static const Op sgd_cycled = {
    .name = "sgd.cycled",
    .class = OP_OPTIMIZER,
    .traits = OP_SPLITTABLE,
    .uses = USES_LR | USES_STEP | USES_MOMENTUM,
    .attrs = sgd_attrs,
    .attrs_size = sizeof(SgdAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4,
    .shape = sgd_shape,
    .states = sgd_states,
    .plain = sgd_plain,
    .variants = sgd_variants,
};

const Op op_sgd = {
    .name = "sgd",
    .summary = "gradient descent, with momentum",
    .formula = "b = momentum * b + g; w -= lr * b",
    .class = OP_OPTIMIZER,
    .traits = OP_SPLITTABLE,
    .uses = USES_LR | USES_STEP,
    .attrs = sgd_attrs,
    .attrs_size = sizeof(SgdAttrs),
    .in = optimizer_in,
    .mutates = 2 | 4,
    .shape = sgd_shape,
    .states = sgd_states,
    .cycled = &sgd_cycled,
    .plain = sgd_plain,
    .variants = sgd_variants,
};
