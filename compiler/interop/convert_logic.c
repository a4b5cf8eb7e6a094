/*
 * convert_logic: comparisons and truth values, as 0 and 1.
 *
 * `step` is 1 from a value on, so a ≥ b is step(a − b): the difference of two floats is 0 only
 * where they are equal.
 */
#include <string.h>

#include "interop/importer.h"

static ImportNode *negation(Conversion *c, ImportNode *n) { return shifted(c, scaled(c, n, -1), 1); }

static ImportNode *at_least(Conversion *c, ImportNode *a, ImportNode *b)
{
    return step_at(c, combine(c, "sub", a, b), 0);
}

static ImportNode *comparison(Conversion *c, const char *op, ImportNode *a, ImportNode *b)
{
    if (strcmp(op, "GreaterOrEqual") == 0) return at_least(c, a, b);
    if (strcmp(op, "LessOrEqual") == 0) return at_least(c, b, a);
    if (strcmp(op, "Greater") == 0) return negation(c, at_least(c, b, a));
    if (strcmp(op, "Less") == 0) return negation(c, at_least(c, a, b));
    if (strcmp(op, "Equal") == 0) return equality(c, a, b);
    if (strcmp(op, "And") == 0) return combine(c, "mul", a, b);
    if (strcmp(op, "Or") == 0) return combine(c, "maximum", a, b);
    return combine(c, "maximum", combine(c, "sub", a, b), combine(c, "sub", b, a)); /* Xor */
}

static bool put_truth(Conversion *c, ImportNode *n, const OnnxValue *like)
{
    if (!put_like(c, n, like)) return false;
    c->out[0]->type = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    return true;
}

static bool convert_comparison(Conversion *c)
{
    OnnxValue out;
    ImportNode *nodes[2];
    if (!broadcast(c, c->in, 2, &out, nodes)) return false;
    return put_truth(c, comparison(c, c->onnx->op_type, nodes[0], nodes[1]), &out);
}

static bool convert_not(Conversion *c)
{
    ImportNode *n = value_node(c, c->in[0]);
    return n && put_truth(c, negation(c, n), c->in[0]);
}

/* NaN is neither from 0 on nor up to it. */
static bool convert_is_nan(Conversion *c)
{
    ImportNode *n = value_node(c, c->in[0]);
    if (!n) return false;
    ImportNode *number = combine(c, "maximum", step_at(c, n, 0), step_at(c, scaled(c, n, -1), 0));
    return put_truth(c, negation(c, number), c->in[0]);
}

/* Half of infinity is beyond half of every number. */
static bool convert_is_infinite(Conversion *c)
{
    ImportNode *n = value_node(c, c->in[0]);
    if (!n) return false;
    const bool below = onnx_attr_int(c, "detect_negative", 1), above = onnx_attr_int(c, "detect_positive", 1);
    n = below && above ? layer_like(c, "abs", n) : scaled(c, n, below ? -1 : 1);
    ImportNode *found = step_at(c, scaled(c, n, 0.5), 2.5e38);
    return put_truth(c, below || above ? found : scaled(c, found, 0), c->in[0]);
}

/* where·a + (1 − where)·b: for numbers that are finite */
static bool convert_where(Conversion *c)
{
    OnnxValue out;
    ImportNode *nodes[3];
    if (!broadcast(c, c->in, 3, &out, nodes)) return false;
    ImportNode *yes = combine(c, "mul", nodes[0], nodes[1]), *no = combine(c, "mul", negation(c, nodes[0]), nodes[2]);
    if (!put_like(c, combine(c, "add", yes, no), &out)) return false;
    c->out[0]->type = c->in[1]->type;
    return true;
}

/* ---- one of several -------------------------------------------------------------------------- */

/* off + (on − off) · (index = k), or k − depth where indices are counted from the end; k along the new axis */
static bool convert_one_hot(Conversion *c)
{
    OnnxConstant *depth = must_know(c, 1, "depth"), *values = depth ? must_know(c, 2, "values") : NULL;
    OnnxValue *x = c->in[0];
    if (!values) return false;
    const double classes = depth->count == 1 ? constant_values(c->imp, depth)[0] : 0;
    const int axis = onnx_axis(onnx_attr_int(c, "axis", -1), x->rank + 1);
    if (!(classes >= 1 && classes <= MOST_PICKED) || values->count != 2)
        return refuse(c, "it has less than one class or more than %d", MOST_PICKED);
    if (axis < 0 || x->rank >= ONNX_MAX_RANK) return refuse(c, "it has no such axis");
    if (x->batched && axis == 0 && !(x = as_whole(c, x))) return refuse(c, "its axis is before the batch");
    OnnxValue *out = value_new(c->imp, NULL, 0, NULL, x->batched), *wide = value_new(c->imp, NULL, 0, NULL, x->batched);
    for (int i = 0; i < x->rank + 1; i++) {
        const int64_t own = i == axis ? 1 : x->dims[i - (i > axis)];
        wide->dims[wide->rank++] = own;
        out->dims[out->rank++] = i == axis ? (int64_t)classes : own;
    }
    if (sample_rank(out) > MAX_RANK || !value_node(c, x)) return refuse(c, "its result has %d axes", out->rank);
    ImportNode *index = reshaped(c, value_node(c, x), sample_shape(wide));
    const double *v = constant_values(c->imp, values);
    ImportNode *picks = place_picks(c, index, axis - x->batched, (int64_t)classes);
    ImportNode *n = shifted(c, scaled(c, picks, v[1] - v[0]), v[0]);
    if (!put_like(c, n, out)) return false;
    c->out[0]->type = values->type;
    return true;
}

