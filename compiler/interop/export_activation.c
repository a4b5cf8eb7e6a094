/*
 * export_activation: activations, softmax among them.
 */
#include <string.h>

#include "interop/exporter.h"

/* The language's name and ONNX's, where both mean the same. */
static const char *export_same_name(Export *e)
{
    static const struct {
        const char *layer, *onnx;
    } rows[] = {{"relu", "Relu"},         {"sigmoid", "Sigmoid"},
                {"tanh", "Tanh"},         {"softplus", "Softplus"},
                {"softsign", "Softsign"}, {"hardswish", "HardSwish"},
                {"abs", "Abs"},           {"neg", "Neg"},
                {"exp", "Exp"},           {"log", "Log"},
                {"sqrt", "Sqrt"},         {"selu", "Selu"},
                {"sin", "Sin"},           {"reciprocal", "Reciprocal"},
                {"cos", "Cos"},           {"erf", "Erf"},
                {"sign", "Sign"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].layer, e->node->op->name) == 0) return export_unary(e, rows[i].onnx, export_in(e, 0));
    return NULL;
}

static const char *with_alpha(Export *e, const char *op, double alpha)
{
    const char *x = export_in(e, 0);
    Onnx__NodeProto *n = export_node(e, op, 1, &x);
    export_attr_real(e, n, "alpha", alpha);
    return export_result(n);
}

static const char *export_leaky_relu(Export *e) { return with_alpha(e, "LeakyRelu", argument_real(e->node, "slope")); }

static const char *export_celu(Export *e) { return with_alpha(e, "Celu", argument_real(e->node, "alpha")); }

/* At inference the slope is the mean of both. */
static const char *export_rrelu(Export *e)
{
    const double slope = (argument_real(e->node, "lower") + argument_real(e->node, "upper")) / 2;
    return with_alpha(e, "LeakyRelu", slope);
}

/* x > bound ? x : otherwise */
static const char *where_above(Export *e, double bound, const char *otherwise)
{
    const char *x = export_in(e, 0);
    const char *in[] = {export_binary(e, "Greater", x, export_real(e, bound)), x, otherwise};
    return export_result(export_node(e, "Where", 3, in));
}

/* One alpha for each channel. */
static const char *export_elu(Export *e)
{
    if (!argument_flag(e->node, "trained")) return with_alpha(e, "Elu", argument_real(e->node, "alpha"));
    const char *below = export_unary(e, "Elu", export_in(e, 0));
    return where_above(e, 0, export_binary(e, "Mul", below, export_channel_param(e, "weight")));
}

static const char *export_prelu(Export *e)
{
    return export_binary(e, "PRelu", export_in(e, 0), export_channel_param(e, "weight"));
}

static const char *export_threshold(Export *e)
{
    const double value = argument_real(e->node, "value"), replace = argument_real(e->node, "replace");
    if (replace == 0) return with_alpha(e, "ThresholdedRelu", value);
    return where_above(e, value, export_real(e, replace));
}

