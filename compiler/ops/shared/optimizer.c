/* Optimizers: the loop over the elements, and the step that Adam and AdamW share. */
#include "ops/shared/optimizer.h"

#include <math.h>

const char *const optimizer_in[] = {"gradient", "param", NULL};

void optimizer_open(Writer *w, const Node *n, double weight_decay)
{
    writer_bind_int(w, "elements", shape_count(n->in[1]->shape));
    writer_bind_real(w, "decay", weight_decay);
    writer_put(w, "for ($int k = 0; k < $elements; k++) {");
    bool decays = weight_decay != 0;
    writer_put(w, decays ? "const $real g = gradient[k] + $decay * param[k];" : "const $real g = gradient[k];");
}

void optimizer_close(Writer *w) { writer_put(w, "}"); }

void optimizer_bind_beta(Writer *w, const char *name, const char *rest, double beta)
{
    writer_bind_real(w, name, beta);
    writer_bind_real(w, rest, 1 - beta);
}

void optimizer_bind(Writer *w, const Node *n, double weight_decay)
{
    writer_bind_int(w, "elements", shape_count(n->in[1]->shape));
    writer_bind_real(w, "decay", weight_decay);
}

void adam_states(Graph *g, Node *n)
{
    node_state(g, n, "exp_avg", 0);
    node_state(g, n, "exp_avg_sq", 0);
    if (((const AdamAttrs *)n->attrs)->amsgrad) node_state(g, n, "max_exp_avg_sq", 0);
}

const char *adam_refusal(const Node *n) { return ((const AdamAttrs *)n->attrs)->amsgrad ? "amsgrad" : NULL; }

/* const real NAME = 1 − beta^t, without the loss of digits that beta near 1 would
 * bring in single precision. */
static void put_correction(Writer *w, const char *name, double beta)
{
    writer_bind(w, "correction", "%s", name);
    writer_bind_real(w, "beta", beta);
    if (beta == 0) {
        writer_put(w, "const $real $correction = 1;");
        return;
    }
    writer_bind_real(w, "log_beta", log(beta));
    writer_put(w, "const $real $correction = -$expm1(t * $log_beta); /* 1 - $beta^t */");
}

void adam_corrections(Writer *w, double beta1, double beta2)
{
    adam_correction2(w, beta2);
    put_correction(w, "correction1", beta1);
}

bool optimizer_is_cycled(const Node *n) { return n->op->uses & USES_MOMENTUM; }

static void bind_beta1(Writer *w, const Node *n)
{
    if (optimizer_is_cycled(n)) {
        writer_bind(w, "beta1", "momentum");
        writer_bind(w, "rest1", "(1 - momentum)");
    } else {
        optimizer_bind_beta(w, "beta1", "rest1", ((const AdamAttrs *)n->attrs)->beta1);
    }
}

void adam_correction2(Writer *w, double beta2)
{
    writer_put(w, "const $real t = ($real)($step + 1);");
    put_correction(w, "correction2", beta2);
}

void adam_step(Writer *w, const Node *n, double weight_decay, const char *before)
{
    const AdamAttrs *a = n->attrs;
    bind_beta1(w, n);
    optimizer_bind_beta(w, "beta2", "rest2", a->beta2);
    writer_bind_real(w, "eps", a->eps);
    adam_correction2(w, a->beta2);
    if (optimizer_is_cycled(n))
        writer_put(w, "const $real correction1 = -$expm1(t * $log(momentum)); /* 1 - momentum^t */");
    else
        put_correction(w, "correction1", a->beta1);
    writer_put(w, "const $real rate = $lr / correction1;\n"
                  "const $real root = $sqrt(correction2);\n");
    optimizer_open(w, n, weight_decay);
    if (before) writer_put(w, before);
    writer_put(w, "exp_avg[k] = $beta1 * exp_avg[k] + $rest1 * g;\n"
                  "exp_avg_sq[k] = $beta2 * exp_avg_sq[k] + $rest2 * g * g;\n");
    if (a->amsgrad) {
        writer_bind(w, "square", "max_exp_avg_sq");
        writer_put(w, "if (exp_avg_sq[k] > max_exp_avg_sq[k]) {\n"
                      "    max_exp_avg_sq[k] = exp_avg_sq[k];\n"
                      "}\n");
    } else {
        writer_bind(w, "square", "exp_avg_sq");
    }
    writer_put(w, "param[k] -= rate * exp_avg[k] / ($sqrt($square[k]) / root + $eps);\n");
    optimizer_close(w);
}

/* $name: log(beta), which for a beta of 0 is never used. */
static void bind_log(Writer *w, const char *name, double beta) { writer_bind_real(w, name, beta > 0 ? log(beta) : 0); }

void adam_emit_step(Writer *w, const Node *n, double weight_decay, double shrink)
{
    const AdamAttrs *a = n->attrs;
    optimizer_bind(w, n, weight_decay);
    bind_beta1(w, n);
    optimizer_bind_beta(w, "beta2", "rest2", a->beta2);
    if (optimizer_is_cycled(n)) {
        writer_put(w, "const float log_beta1 = $log(momentum);");
        writer_bind(w, "log1", "log_beta1");
    } else {
        bind_log(w, "log1", a->beta1);
    }
    writer_bind(w, "constant", optimizer_is_cycled(n) ? "const" : "static const");
    bind_log(w, "log2", a->beta2);
    writer_bind_real(w, "eps", a->eps);
    writer_bind_real(w, "shrink", shrink);
    writer_put(w, "$constant nn_adam rule = {.beta1 = $beta1, .rest1 = $rest1, .log_beta1 = $log1, .beta2 = $beta2, "
                  ".rest2 = $rest2, .log_beta2 = $log2, "
                  ".eps = $eps, .decay = $decay, .shrink = $shrink};\n" OPTIMIZER_UPDATE_AT_STEP
                  "nn_adam_step(&rule, &update, exp_avg, exp_avg_sq, $t, $T);\n");
}
