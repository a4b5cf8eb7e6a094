/*
 * convert_norm: normalisations.
 */
#include <math.h>

#include "interop/importer.h"

/* An input of `count` numbers, one for each channel. */
static OnnxConstant *channel_numbers(Conversion *c, int input, const char *what, int64_t count)
{
    OnnxConstant *k = must_know(c, input, what);
    if (k && k->count != count) {
        refuse(c, "its %s has %lld numbers for %lld channels", what, (long long)k->count, (long long)count);
        return NULL;
    }
    return k;
}

/* A value of channels along axis 0 as a vector or an image. */
static ImportNode *as_image(Conversion *c, const OnnxValue *x)
{
    const Shape s = sample_shape(x);
    if (s.rank == 1 || s.rank == 3) return x->node;
    return reshaped(c, x->node, shape_image(s.dim[0], s.dim[1], s.rank == 2 ? 1 : s.dim[2] * s.dim[3]));
}

static OnnxValue *channels_input(Conversion *c)
{
    OnnxValue *x = as_batched(c, c->in[0]);
    if (!x || x->rank < 2) refuse(c, "axis 0 of its input is not the batch");
    return x && x->rank >= 2 ? x : NULL;
}

/* Scale and bias are none: 1 and 0, and no parameters. */
static bool is_bare(Conversion *c, const OnnxValue *x)
{
    return literals_are(c, 1, x->dims[1], 1) && literals_are(c, 2, x->dims[1], 0);
}

static bool convert_batch_normalization(Conversion *c)
{
    static const char *const names[] = {"weight", "bias", "running_mean", "running_var"};
    OnnxValue *x = channels_input(c);
    if (!x) return false;
    if (onnx_attr_int(c, "training_mode", 0) || output_is_used(c, 1)) return refuse(c, "it is in training mode");
    if (!onnx_attr_int(c, "spatial", 1)) return refuse(c, "its statistics are not those of channels");
    ImportNode *n = layer_like(c, "batchnorm", as_image(c, x));
    const bool affine = !is_bare(c, x);
    arg_real(c->imp, n, "eps", onnx_attr_real(c, "epsilon", 1e-5));
    arg_bool(c->imp, n, "affine", affine);
    for (int i = affine ? 0 : 2; i < 4; i++) {
        OnnxConstant *k = channel_numbers(c, i + 1, names[i], x->dims[1]);
        if (!k) return false;
        layer_param(c, n, names[i], shape_vector(x->dims[1]), k);
    }
    return put_like(c, reshaped(c, n, sample_shape(x)), x);
}

static bool convert_instance_normalization(Conversion *c)
{
    OnnxValue *x = channels_input(c);
    if (!x) return false;
    OnnxConstant *scale = channel_numbers(c, 1, "scale", x->dims[1]), *bias = channel_numbers(c, 2, "bias", x->dims[1]);
    if (!scale || !bias || x->rank < 3) return scale && bias && refuse(c, "its input has no pixels");
    ImportNode *n = layer_like(c, "instancenorm", as_image(c, x));
    arg_real(c->imp, n, "eps", onnx_attr_real(c, "epsilon", 1e-5));
    arg_bool(c->imp, n, "affine", !is_bare(c, x));
    if (!is_bare(c, x)) {
        layer_param(c, n, "weight", shape_vector(x->dims[1]), scale);
        layer_param(c, n, "bias", shape_vector(x->dims[1]), bias);
    }
    return put_like(c, reshaped(c, n, sample_shape(x)), x);
}

static bool convert_lrn(Conversion *c)
{
    OnnxValue *x = channels_input(c);
    if (!x) return false;
    ImportNode *n = layer_like(c, "lrn", as_image(c, x));
    arg_int(c->imp, n, "size", onnx_attr_int(c, "size", 5));
    arg_real(c->imp, n, "alpha", onnx_attr_real(c, "alpha", 1e-4));
    arg_real(c->imp, n, "beta", onnx_attr_real(c, "beta", 0.75));
    arg_real(c->imp, n, "k", onnx_attr_real(c, "bias", 1));
    if (onnx_attr_int(c, "size", 5) % 2 == 0) return refuse(c, "its size is even");
    return put_like(c, reshaped(c, n, sample_shape(x)), x);
}

/* ---- of reductions ---------------------------------------------------------------------- */

/* (x − mean) over the axes; *deviation = sqrt(var + eps) */
static ImportNode *centred(Conversion *c, ImportNode *x, unsigned axes, double eps, ImportNode **deviation)
{
    ImportNode *d = combine(c, "sub", x, reduced(c, "reduce_mean", x, axes, true));
    ImportNode *var = reduced(c, "reduce_mean", layer_like(c, "square", d), axes, true);
    *deviation = layer_like(c, "sqrt", shifted(c, var, eps));
    return d;
}

/* A constant of the sizes of the last axes, as a source that stretches over a sample. */
static ImportNode *trailing_source(Conversion *c, int input, const Shape *sample)
{
    OnnxValue *k = known_value(c, input);
    if (!k || k->rank > sample->rank || !value_node(c, k)) return NULL;
    Shape s = {.rank = sample->rank};
    for (int i = 0; i < s.rank; i++) s.dim[i] = i < s.rank - k->rank ? 1 : k->dims[i - (s.rank - k->rank)];
    return reshaped(c, value_node(c, k), s);
}

