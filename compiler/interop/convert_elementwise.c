/*
 * convert_elementwise: arithmetic on two values and more.
 *
 * Where one is a constant, what it means is looked for: the bias of the layer before, a
 * factor, a summand, an exponent.  Else it becomes a parameter.
 */
#include <math.h>
#include <string.h>

#include "interop/importer.h"

static bool is_integer(const OnnxValue *v) { return !onnx_type_is_float(v->type); }

static bool combined(Conversion *c, const char *op)
{
    OnnxValue out;
    ImportNode **nodes = arena_alloc(c->imp->arena, (size_t)c->in_count * sizeof *nodes);
    if (!broadcast(c, c->in, c->in_count, &out, nodes)) return false;
    return put_like(c, c->in_count == 1 ? nodes[0] : combine_all(c, op, c->in_count, nodes), &out);
}

/* ---- with a constant ---------------------------------------------------------------- */

/* The single number of one of two inputs; *other is then the other one. */
static bool single_number(Conversion *c, double *number, OnnxValue **other, int *where)
{
    for (int i = 0; i < 2; i++) {
        OnnxConstant *k = c->in[i]->constant;
        OnnxValue *x = c->in[1 - i];
        if (!k || k->count != 1 || !x->node || k->rank > x->rank) continue;
        *number = constant_values(c->imp, k)[0];
        *other = x;
        *where = i;
        return true;
    }
    return false;
}

/* Whether the node is a layer of this kind without a bias that nothing else uses. */
static bool takes_bias(const Conversion *c, const OnnxValue *v)
{
    static const char *const layers[] = {"conv", "conv1d", "deconv", "deconv1d", "dense"};
    const ImportNode *n = v->node;
    if (!n || !name_is_one_of(n->op, layers, sizeof layers / sizeof *layers) || n->uses || !v->batched) return false;
    return n->params.count == 1 && (intptr_t)map_get(c->imp->names, v->name) == 1;
}

/* One number for each channel, along the axis of the channels. */
static bool is_per_channel(const OnnxConstant *k, const OnnxValue *v)
{
    const int64_t channels = v->node->shape.dim[strcmp(v->node->op, "dense") == 0 ? v->node->shape.rank - 1 : 0];
    const int axis = k->rank - (strcmp(v->node->op, "dense") == 0 ? 1 : v->rank - 1);
    return k->count == channels && axis >= 0 && axis < k->rank && k->dims[axis] == channels && k->rank <= v->rank;
}

/* Conv + Add, MatMul + Add: the constant is the bias of the layer. */
static bool add_bias(Conversion *c)
{
    for (int i = 0; i < 2; i++) {
        OnnxConstant *k = c->in[i]->constant;
        OnnxValue *x = c->in[1 - i];
        if (!k || !takes_bias(c, x) || !is_per_channel(k, x)) continue;
        const ImportArg *bias = import_arg(x->node, "bias");
        if (bias) bias->value->integer = 1;
        layer_param(c, x->node, "bias", shape_vector(k->count), k);
        return put_like(c, x->node, x);
    }
    return false;
}

/* Before opset 7 the second input is stretched where `broadcast` is set, its axes at `axis`. */
static bool legacy(Conversion *c, ConvertCall *convert)
{
    OnnxValue *b = c->in[1], *wide;
    const int more = c->in[0]->rank - b->rank;
    const int64_t axis = onnx_attr_int(c, "axis", more);
    if (!onnx_attr_int(c, "broadcast", 0) || more <= 0) return convert(c);
    if (!b->constant || axis < 0 || axis > more) return refuse(c, "it stretches an input that is not a constant");
    OnnxConstant *k = arena_alloc(c->imp->arena, sizeof *k);
    *k = *b->constant;
    for (int i = 0; i < more - axis; i++) k->dims[k->rank++] = 1;
    wide = value_new(c->imp, NULL, k->rank, k->dims, false);
    wide->constant = k;
    wide->type = b->type;
    c->in[1] = wide;
    return convert(c);
}

