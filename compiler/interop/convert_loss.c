/*
 * convert_loss: losses as layers.
 *
 *   loss[n][d] = −weight[t] · log p[n][t][d],  t = target[n][d]
 *
 * The target picks a class by comparison with 0, 1, …: step(k − t) · step(t − k).  A target that
 * is ignore_index picks none, or counts with weight 0.
 */
#include <string.h>

#include "interop/importer.h"

typedef struct LossParts {
    int64_t samples, classes, places; /* of [N][C][D] */
    ImportNode *picks;                /* [N][C][D]: weight where the class is the target's, else 0 */
} LossParts;

/* The scores as [N][C][D] and the target as [N][1][D], both as one sample. */
static bool loss_inputs(Conversion *c, LossParts *p, ImportNode **scores, ImportNode **target)
{
    OnnxValue *x = c->in[0], *t = c->in[1];
    if (c->imp->batch != 1 || !value_node(c, x) || !value_node(c, t) || x->rank < 2)
        return refuse(c, "it is a loss over the batch: make the net with a train section");
    p->samples = x->dims[0];
    p->classes = x->dims[1];
    p->places = dims_count(x->rank - 2, x->dims + 2);
    if (dims_count(t->rank, t->dims) != p->samples * p->places) return refuse(c, "its target does not fit its scores");
    *scores = reshaped(c, x->node, shape_image(p->samples, p->classes, p->places));
    *target = reshaped(c, t->node, shape_image(p->samples, 1, p->places));
    return true;
}

/* One number for each class along axis 1. */
static ImportNode *class_constant(Conversion *c, int64_t classes, const double *values)
{
    return constant_source(c, shape_image(1, classes, 1), values);
}

static bool loss_picks(Conversion *c, LossParts *p, ImportNode *target)
{
    if (p->classes > 4096) return refuse(c, "it has %lld classes", (long long)p->classes);
    double *classes = arena_alloc(c->imp->arena, (size_t)(p->classes + 1) * sizeof *classes);
    for (int64_t i = 0; i < p->classes; i++) classes[i] = (double)i;
    ImportNode *d = combine(c, "sub", target, class_constant(c, p->classes, classes));
    p->picks = combine(c, "mul", step_at(c, d, 0), step_at(c, scaled(c, d, -1), 0));
    const int64_t ignored = onnx_attr_int(c, "ignore_index", -1);
    OnnxConstant *weight = has_input(c, 2) ? must_know(c, 2, "weight") : NULL;
    if (has_input(c, 2) && (!weight || weight->count != p->classes)) return false;
    const bool ignores = onnx_attr(c, "ignore_index") && ignored >= 0 && ignored < p->classes;
    if (!weight && !ignores) return true;
    for (int64_t i = 0; i < p->classes; i++) {
        classes[i] = weight ? constant_values(c->imp, weight)[i] : 1;
        if (ignores && i == ignored) classes[i] = 0;
    }
    p->picks = combine(c, "mul", p->picks, class_constant(c, p->classes, classes));
    return true;
}

static ImportNode *total(Conversion *c, ImportNode *n) { return reduced(c, "reduce_sum", n, 7, true); }

/* mean: over the weights of the targets */
static bool put_loss(Conversion *c, const LossParts *p, ImportNode *log_probabilities)
{
    const char *reduction = onnx_attr_string(c, "reduction", "mean");
    ImportNode *n = scaled(c, reduced(c, "reduce_sum", combine(c, "mul", p->picks, log_probabilities), 2, true), -1);
    if (strcmp(reduction, "none") == 0) {
        OnnxValue *out = value_new(c->imp, NULL, c->in[1]->rank, c->in[1]->dims, false);
        if (sample_rank(out) > MAX_RANK) {
            if (out->dims[0] != 1 || out->rank - 1 > MAX_RANK) return refuse(c, "its result has %d axes", out->rank);
            out->batched = true;
        }
        return put_like(c, reshaped(c, n, sample_shape(out)), out);
    }
    n = total(c, n);
    if (strcmp(reduction, "mean") == 0) n = combine(c, "div", n, total(c, p->picks));
    OnnxValue *out = value_new(c->imp, NULL, 0, NULL, false);
    return put_like(c, reshaped(c, n, shape_vector(1)), out);
}

static bool convert_negative_log_likelihood(Conversion *c)
{
    LossParts p;
    ImportNode *scores, *target;
    return loss_inputs(c, &p, &scores, &target) && loss_picks(c, &p, target) && put_loss(c, &p, scores);
}

static bool convert_softmax_cross_entropy(Conversion *c)
{
    LossParts p;
    ImportNode *scores, *target;
    if (!loss_inputs(c, &p, &scores, &target) || !loss_picks(c, &p, target)) return false;
    ImportNode *n = layer_like(c, "log_softmax", scores);
    arg_int(c->imp, n, "axis", 1);
    if (!put_loss(c, &p, n)) return false;
    if (!output_is_used(c, 1)) return true;
    OnnxValue *out = value_new(c->imp, NULL, c->in[0]->rank, c->in[0]->dims, c->in[0]->batched);
    if (sample_rank(out) > MAX_RANK) return refuse(c, "its logarithms have %d axes", out->rank);
    return put_output(c, 1, reshaped(c, n, sample_shape(out)), out->rank, out->dims, out->batched);
}

const OnnxOperator onnx_loss_operators[] = {
    {"NegativeLogLikelihoodLoss", 12, 0, 2, convert_negative_log_likelihood},
    {"SoftmaxCrossEntropyLoss", 12, 0, 2, convert_softmax_cross_entropy},
    {0},
};
