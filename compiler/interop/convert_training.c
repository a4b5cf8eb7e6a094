/*
 * convert_training: the optimizers of ai.onnx.preview.training.
 *
 * Inputs are a rate R, the number of updates T, and then for each of n tensors the tensor X, its
 * gradient G, and what is kept between updates; outputs are what these become.
 *
 *   g = norm_coefficient · X + G
 */
#include <math.h>
#include <string.h>

#include "interop/importer.h"

enum { RATE, UPDATES, FIRST_TENSOR };

#define EPSILON ((double)1e-6f)

/* ---- values --------------------------------------------------------------------- */

/* NULL after a refusal, and for the operands of what was refused. */
static OnnxValue *joined_values(Conversion *c, const char *op, OnnxValue *a, OnnxValue *b)
{
    ImportNode *nodes[2];
    OnnxValue *out = value_new(c->imp, NULL, 0, NULL, false);
    if (!a || !b || !broadcast(c, (OnnxValue *const[]){a, b}, 2, out, nodes)) return NULL;
    out->node = combine(c, op, nodes[0], nodes[1]);
    return out;
}

static OnnxValue *of_node(Conversion *c, ImportNode *n, const OnnxValue *like)
{
    return value_new(c->imp, n, like->rank, like->dims, like->batched);
}

static OnnxValue *scaled_value(Conversion *c, OnnxValue *v, double by)
{
    ImportNode *n = v ? value_node(c, v) : NULL;
    return n ? of_node(c, scaled(c, n, by), v) : NULL;
}

static OnnxValue *shifted_value(Conversion *c, OnnxValue *v, double by)
{
    ImportNode *n = v ? value_node(c, v) : NULL;
    return n ? of_node(c, shifted(c, n, by), v) : NULL;
}

static OnnxValue *applied_value(Conversion *c, const char *op, OnnxValue *v)
{
    ImportNode *n = v ? value_node(c, v) : NULL;
    return n ? of_node(c, layer_like(c, op, n), v) : NULL;
}

/* 1 where the value is 0.5 and more, else 0 */
static OnnxValue *counted_value(Conversion *c, OnnxValue *v)
{
    ImportNode *n = v ? value_node(c, v) : NULL;
    return n ? of_node(c, step_at(c, n, 0.5), v) : NULL;
}

/* a + by·b */
static OnnxValue *weighted_sum(Conversion *c, OnnxValue *a, OnnxValue *b, double by)
{
    return by == 0 ? a : joined_values(c, "add", a, scaled_value(c, b, by));
}

/* ---- the inputs ------------------------------------------------------------------ */

/* Tensors that the operator updates; 0 after a refusal.  `kinds` inputs belong to each. */
static int updated_count(Conversion *c, int kinds)
{
    const int count = (c->in_count - FIRST_TENSOR) / kinds;
    const bool fits = count > 0 && c->in_count == FIRST_TENSOR + count * kinds;
    if (!fits) refuse(c, "it has %d inputs", c->in_count);
    return fits ? count : 0;
}

/* Input number `kind` of tensor i of `count`: 0 is the tensor, 1 its gradient. */
static OnnxValue *updated_input(const Conversion *c, int kind, int i, int count)
{
    return c->in[FIRST_TENSOR + kind * count + i];
}

static OnnxValue *regularized(Conversion *c, int i, int count)
{
    return weighted_sum(c, updated_input(c, 1, i, count), updated_input(c, 0, i, count),
                        onnx_attr_real(c, "norm_coefficient", 0));
}

static bool put_updated(Conversion *c, int output, const OnnxValue *v)
{
    return v && put_output(c, output, v->node, v->rank, v->dims, v->batched);
}

/* ---- Adagrad: X − R / (1 + decay_factor·T) · g / (√h + epsilon), h = H + g² ------------- */

static bool convert_adagrad(Conversion *c)
{
    const int count = updated_count(c, 3);
    const double decay = onnx_attr_real(c, "decay_factor", 0), eps = onnx_attr_real(c, "epsilon", EPSILON);
    OnnxValue *rate = c->in[RATE];
    if (count && decay != 0)
        rate = joined_values(c, "div", rate, shifted_value(c, scaled_value(c, c->in[UPDATES], decay), 1));
    for (int i = 0; i < count; i++) {
        OnnxValue *g = regularized(c, i, count);
        OnnxValue *h = joined_values(c, "add", updated_input(c, 2, i, count), applied_value(c, "square", g));
        OnnxValue *step = joined_values(c, "div", g, shifted_value(c, applied_value(c, "sqrt", h), eps));
        OnnxValue *x = joined_values(c, "sub", updated_input(c, 0, i, count), joined_values(c, "mul", rate, step));
        if (!put_updated(c, i, x) || !put_updated(c, count + i, h)) return false;
    }
    return count > 0;
}

