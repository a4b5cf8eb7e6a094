/*
 * convert_activation: activations, softmax among them.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "interop/importer.h"

/* ONNX's name and the language's, where both mean the same. */
typedef struct SameLayer {
    const char *onnx, *layer;
} SameLayer;

static const SameLayer same_layers[] = {
    {"Relu", "relu"},
    {"Sigmoid", "sigmoid"},
    {"Tanh", "tanh"},
    {"Softplus", "softplus"},
    {"Softsign", "softsign"},
    {"HardSwish", "hardswish"},
    {"Mish", "mish"},
    {"Abs", "abs"},
    {"Neg", "neg"},
    {"Exp", "exp"},
    {"Log", "log"},
    {"Sqrt", "sqrt"},
    {"Reciprocal", "reciprocal"},
    {"Sin", "sin"},
    {"Cos", "cos"},
    {"Erf", "erf"},
    {"Sign", "sign"},
    {"Identity", "identity"},
};

static ImportNode *unary_input(Conversion *c)
{
    ImportNode *n = value_node(c, c->in[0]);
    if (!n) refuse(c, "its input cannot be a value of a sample");
    return n;
}

static bool convert_same(Conversion *c)
{
    ImportNode *in = unary_input(c);
    for (size_t i = 0; in && i < sizeof same_layers / sizeof *same_layers; i++)
        if (strcmp(same_layers[i].onnx, c->onnx->op_type) == 0)
            return put_like(c, layer_like(c, same_layers[i].layer, in), c->in[0]);
    return false;
}

static bool convert_identity(Conversion *c) { return put_value(c, 0, c->in[0]); }

static bool with_real(Conversion *c, const char *op, const char *arg, double value)
{
    ImportNode *in = unary_input(c);
    if (!in) return false;
    ImportNode *n = layer_like(c, op, in);
    arg_real(c->imp, n, arg, value);
    return put_like(c, n, c->in[0]);
}

static bool convert_leaky_relu(Conversion *c)
{
    return with_real(c, "leaky_relu", "slope", onnx_attr_real(c, "alpha", 0.01));
}
static bool convert_elu(Conversion *c) { return with_real(c, "elu", "alpha", onnx_attr_real(c, "alpha", 1)); }
static bool convert_celu(Conversion *c) { return with_real(c, "celu", "alpha", onnx_attr_real(c, "alpha", 1)); }

static bool convert_selu(Conversion *c)
{
    const double alpha = onnx_attr_real(c, "alpha", 1.6732632423543772),
                 gamma = onnx_attr_real(c, "gamma", 1.0507009873554805);
    ImportNode *in = unary_input(c);
    if (!in) return false;
    if (fabs(alpha - 1.6732632423543772) < 1e-4 && fabs(gamma - 1.0507009873554805) < 1e-4)
        return put_like(c, layer_like(c, "selu", in), c->in[0]);
    ImportNode *n = layer_like(c, "elu", in);
    arg_real(c->imp, n, "alpha", alpha);
    return put_like(c, scaled(c, n, gamma), c->in[0]);
}

static bool convert_thresholded_relu(Conversion *c)
{
    ImportNode *in = unary_input(c);
    if (!in) return false;
    ImportNode *n = layer_like(c, "threshold", in);
    arg_real(c->imp, n, "value", onnx_attr_real(c, "alpha", 1));
    arg_real(c->imp, n, "replace", 0);
    return put_like(c, n, c->in[0]);
}

ImportNode *clamped(Conversion *c, ImportNode *in, double low, double high)
{
    if (low == 0 && high == HUGE_VAL) return layer_like(c, "relu", in);
    if (low == 0 && high == 6) return layer_like(c, "relu6", in);
    ImportNode *n = layer_like(c, "clamp", in);
    arg_real(c->imp, n, "min", low > -(double)FLT_MAX ? low : -(double)FLT_MAX);
    arg_real(c->imp, n, "max", high < (double)FLT_MAX ? high : (double)FLT_MAX);
    return n;
}

static bool convert_hard_sigmoid(Conversion *c)
{
    const double alpha = onnx_attr_real(c, "alpha", 0.2), beta = onnx_attr_real(c, "beta", 0.5);
    ImportNode *in = unary_input(c);
    if (!in) return false;
    if (fabs(alpha - 1.0 / 6) < 1e-7 && beta == 0.5) return put_like(c, layer_like(c, "hardsigmoid", in), c->in[0]);
    return put_like(c, clamped(c, shifted(c, scaled(c, in, alpha), beta), 0, 1), c->in[0]);
}

/* A bound of Clip: an attribute, or from opset 11 on a constant; false where it is not known. */
static bool clip_bound(Conversion *c, const char *name, int input, double *bound)
{
    *bound = onnx_attr_real(c, name, *bound);
    if (!has_input(c, input)) return true;
    OnnxConstant *k = must_know(c, input, name);
    if (k && k->count == 1) *bound = constant_values(c->imp, k)[0];
    return k && k->count == 1;
}

static bool convert_clip(Conversion *c)
{
    double low = -HUGE_VAL, high = HUGE_VAL;
    ImportNode *in = unary_input(c);
    if (!in || !clip_bound(c, "min", 1, &low) || !clip_bound(c, "max", 2, &high)) return false;
    if (high >= (double)FLT_MAX) high = HUGE_VAL;
    return put_like(c, clamped(c, in, low, high), c->in[0]);
}

