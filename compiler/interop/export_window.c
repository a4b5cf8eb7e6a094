/*
 * export_window: the sliding windows of convolutions and pools, of images and of sequences.
 */
#include "interop/exporter.h"

ExportWindow export_window(const Node *n)
{
    const Shape in = node_shape_in(n), out = node_shape_out(n);
    const Pair one = {1, 1}, k = argument_pair(n, "k"), stride = argument_pair(n, "stride"),
               dilation = argument_given(n, "dilation") ? argument_pair(n, "dilation") : one;
    const Pad pad = argument_given(n, "pad") ? argument_sides(n, "pad") : (Pad){0};
    ExportWindow w = {.axes = in.rank - 1};
    for (int i = 0; i < w.axes; i++) {
        const bool height = w.axes == 2 && i == 0;
        w.in[i] = in.dim[1 + i];
        w.out[i] = out.dim[1 + i];
        w.size[i] = height ? k.h : k.w;
        w.stride[i] = height ? stride.h : stride.w;
        w.dilation[i] = height ? dilation.h : dilation.w;
        w.before[i] = height ? pad.top : pad.left;
        w.after[i] = height ? pad.bottom : pad.right;
    }
    return w;
}

void export_window_attrs(Export *e, Onnx__NodeProto *n, const ExportWindow *w)
{
    int64_t pads[4];
    for (int i = 0; i < w->axes; i++) {
        pads[i] = w->before[i];
        pads[w->axes + i] = w->after[i];
    }
    export_attr_ints(e, n, "kernel_shape", w->axes, w->size);
    export_attr_ints(e, n, "strides", w->axes, w->stride);
    export_attr_ints(e, n, "pads", 2 * w->axes, pads);
    if (argument_given(e->node, "dilation")) export_attr_ints(e, n, "dilations", w->axes, w->dilation);
}

const char *export_window_padded(Export *e, const char *x, ExportWindow *w, const char *mode)
{
    ExportBorders b = {.rank = w->axes + 2};
    for (int i = 0; i < w->axes; i++) {
        b.size[2 + i] = w->in[i];
        b.before[2 + i] = w->before[i];
        b.after[2 + i] = w->after[i];
        w->in[i] += w->before[i] + w->after[i];
        w->before[i] = w->after[i] = 0;
    }
    x = export_padded(e, x, &b, mode, 0);
    return e->int8 ? export_quantized_value(e, x, e->node->in[0]) : x;
}