/* One number for each channel, and each of them changed by `sign`. */
static bool with_literals(Conversion *c, const char *op, double sign, const OnnxValue *x, Reals numbers)
{
    double *values = arena_alloc(c->imp->arena, (size_t)numbers.count * sizeof *values);
    for (int i = 0; i < numbers.count; i++) values[i] = sign * numbers.at[i];
    ImportNode *n = layer_like(c, op, x->node);
    arg_reals(c->imp, n, "by", numbers.count, values);
    return put_like(c, n, x);
}

/* (x − mean) / std, of which the difference is a layer already. */
static bool normalised(Conversion *c, const OnnxValue *x, Reals std)
{
    ImportNode *n = layer_like(c, "normalize", x->node), *shift = x->node;
    double *mean = arena_alloc(c->imp->arena, (size_t)std.count * sizeof *mean);
    const ImportArg *by = shift->args.count == 1 ? shift->args.at[0] : NULL;
    const List *items = by ? &by->value->items : NULL;
    for (int i = 0; i < std.count; i++)
        if (!(std.at[i] > 0)) return false;
    if (strcmp(shift->op, "shift") == 0 && items && items->count == std.count) {
        for (int i = 0; i < std.count; i++) mean[i] = -((const ImportValue *)items->at[i])->real;
        shift->uses--;
        n->inputs.at[0] = shift->inputs.at[0];
        ((ImportNode *)n->inputs.at[0])->uses++;
    }
    arg_reals(c->imp, n, "mean", std.count, mean);
    arg_reals(c->imp, n, "std", std.count, std.at);
    return put_like(c, n, x);
}

static bool convert_add(Conversion *c)
{
    double number;
    OnnxValue *x;
    int where;
    if (single_number(c, &number, &x, &where)) return put_like(c, shifted(c, x->node, number), x);
    Reals numbers;
    if (add_bias(c)) return true;
    if (channel_literals(c, &x, &numbers) >= 0) return with_literals(c, "shift", 1, x, numbers);
    return combined(c, "add");
}

static bool convert_sub(Conversion *c)
{
    double number;
    OnnxValue *x;
    int where;
    Reals numbers;
    const bool single = single_number(c, &number, &x, &where);
    if (!single && channel_literals(c, &x, &numbers) == 1) return with_literals(c, "shift", -1, x, numbers);
    if (!single) return combined(c, "sub");
    ImportNode *n = where ? shifted(c, x->node, -number) : shifted(c, scaled(c, x->node, -1), number);
    return put_like(c, n, x);
}

static bool convert_mul(Conversion *c)
{
    double number;
    OnnxValue *x;
    int where;
    Reals numbers;
    if (single_number(c, &number, &x, &where)) return put_like(c, scaled(c, x->node, number), x);
    if (channel_literals(c, &x, &numbers) >= 0) return with_literals(c, "scale", 1, x, numbers);
    return combined(c, "mul");
}

static bool convert_div(Conversion *c)
{
    double number;
    OnnxValue *x;
    int where;
    if (is_integer(c->in[0])) return refuse(c, "it divides integers");
    Reals numbers;
    const bool single = single_number(c, &number, &x, &where);
    if (!single && channel_literals(c, &x, &numbers) == 1) return normalised(c, x, numbers) || combined(c, "div");
    if (!single) return combined(c, "div");
    ImportNode *n = where ? scaled(c, x->node, 1 / number) : scaled(c, layer_like(c, "reciprocal", x->node), number);
    return put_like(c, n, x);
}

/* ---- powers -------------------------------------------------------------------------------- */

/* b^x = exp(x · log b), of one base that is known */
static bool exponential(Conversion *c, OnnxConstant *base, const OnnxValue *x)
{
    const double b = base->count == 1 && base->rank <= x->rank ? constant_values(c->imp, base)[0] : 0;
    if (!(b > 0)) return refuse(c, "its exponent is not known, nor a single base above 0");
    return put_like(c, layer_like(c, "exp", scaled(c, x->node, log(b))), x);
}

