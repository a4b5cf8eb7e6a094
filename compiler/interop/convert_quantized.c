/*
 * convert_quantized: integers that stand for numbers.
 *
 * A value that QuantizeLinear makes is kept as the number that its integers stand for, the layer
 * `fake_quantize`, with its scale (OnnxValue.codes): DequantizeLinear then has nothing to do, and layers
 * that only move numbers keep both.  Where anything else takes the integers themselves, they are
 * computed: x / scale, rounded, plus the integer that stands for 0.  Which of these layers become
 * integers of the net is decided later, when it is whole (commands/support/imported_int8.c).
 */
#include <math.h>
#include <string.h>

#include "interop/importer.h"

#define TYPE(NAME) ONNX__TENSOR_PROTO__DATA_TYPE__##NAME

/* ---- scales ---------------------------------------------------------------------------------- */

typedef struct Quantity {
    OnnxConstant *scale, *zero; /* zero of NULL: 0 */
    int axis;                   /* of a scale for each element along it; −1: one for all */
    int type;                   /* of the integers */
    double low, high;
} Quantity;

static bool type_bounds(Conversion *c, Quantity *q)
{
    static const struct {
        int type;
        double low, high;
    } rows[] = {{TYPE(INT8), -128, 127},
                {TYPE(UINT8), 0, 255},
                {TYPE(INT16), -32768, 32767},
                {TYPE(UINT16), 0, 65535},
                {TYPE(INT32), -2147483648.0, 2147483647.0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].type != q->type) continue;
        q->low = rows[i].low;
        q->high = rows[i].high;
        return true;
    }
    return refuse(c, "integers of type %s", onnx_type_name(q->type));
}

/* Of the inputs `scale` and the one after it, for a value of that rank. */
static bool read_quantity(Conversion *c, int scale, int rank, int64_t axis, int type, Quantity *q)
{
    *q = (Quantity){.scale = must_know(c, scale, "scale"), .axis = -1, .type = type};
    if (!q->scale) return false;
    if (has_input(c, scale + 1)) {
        if (!(q->zero = must_know(c, scale + 1, "zero point"))) return false;
        q->type = q->zero->type;
    }
    if (q->scale->count == 0) return refuse(c, "its scale is empty");
    if (q->scale->count != 1) q->axis = onnx_axis(axis, rank);
    if (q->scale->rank > 1 || (q->scale->count != 1 && q->axis < 0)) return refuse(c, "scales by blocks");
    if (q->zero && q->zero->count != q->scale->count) return refuse(c, "its zero point is not of the scale's size");
    for (int64_t i = 0; i < q->scale->count; i++) {
        const double value = constant_values(c->imp, q->scale)[i];
        if (!(value > 0 && value < 1e30)) return refuse(c, "a scale of %g", value);
    }
    return type_bounds(c, q);
}

static double scale_at(Conversion *c, const Quantity *q, int64_t i)
{
    return constant_values(c->imp, q->scale)[q->scale->count > 1 ? i : 0];
}

static double zero_at(Conversion *c, const Quantity *q, int64_t i)
{
    return q->zero ? constant_values(c->imp, q->zero)[q->zero->count > 1 ? i : 0] : 0;
}

/* Which of the scales an element of a constant has. */
static int64_t scale_index(const OnnxConstant *k, int axis, int64_t element)
{
    if (axis < 0) return 0;
    return element / dims_count(k->rank - axis - 1, k->dims + axis + 1) % k->dims[axis];
}

/* ---- arithmetic -------------------------------------------------------------------------------- */

static OnnxValue *applied(Conversion *c, const char *op, OnnxValue *a, OnnxValue *b)
{
    OnnxValue out;
    ImportNode *nodes[2];
    if (!a || !b || !broadcast(c, (OnnxValue *const[]){a, b}, 2, &out, nodes)) return NULL;
    return value_new(c->imp, combine(c, op, nodes[0], nodes[1]), out.rank, out.dims, out.batched);
}

