/*
 * export_resize: images in other sizes.
 *
 * Places are PyTorch's, which ONNX has as coordinate_transformation_mode.  A size is given for
 * all axes, the batch among them, which is read from the value: as PyTorch's exporter has it.
 */
#include <math.h>
#include <string.h>

#include "interop/exporter.h"

static const char *scales_of(Export *e, double vertical, double horizontal)
{
    const int64_t count = 4;
    return export_reals(e, "scales", 1, &count, (const double[]){1, 1, vertical, horizontal});
}

/* [batch][C] of the value, and the layer's height and width. */
static const char *sizes_of(Export *e, const char *x)
{
    const Shape out = node_shape_out(e->node);
    Onnx__NodeProto *n = export_node(e, "Shape", 1, &x);
    export_attr_int(e, n, "start", 0);
    export_attr_int(e, n, "end", 2);
    const char *const parts[] = {export_result(n), export_ints(e, "size", 2, out.dim + 1)};
    return export_concat(e, 2, parts, 0);
}

static const char *resize_node_of(Export *e, const char *scales, const char *sizes, const char *mode,
                                  const char *places)
{
    const char *in[] = {export_in(e, 0), NULL, scales, sizes};
    Onnx__NodeProto *n = export_node(e, "Resize", sizes ? 4 : 3, in);
    export_attr_text(e, n, "coordinate_transformation_mode", places);
    export_attr_text(e, n, "mode", mode);
    if (strcmp(mode, "nearest") == 0) export_attr_text(e, n, "nearest_mode", "floor");
    if (strcmp(mode, "cubic") == 0) export_attr_real(e, n, "cubic_coeff_a", -0.75);
    return export_result(n);
}

static const char *export_upsample(Export *e)
{
    const Pair by = argument_pair(e->node, "scale");
    const bool nearest = strcmp(argument_symbol(e->node, "mode"), "nearest") == 0;
    const char *scales = scales_of(e, (double)by.h, (double)by.w);
    return nearest ? resize_node_of(e, scales, NULL, "nearest", "asymmetric")
                   : resize_node_of(e, scales, NULL, "linear", "half_pixel");
}

/* ---- nearest ---------------------------------------------------------------------------- */

/* The row that output i reads: x[min(floor(i · step), size − 1)], in single precision. */
static int64_t nearest_row(double step, int64_t size, int64_t i)
{
    const float place = floorf((float)i * (float)step);
    return place < (float)(size - 1) ? (int64_t)place : size - 1;
}

/* Rounding may put the place i / scale of ONNX on the other side of a whole number. */
static bool reads_same_rows(double step, int64_t in, int64_t out)
{
    const float scale = (float)(1 / step);
    for (int64_t i = 0; i < out; i++) {
        const int64_t row = nearest_row(step, in, i);
        const int64_t double_row = (int64_t)floor((double)i / (double)scale);
        if ((int64_t)floorf((float)i / scale) != row && row != in - 1) return false;
        if (double_row != row && row != in - 1) return false;
    }
    return true;
}

/* The rows and columns that are read, as lists. */
static const char *picked_rows(Export *e, const double step[2])
{
    const Shape in = node_shape_in(e->node), out = node_shape_out(e->node);
    const char *x = export_in(e, 0);
    for (int axis = 1; axis < 3; axis++) {
        const int count = (int)out.dim[axis];
        int64_t *rows = arena_alloc(e->ex->arena, (size_t)count * sizeof *rows);
        for (int i = 0; i < count; i++) rows[i] = nearest_row(step[axis - 1], in.dim[axis], i);
        const char *from[] = {x, export_ints(e, "indices", count, rows)};
        Onnx__NodeProto *n = export_node(e, "Gather", 2, from);
        export_attr_int(e, n, "axis", axis + 1);
        x = export_result(n);
    }
    return x;
}

/* ---- resize ---------------------------------------------------------------------------------- */

static const char *export_resize(Export *e)
{
    static const struct {
        const char *mode, *onnx;
    } modes[] = {{"nearest", "nearest"}, {"bilinear", "linear"}, {"bicubic", "cubic"}};
    const Node *n = e->node;
    const Shape in = node_shape_in(n), out = node_shape_out(n);
    const Reals *scale = argument_reals(n, "scale");
    const char *mode = argument_symbol(n, "mode"), *onnx = NULL;
    double step[2];
    for (int i = 0; i < 2; i++)
        step[i] =
            scale->count ? 1 / scale->at[scale->count > 1 ? i : 0] : (double)in.dim[i + 1] / (double)out.dim[i + 1];
    for (int i = 0; i < 3; i++)
        if (strcmp(modes[i].mode, mode) == 0) onnx = modes[i].onnx;
    const bool nearest = strcmp(mode, "nearest") == 0, corners = argument_flag(n, "align_corners");
    if (nearest &&
        !(reads_same_rows(step[0], in.dim[1], out.dim[1]) && reads_same_rows(step[1], in.dim[2], out.dim[2])))
        return picked_rows(e, step);
    const char *places = corners ? "align_corners" : nearest ? "asymmetric" : "half_pixel";
    if (scale->count && !corners) return resize_node_of(e, scales_of(e, 1 / step[0], 1 / step[1]), NULL, onnx, places);
    return resize_node_of(e, NULL, sizes_of(e, export_in(e, 0)), onnx, places);
}

const ExportRow export_resize_rows[] = {{"upsample", export_upsample}, {"resize", export_resize}, {0}};