static ImportNode *power(Conversion *c, ImportNode *x, double exponent)
{
    ImportNode *n = layer_like(c, exponent == 2 ? "square" : exponent == 0.5 ? "sqrt" : "pow", x);
    if (exponent != 2 && exponent != 0.5) arg_real(c->imp, n, "exponent", exponent);
    return n;
}

enum { MOST_EXPONENTS = 8 };

/* 1 where the exponent is this one, else 0; or the other way round. */
static OnnxValue *exponent_mask(Conversion *c, OnnxConstant *k, double exponent, bool others)
{
    const double *e = constant_values(c->imp, k);
    OnnxConstant *mask = constant_new(c->imp, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, k->rank, k->dims);
    if (!mask) return NULL;
    for (int64_t i = 0; i < k->count; i++) mask->values[i] = (e[i] == exponent) != others;
    mask->literal = true;
    mask->name = "exponents";
    OnnxValue *v = value_new(c->imp, NULL, k->rank, k->dims, false);
    v->constant = mask;
    return v;
}

/* The power of the elements with one exponent, and 0 in the place of the others: these are 1 before. */
static ImportNode *masked_power(Conversion *c, OnnxConstant *k, double exponent, OnnxValue *out)
{
    ImportNode *n[3];
    OnnxValue *const in[] = {c->in[0], exponent_mask(c, k, exponent, false), exponent_mask(c, k, exponent, true)};
    if (!in[1] || !in[2] || !broadcast(c, in, 3, out, n)) return NULL;
    return combine(c, "mul", power(c, combine(c, "add", combine(c, "mul", n[0], n[1]), n[2]), exponent), n[1]);
}

/* Σ over the exponents that there are of such powers. */
static bool mixed_powers(Conversion *c, OnnxConstant *k)
{
    const double *e = constant_values(c->imp, k);
    double seen[MOST_EXPONENTS];
    int count = 0;
    ImportNode *sum = NULL;
    OnnxValue out;
    for (int64_t i = 0; i < k->count; i++) {
        bool known_one = false;
        for (int j = 0; j < count; j++) known_one |= seen[j] == e[i];
        if (known_one) continue;
        if (count == MOST_EXPONENTS || isnan(e[i])) return refuse(c, "it has more than %d exponents", MOST_EXPONENTS);
        seen[count++] = e[i];
        ImportNode *term = masked_power(c, k, e[i], &out);
        if (!term) return false;
        sum = sum ? combine(c, "add", sum, term) : term;
    }
    return sum && put_like(c, sum, &out);
}

static bool convert_pow(Conversion *c)
{
    if (c->in[0]->constant && c->in[1]->node) return exponential(c, c->in[0]->constant, c->in[1]);
    OnnxConstant *k = must_know(c, 1, "exponent");
    OnnxValue *x = c->in[0];
    if (!k || !x->node) return false;
    const double *e = constant_values(c->imp, k);
    for (int64_t i = 1; i < k->count; i++)
        if (e[i] != e[0]) return mixed_powers(c, k);
    if (k->rank > x->rank || k->count < 1) return refuse(c, "its exponent has more axes than its input");
    if (k->count > 1 && k->count != dims_count(x->rank, x->dims)) return refuse(c, "its exponent stretches its input");
    return put_like(c, power(c, x->node, e[0]), x);
}

/* ---- of any number ---------------------------------------------------------------------------- */

static bool convert_max(Conversion *c) { return combined(c, "maximum"); }
static bool convert_min(Conversion *c) { return combined(c, "minimum"); }
static bool convert_sum(Conversion *c) { return combined(c, "add"); }
static bool convert_mean(Conversion *c) { return combined(c, "mean"); }

/* ---- functions made of others ----------------------------------------------------------------------- */

/* A constant that is not folded is an operand as well. */
static bool put_function(Conversion *c, ImportNode *of(Conversion *, ImportNode *))
{
    ImportNode *x = value_node(c, c->in[0]);
    return x && put_like(c, of(c, x), c->in[0]);
}

