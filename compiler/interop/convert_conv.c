/*
 * convert_conv: convolutions and transposed convolutions.
 */
#include <string.h>

#include "interop/convert_window.h"

/* A weight [out][in/groups][kh][kw], kh of 1 for a sequence as an image; [out][in/groups][k]. */
static Shape kernel_shape(const OnnxConstant *k, const OnnxWindow *w)
{
    if (w->sequence) return (Shape){3, {k->dims[0], k->dims[1], k->dims[2]}};
    return (Shape){4, {k->dims[0], k->dims[1], w->axes == 2 ? k->dims[2] : 1, k->dims[w->axes + 1]}};
}

static OnnxConstant *kernel_of(Conversion *c, const OnnxWindow *w)
{
    OnnxConstant *k = must_know(c, 1, "weight");
    if (k && k->rank != w->axes + 2) {
        refuse(c, "its weight has %d axes, not %d", k->rank, w->axes + 2);
        return NULL;
    }
    return k;
}

static bool kernel_params(Conversion *c, ImportNode *n, const OnnxWindow *w, OnnxConstant *kernel, int64_t out)
{
    layer_param(c, n, "weight", kernel_shape(kernel, w), kernel);
    if (!has_input(c, 2)) return true;
    OnnxConstant *bias = must_know(c, 2, "bias");
    if (!bias) return false;
    if (bias->count != out) return refuse(c, "its bias has %lld numbers", (long long)bias->count);
    layer_param(c, n, "bias", shape_vector(out), bias);
    return true;
}

static bool convert_conv(Conversion *c)
{
    OnnxWindow w;
    OnnxValue *x = window_value(c, &w);
    OnnxConstant *kernel = x ? kernel_of(c, &w) : NULL;
    if (!kernel || !window_attributes(c, kernel->dims + 2, &w)) return false;
    const int64_t out = kernel->dims[0], groups = onnx_attr_int(c, "group", 1);
    if (groups < 1 || kernel->dims[1] * groups != x->dims[1]) return refuse(c, "its weight does not fit its input");
    w.sequence = window_is_sequence(&w);
    ImportNode *n = layer(c, w.sequence ? "conv1d" : "conv", window_node(c, x, &w), window_shape(&w, out));
    arg_int(c->imp, n, "out", out);
    window_args(c, n, "k", w.size, 1, &w);
    window_args(c, n, "stride", w.stride, 1, &w);
    window_pads(c, n, &w);
    window_args(c, n, "dilation", w.dilation, 1, &w);
    arg_int(c->imp, n, "groups", groups);
    arg_bool(c->imp, n, "bias", has_input(c, 2));
    return kernel_params(c, n, &w, kernel, out) && window_result(c, n, x, &w);
}

/* ---- transposed ------------------------------------------------------------------- */

/* The padding that gives output_shape; the odd pixel is at the end, with SAME_UPPER at the begin
 * of what is cut off. */
static void deconv_total(OnnxWindow *w, int i, int64_t total, bool upper)
{
    w->before[i] = upper ? total / 2 : total - total / 2;
    w->after[i] = total - w->before[i];
}

static bool deconv_sizes(Conversion *c, OnnxWindow *w, int64_t *extra)
{
    int64_t shape[2] = {0};
    const char *kind = onnx_attr_string(c, "auto_pad", "NOTSET");
    const bool same = strncmp(kind, "SAME", 4) == 0, upper = strcmp(kind, "SAME_UPPER") == 0;
    const int given = onnx_attr_ints(c, "output_shape", shape, 2);
    if (given >= 0 && given != w->axes) return refuse(c, "its output_shape has %d numbers", given);
    for (int i = 0; i < w->axes; i++) {
        const int64_t full = (w->in[i] - 1) * w->stride[i] + w->dilation[i] * (w->size[i] - 1) + 1 + extra[i];
        if (given >= 0 || same) {
            const int64_t total = full - (given >= 0 ? shape[i] : w->in[i] * w->stride[i]);
            if (total < 0) extra[i] -= total;
            deconv_total(w, i, total < 0 ? 0 : total, upper || given < 0);
        }
        w->out[i] = (w->in[i] - 1) * w->stride[i] + w->dilation[i] * (w->size[i] - 1) + 1 + extra[i] - w->before[i] -
                    w->after[i];
        if (w->out[i] < 1) return refuse(c, "its result has no size");
    }
    return true;
}

static bool deconv_attributes(Conversion *c, const OnnxConstant *kernel, OnnxWindow *w)
{
    int64_t pads[4] = {0}, in[2];
    memcpy(in, w->in, sizeof in);
    /* The rules of a convolution's sizes do not hold: read as if there were room enough. */
    for (int i = 0; i < w->axes; i++) w->in[i] = INT32_MAX;
    if (!window_attributes(c, kernel->dims + 2, w)) return false;
    memcpy(w->in, in, sizeof in);
    onnx_attr_ints(c, "pads", pads, 4);
    for (int i = 0; i < w->axes; i++) {
        w->before[i] = pads[i];
        w->after[i] = pads[w->axes + i];
    }
    return true;
}

static bool convert_conv_transpose(Conversion *c)
{
    OnnxWindow w;
    OnnxValue *x = window_value(c, &w);
    OnnxConstant *kernel = x ? kernel_of(c, &w) : NULL;
    int64_t extra[2] = {0};
    if (!kernel || !deconv_attributes(c, kernel, &w)) return false;
    onnx_attr_ints(c, "output_padding", extra, w.axes);
    if (!deconv_sizes(c, &w, extra)) return false;
    const int64_t groups = onnx_attr_int(c, "group", 1), out = kernel->dims[1] * groups;
    if (kernel->dims[0] != x->dims[1]) return refuse(c, "its weight does not fit its input");
    w.sequence = window_is_sequence(&w);
    ImportNode *n = layer(c, w.sequence ? "deconv1d" : "deconv", window_node(c, x, &w), window_shape(&w, out));
    arg_int(c->imp, n, "out", out);
    window_args(c, n, "k", w.size, 1, &w);
    window_args(c, n, "stride", w.stride, 1, &w);
    window_pads(c, n, &w);
    window_args(c, n, "output_pad", extra, 0, &w);
    window_args(c, n, "dilation", w.dilation, 1, &w);
    arg_int(c->imp, n, "groups", groups);
    arg_bool(c->imp, n, "bias", has_input(c, 2));
    return kernel_params(c, n, &w, kernel, out) && window_result(c, n, x, &w);
}

const OnnxOperator onnx_conv_operators[] = {
    {"Conv", 1, 0, 2, convert_conv},
    {"ConvTranspose", 1, 0, 2, convert_conv_transpose},
    {0},
};
