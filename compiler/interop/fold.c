/*
 * fold: operators whose inputs are known → their numbers.
 *
 * Mostly the arithmetic on shapes that exporters write for `x.view(x.size(0), -1)`, and
 * weights that are made of initialisers.  Numbers are doubles: exact for integers to 2^53.
 */
#include <math.h>
#include <string.h>

#include "interop/importer.h"

enum { RANGE_LIMIT = 1 << 26 }; /* numbers of a Range */

#define TYPE(NAME) ONNX__TENSOR_PROTO__DATA_TYPE__##NAME

static OnnxConstant *result(Conversion *c, int type, int rank, const int64_t *dims)
{
    return constant_new(c->imp, type, rank, dims);
}

static bool put_folded(Conversion *c, OnnxConstant *k) { return k && put_constant(c, 0, k); }

/* The numbers of input 0 under another shape. */
static bool same_numbers(Conversion *c, int rank, const int64_t *dims, int type)
{
    OnnxConstant *from = known(c, 0), *k = arena_alloc(c->imp->arena, sizeof *k);
    if (!onnx_dims_fit(rank, dims) || dims_count(rank, dims) != from->count) return false;
    *k = *from;
    k->steps = NULL;
    k->type = type;
    k->rank = rank;
    for (int i = 0; i < rank; i++) k->dims[i] = dims[i];
    return put_constant(c, 0, k);
}

/* ---- sizes --------------------------------------------------------------------------- */

static bool fold_shape(Conversion *c)
{
    const OnnxValue *v = c->in[0];
    int64_t begin = onnx_attr_int(c, "start", 0), end = onnx_attr_int(c, "end", v->rank);
    if (begin < 0) begin += v->rank;
    if (end < 0) end += v->rank;
    if (end > v->rank) end = v->rank;
    if (begin < 0) begin = 0;
    const int64_t count = end > begin ? end - begin : 0;
    OnnxConstant *k = result(c, TYPE(INT64), 1, &count);
    for (int64_t i = 0; k && i < count; i++) k->values[i] = (double)v->dims[begin + i];
    return put_folded(c, k);
}

static bool fold_size(Conversion *c)
{
    OnnxConstant *k = result(c, TYPE(INT64), 0, NULL);
    if (k) k->values[0] = (double)dims_count(c->in[0]->rank, c->in[0]->dims);
    return put_folded(c, k);
}

/* ---- constants ------------------------------------------------------------------------- */

static bool constant_list(Conversion *c, int type, int64_t count, const Onnx__AttributeProto *a)
{
    OnnxConstant *k = result(c, type, 1, &count);
    for (int64_t i = 0; k && i < count; i++) k->values[i] = type == TYPE(FLOAT) ? a->floats[i] : (double)a->ints[i];
    return put_folded(c, k);
}

static bool constant_tensor(Conversion *c, const Onnx__TensorProto *m)
{
    OnnxTensor *t = arena_alloc(c->imp->arena, sizeof *t);
    NnError error = {0};
    if (onnx_tensor_read(c->imp->arena, m, ".", t, &error)) return refuse(c, "%s", error.text);
    OnnxConstant *k = arena_alloc(c->imp->arena, sizeof *k);
    *k = (OnnxConstant){.type = t->type, .rank = t->rank, .count = t->count, .literal = true, .tensor = t};
    memcpy(k->dims, t->dims, sizeof k->dims);
    return put_constant(c, 0, k);
}

static bool fold_constant(Conversion *c)
{
    const Onnx__AttributeProto *a;
    if ((a = onnx_attr(c, "value")) && a->t) return constant_tensor(c, a->t);
    if ((a = onnx_attr(c, "value_ints"))) return constant_list(c, TYPE(INT64), (int64_t)a->n_ints, a);
    if ((a = onnx_attr(c, "value_floats"))) return constant_list(c, TYPE(FLOAT), (int64_t)a->n_floats, a);
    const bool real = onnx_attr(c, "value_float") != NULL;
    if (!real && !onnx_attr(c, "value_int")) return refuse(c, "it is no tensor of numbers");
    OnnxConstant *k = result(c, real ? TYPE(FLOAT) : TYPE(INT64), 0, NULL);
    if (k) k->values[0] = real ? onnx_attr_real(c, "value_float", 0) : (double)onnx_attr_int(c, "value_int", 0);
    return put_folded(c, k);
}

