/*
 * convert_gradient: Gradient of ai.onnx.preview.training, as layers of its own.
 *
 * The layers between xs and y are walked backwards from y.  The adjoint of a node n is dy/dn, summed
 * over all layers that take n; where y has several numbers, dy is that of their sum.
 */
#include <string.h>

#include "interop/importer.h"

typedef struct Adjoints {
    Conversion *c;
    ImportNode **of; /* by index of the node; NULL: y does not depend on it */
    ImportNode *ones;
} Adjoints;

/* ---- sums and products ------------------------------------------------------------- */

/* The adjoint of a node that a combinator stretched: summed over the axes that it did not have. */
static ImportNode *unstretched(Conversion *c, ImportNode *adjoint, Shape shape)
{
    unsigned axes = 0;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] == 1 && adjoint->shape.dim[i] > 1) axes |= 1u << i;
    return axes ? reduced(c, "reduce_sum", adjoint, axes, true) : adjoint;
}

static bool add_adjoint(Adjoints *a, const ImportNode *n, ImportNode *adjoint)
{
    adjoint = unstretched(a->c, adjoint, n->shape);
    ImportNode **of = &a->of[n->index];
    *of = *of ? combine(a->c, "add", *of, adjoint) : adjoint;
    return true;
}

static ImportNode *chained(const Adjoints *a, ImportNode *adjoint, ImportNode *slope)
{
    const bool is_slope = adjoint == a->ones && shape_equal(adjoint->shape, slope->shape);
    return is_slope ? slope : combine(a->c, "mul", adjoint, slope);
}

/* ---- combinators ------------------------------------------------------------------- */

static ImportNode *operand(const ImportNode *n, int i) { return n->inputs.at[i]; }

static bool adjoint_of_add(Adjoints *a, ImportNode *n, ImportNode *d)
{
    for (int i = 0; i < n->inputs.count; i++) add_adjoint(a, operand(n, i), d);
    return true;
}

static bool adjoint_of_mean(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return adjoint_of_add(a, n, scaled(a->c, d, 1.0 / n->inputs.count));
}

static bool adjoint_of_sub(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return add_adjoint(a, operand(n, 0), d) && add_adjoint(a, operand(n, 1), scaled(a->c, d, -1));
}

static bool adjoint_of_mul(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return add_adjoint(a, operand(n, 0), chained(a, d, operand(n, 1))) &&
           add_adjoint(a, operand(n, 1), chained(a, d, operand(n, 0)));
}

/* y = u / v: dy/du = 1 / v, dy/dv = −y / v */
static bool adjoint_of_div(Adjoints *a, ImportNode *n, ImportNode *d)
{
    ImportNode *u = combine(a->c, "div", d, operand(n, 1));
    return add_adjoint(a, operand(n, 0), u) && add_adjoint(a, operand(n, 1), scaled(a->c, chained(a, u, n), -1));
}

/* ---- layers ------------------------------------------------------------------------ */

static bool adjoint_of_neg(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return add_adjoint(a, operand(n, 0), scaled(a->c, d, -1));
}

static bool adjoint_of_scale(Adjoints *a, ImportNode *n, ImportNode *d)
{
    const ImportArg *by = n->args.at[0];
    return add_adjoint(a, operand(n, 0), scaled(a->c, d, by->value->real));
}

static bool adjoint_of_shift(Adjoints *a, ImportNode *n, ImportNode *d) { return add_adjoint(a, operand(n, 0), d); }

static bool adjoint_of_reshape(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return add_adjoint(a, operand(n, 0), reshaped(a->c, d, operand(n, 0)->shape));
}

static bool adjoint_of_square(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return add_adjoint(a, operand(n, 0), chained(a, d, scaled(a->c, operand(n, 0), 2)));
}

static bool adjoint_of_sqrt(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return add_adjoint(a, operand(n, 0), scaled(a->c, combine(a->c, "div", d, n), 0.5));
}

static bool adjoint_of_exp(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return add_adjoint(a, operand(n, 0), chained(a, d, n));
}

static bool adjoint_of_log(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return add_adjoint(a, operand(n, 0), combine(a->c, "div", d, operand(n, 0)));
}

/* 1 where y > 0, else 0 */
static bool adjoint_of_relu(Adjoints *a, ImportNode *n, ImportNode *d)
{
    return add_adjoint(a, operand(n, 0), chained(a, d, layer_like(a->c, "sign", n)));
}

