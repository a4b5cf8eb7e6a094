/*
 * export_norm: normalisations.
 */
#include "interop/exporter.h"

static const char *export_batchnorm(Export *e)
{
    if (e->layer) return export_quantized_channels(e);
    const int64_t channels = node_shape_in(e->node).dim[0];
    const char *scale = export_param(e, "weight", 0, NULL), *bias = export_param(e, "bias", 0, NULL);
    const char *in[] = {export_in(e, 0), scale ? scale : export_same(e, "scale", channels, 1),
                        bias ? bias : export_same(e, "shift", channels, 0), export_param(e, "running_mean", 0, NULL),
                        export_param(e, "running_var", 0, NULL)};
    Onnx__NodeProto *n = export_node(e, "BatchNormalization", 5, in);
    export_attr_real(e, n, "epsilon", argument_real(e->node, "eps"));
    return export_result(n);
}

/* [batch][channels][…] → mean 0 and variance 1 of each channel */
static Onnx__NodeProto *instance_node(Export *e, const char *x, const char *scale, const char *bias)
{
    const char *in[] = {x, scale, bias};
    Onnx__NodeProto *n = export_node(e, "InstanceNormalization", 3, in);
    export_attr_real(e, n, "epsilon", argument_real(e->node, "eps"));
    return n;
}

static const char *export_instancenorm(Export *e)
{
    const int64_t channels = node_shape_in(e->node).dim[0];
    const char *scale = export_param(e, "weight", 0, NULL), *bias = export_param(e, "bias", 0, NULL);
    if (!scale) scale = export_same(e, "scale", channels, 1);
    if (!bias) bias = export_same(e, "shift", channels, 0);
    return export_result(instance_node(e, export_in(e, 0), scale, bias));
}

/* As PyTorch's exporter has it: a group is an instance's channel. */
static const char *export_groupnorm(Export *e)
{
    const Shape whole = node_shape_in(e->node);
    const int64_t groups = argument_int(e->node, "groups");
    const Shape rows = {2, {groups, shape_count(whole) / groups}};
    const char *x = export_reshaped(e, export_in(e, 0), rows);
    x = export_result(instance_node(e, x, export_same(e, "scale", groups, 1), export_same(e, "shift", groups, 0)));
    x = export_reshaped(e, x, whole);
    const char *weight = export_channel_param(e, "weight"), *bias = export_channel_param(e, "bias");
    if (weight) x = export_binary(e, "Mul", x, weight);
    return bias ? export_binary(e, "Add", x, bias) : x;
}

/* Over the axes of the value from `axis` on. */
static const char *normalised_from(Export *e, const char *x, int axis, int64_t count)
{
    const char *weight = export_param(e, "weight", 0, NULL), *bias = export_param(e, "bias", 0, NULL);
    const char *in[] = {x, weight ? weight : export_same(e, "scale", count, 1), bias};
    Onnx__NodeProto *n = export_node(e, "LayerNormalization", bias ? 3 : 2, in);
    export_attr_int(e, n, "axis", axis);
    export_attr_real(e, n, "epsilon", argument_real(e->node, "eps"));
    return export_result(n);
}

/* An axis that is not the last one is brought there and back. */
static const char *export_layernorm(Export *e)
{
    const Shape s = node_shape_in(e->node);
    const int64_t axis = argument_int(e->node, "axis");
    const char *x = export_in(e, 0);
    if (axis == ATTR_NONE) return normalised_from(e, x, 1, shape_count(s));
    if (axis == s.rank - 1) return normalised_from(e, x, -1, s.dim[axis]);
    int64_t there[MAX_RANK + 1], back[MAX_RANK + 1];
    for (int i = 0, next = 0; i <= s.rank; i++)
        if (i != axis + 1) there[next++] = i;
    there[s.rank] = axis + 1;
    for (int i = 0; i <= s.rank; i++) back[there[i]] = i;
    x = normalised_from(e, export_transposed(e, x, s.rank + 1, there), -1, s.dim[axis]);
    return export_transposed(e, x, s.rank + 1, back);
}

/* x / (k + alpha · mean(x²))^beta as PyTorch computes it, over the size/2 channels before and one
 * less behind: the window of an even size in ONNX is another one, and onnxruntime has none. */
static const char *lrn_by_formula(Export *e, int64_t size)
{
    const Shape s = node_shape_in(e->node), rows = shape_image(1, s.dim[0], s.dim[1] * s.dim[2]);
    const int64_t window[] = {size, 1}, pads[] = {size / 2, 0, (size - 1) / 2, 0};
    const char *x = export_in(e, 0);
    const char *squares = export_reshaped(e, export_binary(e, "Pow", x, export_real(e, 2)), rows);
    Onnx__NodeProto *mean = export_node(e, "AveragePool", 1, &squares);
    export_attr_ints(e, mean, "kernel_shape", 2, window);
    export_attr_ints(e, mean, "pads", 4, pads);
    export_attr_int(e, mean, "count_include_pad", 1);
    const char *d = export_reshaped(e, export_result(mean), s);
    d = export_binary(e, "Mul", d, export_real(e, argument_real(e->node, "alpha")));
    d = export_binary(e, "Add", d, export_real(e, argument_real(e->node, "k")));
    return export_binary(e, "Div", x, export_binary(e, "Pow", d, export_real(e, argument_real(e->node, "beta"))));
}

static const char *export_lrn(Export *e)
{
    const int64_t size = argument_int(e->node, "size");
    const char *x = export_in(e, 0);
    if (size % 2 == 0) return lrn_by_formula(e, size);
    Onnx__NodeProto *n = export_node(e, "LRN", 1, &x);
    export_attr_int(e, n, "size", size);
    export_attr_real(e, n, "alpha", argument_real(e->node, "alpha"));
    export_attr_real(e, n, "beta", argument_real(e->node, "beta"));
    export_attr_real(e, n, "bias", argument_real(e->node, "k"));
    return export_result(n);
}

/* (x − mean) / std */
static const char *export_normalize(Export *e)
{
    const char *mean = export_channel_reals(e, "mean", argument_reals(e->node, "mean"));
    const char *std = export_channel_reals(e, "std", argument_reals(e->node, "std"));
    return export_binary(e, "Div", export_binary(e, "Sub", export_in(e, 0), mean), std);
}

const ExportRow export_norm_rows[] = {
    {"batchnorm", export_batchnorm},
    {"instancenorm", export_instancenorm},
    {"groupnorm", export_groupnorm},
    {"layernorm", export_layernorm},
    {"lrn", export_lrn},
    {"normalize", export_normalize},
    {0},
};
