/*
 * export_pool: pooling over sliding windows and over whole images.
 */
#include <math.h>

#include "interop/exporter.h"

static int64_t reach(const ExportWindow *w, int i) { return w->dilation[i] * (w->size[i] - 1) + 1; }

/* Whether the last window needs ceil_mode: else the sizes are those that are rounded down. */
static bool rounds_up(const ExportWindow *w)
{
    for (int i = 0; i < w->axes; i++)
        if (w->out[i] != (w->in[i] + w->before[i] + w->after[i] - reach(w, i)) / w->stride[i] + 1) return true;
    return false;
}

static bool window_is_padded(const ExportWindow *w)
{
    for (int i = 0; i < w->axes; i++)
        if (w->before[i] || w->after[i]) return true;
    return false;
}

static Onnx__NodeProto *pool_node(Export *e, const char *op, const char *x, const ExportWindow *w)
{
    Onnx__NodeProto *n = export_node(e, op, 1, &x);
    export_window_attrs(e, n, w);
    if (rounds_up(w)) export_attr_int(e, n, "ceil_mode", 1);
    return n;
}

static const char *export_maxpool(Export *e)
{
    const ExportWindow w = export_window(e->node);
    return export_result(pool_node(e, "MaxPool", export_in(e, 0), &w));
}

/* The largest of −x. */
static const char *export_minpool(Export *e)
{
    const ExportWindow w = export_window(e->node);
    const char *negative = export_unary(e, "Neg", export_in(e, 0));
    return export_unary(e, "Neg", export_result(pool_node(e, "MaxPool", negative, &w)));
}

/* Averages of what is inside the image. */
static const char *average(Export *e, const char *x, const ExportWindow *w, bool counts_padding)
{
    Onnx__NodeProto *n = pool_node(e, "AveragePool", x, w);
    if (counts_padding) export_attr_int(e, n, "count_include_pad", 1);
    return export_result(n);
}

static int64_t window_area(const ExportWindow *w) { return w->size[0] * (w->axes == 2 ? w->size[1] : 1); }

/* As much padding at the end as the last windows reach. */
static void reach_last_window(ExportWindow *w)
{
    for (int i = 0; i < w->axes; i++) {
        const int64_t after = (w->out[i] - 1) * w->stride[i] + reach(w, i) - w->in[i] - w->before[i];
        w->after[i] = after > 0 ? after : 0;
    }
}

/* A window that ends behind the padding is divided by what is before its end: ONNX does not say
 * so, and there the padding becomes part of the image.  With divisor_override the padding counts,
 * and so does what is behind it, as zeros. */
static const char *export_avgpool(Export *e)
{
    ExportWindow w = export_window(e->node);
    const int64_t divisor = argument_int(e->node, "divisor_override");
    const bool counts = window_is_padded(&w) && (argument_flag(e->node, "count_pad") || divisor != ATTR_NONE);
    const char *x = export_in(e, 0);
    if (divisor != ATTR_NONE && rounds_up(&w)) reach_last_window(&w);
    const bool around = divisor != ATTR_NONE || (counts && rounds_up(&w));
    if (around) x = export_window_padded(e, x, &w, "zeros");
    x = average(e, x, &w, counts && !around);
    if (divisor == ATTR_NONE) return x;
    return export_binary(e, "Mul", x, export_real(e, (double)window_area(&w) / (double)divisor));
}

/* (area · mean(x^p))^(1/p), the mean being of what is inside the image. */
static const char *export_lppool(Export *e)
{
    const ExportWindow w = export_window(e->node);
    const double p = argument_real(e->node, "p");
    if (fmod(p, 2) == 0 && !rounds_up(&w)) {
        Onnx__NodeProto *n = pool_node(e, "LpPool", export_in(e, 0), &w);
        export_attr_int(e, n, "p", (int64_t)p);
        return export_result(n);
    }
    const char *x = average(e, export_binary(e, "Pow", export_in(e, 0), export_real(e, p)), &w, false);
    x = export_binary(e, "Mul", x, export_real(e, (double)window_area(&w)));
    return export_binary(e, "Pow", x, export_real(e, 1 / p));
}

static const char *export_global_avgpool(Export *e) { return export_unary(e, "GlobalAveragePool", export_in(e, 0)); }
static const char *export_global_maxpool(Export *e) { return export_unary(e, "GlobalMaxPool", export_in(e, 0)); }

const ExportRow export_pool_rows[] = {
    {"maxpool", export_maxpool},
    {"maxpool1d", export_maxpool},
    {"minpool", export_minpool},
    {"avgpool", export_avgpool},
    {"avgpool1d", export_avgpool},
    {"lppool", export_lppool},
    {"global_avgpool", export_global_avgpool},
    {"global_maxpool", export_global_maxpool},
    {0},
};
