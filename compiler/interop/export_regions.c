/*
 * export_regions: pooling over h×w parts of an image, or of a region of it.
 *
 * Parts of one size are windows; else a part is a slice of the rows, and of that a slice of the
 * columns: part i of n of the rows begin … begin + size − 1 has the rows begin + floor(i · size / n)
 * … begin + ceil((i + 1) · size / n) − 1.
 */
#include <string.h>

#include "interop/exporter.h"

typedef struct ExportParts {
    int64_t begin[2], size[2], count[2];
    bool cut; /* a region, not the whole image */
} ExportParts;

static bool parts_are_even(const ExportParts *p)
{
    return !p->cut && p->size[0] % p->count[0] == 0 && p->size[1] % p->count[1] == 0;
}

static const char *even_parts(Export *e, const ExportParts *p, bool maximum)
{
    const char *x = export_in(e, 0);
    if (p->count[0] == 1 && p->count[1] == 1)
        return export_unary(e, maximum ? "GlobalMaxPool" : "GlobalAveragePool", x);
    const int64_t window[] = {p->size[0] / p->count[0], p->size[1] / p->count[1]};
    Onnx__NodeProto *n = export_node(e, maximum ? "MaxPool" : "AveragePool", 1, &x);
    export_attr_ints(e, n, "kernel_shape", 2, window);
    export_attr_ints(e, n, "strides", 2, window);
    return export_result(n);
}

/* The parts along one axis of the value, each with one element. */
static const char *parts_along(Export *e, const char *x, const ExportParts *p, int axis, bool maximum)
{
    const int64_t size = p->size[axis], count = p->count[axis], along = axis + 2;
    const char **part = arena_alloc(e->ex->arena, (size_t)count * sizeof *part);
    for (int64_t i = 0; i < count; i++) {
        const int64_t first = p->begin[axis] + i * size / count,
                      end = p->begin[axis] + div_round_up((i + 1) * size, count);
        const char *slice = export_slice(e, x, axis + 2, first, end, 1);
        Onnx__NodeProto *n = export_node(e, maximum ? "ReduceMax" : "ReduceMean", 1, &slice);
        export_attr_ints(e, n, "axes", 1, &along);
        export_attr_int(e, n, "keepdims", 1);
        part[i] = export_result(n);
    }
    return export_concat(e, (int)count, part, axis + 2);
}

static const char *pooled_parts(Export *e, const ExportParts *p, bool maximum)
{
    enum { MOST_PARTS = 256 };
    if (parts_are_even(p)) return even_parts(e, p, maximum);
    if (p->count[0] + p->count[1] > MOST_PARTS)
        return export_refuse(e, "its %lldx%lld parts, of unequal size, would be more than %d slices",
                             (long long)p->count[0], (long long)p->count[1], MOST_PARTS);
    return parts_along(e, parts_along(e, export_in(e, 0), p, 0, maximum), p, 1, maximum);
}

static ExportParts whole_image(const Node *n)
{
    const Shape in = node_shape_in(n), out = node_shape_out(n);
    return (ExportParts){.size = {in.dim[1], in.dim[2]}, .count = {out.dim[1], out.dim[2]}};
}

static const char *export_adaptive_avgpool(Export *e)
{
    const ExportParts p = whole_image(e->node);
    return pooled_parts(e, &p, false);
}

static const char *export_adaptive_maxpool(Export *e)
{
    const ExportParts p = whole_image(e->node);
    return pooled_parts(e, &p, true);
}

/* region=[y, x, h, w] */
static const char *export_roipool(Export *e)
{
    const Pad region = argument_sides(e->node, "region");
    const Shape out = node_shape_out(e->node);
    const ExportParts p = {.begin = {region.top, region.left},
                           .size = {region.bottom, region.right},
                           .count = {out.dim[1], out.dim[2]},
                           .cut = true};
    return pooled_parts(e, &p, true);
}

const ExportRow export_region_rows[] = {
    {"adaptive_avgpool", export_adaptive_avgpool},
    {"adaptive_maxpool", export_adaptive_maxpool},
    {"roipool", export_roipool},
    {0},
};