/* y·(1 − y) */
static bool adjoint_of_sigmoid(Adjoints *a, ImportNode *n, ImportNode *d)
{
    ImportNode *rest = shifted(a->c, scaled(a->c, n, -1), 1);
    return add_adjoint(a, operand(n, 0), chained(a, d, combine(a->c, "mul", n, rest)));
}

/* 1 − y² */
static bool adjoint_of_tanh(Adjoints *a, ImportNode *n, ImportNode *d)
{
    ImportNode *slope = shifted(a->c, scaled(a->c, layer_like(a->c, "square", n), -1), 1);
    return add_adjoint(a, operand(n, 0), chained(a, d, slope));
}

/* ---- the walk ------------------------------------------------------------------------ */

typedef struct AdjointRow {
    const char *op;
    bool (*adjoint)(Adjoints *, ImportNode *, ImportNode *);
} AdjointRow;

static const AdjointRow adjoint_rows[] = {
    {"add", adjoint_of_add},         {"mean", adjoint_of_mean},     {"sub", adjoint_of_sub},
    {"mul", adjoint_of_mul},         {"div", adjoint_of_div},       {"neg", adjoint_of_neg},
    {"scale", adjoint_of_scale},     {"shift", adjoint_of_shift},   {"reshape", adjoint_of_reshape},
    {"flatten", adjoint_of_reshape}, {"square", adjoint_of_square}, {"sqrt", adjoint_of_sqrt},
    {"exp", adjoint_of_exp},         {"log", adjoint_of_log},       {"relu", adjoint_of_relu},
    {"sigmoid", adjoint_of_sigmoid}, {"tanh", adjoint_of_tanh},
};

static bool walk_back(Adjoints *a, ImportNode *n)
{
    if (n->inputs.count == 0) return true;
    for (size_t i = 0; i < sizeof adjoint_rows / sizeof *adjoint_rows; i++)
        if (strcmp(adjoint_rows[i].op, n->op) == 0) return adjoint_rows[i].adjoint(a, n, a->of[n->index]);
    return refuse(a->c, "it goes back through the layer %s", n->op);
}

static ImportNode *ones_like(Conversion *c, Shape s)
{
    enum { MOST_ONES = 4096 };
    const int64_t count = shape_count(s);
    if (count > MOST_ONES) return NULL;
    double *values = arena_alloc(c->imp->arena, (size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++) values[i] = 1;
    return constant_source(c, s, values);
}

static bool find_adjoints(Adjoints *a, ImportNode *y)
{
    a->ones = ones_like(a->c, y->shape);
    if (!a->ones) return refuse(a->c, "its y has %lld numbers", (long long)shape_count(y->shape));
    a->of[y->index] = a->ones;
    for (int i = y->index; i >= 0; i--)
        if (a->of[i] && !walk_back(a, a->c->imp->graph->nodes.at[i])) return false;
    return true;
}

/* The node of a value that an attribute names. */
static OnnxValue *named_value(Conversion *c, const ProtobufCBinaryData *name)
{
    const char *text = name->len ? arena_strndup(c->imp->arena, (const char *)name->data, name->len) : "";
    OnnxValue *v = map_get(c->scope->values, text);
    return v && v->node ? v : NULL;
}

bool convert_gradient(Conversion *c)
{
    const Onnx__AttributeProto *xs = onnx_attr(c, "xs"), *target = onnx_attr(c, "y");
    OnnxValue *y = target ? named_value(c, &target->s) : NULL;
    if (!xs || !y) return refuse(c, "its y is no value of the net");
    Adjoints a = {.c = c};
    a.of = arena_alloc(c->imp->arena, (size_t)(c->imp->graph->nodes.count + 1) * sizeof *a.of);
    if (!find_adjoints(&a, y->node)) return false;
    for (size_t i = 0; i < xs->n_strings; i++) {
        const OnnxValue *x = named_value(c, &xs->strings[i]);
        ImportNode *adjoint = x && x->node->index <= y->node->index ? a.of[x->node->index] : NULL;
        if (!adjoint) return refuse(c, "its y does not depend on all xs");
        if (!put_output(c, (int)i, reshaped(c, adjoint, x->node->shape), x->rank, x->dims, x->batched)) return false;
    }
    return true;
}