/* Numbers along an axis of a value of that rank, or one. */
static OnnxValue *along(Conversion *c, int64_t count, const double *values, int axis, int rank)
{
    int64_t dims[ONNX_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    const int axes = axis < 0 ? 0 : rank - axis;
    if (axes) dims[0] = count;
    OnnxConstant *k = constant_new(c->imp, TYPE(FLOAT), axes, dims);
    if (!k) return NULL;
    k->literal = true;
    for (int64_t i = 0; i < k->count; i++) k->values[i] = values[i];
    OnnxValue *v = value_new(c->imp, NULL, axes, dims, false);
    v->constant = k;
    return v;
}

static OnnxValue *by_layer(Conversion *c, const OnnxValue *x, ImportNode *n)
{
    return value_new(c->imp, n, x->rank, x->dims, x->batched);
}

static OnnxValue *less_zero(Conversion *c, OnnxValue *x, const Quantity *q, double sign)
{
    if (!x || !q->zero) return x;
    double *values = arena_alloc(c->imp->arena, (size_t)(q->zero->count + 1) * sizeof *values);
    bool none = true;
    for (int64_t i = 0; i < q->zero->count; i++) {
        values[i] = sign * zero_at(c, q, i);
        none = none && values[i] == 0;
    }
    if (none) return x;
    if (q->axis < 0) return by_layer(c, x, shifted(c, x->node, values[0]));
    return applied(c, "add", x, along(c, q->zero->count, values, q->axis, x->rank));
}

static ImportNode *whole_numbers(Conversion *c, ImportNode *in) { return rounded_node(c, in, "nearest"); }

/* The integers of x. */
static OnnxValue *integers_of_reals(Conversion *c, OnnxValue *x, const Quantity *q)
{
    OnnxValue *ratio =
        applied(c, "div", x, along(c, q->scale->count, constant_values(c->imp, q->scale), q->axis, x->rank));
    if (!ratio) return NULL;
    OnnxValue *whole = less_zero(c, by_layer(c, ratio, whole_numbers(c, ratio->node)), q, 1);
    return whole ? by_layer(c, whole, clamped(c, whole->node, q->low, q->high)) : NULL;
}

/* The numbers that integers stand for. */
static OnnxValue *reals_of_integers(Conversion *c, OnnxValue *x, const Quantity *q)
{
    OnnxValue *rest = less_zero(c, x, q, -1);
    if (!rest) return NULL;
    if (q->axis < 0) return by_layer(c, rest, scaled(c, rest->node, scale_at(c, q, 0)));
    return applied(c, "mul", rest, along(c, q->scale->count, constant_values(c->imp, q->scale), q->axis, x->rank));
}

/* ---- marks --------------------------------------------------------------------------------------- */

static bool is_markable(const Quantity *q) { return q->axis < 0 && (q->type == TYPE(INT8) || q->type == TYPE(UINT8)); }

/* Numbers of that scale alone; scale and zero are those of int8. */
static OnnxValue *marked(Conversion *c, const OnnxValue *x, const Quantity *q)
{
    const int to_int8 = q->type == TYPE(UINT8) ? 128 : 0;
    ImportNode *n = layer_like(c, "fake_quantize", x->node);
    arg_real(c->imp, n, "scale", scale_at(c, q, 0));
    arg_int(c->imp, n, "zero", (int64_t)zero_at(c, q, 0) - to_int8);
    return by_layer(c, x, n);
}

static OnnxCodes codes_of(Conversion *c, const Quantity *q)
{
    return (OnnxCodes){scale_at(c, q, 0), zero_at(c, q, 0), q->type};
}

static bool same_codes(const OnnxCodes *a, const OnnxCodes *b)
{
    return a && b && (float)a->scale == (float)b->scale && a->zero == b->zero && a->type == b->type;
}

static const OnnxCodes *keep_codes(Conversion *c, OnnxCodes codes)
{
    OnnxCodes *kept = arena_alloc(c->imp->arena, sizeof *kept);
    *kept = codes;
    return kept;
}

/* x / scale to nearest, which is exact for what is a multiple of the scale, plus zero. */
OnnxValue *codes_as_integers(Conversion *c, OnnxValue *v)
{
    if (!v || !v->codes) return v;
    OnnxValue *ratio = applied(c, "div", v, along(c, 1, &v->codes->scale, -1, v->rank));
    if (!ratio) return NULL;
    OnnxValue *out = by_layer(c, v, shifted(c, whole_numbers(c, ratio->node), v->codes->zero));
    out->type = v->codes->type;
    out->name = v->name;
    return out;
}

/* ---- constants --------------------------------------------------------------------------------------- */

static OnnxConstant *constant_reals(Conversion *c, OnnxConstant *k, const Quantity *q)
{
    if (q->axis >= 0 && q->scale->count != k->dims[q->axis]) return NULL;
    OnnxConstant *out = constant_new(c->imp, TYPE(FLOAT), k->rank, k->dims);
    const double *from = constant_values(c->imp, k);
    for (int64_t i = 0; out && i < k->count; i++) {
        const int64_t at = scale_index(k, q->axis, i);
        out->values[i] = scale_at(c, q, at) * (from[i] - zero_at(c, q, at));
    }
    if (!out) return NULL;
    out->name = k->name;
    out->steps = constant_values(c->imp, q->scale);
    out->step_count = q->scale->count;
    out->step_axis = q->axis;
    return out;
}

static OnnxConstant *constant_integers(Conversion *c, OnnxConstant *k, const Quantity *q)
{
    if (q->axis >= 0 && q->scale->count != k->dims[q->axis]) return NULL;
    OnnxConstant *out = constant_new(c->imp, q->type, k->rank, k->dims);
    const double *from = constant_values(c->imp, k);
    for (int64_t i = 0; out && i < k->count; i++) {
        const int64_t at = scale_index(k, q->axis, i);
        const double whole = (double)rintf((float)from[i] / (float)scale_at(c, q, at)) + zero_at(c, q, at);
        out->values[i] = fmin(fmax(whole, q->low), q->high);
    }
    if (out) out->name = k->name;
    return out;
}

/* ---- QuantizeLinear, DequantizeLinear ------------------------------------------------------------------ */

static bool put_typed(Conversion *c, int output, const OnnxValue *v, int type)
{
    if (!v || !v->node) return false;
    put_output(c, output, v->node, v->rank, v->dims, v->batched);
    if (output < c->out_count && c->out[output]) c->out[output]->type = type;
    return true;
}

static bool put_quantized(Conversion *c, OnnxValue *x, const Quantity *q)
{
    if (!is_markable(q)) return put_typed(c, 0, integers_of_reals(c, x, q), q->type);
    OnnxValue *v = marked(c, x, q);
    if (!put_typed(c, 0, v, q->type)) return false;
    c->out[0]->codes = keep_codes(c, codes_of(c, q));
    return true;
}

/* By a scale and a zero point of which one at least is computed, one number each. */
static bool quantize_by_values(Conversion *c, OnnxValue *x, int type)
{
    const bool zero = has_input(c, 2);
    Quantity q = {.axis = -1, .type = zero ? c->in[2]->type : type};
    for (int i = 1; i <= 1 + zero; i++)
        if (dims_count(c->in[i]->rank, c->in[i]->dims) != 1) return refuse(c, "computed scales for each element");
    if (!type_bounds(c, &q)) return false;
    OnnxValue *y = applied(c, "div", x, c->in[1]);
    if (y) y = by_layer(c, y, whole_numbers(c, y->node));
    if (y && zero) y = applied(c, "add", y, c->in[2]);
    return y && put_typed(c, 0, by_layer(c, y, clamped(c, y->node, q.low, q.high)), q.type);
}

static bool convert_quantize(Conversion *c)
{
    Quantity q;
    OnnxValue *x = c->in[0];
    const int type = (int)onnx_attr_int(c, "output_dtype", TYPE(UINT8));
    if (!known(c, 1) || (has_input(c, 2) && !known(c, 2))) return quantize_by_values(c, x, type ? type : TYPE(UINT8));
    if (!read_quantity(c, 1, x->rank, onnx_attr_int(c, "axis", 1), type ? type : TYPE(UINT8), &q)) return false;
    if (x->constant) {
        OnnxConstant *k = constant_integers(c, x->constant, &q);
        return k ? put_constant(c, 0, k) : refuse(c, "its scale does not fit its input");
    }
    return put_quantized(c, x, &q);
}

/* The numbers of integers: of a constant one, of a mark of that scale the marked value, else computed. */
static OnnxValue *real_value(Conversion *c, OnnxValue *x, const Quantity *q)
{
    const OnnxCodes codes = q->axis < 0 ? codes_of(c, q) : (OnnxCodes){0};
    if (x->constant) {
        OnnxConstant *k = constant_reals(c, x->constant, q);
        OnnxValue *v = value_new(c->imp, NULL, x->rank, x->dims, false);
        v->constant = k;
        return k ? v : NULL;
    }
    if (q->axis < 0 && same_codes(x->codes, &codes)) return by_layer(c, x, x->node);
    x = reals_of_integers(c, codes_as_integers(c, x), q);
    return x && is_markable(q) ? marked(c, x, q) : x;
}

static bool convert_dequantize(Conversion *c)
{
    Quantity q;
    OnnxValue *x = c->in[0];
    if (!read_quantity(c, 1, x->rank, onnx_attr_int(c, "axis", 1), x->type, &q)) return false;
    OnnxValue *v = real_value(c, x, &q);
    if (!v) return refuse(c, "its scale does not fit its input");
    if (v->constant) return put_constant(c, 0, v->constant);
    return put_typed(c, 0, v, TYPE(FLOAT));
}

/* ---- QLinearConv, QLinearMatMul ----------------------------------------------------------------------------- */

/* The layer of another operator with the node's attributes; its result is a value of its own. */
static OnnxValue *converted(Conversion *c, const char *op, int count, OnnxValue **in)
{
    Onnx__NodeProto name = *c->onnx;
    bool known_name;
    name.op_type = (char *)op;
    const OnnxOperator *row = onnx_operator_find(&name, c->opset, &known_name);
    OnnxValue *out = value_new(c->imp, NULL, 0, NULL, false);
    Conversion inner = *c;
    inner.in_count = count;
    inner.in = in;
    inner.out_count = 1;
    inner.out = &out;
    return row && row->convert(&inner) ? out : NULL;
}

/* A weight that is a constant, or is known. */
static OnnxValue *weight_value(Conversion *c, int input, int64_t axis, Quantity *q)
{
    OnnxValue *w = known_value(c, input);
    if (!w) w = c->in[input];
    return read_quantity(c, input + 1, w->rank, axis, w->type, q) ? real_value(c, w, q) : NULL;
}

/* int32 at the scale of the sums. */
static OnnxValue *bias_value(Conversion *c, int input, const Quantity *x, const Quantity *w)
{
    OnnxConstant *k = must_know(c, input, "bias");
    OnnxConstant *scales = constant_new(c->imp, TYPE(FLOAT), 1, &w->scale->count);
    if (!k || !scales || k->rank != 1) return NULL;
    for (int64_t i = 0; i < scales->count; i++) scales->values[i] = scale_at(c, x, 0) * scale_at(c, w, i);
    OnnxValue *v = value_new(c->imp, NULL, 1, k->dims, false);
    const Quantity q = {.scale = scales, .axis = scales->count > 1 ? 0 : -1, .type = k->type};
    v->constant = constant_reals(c, k, &q);
    return v->constant ? v : NULL;
}

static bool convert_qlinear_conv(Conversion *c)
{
    Quantity x, w, y;
    OnnxValue *in[3] = {0};
    if (!read_quantity(c, 1, c->in[0]->rank, 1, c->in[0]->type, &x)) return false;
    if (!read_quantity(c, 6, 1, 0, TYPE(UINT8), &y)) return false;
    if (x.axis >= 0 || y.axis >= 0) return refuse(c, "its input or output has more than one scale");
    in[0] = real_value(c, c->in[0], &x);
    in[1] = weight_value(c, 3, 0, &w);
    if (has_input(c, 8)) in[2] = bias_value(c, 8, &x, &w);
    if (!in[0] || !in[1] || (has_input(c, 8) && !in[2])) return refuse(c, "its scales do not fit its inputs");
    OnnxValue *out = converted(c, "Conv", has_input(c, 8) ? 3 : 2, in);
    return out && put_quantized(c, out, &y);
}

static bool convert_qlinear_matmul(Conversion *c)
{
    Quantity a, b, y;
    OnnxValue *in[2];
    if (!read_quantity(c, 1, c->in[0]->rank, -2, c->in[0]->type, &a)) return false;
    if (!read_quantity(c, 6, 1, 0, TYPE(UINT8), &y)) return false;
    if (y.axis >= 0) return refuse(c, "its output has more than one scale");
    in[0] = real_value(c, c->in[0], &a);
    in[1] = weight_value(c, 3, -1, &b);
    if (!in[0] || !in[1]) return refuse(c, "its scales do not fit its inputs");
    OnnxValue *out = converted(c, "MatMul", 2, in);
    return out && put_quantized(c, out, &y);
}

/* ---- ConvInteger, MatMulInteger ------------------------------------------------------------------------------ */

enum { EXACT_FLOATS = 1 << 24 }; /* whole numbers up to this are floats */

static double largest_of(Conversion *c, OnnxConstant *k)
{
    double most = 0;
    for (int64_t i = 0; i < k->count; i++) most = fmax(most, fabs(constant_values(c->imp, k)[i]));
    return most;
}

/* Integers less the integer that stands for 0, as floats; zero of an input that is left out is 0. */
static OnnxValue *integers_less_zero(Conversion *c, OnnxValue *x, int zero, int64_t axis)
{
    double one = 1;
    OnnxConstant *unit = constant_new(c->imp, TYPE(FLOAT), 0, NULL);
    OnnxConstant *k = has_input(c, zero) ? known(c, zero) : NULL;
    if (!unit || (k && (k->rank > 1 || k->count == 0 || (k->count > 1 && onnx_axis(axis, x->rank) < 0)))) return NULL;
    unit->values[0] = one;
    x = codes_as_integers(c, x);
    if (has_input(c, zero) && !k) return x->constant ? NULL : applied(c, "sub", x, c->in[zero]);
    Quantity q = {.scale = unit, .zero = k, .axis = k && k->count > 1 ? onnx_axis(axis, x->rank) : -1, .type = x->type};
    if (!x->constant) return less_zero(c, x, &q, -1);
    if (k && k->count > 1) q.scale = constant_filled(c->imp, 1, &k->count, 1);
    OnnxValue *v = value_new(c->imp, NULL, x->rank, x->dims, false);
    v->constant = q.scale ? constant_reals(c, x->constant, &q) : NULL;
    if (v->constant) v->constant->steps = NULL;
    return v->constant ? v : NULL;
}

/* Sums of `products` products, of a byte and of the weight's numbers. */
static bool sums_are_exact(Conversion *c, OnnxConstant *weight, int64_t products)
{
    if (255.0 * largest_of(c, weight) * (double)products < EXACT_FLOATS) return true;
    return refuse(c, "sums of %lld products of integers may be beyond what a 32-bit float holds", (long long)products);
}

static bool convert_conv_integer(Conversion *c)
{
    OnnxValue *w = known_value(c, 1);
    if (!w) return must_know(c, 1, "weight") != NULL;
    OnnxValue *in[] = {integers_less_zero(c, c->in[0], 2, -1), integers_less_zero(c, w, 3, 0)};
    if (!in[0] || !in[1]) return refuse(c, "its zero points do not fit its inputs");
    OnnxConstant *k = in[1]->constant;
    if (k->rank < 2 || !sums_are_exact(c, k, k->count / (k->dims[0] ? k->dims[0] : 1))) return false;
    OnnxValue *out = converted(c, "Conv", 2, in);
    return out && put_typed(c, 0, out, TYPE(INT32));
}

static bool convert_matmul_integer(Conversion *c)
{
    OnnxValue *b = known_value(c, 1);
    if (!b) return must_know(c, 1, "second matrix") != NULL;
    OnnxValue *in[] = {integers_less_zero(c, c->in[0], 2, -2), integers_less_zero(c, b, 3, -1)};
    if (!in[0] || !in[1]) return refuse(c, "its zero points do not fit its inputs");
    OnnxConstant *k = in[1]->constant;
    if (k->rank < 2 || !sums_are_exact(c, k, k->dims[k->rank - 2])) return false;
    OnnxValue *out = converted(c, "MatMul", 2, in);
    return out && put_typed(c, 0, out, TYPE(INT32));
}

/* ---- DynamicQuantizeLinear -------------------------------------------------------------------------------------- */

/* Of all numbers, 0 among them. */
static ImportNode *largest_number(Conversion *c, ImportNode *in)
{
    return layer_like(c, "relu", reduced(c, "reduce_max", in, (1u << in->shape.rank) - 1, true));
}

/* uint8: scale = (max − min) / 255, zero = round(−min / scale). */
static bool convert_dynamic_quantize(Conversion *c)
{
    OnnxValue *x = as_whole(c, c->in[0]);
    if (!x) return refuse(c, "its scale is that of the whole batch");
    const double levels = 255;
    int64_t ones[ONNX_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    ImportNode *high = largest_number(c, x->node), *below = largest_number(c, scaled(c, x->node, -1));
    OnnxValue *range = value_new(c->imp, combine(c, "add", high, below), x->rank, ones, false);
    OnnxValue *scale = applied(c, "div", range, along(c, 1, &levels, -1, x->rank));
    OnnxValue *zero = scale ? applied(c, "div", value_new(c->imp, below, x->rank, ones, false), scale) : NULL;
    OnnxValue *ratio = scale ? applied(c, "div", x, scale) : NULL;
    if (!zero || !ratio) return false;
    zero->node = whole_numbers(c, clamped(c, zero->node, 0, levels));
    OnnxValue *sum = applied(c, "add", by_layer(c, ratio, whole_numbers(c, ratio->node)), zero);
    if (!sum) return false;
    const Shape number = shape_vector(1);
    put_typed(c, 0, by_layer(c, sum, clamped(c, sum->node, 0, levels)), TYPE(UINT8));
    put_typed(c, 1, value_new(c->imp, reshaped(c, scale->node, number), 0, NULL, false), TYPE(FLOAT));
    return put_typed(c, 2, value_new(c->imp, reshaped(c, zero->node, number), 0, NULL, false), TYPE(UINT8));
}

/* ---- layers that move integers ------------------------------------------------------------------------------------ */

/* Whether it takes integers as what they stand for, and so gives them: all are of one scale. */
bool moves_codes(const Conversion *c)
{
    static const char *const names[] = {"Reshape",  "Flatten",      "Transpose",    "Squeeze", "Unsqueeze",
                                        "Identity", "MaxPool",      "Slice",        "Gather",  "Split",
                                        "Concat",   "DepthToSpace", "SpaceToDepth", "Shape",   "Size"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) found |= strcmp(names[i], c->onnx->op_type) == 0;
    const bool joins = strcmp(c->onnx->op_type, "Concat") == 0;
    if (!found || !c->in_count || !c->in[0] || !c->in[0]->codes) return false;
    for (int i = 1; i < c->in_count; i++)
        if (c->in[i] && (joins || c->in[i]->codes) && !same_codes(c->in[i]->codes, c->in[0]->codes)) return false;
    return true;
}

const OnnxOperator onnx_quantized_operators[] = {
    {"QuantizeLinear", 10, 0, 2, convert_quantize},
    {"DequantizeLinear", 10, 0, 2, convert_dequantize},
    {"QLinearConv", 10, 0, 8, convert_qlinear_conv},
    {"QLinearMatMul", 10, 0, 8, convert_qlinear_matmul},
    {"ConvInteger", 10, 0, 2, convert_conv_integer},
    {"MatMulInteger", 10, 0, 2, convert_matmul_integer},
    {"DynamicQuantizeLinear", 11, 0, 1, convert_dynamic_quantize},
    {0},
};

bool takes_codes(const Onnx__NodeProto *n)
{
    for (const OnnxOperator *o = onnx_quantized_operators; o->name; o++)
        if (strcmp(o->name, n->op_type) == 0) return true;
    return false;
}