/* Weights that are all the same, as models without their weights have them. */
static bool fold_constant_of_shape(Conversion *c)
{
    int64_t dims[ONNX_MAX_RANK];
    const int rank = known_ints(c, NULL, 0, dims, ONNX_MAX_RANK);
    const Onnx__AttributeProto *a = onnx_attr(c, "value");
    OnnxTensor t = {.type = TYPE(FLOAT)};
    NnError error = {0};
    if (rank < 0 || (a && (!a->t || onnx_tensor_read(c->imp->arena, a->t, ".", &t, &error) || t.count != 1)))
        return false;
    const double value = a ? onnx_tensor_at(&t, 0) : 0;
    if (onnx_type_is_float(t.type)) return put_folded(c, constant_filled(c->imp, rank, dims, (float)value));
    OnnxConstant *k = result(c, t.type, rank, dims);
    for (int64_t i = 0; k && i < k->count; i++) k->values[i] = value;
    return put_folded(c, k);
}

static bool fold_range(Conversion *c)
{
    for (int i = 0; i < 3; i++)
        if (!known(c, i) || known(c, i)->count != 1) return false;
    const double start = constant_values(c->imp, known(c, 0))[0], limit = constant_values(c->imp, known(c, 1))[0],
                 delta = constant_values(c->imp, known(c, 2))[0], steps = ceil((limit - start) / delta);
    const int64_t count = steps > 0 && steps < RANGE_LIMIT ? (int64_t)steps : 0;
    OnnxConstant *k = result(c, known(c, 0)->type, 1, &count);
    for (int64_t i = 0; k && i < count; i++) k->values[i] = start + (double)i * delta;
    return put_folded(c, k);
}

/* ---- casts and views ---------------------------------------------------------------------- */

static bool fold_cast(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    const int type = (int)onnx_attr_int(c, "to", TYPE(FLOAT));
    if (onnx_type_is_float(type)) return same_numbers(c, from->rank, from->dims, type);
    const double *x = constant_values(c->imp, from);
    OnnxConstant *k = result(c, type, from->rank, from->dims);
    for (int64_t i = 0; k && i < k->count; i++) k->values[i] = type == TYPE(BOOL) ? x[i] != 0 : trunc(x[i]);
    return put_folded(c, k);
}

static bool fold_reshape(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    int64_t dims[ONNX_MAX_RANK], fixed = 1;
    const int rank = known_ints(c, "shape", 1, dims, ONNX_MAX_RANK);
    int open = -1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 0 && i < from->rank) dims[i] = from->dims[i];
        if (dims[i] == -1)
            open = i;
        else if (dims[i] < 0 || __builtin_mul_overflow(fixed, dims[i], &fixed))
            return false;
    }
    if (open >= 0) dims[open] = fixed ? from->count / fixed : 0;
    return rank >= 0 && same_numbers(c, rank, dims, from->type);
}

static bool fold_flatten(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    int64_t axis = onnx_attr_int(c, "axis", 1);
    if (axis < 0) axis += from->rank;
    const int64_t outer = axis <= from->rank ? dims_count((int)axis, from->dims) : 0;
    return outer && same_numbers(c, 2, (const int64_t[]){outer, from->count / outer}, from->type);
}

