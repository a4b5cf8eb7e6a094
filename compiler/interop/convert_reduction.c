/*
 * convert_reduction: sums, means and extrema over axes.
 */
#include <string.h>

#include "interop/importer.h"

/* The axes of the node that are reduced, as bits; *keep and the dimensions of the result. */
static bool reduced_axes(Conversion *c, OnnxValue **x, unsigned *axes, OnnxValue *out)
{
    int64_t list[ONNX_MAX_RANK];
    const int count = known_ints(c, "axes", 1, list, ONNX_MAX_RANK);
    const bool keep = onnx_attr_int(c, "keepdims", 1), all = count <= 0 && !onnx_attr_int(c, "noop_with_empty_axes", 0);
    unsigned bits = all ? (1u << (*x)->rank) - 1 : 0;
    if (count < -1) return false;
    for (int i = 0; i < count; i++) {
        const int axis = onnx_axis(list[i], (*x)->rank);
        if (axis < 0) return refuse(c, "it has no axis %lld", (long long)list[i]);
        bits |= 1u << axis;
    }
    if ((*x)->batched && bits & 1) *x = as_whole(c, *x);
    if (!*x || !value_node(c, *x)) return refuse(c, "it reduces axis 0, the batch");
    *out = (OnnxValue){.name = "", .batched = (*x)->batched};
    for (int i = 0; i < (*x)->rank; i++)
        if (!(bits >> i & 1) || keep) out->dims[out->rank++] = bits >> i & 1 ? 1 : (*x)->dims[i];
    *axes = bits >> (*x)->batched;
    return true;
}

/* before, the reduction, after: layers or NULL */
static bool reduce_with(Conversion *c, const char *before, const char *op, const char *after)
{
    OnnxValue *x = c->in[0], out;
    unsigned axes;
    if (!reduced_axes(c, &x, &axes, &out)) return false;
    ImportNode *n = before ? layer_like(c, before, x->node) : x->node;
    n = reduced(c, op, n, axes, true);
    if (after) n = layer_like(c, after, n);
    return put_like(c, reshaped(c, n, sample_shape(&out)), &out);
}

static bool convert_reduce(Conversion *c)
{
    static const struct {
        const char *name, *before, *op, *after;
    } rows[] = {
        {"ReduceMean", NULL, "reduce_mean", NULL},   {"ReduceSum", NULL, "reduce_sum", NULL},
        {"ReduceMax", NULL, "reduce_max", NULL},     {"ReduceMin", NULL, "reduce_min", NULL},
        {"ReduceL1", "abs", "reduce_sum", NULL},     {"ReduceL2", "square", "reduce_sum", "sqrt"},
        {"ReduceLogSum", NULL, "reduce_sum", "log"}, {"ReduceSumSquare", "square", "reduce_sum", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, c->onnx->op_type) == 0)
            return reduce_with(c, rows[i].before, rows[i].op, rows[i].after);
    return false;
}

/* max + log sum exp(x − max) */
static bool convert_reduce_log_sum_exp(Conversion *c)
{
    OnnxValue *x = c->in[0], out;
    unsigned axes;
    if (!reduced_axes(c, &x, &axes, &out)) return false;
    ImportNode *most = reduced(c, "reduce_max", x->node, axes, true);
    ImportNode *e = layer_like(c, "exp", combine(c, "sub", x->node, most));
    ImportNode *n = combine(c, "add", layer_like(c, "log", reduced(c, "reduce_sum", e, axes, true)), most);
    return put_like(c, reshaped(c, n, sample_shape(&out)), &out);
}

enum { MOST_FACTORS = 64 };

/* One axis after the other, as a product of its slices. */
static bool convert_reduce_prod(Conversion *c)
{
    OnnxValue *x = c->in[0], out;
    unsigned axes;
    if (!reduced_axes(c, &x, &axes, &out)) return false;
    ImportNode *n = x->node;
    for (int axis = 0; axis < n->shape.rank; axis++) {
        const int64_t size = n->shape.dim[axis];
        if (!(axes >> axis & 1) || size == 1) continue;
        if (size > MOST_FACTORS) return refuse(c, "it multiplies %lld numbers", (long long)size);
        ImportNode *all = n;
        n = sliced(c, all, axis, 0, 1, 1);
        for (int64_t i = 1; i < size; i++) n = combine(c, "mul", n, sliced(c, all, axis, i, i + 1, 1));
    }
    return put_like(c, reshaped(c, n, sample_shape(&out)), &out);
}

