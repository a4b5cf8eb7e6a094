/*
 * convert_pool: pooling over windows and over whole images.
 */
#include <string.h>

#include "interop/convert_window.h"

static bool no_indices(Conversion *c)
{
    return !output_is_used(c, 1) || refuse(c, "its second output, the places of the maxima, cannot be expressed");
}

static ImportNode *pool_layer(Conversion *c, const char *op, const OnnxValue *x, const OnnxWindow *w)
{
    ImportNode *n = layer(c, op, window_node(c, x, w), window_shape(w, x->dims[1]));
    window_args(c, n, "k", w->size, 1, w);
    return n;
}

static bool convert_max_pool(Conversion *c)
{
    OnnxWindow w;
    if (!no_indices(c)) return false;
    OnnxValue *x = window_value(c, &w);
    if (!x || !window_attributes(c, NULL, &w)) return false;
    w.sequence = window_is_sequence(&w);
    ImportNode *n = pool_layer(c, w.sequence ? "maxpool1d" : "maxpool", x, &w);
    window_args(c, n, "stride", w.stride, 1, &w);
    window_pads(c, n, &w);
    window_args(c, n, "dilation", w.dilation, 1, &w);
    arg_bool(c->imp, n, "ceil", w.ceil);
    return window_result(c, n, x, &w);
}

static bool convert_average_pool(Conversion *c)
{
    OnnxWindow w;
    OnnxValue *x = window_value(c, &w);
    if (!x || !window_attributes(c, NULL, &w)) return false;
    bool padded = false;
    for (int i = 0; i < w.axes; i++) {
        padded |= w.before[i] || w.after[i];
        if (w.dilation[i] != 1) return refuse(c, "it is dilated");
    }
    w.sequence = window_is_sequence(&w);
    ImportNode *n = pool_layer(c, w.sequence ? "avgpool1d" : "avgpool", x, &w);
    window_args(c, n, "stride", w.stride, 1, &w);
    window_pads(c, n, &w);
    arg_bool(c->imp, n, "ceil", w.ceil);
    arg_bool(c->imp, n, "count_pad", !padded || onnx_attr_int(c, "count_include_pad", 0));
    return window_result(c, n, x, &w);
}

static bool convert_lp_pool(Conversion *c)
{
    OnnxWindow w;
    OnnxValue *x = window_value(c, &w);
    if (!x || !window_attributes(c, NULL, &w)) return false;
    for (int i = 0; i < w.axes; i++)
        if (w.dilation[i] != 1 || w.before[i] || w.after[i]) return refuse(c, "it is padded or dilated");
    ImportNode *n = pool_layer(c, "lppool", x, &w);
    arg_real(c->imp, n, "p", (double)onnx_attr_int(c, "p", 2));
    window_args(c, n, "stride", w.stride, 1, &w);
    arg_bool(c->imp, n, "ceil", w.ceil);
    return window_result(c, n, x, &w);
}

/* Over all axes after the channels. */
static bool global_pool(Conversion *c, const char *image, const char *reduce)
{
    OnnxValue *x = as_batched(c, c->in[0]);
    int64_t dims[ONNX_MAX_RANK];
    if (!x || x->rank < 2) return refuse(c, "axis 0 of its input is not the batch");
    for (int i = 0; i < x->rank; i++) dims[i] = i < 2 ? x->dims[i] : 1;
    ImportNode *n = x->rank == 4 ? layer(c, image, x->node, shape_image(x->dims[1], 1, 1))
                                 : reduced(c, reduce, x->node, ~1u & ((1u << (x->rank - 1)) - 1), true);
    return put_output(c, 0, n, x->rank, dims, true);
}

static bool convert_global_average_pool(Conversion *c) { return global_pool(c, "global_avgpool", "reduce_mean"); }
static bool convert_global_max_pool(Conversion *c) { return global_pool(c, "global_maxpool", "reduce_max"); }

const OnnxOperator onnx_pool_operators[] = {
    {"MaxPool", 1, 0, 1, convert_max_pool},
    {"AveragePool", 1, 0, 1, convert_average_pool},
    {"LpPool", 2, 0, 1, convert_lp_pool},
    {"GlobalAveragePool", 1, 0, 1, convert_global_average_pool},
    {"GlobalMaxPool", 1, 0, 1, convert_global_max_pool},
    {0},
};