static bool fold_unsqueeze(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    int64_t axes[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    const int count = known_ints(c, "axes", 1, axes, ONNX_MAX_RANK);
    const int rank = from->rank + count;
    if (count < 0 || rank > ONNX_MAX_RANK) return false;
    unsigned added = 0;
    for (int i = 0; i < count; i++) added |= 1u << (onnx_axis(axes[i], rank) & 31);
    for (int i = 0, next = 0; i < rank; i++) dims[i] = added >> i & 1 || next >= from->rank ? 1 : from->dims[next++];
    return same_numbers(c, rank, dims, from->type);
}

static bool fold_squeeze(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    int64_t axes[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    const int count = known_ints(c, "axes", 1, axes, ONNX_MAX_RANK);
    if (count < -1) return false;
    unsigned removed = 0;
    int rank = 0;
    for (int i = 0; i < count; i++) removed |= 1u << (onnx_axis(axes[i], from->rank) & 31);
    for (int i = 0; i < from->rank; i++)
        if (count < 0 ? from->dims[i] != 1 : !(removed >> i & 1)) dims[rank++] = from->dims[i];
    return same_numbers(c, rank, dims, from->type);
}

/* encoder.ln.bias: as PyTorch names a parameter, and no tool a value. */
static bool is_module_name(const char *name) { return name && strchr(name, '.') && !strpbrk(name, "/:"); }

/* PyTorch stores parameters of equal values once, and all but the first are an Identity of that
 * one with their own name as its output. */
static bool fold_identity(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    if (!same_numbers(c, from->rank, from->dims, from->type)) return false;
    const OnnxValue *v = c->out_count ? c->out[0] : NULL;
    if (v && is_module_name(v->name) && is_module_name(from->name)) v->constant->name = v->name;
    return true;
}

/* ---- picking --------------------------------------------------------------------------------- */

/* Element i of the result is element sum over axes of index·stride of the input, plus offset. */
static void fold_pick(OnnxConstant *out, const double *from, const int64_t *strides, int64_t offset)
{
    int64_t index[ONNX_MAX_RANK] = {0};
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at = offset;
        for (int a = 0; a < out->rank; a++) at += index[a] * strides[a];
        out->values[i] = from[at];
        for (int a = out->rank - 1; a >= 0 && ++index[a] == out->dims[a]; a--) index[a] = 0;
    }
}

static void strides_of(const OnnxConstant *k, int64_t *strides)
{
    int64_t stride = 1;
    for (int i = k->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= k->dims[i];
    }
}

static bool fold_transpose(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    int64_t perm[ONNX_MAX_RANK], strides[ONNX_MAX_RANK], moved[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    const int count = onnx_attr_ints(c, "perm", perm, ONNX_MAX_RANK);
    strides_of(from, strides);
    for (int i = 0; i < from->rank; i++) {
        const int axis = count < 0 ? from->rank - 1 - i : onnx_axis(perm[i], from->rank);
        if (axis < 0 || (count >= 0 && count != from->rank)) return false;
        dims[i] = from->dims[axis];
        moved[i] = strides[axis];
    }
    OnnxConstant *k = result(c, from->type, from->rank, dims);
    if (!k) return false;
    k->name = from->name;
    fold_pick(k, constant_values(c->imp, from), moved, 0);
    return put_folded(c, k);
}

static bool fold_expand(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    int64_t dims[ONNX_MAX_RANK], strides[ONNX_MAX_RANK], wide[ONNX_MAX_RANK];
    const int rank = known_ints(c, NULL, 1, dims, ONNX_MAX_RANK), more = rank - from->rank;
    if (rank < 0 || more < 0) return false;
    strides_of(from, strides);
    for (int i = 0; i < rank; i++) {
        const int64_t size = i < more ? 1 : from->dims[i - more];
        wide[i] = size == 1 ? 0 : strides[i - more];
        if (size != 1) dims[i] = size;
    }
    OnnxConstant *k = result(c, from->type, rank, dims);
    if (k) fold_pick(k, constant_values(c->imp, from), wide, 0);
    return put_folded(c, k);
}

static bool fold_gather(Conversion *c)
{
    OnnxConstant *from = known(c, 0), *at = known(c, 1);
    const int axis = onnx_axis(onnx_attr_int(c, "axis", 0), from->rank);
    if (axis < 0 || from->rank - 1 + at->rank > ONNX_MAX_RANK) return false;
    int64_t dims[2 * ONNX_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < axis; i++) dims[rank++] = from->dims[i];
    for (int i = 0; i < at->rank; i++) dims[rank++] = at->dims[i];
    for (int i = axis + 1; i < from->rank; i++) dims[rank++] = from->dims[i];
    OnnxConstant *k = result(c, from->type, rank, dims);
    const int64_t inner = dims_count(from->rank - axis - 1, from->dims + axis + 1), size = from->dims[axis];
    const double *x = constant_values(c->imp, from), *index = constant_values(c->imp, at);
    for (int64_t i = 0; k && i < k->count; i++) {
        int64_t j = whole_number(index[i / inner % at->count]);
        if (j < 0) j += size;
        if (j < 0 || j >= size) return false;
        k->values[i] = x[(i / inner / at->count * size + j) * inner + i % inner];
    }
    return put_folded(c, k);
}

/* begin, end and step of Slice, brought into the axis; the number of elements. */
static int64_t slice_range(int64_t size, int64_t *begin, int64_t end, int64_t step)
{
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    if (*begin < 0) *begin += size;
    if (end < 0 && end >= -size) end += size;
    *begin = *begin < low ? low : *begin > high ? high : *begin;
    end = end < low ? low : end > high ? high : end;
    const int64_t length = step > 0 ? (end - *begin + step - 1) / step : (*begin - end - step - 1) / -step;
    return length > 0 ? length : 0;
}

static bool fold_slice(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    int64_t begins[ONNX_MAX_RANK], ends[ONNX_MAX_RANK], axes[ONNX_MAX_RANK], steps[ONNX_MAX_RANK];
    int64_t strides[ONNX_MAX_RANK], dims[ONNX_MAX_RANK], offset = 0;
    const int count = known_ints(c, "starts", 1, begins, ONNX_MAX_RANK);
    if (count < 0 || known_ints(c, "ends", 2, ends, ONNX_MAX_RANK) != count) return false;
    const int named = known_ints(c, "axes", 3, axes, ONNX_MAX_RANK),
              stepped = known_ints(c, NULL, 4, steps, ONNX_MAX_RANK);
    if ((named >= 0 && named != count) || (stepped >= 0 && stepped != count)) return false;
    strides_of(from, strides);
    memcpy(dims, from->dims, sizeof dims);
    for (int i = 0; i < count; i++) {
        const int axis = onnx_axis(named < 0 ? i : axes[i], from->rank);
        const int64_t step = stepped < 0 ? 1 : steps[i];
        if (axis < 0 || step == 0) return false;
        int64_t begin = begins[i];
        dims[axis] = slice_range(from->dims[axis], &begin, ends[i], step);
        offset += begin * strides[axis];
        strides[axis] *= step;
    }
    OnnxConstant *k = result(c, from->type, from->rank, dims);
    if (k) fold_pick(k, constant_values(c->imp, from), strides, offset);
    return put_folded(c, k);
}

static bool fold_concat(Conversion *c)
{
    OnnxConstant *first = known(c, 0);
    const int axis = onnx_axis(onnx_attr_int(c, "axis", 0), first->rank);
    int64_t dims[ONNX_MAX_RANK], begin = 0;
    if (axis < 0) return false;
    memcpy(dims, first->dims, sizeof dims);
    for (int i = 1; i < c->in_count; i++) {
        const OnnxConstant *part = known(c, i);
        if (!part || part->rank != first->rank) return false;
        for (int a = 0; a < part->rank; a++)
            if (a != axis && part->dims[a] != first->dims[a]) return false;
        dims[axis] += part->dims[axis];
    }
    OnnxConstant *k = result(c, first->type, first->rank, dims);
    if (!k) return false;
    const int64_t inner = dims_count(first->rank - axis - 1, first->dims + axis + 1);
    for (int i = 0; i < c->in_count; i++) {
        OnnxConstant *part = known(c, i);
        const int64_t run = part->dims[axis] * inner, row = dims[axis] * inner;
        const double *x = constant_values(c->imp, part);
        for (int64_t j = 0; run && j < part->count; j++) k->values[j / run * row + begin + j % run] = x[j];
        begin += run;
    }
    return put_folded(c, k);
}

/* ---- arithmetic ---------------------------------------------------------------------------------- */

typedef double BinaryCall(double a, double b);

static double fold_add(double a, double b) { return a + b; }
static double fold_sub(double a, double b) { return a - b; }
static double fold_mul(double a, double b) { return a * b; }
static double fold_div(double a, double b) { return a / b; }
static double fold_mod(double a, double b) { return a - floor(a / b) * b; }
static double fold_equal(double a, double b) { return a == b; }
static double fold_greater(double a, double b) { return a > b; }
static double fold_less(double a, double b) { return a < b; }
static double fold_and(double a, double b) { return a != 0 && b != 0; }
static double fold_or(double a, double b) { return a != 0 || b != 0; }
static double fold_negate(double a, double b) { return b - a; }
static double fold_floor(double a, double b) { return floor(a) + b; }
static double fold_ceil(double a, double b) { return ceil(a) + b; }
static double fold_sqrt(double a, double b) { return sqrt(a) + b; }
static double fold_abs(double a, double b) { return fabs(a) + b; }
static double fold_not(double a, double b) { return (a == 0) + b; }
static double fold_exp(double a, double b) { return exp(a) + b; }
static double fold_log(double a, double b) { return log(a) + b; }

typedef struct FoldRow {
    const char *name;
    BinaryCall *call;
    bool unary, truth;
} FoldRow;

static const FoldRow arithmetic[] = {
    {"Add", fold_add, false, false},    {"Sub", fold_sub, false, false},
    {"Mul", fold_mul, false, false},    {"Div", fold_div, false, false},
    {"Mod", fold_mod, false, false},    {"Pow", pow, false, false},
    {"Min", fmin, false, false},        {"Max", fmax, false, false},
    {"Equal", fold_equal, false, true}, {"Greater", fold_greater, false, true},
    {"Less", fold_less, false, true},   {"And", fold_and, false, true},
    {"Or", fold_or, false, true},       {"Neg", fold_negate, true, false},
    {"Floor", fold_floor, true, false}, {"Ceil", fold_ceil, true, false},
    {"Sqrt", fold_sqrt, true, false},   {"Abs", fold_abs, true, false},
    {"Not", fold_not, true, true},      {"Exp", fold_exp, true, false},
    {"Log", fold_log, true, false},
};

/* The strides of k where it is stretched to `rank` axes; false where it cannot be. */
static bool fold_strides(const OnnxConstant *k, int rank, const int64_t *dims, int64_t *strides)
{
    int64_t own[ONNX_MAX_RANK];
    strides_of(k, own);
    for (int i = 0; i < rank; i++) {
        const int j = i - (rank - k->rank);
        strides[i] = j < 0 || k->dims[j] == 1 ? 0 : own[j];
        if (j >= 0 && k->dims[j] != 1 && k->dims[j] != dims[i]) return false;
    }
    return true;
}

static OnnxConstant *stretched(Conversion *c, OnnxConstant *k, int rank, const int64_t *dims)
{
    int64_t strides[ONNX_MAX_RANK];
    OnnxConstant *out = fold_strides(k, rank, dims, strides) ? result(c, k->type, rank, dims) : NULL;
    if (out) fold_pick(out, constant_values(c->imp, k), strides, 0);
    return out;
}

static void join_dims(const OnnxConstant *k, int rank, int64_t *dims)
{
    for (int i = 0; i < k->rank; i++)
        if (k->dims[i] != 1) dims[rank - k->rank + i] = k->dims[i];
}

static bool fold_arithmetic(Conversion *c, const FoldRow *row)
{
    OnnxConstant *a = known(c, 0), *b = row->unary ? a : known(c, 1);
    if (!a || !b || c->in_count != (row->unary ? 1 : 2)) return false;
    const int rank = a->rank > b->rank ? a->rank : b->rank;
    int64_t dims[ONNX_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    join_dims(a, rank, dims);
    join_dims(b, rank, dims);
    OnnxConstant *x = stretched(c, a, rank, dims), *y = stretched(c, b, rank, dims);
    if (!x || !y) return false;
    const bool whole = !row->truth && !onnx_type_is_float(a->type);
    BinaryCall *call = row->call == fold_mod && onnx_attr_int(c, "fmod", 0) ? fmod : row->call;
    for (int64_t i = 0; i < x->count; i++) {
        const double value = call(x->values[i], row->unary ? 0 : y->values[i]);
        x->values[i] = whole ? trunc(value) : value;
    }
    x->type = row->truth ? TYPE(BOOL) : a->type;
    return put_folded(c, x);
}

static bool fold_where(Conversion *c)
{
    int rank = 0;
    int64_t dims[ONNX_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (int i = 0; i < 3; i++) rank = known(c, i)->rank > rank ? known(c, i)->rank : rank;
    for (int i = 0; i < 3; i++) join_dims(known(c, i), rank, dims);
    OnnxConstant *k[3];
    for (int i = 0; i < 3; i++)
        if (!(k[i] = stretched(c, known(c, i), rank, dims))) return false;
    for (int64_t i = 0; i < k[1]->count; i++) k[1]->values[i] = k[k[0]->values[i] != 0 ? 1 : 2]->values[i];
    return put_folded(c, k[1]);
}

/* Where the indices in row i of `at` point to in x; −1: nowhere. */
static int64_t scatter_offset(const OnnxConstant *x, const double *at, int depth)
{
    int64_t offset = 0;
    for (int a = 0; a < depth; a++) {
        const int64_t index = whole_number(at[a] < 0 ? at[a] + (double)x->dims[a] : at[a]);
        if (index < 0 || index >= x->dims[a]) return -1;
        offset = offset * x->dims[a] + index;
    }
    return offset;
}

/* Assignments to parts of an array, as in masks of attention. */
static bool fold_scatter_nd(Conversion *c)
{
    if (c->in_count != 3 || strcmp(onnx_attr_string(c, "reduction", "none"), "none") != 0) return false;
    OnnxConstant *x = known(c, 0), *at = known(c, 1), *updates = known(c, 2);
    const int depth = at->rank && at->dims[at->rank - 1] <= x->rank ? (int)at->dims[at->rank - 1] : 0;
    const int64_t block = dims_count(x->rank - depth, x->dims + depth);
    OnnxConstant *k =
        depth && updates->count == at->count / depth * block ? result(c, x->type, x->rank, x->dims) : NULL;
    if (!k) return false;
    memcpy(k->values, constant_values(c->imp, x), (size_t)k->count * sizeof *k->values);
    for (int64_t i = 0; i < at->count / depth; i++) {
        const int64_t offset = scatter_offset(x, constant_values(c->imp, at) + i * depth, depth);
        if (offset < 0) return false;
        memcpy(k->values + offset * block, constant_values(c->imp, updates) + i * block,
               (size_t)block * sizeof *k->values);
    }
    return put_folded(c, k);
}

/* All elements, as in the products of sizes. */
static bool fold_reduce(Conversion *c)
{
    OnnxConstant *from = known(c, 0);
    if (from->rank > 1) return false;
    const int64_t one = 1;
    OnnxConstant *k = result(c, from->type, onnx_attr_int(c, "keepdims", 1) ? from->rank : 0, &one);
    if (!k) return false;
    const double *x = constant_values(c->imp, from);
    k->values[0] = c->onnx->op_type[6] == 'P';
    for (int64_t i = 0; i < from->count; i++)
        k->values[0] = c->onnx->op_type[6] == 'P' ? k->values[0] * x[i] : k->values[0] + x[i];
    return put_folded(c, k);
}

/* ---- the table --------------------------------------------------------------------------------------- */

static const OnnxOperator foldable[] = {
    {"Constant", 1, 0, 0, fold_constant},
    {"ConstantOfShape", 1, 0, 1, fold_constant_of_shape},
    {"Range", 1, 0, 3, fold_range},
    {"Cast", 1, 0, 1, fold_cast},
    {"Reshape", 1, 0, 1, fold_reshape},
    {"Flatten", 1, 0, 1, fold_flatten},
    {"Unsqueeze", 1, 0, 1, fold_unsqueeze},
    {"Squeeze", 1, 0, 1, fold_squeeze},
    {"Identity", 1, 0, 1, fold_identity},
    {"Dropout", 1, 0, 1, fold_identity},
    {"Transpose", 1, 0, 1, fold_transpose},
    {"Expand", 1, 0, 2, fold_expand},
    {"Gather", 1, 0, 2, fold_gather},
    {"Slice", 1, 0, 1, fold_slice},
    {"Concat", 1, 0, EACH_INPUT, fold_concat},
    {"Where", 1, 0, 3, fold_where},
    {"ReduceProd", 1, 0, 1, fold_reduce},
    {"ReduceSum", 1, 0, 1, fold_reduce},
    {"ScatterND", 11, 0, 3, fold_scatter_nd},
};

bool fold_constants(Conversion *c)
{
    const char *name = c->onnx->op_type;
    if (strcmp(name, "Shape") == 0 && has_input(c, 0)) return fold_shape(c);
    if (strcmp(name, "Size") == 0 && has_input(c, 0)) return fold_size(c);
    for (int i = 0; i < c->in_count; i++)
        if (c->in[i] && !c->in[i]->constant) return false;
    for (size_t i = 0; i < sizeof foldable / sizeof *foldable; i++)
        if (strcmp(foldable[i].name, name) == 0)
            return onnx_input_left_out(c, &foldable[i]) < 0 && foldable[i].convert(c);
    for (size_t i = 0; i < sizeof arithmetic / sizeof *arithmetic; i++)
        if (strcmp(arithmetic[i].name, name) == 0) return fold_arithmetic(c, &arithmetic[i]);
    return false;
}