/* ---- places ------------------------------------------------------------------------- */

typedef struct Extremum {
    OnnxValue *x;              /* with the axis in its sample */
    int onnx;                  /* the axis, of ONNX */
    ImportNode *place, *found; /* of all elements, and of the extremum */
} Extremum;

/* 1 where an element is the extremum, else 0; of these the first or last place. */
static bool find_extremum(Conversion *c, const char *op, double sign, int64_t otherwise, Extremum *e)
{
    OnnxValue *x = c->in[0];
    e->onnx = onnx_axis(onnx_attr_int(c, "axis", otherwise), x->rank);
    if (e->onnx < 0) return refuse(c, "it has no such axis");
    if (x->batched && e->onnx == 0) x = as_whole(c, x);
    if (!x || !value_node(c, x)) return refuse(c, "it reduces axis 0, the batch");
    const int axis = e->onnx - x->batched;
    const int64_t size = x->node->shape.dim[axis];
    if (size > MOST_PICKED) return refuse(c, "its axis has %lld elements", (long long)size);
    ImportNode *extremum = reduced(c, op, x->node, 1u << axis, true);
    ImportNode *is = step_at(c, scaled(c, combine(c, "sub", x->node, extremum), sign), 0);
    const bool last = onnx_attr_int(c, "select_last_index", 0);
    e->x = x;
    e->place = axis_places(c, x->node->shape.rank, axis, size, 0);
    ImportNode *n = last ? combine(c, "mul", is, e->place)
                         : combine(c, "add", shifted(c, scaled(c, is, -(double)size), (double)size), e->place);
    e->found = reduced(c, last ? "reduce_max" : "reduce_min", n, 1u << axis, true);
    return true;
}

static bool arg_extremum(Conversion *c, const char *op, double sign)
{
    Extremum e;
    if (!find_extremum(c, op, sign, 0, &e)) return false;
    const OnnxValue *x = e.x;
    OnnxValue out = (OnnxValue){.name = "", .batched = x->batched};
    for (int i = 0; i < x->rank; i++)
        if (i != e.onnx || onnx_attr_int(c, "keepdims", 1)) out.dims[out.rank++] = i == e.onnx ? 1 : x->dims[i];
    if (!put_like(c, reshaped(c, e.found, sample_shape(&out)), &out)) return false;
    c->out[0]->type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    return true;
}

static bool convert_arg_max(Conversion *c) { return arg_extremum(c, "reduce_max", 1); }
static bool convert_arg_min(Conversion *c) { return arg_extremum(c, "reduce_min", -1); }

/* 1 at the first of the largest, else 0. */
static bool convert_hardmax(Conversion *c)
{
    Extremum e;
    if (!find_extremum(c, "reduce_max", 1, -1, &e)) return false;
    return put_like(c, equality(c, e.place, e.found), e.x);
}

const OnnxOperator onnx_reduction_operators[] = {
    {"ReduceMean", 1, 0, 1, convert_reduce},
    {"ReduceSum", 1, 0, 1, convert_reduce},
    {"ReduceMax", 1, 0, 1, convert_reduce},
    {"ReduceMin", 1, 0, 1, convert_reduce},
    {"ReduceL1", 1, 0, 1, convert_reduce},
    {"ReduceL2", 1, 0, 1, convert_reduce},
    {"ReduceLogSum", 1, 0, 1, convert_reduce},
    {"ReduceSumSquare", 1, 0, 1, convert_reduce},
    {"ReduceLogSumExp", 1, 0, 1, convert_reduce_log_sum_exp},
    {"ReduceProd", 1, 0, 1, convert_reduce_prod},
    {"ArgMax", 1, 0, 1, convert_arg_max},
    {"ArgMin", 1, 0, 1, convert_arg_min},
    {"Hardmax", 13, 0, 1, convert_hardmax},
    {0},
};
