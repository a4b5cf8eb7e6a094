/*
 * convert_index: elements at places that are values.
 *
 * The layers of the language read at fixed places.  An index that is a value is compared with every
 * place of its axis, and what is read is the sum of all elements, each times 1 where its place is
 * the index and 0 elsewhere: for numbers that are finite.
 */
#include "interop/importer.h"

ImportNode *axis_places(Conversion *c, int rank, int axis, int64_t size, int64_t first)
{
    double *values = arena_alloc(c->imp->arena, (size_t)size * sizeof *values);
    Shape s = {rank, {1, 1, 1, 1}};
    s.dim[axis] = size;
    for (int64_t i = 0; i < size; i++) values[i] = (double)(first + i);
    return constant_source(c, s, values);
}

ImportNode *place_picks(Conversion *c, ImportNode *index, int axis, int64_t size)
{
    const int rank = index->shape.rank;
    ImportNode *from_begin = equality(c, index, axis_places(c, rank, axis, size, 0));
    return combine(c, "add", from_begin, equality(c, index, axis_places(c, rank, axis, size, -size)));
}

/* ---- GatherElements: an index for each element ------------------------------------------ */

enum { MOST_ROWS = 16 };

/* The input where the indices have fewer elements along the other axes. */
static ImportNode *cut_to(Conversion *c, ImportNode *x, Shape index, int axis)
{
    for (int i = 0; i < index.rank; i++)
        if (i != axis) x = sliced(c, x, i, 0, index.dim[i], 1);
    return x;
}

static bool indices_fit(const OnnxValue *x, const OnnxValue *index, int axis)
{
    bool fit = x->rank == index->rank;
    for (int i = 0; i < index->rank && fit; i++) fit = i == axis || index->dims[i] <= x->dims[i];
    return fit;
}

static bool convert_gather_elements(Conversion *c)
{
    OnnxValue *x = c->in[0], *index = c->in[1];
    const int onnx = onnx_axis(onnx_attr_int(c, "axis", 0), x->rank);
    if (onnx < 0 || !indices_fit(x, index, onnx)) return refuse(c, "its indices do not fit its input");
    const bool batched = x->batched && index->batched && onnx > 0 && x->dims[0] == index->dims[0];
    if (!batched && (!(x = as_whole(c, x)) || !(index = as_whole(c, index))))
        return refuse(c, "its inputs do not have the batch as one axis");
    ImportNode *from = value_node(c, x), *at = value_node(c, index);
    if (!from || !at) return false;
    const int axis = onnx - batched;
    const int64_t size = from->shape.dim[axis], rows = at->shape.dim[axis];
    if (size > MOST_PICKED || rows > MOST_ROWS)
        return refuse(c, "it picks %lld of %lld elements along its axis", (long long)rows, (long long)size);
    from = cut_to(c, from, at->shape, axis);
    List parts = {0};
    for (int64_t i = 0; i < rows; i++) {
        ImportNode *picks = place_picks(c, sliced(c, at, axis, i, i + 1, 1), axis, size);
        list_push(c->imp->arena, &parts, reduced(c, "reduce_sum", combine(c, "mul", picks, from), 1u << axis, true));
    }
    return put_output(c, 0, joined(c, axis, &parts), index->rank, index->dims, batched);
}

/* ---- Gather: an index for each row ---------------------------------------------------------- */

/* [indices, size] · [outer, size, inner], the first of 0 and one 1 in each row */
static ImportNode *gathered_rows(Conversion *c, ImportNode *from, ImportNode *at, const int64_t parts[3])
{
    const int64_t count = shape_count(at->shape);
    ImportNode *picks = place_picks(c, reshaped(c, at, (Shape){2, {count, 1}}), 1, parts[1]);
    return matrix_product(c, picks, reshaped(c, from, shape_image(parts[0], parts[1], parts[2])));
}

bool gather_unknown(Conversion *c)
{
    OnnxValue *x = c->in[0], *index = c->in[1];
    const int axis = onnx_axis(onnx_attr_int(c, "axis", 0), x->rank);
    if (axis < 0 || x->rank + index->rank - 1 > ONNX_MAX_RANK) return refuse(c, "it has no such axis");
    const bool batched = index->batched && !x->batched && axis == 0;
    if (!batched && (!(x = as_whole(c, x)) || !(index = as_whole(c, index))))
        return refuse(c, "its inputs do not have the batch as one axis");
    ImportNode *from = value_node(c, x), *at = value_node(c, index);
    if (!from || !at) return false;
    if (x->dims[axis] > MOST_PICKED) return refuse(c, "it picks of %lld elements", (long long)x->dims[axis]);
    const int64_t parts[] = {dims_count(axis, x->dims), x->dims[axis],
                             dims_count(x->rank - axis - 1, x->dims + axis + 1)};
    OnnxValue *out = value_new(c->imp, NULL, 0, NULL, batched);
    for (int i = 0; i < axis; i++) out->dims[out->rank++] = x->dims[i];
    for (int i = 0; i < index->rank; i++) out->dims[out->rank++] = index->dims[i];
    for (int i = axis + 1; i < x->rank; i++) out->dims[out->rank++] = x->dims[i];
    return put_like(c, reshaped(c, gathered_rows(c, from, at, parts), sample_shape(out)), out);
}

const OnnxOperator onnx_index_operators[] = {
    {"GatherElements", 11, 0, 2, convert_gather_elements},
    {0},
};