static ImportNode *e_power(Conversion *c, ImportNode *x, double by) { return layer_like(c, "exp", scaled(c, x, by)); }

static ImportNode *hyperbolic(Conversion *c, ImportNode *x, const char *op)
{
    return scaled(c, combine(c, op, e_power(c, x, 1), e_power(c, x, -1)), 0.5);
}

static ImportNode *sinh_of(Conversion *c, ImportNode *x) { return hyperbolic(c, x, "sub"); }
static ImportNode *cosh_of(Conversion *c, ImportNode *x) { return hyperbolic(c, x, "add"); }

static ImportNode *tan_of(Conversion *c, ImportNode *x)
{
    return combine(c, "div", layer_like(c, "sin", x), layer_like(c, "cos", x));
}

/* asinh x = sign x · log(|x| + sqrt(x² + 1)) */
static ImportNode *asinh_of(Conversion *c, ImportNode *x)
{
    ImportNode *size = layer_like(c, "abs", x);
    ImportNode *root = layer_like(c, "sqrt", shifted(c, layer_like(c, "square", x), 1));
    ImportNode *n = layer_like(c, "log", combine(c, "add", size, root));
    return combine(c, "mul", layer_like(c, "sign", x), n);
}

static ImportNode *acosh_of(Conversion *c, ImportNode *x)
{
    ImportNode *root = layer_like(c, "sqrt", shifted(c, layer_like(c, "square", x), -1));
    return layer_like(c, "log", combine(c, "add", x, root));
}

/* atanh x = (log(1 + x) − log(1 − x)) / 2 */
static ImportNode *atanh_of(Conversion *c, ImportNode *x)
{
    ImportNode *more = layer_like(c, "log", shifted(c, x, 1));
    ImportNode *less = layer_like(c, "log", shifted(c, scaled(c, x, -1), 1));
    return scaled(c, combine(c, "sub", more, less), 0.5);
}

static bool convert_sinh(Conversion *c) { return put_function(c, sinh_of); }
static bool convert_cosh(Conversion *c) { return put_function(c, cosh_of); }
static bool convert_tan(Conversion *c) { return put_function(c, tan_of); }
static bool convert_asinh(Conversion *c) { return put_function(c, asinh_of); }
static bool convert_acosh(Conversion *c) { return put_function(c, acosh_of); }
static bool convert_atanh(Conversion *c) { return put_function(c, atanh_of); }

static bool convert_legacy_add(Conversion *c) { return legacy(c, convert_add); }
static bool convert_legacy_sub(Conversion *c) { return legacy(c, convert_sub); }
static bool convert_legacy_mul(Conversion *c) { return legacy(c, convert_mul); }
static bool convert_legacy_div(Conversion *c) { return legacy(c, convert_div); }

const OnnxOperator onnx_elementwise_operators[] = {
    {"Add", 1, 6, 2, convert_legacy_add},
    {"Sub", 1, 6, 2, convert_legacy_sub},
    {"Mul", 1, 6, 2, convert_legacy_mul},
    {"Div", 1, 6, 2, convert_legacy_div},
    {"Add", 7, 0, 2, convert_add},
    {"Sub", 7, 0, 2, convert_sub},
    {"Mul", 7, 0, 2, convert_mul},
    {"Div", 7, 0, 2, convert_div},
    {"Pow", 1, 0, 2, convert_pow},
    {"Max", 1, 0, EACH_INPUT, convert_max},
    {"Min", 1, 0, EACH_INPUT, convert_min},
    {"Sum", 1, 0, EACH_INPUT, convert_sum},
    {"Mean", 1, 0, EACH_INPUT, convert_mean},
    {"Sinh", 9, 0, 1, convert_sinh},
    {"Cosh", 9, 0, 1, convert_cosh},
    {"Tan", 7, 0, 1, convert_tan},
    {"Asinh", 9, 0, 1, convert_asinh},
    {"Acosh", 9, 0, 1, convert_acosh},
    {"Atanh", 9, 0, 1, convert_atanh},
    {0},
};