/* The second and third output: the mean, and one over the deviation. */
static bool layer_statistics(Conversion *c, const OnnxValue *x, unsigned axes, ImportNode *deviation)
{
    int64_t dims[ONNX_MAX_RANK];
    for (int i = 0; i < x->rank; i++) dims[i] = i >= x->batched && axes >> (i - x->batched) & 1 ? 1 : x->dims[i];
    if (output_is_used(c, 1) &&
        !put_output(c, 1, reduced(c, "reduce_mean", x->node, axes, true), x->rank, dims, x->batched))
        return false;
    return !output_is_used(c, 2) || put_output(c, 2, layer_like(c, "reciprocal", deviation), x->rank, dims, x->batched);
}

/* Of all of the sample, or along its last axis: the layer itself. */
static bool layer_of_norm(Conversion *c, const OnnxValue *x, int axis)
{
    const Shape s = sample_shape(x);
    const Shape inner = axis == 0 ? s : shape_vector(s.dim[s.rank - 1]);
    const bool bare = literals_are(c, 1, shape_count(inner), 1) && !has_input(c, 2);
    OnnxConstant *scale = known(c, 1), *bias = known(c, 2);
    if (!x->batched || (axis != 0 && axis != s.rank - 1) || output_is_used(c, 1) || output_is_used(c, 2)) return false;
    if (!bare && (!scale || !bias || scale->count != shape_count(inner) || bias->count != scale->count)) return false;
    ImportNode *n = layer_like(c, "layernorm", x->node);
    arg_real(c->imp, n, "eps", onnx_attr_real(c, "epsilon", 1e-5));
    arg_bool(c->imp, n, "affine", !bare);
    if (axis != 0) arg_int(c->imp, n, "axis", axis);
    if (!bare) layer_param(c, n, "weight", inner, scale);
    if (!bare) layer_param(c, n, "bias", inner, bias);
    return put_like(c, n, x);
}

static bool convert_layer_normalization(Conversion *c)
{
    OnnxValue *x = c->in[0];
    const int axis = onnx_axis(onnx_attr_int(c, "axis", -1), x->rank) - x->batched;
    if (!x->node || axis < 0 || sample_rank(x) > MAX_RANK) return refuse(c, "axis 0, the batch, is normalised");
    if (layer_of_norm(c, x, axis)) return true;
    const Shape s = sample_shape(x);
    const unsigned axes = ((1u << s.rank) - 1) & ~((1u << axis) - 1);
    ImportNode *deviation, *n = centred(c, x->node, axes, onnx_attr_real(c, "epsilon", 1e-5), &deviation);
    if (!layer_statistics(c, x, axes, deviation)) return false;
    n = combine(c, "div", n, deviation);
    for (int i = 1; i < 3 && has_input(c, i); i++) {
        if (!known(c, i)) return refuse(c, "its scale or bias is not a constant");
        ImportNode *source = trailing_source(c, i, &s);
        if (!source) return false;
        n = combine(c, i == 1 ? "mul" : "add", n, source);
    }
    return put_like(c, n, x);
}

static bool convert_mean_variance_normalization(Conversion *c)
{
    OnnxValue *x = c->in[0];
    int64_t list[ONNX_MAX_RANK] = {0, 2, 3};
    int count = onnx_attr_ints(c, "axes", list, ONNX_MAX_RANK);
    if (count < 0) count = 3;
    if (count > ONNX_MAX_RANK) return refuse(c, "it has %d axes", count);
    unsigned axes = 0;
    for (int i = 0; i < count; i++) {
        const int axis = onnx_axis(list[i], x->rank) - x->batched;
        if (axis < 0) return refuse(c, "axis 0, the batch, is normalised");
        axes |= 1u << axis;
    }
    if (!x->node || sample_rank(x) > MAX_RANK) return false;
    ImportNode *deviation, *n = centred(c, x->node, axes, 1e-9, &deviation);
    return put_like(c, combine(c, "div", n, deviation), x);
}

static bool convert_lp_normalization(Conversion *c)
{
    OnnxValue *x = c->in[0];
    const int axis = onnx_axis(onnx_attr_int(c, "axis", -1), x->rank) - x->batched;
    const bool first = onnx_attr_int(c, "p", 2) == 1;
    if (!x->node || axis < 0 || sample_rank(x) > MAX_RANK) return refuse(c, "axis 0, the batch, is normalised");
    ImportNode *sum = reduced(c, "reduce_sum", layer_like(c, first ? "abs" : "square", x->node), 1u << axis, true);
    return put_like(c, combine(c, "div", x->node, first ? sum : layer_like(c, "sqrt", sum)), x);
}

const OnnxOperator onnx_norm_operators[] = {
    {"BatchNormalization", 1, 0, 5, convert_batch_normalization},
    {"InstanceNormalization", 1, 0, 3, convert_instance_normalization},
    {"LRN", 1, 0, 1, convert_lrn},
    {"LayerNormalization", 17, 0, 2, convert_layer_normalization},
    {"MeanVarianceNormalization", 9, 0, 1, convert_mean_variance_normalization},
    {"LpNormalization", 1, 0, 1, convert_lp_normalization},
    {0},
};
