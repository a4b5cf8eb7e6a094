/*
 * export_reduction: sums, means and extrema over axes.
 */
#include "interop/exporter.h"

/* Over all axes the result is a vector of one number: the batch alone would be left. */
static bool reduces_all(const Node *n) { return argument_shape(n, "axes").rank == node_shape_in(n).rank; }

/* ReduceSum takes its axes as an input from opset 13 on, the others from opset 18 on. */
static const char *reduction(Export *e, const char *op, bool as_input)
{
    const Shape axes = argument_shape(e->node, "axes");
    const bool keep = argument_flag(e->node, "keep") || reduces_all(e->node);
    int64_t list[MAX_RANK];
    for (int i = 0; i < axes.rank; i++) list[i] = axes.dim[i] + 1;
    const char *in[] = {export_in(e, 0), as_input ? export_ints(e, "axes", axes.rank, list) : NULL};
    Onnx__NodeProto *n = export_node(e, op, as_input ? 2 : 1, in);
    if (!as_input) export_attr_ints(e, n, "axes", axes.rank, list);
    export_attr_int(e, n, "keepdims", keep);
    if (keep == argument_flag(e->node, "keep")) return export_result(n);
    return export_reshaped(e, export_result(n), node_shape_out(e->node));
}

static const char *export_reduce_mean(Export *e) { return reduction(e, "ReduceMean", false); }
static const char *export_reduce_sum(Export *e) { return reduction(e, "ReduceSum", true); }
static const char *export_reduce_max(Export *e) { return reduction(e, "ReduceMax", false); }
static const char *export_reduce_min(Export *e) { return reduction(e, "ReduceMin", false); }

const ExportRow export_reduction_rows[] = {
    {"reduce_mean", export_reduce_mean},
    {"reduce_sum", export_reduce_sum},
    {"reduce_max", export_reduce_max},
    {"reduce_min", export_reduce_min},
    {0},
};
