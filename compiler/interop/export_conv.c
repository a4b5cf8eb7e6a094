/*
 * export_conv: convolutions and transposed convolutions, of images and of sequences.
 */
#include <string.h>

#include "interop/exporter.h"

/* With flip=yes the weight is mirrored; ONNX's convolution mirrors nothing. */
static const char *mirrored_weight(Export *e)
{
    const Tensor *p = export_param_tensor(e, "weight");
    const int64_t taps = p->shape.dim[2] * p->shape.dim[3], count = shape_count(p->shape);
    const float *from = export_values(e, p);
    float *to = arena_alloc(e->ex->arena, (size_t)count * sizeof *to);
    for (int64_t k = 0; k < count; k++) to[k] = from[k - k % taps + (taps - 1 - k % taps)];
    return export_param_values(e, "weight", to);
}

static const char *correlation(Export *e, const char *op, const char *x, const ExportWindow *w, bool flip)
{
    const char *weight = flip ? mirrored_weight(e) : export_param(e, "weight", 0, NULL);
    const char *in[] = {x, weight, export_param(e, "bias", 0, NULL)};
    Onnx__NodeProto *n = export_node(e, op, in[2] ? 3 : 2, in);
    export_window_attrs(e, n, w);
    export_attr_int(e, n, "group", argument_int(e->node, "groups"));
    if (argument_given(e->node, "output_pad")) {
        const Pair extra = argument_pair(e->node, "output_pad");
        export_attr_ints(e, n, "output_padding", w->axes,
                         w->axes == 2 ? (const int64_t[]){extra.h, extra.w} : (const int64_t[]){extra.w});
    }
    return export_result(n);
}

static const char *export_conv(Export *e)
{
    ExportWindow w = export_window(e->node);
    const char *x = export_in(e, 0), *mode = argument_symbol(e->node, "pad_mode");
    const bool flip = argument_given(e->node, "flip") && argument_flag(e->node, "flip");
    if (strcmp(mode, "zeros") != 0) x = export_window_padded(e, x, &w, mode);
    return correlation(e, "Conv", x, &w, flip);
}

static const char *export_deconv(Export *e)
{
    const ExportWindow w = export_window(e->node);
    return correlation(e, "ConvTranspose", export_in(e, 0), &w, false);
}

const ExportRow export_conv_rows[] = {
    {"conv", export_conv}, {"conv1d", export_conv}, {"deconv", export_deconv}, {"deconv1d", export_deconv}, {0},
};