/* The slope has one number, or one for each channel, or stretches over the input. */
static bool convert_prelu(Conversion *c)
{
    OnnxValue *x = c->in[0], out, *slope = known_value(c, 1);
    if (!slope) return must_know(c, 1, "slope") != NULL;
    const int channel_axis = x->rank - slope->rank; /* of the slope's first axis */
    const bool along_channels = channel_axis == 1 || (c->opset < 7 && slope->rank == 1 && x->rank > 1);
    const bool per_channel =
        along_channels && x->batched && slope->constant->count == x->dims[1] && slope->dims[0] == x->dims[1];
    if (x->batched && (per_channel || slope->constant->count == 1)) {
        ImportNode *n = layer_like(c, "prelu", x->node);
        arg_bool(c->imp, n, "shared", !per_channel);
        layer_param(c, n, "weight", shape_vector(slope->constant->count), slope->constant);
        return put_like(c, n, x);
    }
    OnnxValue *const in[] = {x, slope};
    ImportNode *nodes[2];
    if (!broadcast(c, in, 2, &out, nodes)) return false;
    ImportNode *negative = scaled(c, layer_like(c, "relu", scaled(c, nodes[0], -1)), -1);
    return put_like(c, combine(c, "add", layer_like(c, "relu", nodes[0]), combine(c, "mul", negative, nodes[1])), &out);
}

/* ---- softmax ------------------------------------------------------------------------ */

/* Before opset 13 over all axes from one on, as one. */
static ImportNode *softmax_axes(Conversion *c, const OnnxValue *x, int *axis)
{
    const Shape s = sample_shape(x);
    if (c->opset >= 13 || *axis == s.rank - 1) return x->node;
    const int64_t outer = dims_count(*axis, s.dim), inner = shape_count(s) / outer;
    if (*axis == 0) return reshaped(c, x->node, shape_vector(inner));
    *axis = 1;
    return reshaped(c, x->node, (Shape){2, {outer, inner}});
}

static bool softmax_over(Conversion *c, const char *op)
{
    OnnxValue *x = c->in[0];
    int axis = onnx_axis(onnx_attr_int(c, "axis", c->opset >= 13 ? -1 : 1), x->rank) - x->batched;
    if (!x->node || axis < 0) return refuse(c, "it goes along axis 0, the batch");
    ImportNode *n = layer_like(c, op, softmax_axes(c, x, &axis));
    arg_int(c->imp, n, "axis", axis);
    return put_like(c, reshaped(c, n, sample_shape(x)), x);
}

static bool convert_softmax(Conversion *c) { return softmax_over(c, "softmax"); }
static bool convert_log_softmax(Conversion *c) { return softmax_over(c, "log_softmax"); }

static bool convert_gelu(Conversion *c)
{
    ImportNode *in = unary_input(c);
    if (!in) return false;
    ImportNode *n = layer_like(c, "gelu", in);
    arg_symbol(c->imp, n, "approximate", onnx_attr_string(c, "approximate", "none"));
    return put_like(c, n, c->in[0]);
}

/* x < −lambd: x + bias; x > lambd: x − bias; else 0 */
static bool convert_shrink(Conversion *c)
{
    const double bias = onnx_attr_real(c, "bias", 0), lambd = onnx_attr_real(c, "lambd", 0.5);
    ImportNode *in = unary_input(c);
    if (!in || lambd < 0) return false;
    ImportNode *above = shifted(c, scaled(c, step_at(c, scaled(c, in, -1), -lambd), -1), 1);
    ImportNode *below = shifted(c, scaled(c, step_at(c, in, -lambd), -1), 1);
    ImportNode *high = combine(c, "mul", above, shifted(c, in, -bias)),
               *low = combine(c, "mul", below, shifted(c, in, bias));
    return put_like(c, combine(c, "add", high, low), c->in[0]);
}

const OnnxOperator onnx_activation_operators[] = {
    {"Relu", 1, 0, 1, convert_same},
    {"Sigmoid", 1, 0, 1, convert_same},
    {"Tanh", 1, 0, 1, convert_same},
    {"Softplus", 1, 0, 1, convert_same},
    {"Softsign", 1, 0, 1, convert_same},
    {"HardSwish", 14, 0, 1, convert_same},
    {"Mish", 18, 0, 1, convert_same},
    {"Abs", 1, 0, 1, convert_same},
    {"Neg", 1, 0, 1, convert_same},
    {"Exp", 1, 0, 1, convert_same},
    {"Log", 1, 0, 1, convert_same},
    {"Sqrt", 1, 0, 1, convert_same},
    {"Reciprocal", 1, 0, 1, convert_same},
    {"Sin", 7, 0, 1, convert_same},
    {"Cos", 7, 0, 1, convert_same},
    {"Erf", 9, 0, 1, convert_same},
    {"Sign", 9, 0, 1, convert_same},
    {"Identity", 1, 0, 1, convert_identity},
    {"LeakyRelu", 1, 0, 1, convert_leaky_relu},
    {"Elu", 1, 0, 1, convert_elu},
    {"Celu", 12, 0, 1, convert_celu},
    {"Selu", 1, 0, 1, convert_selu},
    {"ThresholdedRelu", 1, 0, 1, convert_thresholded_relu},
    {"HardSigmoid", 1, 0, 1, convert_hard_sigmoid},
    {"Clip", 1, 0, 1, convert_clip},
    {"PRelu", 1, 0, 2, convert_prelu},
    {"Softmax", 1, 0, 1, convert_softmax},
    {"LogSoftmax", 1, 0, 1, convert_log_softmax},
    {"Gelu", 20, 0, 1, convert_gelu},
    {"Shrink", 9, 0, 1, convert_shrink},
    {0},
};