static const char *export_step(Export *e)
{
    const char *at = export_real(e, argument_real(e->node, "at"));
    return export_cast(e, export_binary(e, "GreaterOrEqual", export_in(e, 0), at),
                       ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
}

static const char *export_round(Export *e)
{
    const char *mode = argument_symbol(e->node, "mode");
    const bool nearest = strcmp(mode, "nearest") == 0;
    return export_unary(e, nearest ? "Round" : strcmp(mode, "floor") == 0 ? "Floor" : "Ceil", export_in(e, 0));
}

static const char *clip_node(Export *e, double low, double high)
{
    const char *in[] = {export_in(e, 0), export_real(e, low), export_real(e, high)};
    return export_result(export_node(e, "Clip", 3, in));
}

static const char *export_clamp(Export *e)
{
    return clip_node(e, argument_real(e->node, "min"), argument_real(e->node, "max"));
}

static const char *export_relu6(Export *e) { return clip_node(e, 0, 6); }

static const char *export_hardsigmoid(Export *e)
{
    const char *x = with_alpha(e, "HardSigmoid", 1.0 / 6);
    export_attr_real(e, e->ex->nodes.at[e->ex->nodes.count - 1], "beta", 0.5);
    return x;
}

static const char *export_silu(Export *e)
{
    return export_binary(e, "Mul", export_in(e, 0), export_unary(e, "Sigmoid", export_in(e, 0)));
}

static const char *export_mish(Export *e)
{
    const char *softplus = export_unary(e, "Softplus", export_in(e, 0));
    return export_binary(e, "Mul", export_in(e, 0), export_unary(e, "Tanh", softplus));
}

/* x · (1 + erf(x / √2)) · ½, or with tanh(√(2/π) · (x + 0.044715 · x³)) in the place of erf. */
static const char *export_gelu(Export *e)
{
    const char *x = export_in(e, 0), *smooth;
    if (strcmp(argument_symbol(e->node, "approximate"), "tanh") == 0) {
        const char *cube =
            export_binary(e, "Mul", export_binary(e, "Pow", x, export_real(e, 3)), export_real(e, 0.044715));
        const char *sum = export_binary(e, "Add", x, cube);
        smooth = export_unary(e, "Tanh", export_binary(e, "Mul", sum, export_real(e, 0.79788456080286535588)));
    } else
        smooth = export_unary(e, "Erf", export_binary(e, "Div", x, export_real(e, 1.41421356237309504880)));
    const char *more = export_binary(e, "Add", smooth, export_real(e, 1));
    return export_binary(e, "Mul", export_binary(e, "Mul", x, more), export_real(e, 0.5));
}

/* The largest of groups of neighbouring channels. */
static const char *export_maxout(Export *e)
{
    const Shape in = node_shape_in(e->node);
    const int64_t pieces = argument_int(e->node, "pieces"), along = 2;
    if (in.rank == MAX_RANK) return export_refuse(e, "a sample has %d axes", in.rank);
    Shape split = {in.rank + 1, {in.dim[0] / pieces, pieces}};
    for (int i = 1; i < in.rank; i++) split.dim[i + 1] = in.dim[i];
    const char *x = export_reshaped(e, export_in(e, 0), split);
    Onnx__NodeProto *n = export_node(e, "ReduceMax", 1, &x);
    export_attr_ints(e, n, "axes", 1, &along);
    export_attr_int(e, n, "keepdims", 0);
    return export_result(n);
}

/* ---- softmax ---------------------------------------------------------------------------- */

static const char *softmax_along(Export *e, const char *op)
{
    const char *x = export_in(e, 0);
    Onnx__NodeProto *n = export_node(e, op, 1, &x);
    export_attr_int(e, n, "axis", argument_int(e->node, "axis") + 1);
    return export_result(n);
}

static const char *export_softmax(Export *e) { return softmax_along(e, "Softmax"); }
static const char *export_log_softmax(Export *e) { return softmax_along(e, "LogSoftmax"); }

const ExportRow export_activation_rows[] = {
    {"relu", export_same_name},
    {"sigmoid", export_same_name},
    {"tanh", export_same_name},
    {"softplus", export_same_name},
    {"softsign", export_same_name},
    {"hardswish", export_same_name},
    {"abs", export_same_name},
    {"neg", export_same_name},
    {"exp", export_same_name},
    {"log", export_same_name},
    {"sqrt", export_same_name},
    {"selu", export_same_name},
    {"sin", export_same_name},
    {"reciprocal", export_same_name},
    {"cos", export_same_name},
    {"erf", export_same_name},
    {"sign", export_same_name},
    {"leaky_relu", export_leaky_relu},
    {"rrelu", export_rrelu},
    {"celu", export_celu},
    {"elu", export_elu},
    {"prelu", export_prelu},
    {"threshold", export_threshold},
    {"step", export_step},
    {"round", export_round},
    {"clamp", export_clamp},
    {"relu6", export_relu6},
    {"hardsigmoid", export_hardsigmoid},
    {"silu", export_silu},
    {"mish", export_mish},
    {"gelu", export_gelu},
    {"maxout", export_maxout},
    {"softmax", export_softmax},
    {"log_softmax", export_log_softmax},
    {0},
};
