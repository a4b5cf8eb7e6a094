/*
 * export_movement: nodes of ONNX that move numbers, as several families of layers need them.
 */
#include <string.h>

#include "interop/exporter.h"

const char *export_cast(Export *e, const char *x, int type)
{
    Onnx__NodeProto *n = export_node(e, "Cast", 1, &x);
    export_attr_int(e, n, "to", type);
    return export_result(n);
}

/* A dimension of 0 is that of the input. */
const char *export_reshaped(Export *e, const char *x, Shape sample)
{
    int64_t dims[MAX_RANK + 1] = {0};
    for (int i = 0; i < sample.rank; i++) dims[i + 1] = sample.dim[i];
    return export_binary(e, "Reshape", x, export_ints(e, "shape", sample.rank + 1, dims));
}

const char *export_transposed(Export *e, const char *x, int rank, const int64_t *perm)
{
    Onnx__NodeProto *n = export_node(e, "Transpose", 1, &x);
    export_attr_ints(e, n, "perm", rank, perm);
    return export_result(n);
}

/* Backwards to the first element: an end of −1 would be the last one. */
const char *export_slice(Export *e, const char *x, int axis, int64_t begin, int64_t end, int64_t step)
{
    const int64_t last = end < 0 ? INT64_MIN + 1 : end, along = axis;
    const char *in[] = {x, export_ints(e, "starts", 1, &begin), export_ints(e, "ends", 1, &last),
                        export_ints(e, "axes", 1, &along), step == 1 ? NULL : export_ints(e, "steps", 1, &step)};
    return export_result(export_node(e, "Slice", step == 1 ? 4 : 5, in));
}

const char *export_concat(Export *e, int count, const char *const *in, int axis)
{
    if (count == 1) return in[0];
    Onnx__NodeProto *n = export_node(e, "Concat", count, in);
    export_attr_int(e, n, "axis", axis);
    return export_result(n);
}

const char *export_stretched(Export *e, const char *x, int rank)
{
    const int64_t ones[EXPORT_MAX_RANK] = {1, 1, 1, 1, 1, 1};
    Onnx__NodeProto *batch = export_node(e, "Shape", 1, &e->ex->input);
    export_attr_int(e, batch, "start", 0);
    export_attr_int(e, batch, "end", 1);
    const char *const dims[] = {export_result(batch), export_ints(e, "sample", rank - 1, ones)};
    return export_binary(e, "Expand", x, export_concat(e, 2, dims, 0));
}

/* ---- borders ------------------------------------------------------------------------ */

static const char *pad_node(Export *e, const char *x, const ExportBorders *b, const char *mode, double value)
{
    int64_t pads[2 * EXPORT_MAX_RANK];
    memcpy(pads, b->before, (size_t)b->rank * sizeof *pads);
    memcpy(pads + b->rank, b->after, (size_t)b->rank * sizeof *pads);
    const char *in[] = {x, export_ints(e, "pads", 2 * b->rank, pads), value != 0 ? export_real(e, value) : NULL};
    Onnx__NodeProto *n = export_node(e, "Pad", value != 0 ? 3 : 2, in);
    export_attr_text(e, n, "mode", mode);
    return export_result(n);
}

/* The other end of the axis, or with `mirrored` the same one in the opposite order. */
static const char *wrapped(Export *e, const char *x, const ExportBorders *b, int axis, bool mirrored)
{
    const int64_t size = b->size[axis], before = b->before[axis], after = b->after[axis];
    const char *parts[3];
    int count = 0;
    if (before)
        parts[count++] =
            mirrored ? export_slice(e, x, axis, before - 1, -1, -1) : export_slice(e, x, axis, size - before, size, 1);
    parts[count++] = x;
    if (after && mirrored) parts[count++] = export_slice(e, x, axis, size - 1, size - 1 - after, -1);
    if (after && !mirrored) parts[count++] = export_slice(e, x, axis, 0, after, 1);
    return export_concat(e, count, parts, axis);
}

/* 2 · edge − mirrored beyond the border, 2 · x − x inside. */
static const char *odd(Export *e, const char *x, const ExportBorders *b, int axis)
{
    ExportBorders one = *b;
    for (int i = 0; i < b->rank; i++)
        if (i != axis) one.before[i] = one.after[i] = 0;
    const char *twice = export_binary(e, "Mul", pad_node(e, x, &one, "edge", 0), export_real(e, 2));
    return export_binary(e, "Sub", twice, pad_node(e, x, &one, "reflect", 0));
}

/* ONNX has no such mode before opset 19: one axis after the other. */
static const char *padded_by_axis(Export *e, const char *x, const ExportBorders *b, const char *mode)
{
    ExportBorders left = *b;
    for (int axis = 0; axis < b->rank; axis++) {
        if (!b->before[axis] && !b->after[axis]) continue;
        if (strcmp(mode, "odd") == 0)
            x = odd(e, x, &left, axis);
        else
            x = wrapped(e, x, &left, axis, strcmp(mode, "symmetric") == 0);
        left.size[axis] += left.before[axis] + left.after[axis];
        left.before[axis] = left.after[axis] = 0;
    }
    return x;
}

const char *export_padded(Export *e, const char *x, const ExportBorders *b, const char *mode, double value)
{
    static const struct {
        const char *mode, *onnx;
    } modes[] = {{"zeros", "constant"}, {"constant", "constant"}, {"reflect", "reflect"}, {"replicate", "edge"}};
    bool nothing = true;
    for (int i = 0; i < b->rank; i++) nothing = nothing && !b->before[i] && !b->after[i];
    if (nothing) return x;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].mode, mode) == 0) return pad_node(e, x, b, modes[i].onnx, value);
    return padded_by_axis(e, x, b, mode);
}
