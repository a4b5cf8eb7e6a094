/*
 * convert_window: the sliding windows of ONNX's convolutions and pools.
 *
 * A window of one dimension is that of a layer of sequences, conv1d and its like; where these
 * cannot pad so, it is one of two dimensions, and the sequence CxL the image Cx1xL.
 */
#include "interop/convert_window.h"

#include <string.h>

OnnxValue *window_value(Conversion *c, OnnxWindow *w)
{
    *w = (OnnxWindow){.axes = c->in[0]->rank - 2};
    if (w->axes != 1 && w->axes != 2) {
        refuse(c, "its input has %d axes: images and sequences have 4 and 3", c->in[0]->rank);
        return NULL;
    }
    OnnxValue *v = as_batched(c, c->in[0]);
    if (!v) {
        refuse(c, "axis 0 of its input is not the batch");
        return NULL;
    }
    for (int i = 0; i < w->axes; i++) w->in[i] = v->dims[2 + i];
    return v;
}

/* A number for each axis; 1 where the attribute is left out. */
static bool window_attr(Conversion *c, const char *name, int64_t *out, const OnnxWindow *w)
{
    for (int i = 0; i < w->axes; i++) out[i] = 1;
    const int count = onnx_attr_ints(c, name, out, w->axes);
    return count < 0 || count == w->axes || refuse(c, "its %s has %d numbers", name, count);
}

static int64_t window_span(const OnnxWindow *w, int i) { return w->dilation[i] * (w->size[i] - 1) + 1; }

/* SAME_UPPER and SAME_LOWER: ceil(in / stride) results, the odd pixel after or before. */
static void pad_same(OnnxWindow *w, bool upper)
{
    for (int i = 0; i < w->axes; i++) {
        const int64_t out = div_round_up(w->in[i], w->stride[i]);
        int64_t all = (out - 1) * w->stride[i] + window_span(w, i) - w->in[i];
        if (all < 0) all = 0;
        w->before[i] = upper ? all / 2 : all - all / 2;
        w->after[i] = all - w->before[i];
    }
}

static bool window_padding(Conversion *c, OnnxWindow *w)
{
    const char *kind = onnx_attr_string(c, "auto_pad", "NOTSET");
    int64_t pads[4] = {0};
    if (strcmp(kind, "SAME_UPPER") == 0 || strcmp(kind, "SAME_LOWER") == 0) {
        pad_same(w, kind[5] == 'U');
        return true;
    }
    if (strcmp(kind, "VALID") == 0) return true;
    const int count = onnx_attr_ints(c, "pads", pads, 4);
    if (count >= 0 && count != 2 * w->axes) return refuse(c, "its pads have %d numbers", count);
    for (int i = 0; i < w->axes; i++) {
        w->before[i] = pads[i];
        w->after[i] = pads[w->axes + i];
        if (pads[i] < 0 || pads[w->axes + i] < 0) return refuse(c, "its pads are negative");
    }
    return true;
}

bool window_attributes(Conversion *c, const int64_t *kernel, OnnxWindow *w)
{
    if (kernel)
        memcpy(w->size, kernel, (size_t)w->axes * sizeof *kernel);
    else if (!window_attr(c, "kernel_shape", w->size, w))
        return false;
    if (!window_attr(c, "strides", w->stride, w) || !window_attr(c, "dilations", w->dilation, w)) return false;
    w->ceil = onnx_attr_int(c, "ceil_mode", 0);
    for (int i = 0; i < w->axes; i++)
        if (w->size[i] < 1 || w->stride[i] < 1 || w->dilation[i] < 1) return refuse(c, "its window has no size");
    if (!window_padding(c, w)) return false;
    for (int i = 0; i < w->axes; i++) {
        const int64_t room = w->in[i] + w->before[i] + w->after[i] - window_span(w, i);
        if (room < 0) return refuse(c, "its window is larger than its input");
        w->out[i] = (w->ceil ? div_round_up(room, w->stride[i]) : room / w->stride[i]) + 1;
        /* The last window begins inside the image or before it. */
        if (w->ceil && (w->out[i] - 1) * w->stride[i] >= w->in[i] + w->before[i]) w->out[i]--;
    }
    return true;
}

bool window_is_sequence(const OnnxWindow *w) { return w->axes == 1 && w->before[0] == w->after[0]; }

Shape window_shape(const OnnxWindow *w, int64_t channels)
{
    if (w->sequence) return (Shape){2, {channels, w->out[0]}};
    return shape_image(channels, w->axes == 2 ? w->out[0] : 1, w->out[w->axes - 1]);
}

ImportNode *window_node(Conversion *c, const OnnxValue *v, const OnnxWindow *w)
{
    if (w->axes == 2 || w->sequence) return v->node;
    return reshaped(c, v->node, shape_image(v->dims[1], 1, v->dims[2]));
}

bool window_result(Conversion *c, ImportNode *n, const OnnxValue *v, const OnnxWindow *w)
{
    if (w->axes == 1 && !w->sequence) n = reshaped(c, n, (Shape){2, {n->shape.dim[0], n->shape.dim[2]}});
    const int64_t dims[] = {v->dims[0], n->shape.dim[0], n->shape.dim[1], w->axes == 2 ? n->shape.dim[2] : 1};
    return put_output(c, 0, n, v->rank, dims, true);
}

void window_args(Conversion *c, ImportNode *n, const char *name, const int64_t per_axis[2], int64_t otherwise,
                 const OnnxWindow *w)
{
    if (w->sequence) {
        arg_int(c->imp, n, name, per_axis[0]);
        return;
    }
    const int64_t pair[] = {w->axes == 2 ? per_axis[0] : otherwise, per_axis[w->axes - 1]};
    arg_pair(c->imp, n, name, pair);
}

void window_pads(Conversion *c, ImportNode *n, const OnnxWindow *w)
{
    const bool flat = w->axes == 1;
    if (w->sequence) {
        arg_int(c->imp, n, "pad", w->before[0]);
        return;
    }
    const int last = w->axes - 1;
    arg_pad(c->imp, n, "pad",
            (const int64_t[]){flat ? 0 : w->before[0], w->before[last], flat ? 0 : w->after[0], w->after[last]});
}