/* ---- Momentum: X − R · v, or X − R · (g + alpha·v) of Nesterov -------------------------- */

/* v = alpha·V + beta·g; the first update has no beta. */
static OnnxValue *velocity(Conversion *c, OnnxValue *v, OnnxValue *g, double alpha, double beta)
{
    OnnxValue *factor =
        beta == 1 ? NULL : shifted_value(c, scaled_value(c, counted_value(c, c->in[UPDATES]), beta - 1), 1);
    return weighted_sum(c, beta == 1 ? g : joined_values(c, "mul", factor, g), v, alpha);
}

static bool convert_momentum(Conversion *c)
{
    const int count = updated_count(c, 3);
    const double alpha = onnx_attr_real(c, "alpha", 0), beta = onnx_attr_real(c, "beta", 1);
    const bool nesterov = strcmp(onnx_attr_string(c, "mode", "standard"), "nesterov") == 0;
    for (int i = 0; i < count; i++) {
        OnnxValue *g = regularized(c, i, count);
        OnnxValue *v = velocity(c, updated_input(c, 2, i, count), g, alpha, beta);
        OnnxValue *step = joined_values(c, "mul", c->in[RATE], nesterov ? weighted_sum(c, g, v, alpha) : v);
        if (!put_updated(c, i, joined_values(c, "sub", updated_input(c, 0, i, count), step))) return false;
        if (!put_updated(c, count + i, v)) return false;
    }
    return count > 0;
}

/* ---- Adam: X − R' · v / (√h + epsilon) ------------------------------------------------------ */

/* 1 − base^t */
static OnnxValue *missing_weight(Conversion *c, OnnxValue *t, double base)
{
    return shifted_value(c, scaled_value(c, applied_value(c, "exp", scaled_value(c, t, log(base))), -1), 1);
}

/* R' = R · √(1 − beta^T) / (1 − alpha^T), and R where T is 0: there t = 1 keeps the quotient finite. */
static OnnxValue *adam_rate(Conversion *c, double alpha, double beta)
{
    OnnxValue *some = counted_value(c, c->in[UPDATES]), *none = shifted_value(c, scaled_value(c, some, -1), 1);
    OnnxValue *t = joined_values(c, "add", c->in[UPDATES], none);
    OnnxValue *quotient =
        joined_values(c, "div", applied_value(c, "sqrt", missing_weight(c, t, beta)), missing_weight(c, t, alpha));
    return joined_values(c, "mul", c->in[RATE], joined_values(c, "add", joined_values(c, "mul", some, quotient), none));
}

/* v = alpha·V + (1 − alpha)·g, h = beta·H + (1 − beta)·g² */
static bool convert_adam(Conversion *c)
{
    const int count = updated_count(c, 4);
    const double alpha = onnx_attr_real(c, "alpha", (double)0.9f), beta = onnx_attr_real(c, "beta", (double)0.999f);
    const double eps = onnx_attr_real(c, "epsilon", EPSILON), shrink = onnx_attr_real(c, "norm_coefficient_post", 0);
    if (count && (!(alpha > 0 && alpha < 1) || !(beta > 0 && beta < 1)))
        return refuse(c, "its alpha or beta is not between 0 and 1");
    OnnxValue *rate = count ? adam_rate(c, alpha, beta) : NULL;
    for (int i = 0; i < count; i++) {
        OnnxValue *g = regularized(c, i, count);
        OnnxValue *v = weighted_sum(c, scaled_value(c, g, 1 - alpha), updated_input(c, 2, i, count), alpha);
        OnnxValue *h = weighted_sum(c, scaled_value(c, applied_value(c, "square", g), 1 - beta),
                                    updated_input(c, 3, i, count), beta);
        OnnxValue *step = joined_values(c, "div", v, shifted_value(c, applied_value(c, "sqrt", h), eps));
        OnnxValue *x = joined_values(c, "sub", updated_input(c, 0, i, count), joined_values(c, "mul", rate, step));
        if (!put_updated(c, i, scaled_value(c, x, 1 - shrink))) return false;
        if (!put_updated(c, count + i, v) || !put_updated(c, 2 * count + i, h)) return false;
    }
    return count > 0;
}

const OnnxOperator onnx_training_operators[] = {
    {"Adagrad", 1, 0, EACH_INPUT, convert_adagrad},
    {"Momentum", 1, 0, EACH_INPUT, convert_momentum},
    {"Adam", 1, 0, EACH_INPUT, convert_adam},
    {"Gradient", 1, 0, EACH_INPUT, convert_gradient},
    {0},
};