/* ---- by a known mask --------------------------------------------------------------------- */

/* Above or below a diagonal of the last two axes; the rest becomes 0. */
static bool convert_trilu(Conversion *c)
{
    OnnxValue *x = c->in[0];
    const bool upper = onnx_attr_int(c, "upper", 1);
    OnnxConstant *k = has_input(c, 1) ? must_know(c, 1, "k") : NULL;
    if (has_input(c, 1) && !k) return false;
    const int64_t diagonal = k ? whole_number(constant_values(c->imp, k)[0]) : 0;
    if (x->batched && x->rank < 3) x = as_whole(c, x);
    ImportNode *n = x ? value_node(c, x) : NULL;
    if (!n || n->shape.rank < 2) return refuse(c, "its matrix has the batch as an axis");
    const int64_t rows = n->shape.dim[n->shape.rank - 2], columns = n->shape.dim[n->shape.rank - 1];
    OnnxConstant *mask =
        constant_new(c->imp, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, (const int64_t[]){rows, columns});
    if (!mask) return refuse(c, "its matrix is large");
    for (int64_t i = 0; i < mask->count; i++) {
        const int64_t distance = i % columns - i / columns;
        mask->values[i] = upper ? distance >= diagonal : distance <= diagonal;
    }
    Shape s = {n->shape.rank, {1, 1, 1, 1}};
    s.dim[s.rank - 2] = rows;
    s.dim[s.rank - 1] = columns;
    mask->name = "mask";
    return put_like(c, combine(c, "mul", n, param_source(c, mask, s)), x);
}

/* 1 where element j of the axis is part of the sum number i, else 0 */
static OnnxConstant *summands(const Conversion *c, int64_t size)
{
    const bool reverse = onnx_attr_int(c, "reverse", 0), exclusive = onnx_attr_int(c, "exclusive", 0);
    OnnxConstant *mask = constant_new(c->imp, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, (const int64_t[]){size, size});
    for (int64_t k = 0; mask && k < mask->count; k++) {
        const int64_t before = reverse ? k / size - k % size : k % size - k / size; /* rows are the elements */
        mask->values[k] = before >= exclusive;
    }
    if (mask) mask->name = "summands";
    return mask;
}

enum { LONGEST_SUM = 1024 };

/* The product of the axis, as the last one, with a triangle of 1s. */
static bool convert_cumulative_sum(Conversion *c)
{
    OnnxConstant *along = must_know(c, 1, "axis");
    OnnxValue *x = c->in[0];
    if (!along || along->count != 1) return false;
    const int onnx = onnx_axis(whole_number(constant_values(c->imp, along)[0]), x->rank);
    if (onnx < 0) return refuse(c, "it has no such axis");
    if (x->batched && onnx == 0) x = as_whole(c, x);
    ImportNode *n = x ? value_node(c, x) : NULL;
    if (!n) return refuse(c, "it sums along axis 0, the batch");
    const int axis = onnx - x->batched, last = n->shape.rank - 1;
    const int64_t size = n->shape.dim[axis];
    OnnxConstant *mask = size <= LONGEST_SUM ? summands(c, size) : NULL;
    if (!mask) return refuse(c, "its axis has %lld elements", (long long)size);
    int axes[MAX_RANK] = {0, 1, 2, 3};
    axes[last] = axis;
    axes[axis] = last;
    const Shape square = {2, {size, size}}, own = n->shape;
    n = permuted(c, n, axes);
    if (last == 0) n = reshaped(c, n, (Shape){2, {1, size}});
    n = matrix_product(c, n, param_source(c, mask, square));
    return put_like(c, last == 0 ? reshaped(c, n, own) : permuted(c, n, axes), x);
}

const OnnxOperator onnx_logic_operators[] = {
    {"Greater", 7, 0, 2, convert_comparison},
    {"GreaterOrEqual", 12, 0, 2, convert_comparison},
    {"Less", 7, 0, 2, convert_comparison},
    {"LessOrEqual", 12, 0, 2, convert_comparison},
    {"Equal", 7, 0, 2, convert_comparison},
    {"And", 7, 0, 2, convert_comparison},
    {"Or", 7, 0, 2, convert_comparison},
    {"Xor", 7, 0, 2, convert_comparison},
    {"Not", 1, 0, 1, convert_not},
    {"Where", 9, 0, 3, convert_where},
    {"IsNaN", 9, 0, 1, convert_is_nan},
    {"IsInf", 10, 0, 1, convert_is_infinite},
    {"Trilu", 14, 0, 1, convert_trilu},
    {"OneHot", 9, 0, 3, convert_one_hot},
    {"CumSum", 11, 0, 2, convert_cumulative_sum},
    {0},
};
