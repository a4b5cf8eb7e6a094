/*
 * import_nodes: the nodes of an ImportGraph, their arguments and parameters.
 */
#include <string.h>

#include "interop/importer.h"

/* ---- labels ----------------------------------------------------------------------- */

/* PyTorch names a node after the modules that it is in, those of a list with the list's name again:
 * "/layers/layers.1/attn/Add" → "layers.1/attn/Add". */
static const char *without_repeats(Arena *arena, const char *name)
{
    char *text = arena_alloc(arena, strlen(name) + 1), *last = NULL, *out = text;
    size_t length, before = 0;
    for (const char *p = name; *p; p += length) {
        if (*p == '/') p++;
        length = strcspn(p, "/");
        const bool again = last && before && length > before && strncmp(p, last, before) == 0 && p[before] == '.';
        if (again)
            out = last;
        else if (out > text)
            *out++ = '/';
        last = out;
        before = length;
        out = (char *)memcpy(out, p, length) + length;
    }
    *out = '\0';
    return text;
}

/* An identifier with dots of what a name has: "/layer1/conv1/Conv" → layer1.conv1.Conv. */
static char *identifier_of(Arena *arena, const char *name)
{
    name = without_repeats(arena, name);
    char *text = arena_alloc(arena, strlen(name) + 2), *out = text;
    for (const char *p = name; *p; p++) {
        const bool separates = *p == '/' || *p == '.' || *p == ':';
        if (separates && (out == text || out[-1] == '.')) continue;
        *out++ = (char)(separates ? '.' : is_identifier_char(*p) ? *p : '_');
    }
    while (out > text && out[-1] == '.') *--out = '\0';
    return text;
}

const char *import_label(Importer *imp, const char *name)
{
    char *base = identifier_of(imp->arena, name), *label = base;
    if (!*base) return NULL;
    if (isdigit((unsigned char)*base)) label = base = arena_printf(imp->arena, "n%s", base);
    for (int i = 2; map_get(imp->labels, label); i++) label = arena_printf(imp->arena, "%s_%d", base, i);
    map_put(imp->labels, label, label);
    return label;
}

/* ---- nodes ---------------------------------------------------------------------------- */

/* Of a result that cannot be, a small one: what computes with it computes on. */
static Shape bounded_shape(Conversion *c, Shape s)
{
    bool fits = onnx_dims_fit(s.rank, s.dim);
    for (int i = 0; i < s.rank; i++) fits &= s.dim[i] > 0;
    if (fits) return s;
    refuse(c, "its result is too large, or has no elements");
    for (int i = 0; i < s.rank; i++) s.dim[i] = 1;
    return s;
}

static ImportNode *node_new(Conversion *c, const char *op, Shape shape)
{
    Importer *imp = c->imp;
    shape = bounded_shape(c, shape);
    ImportNode *n = arena_alloc(imp->arena, sizeof *n);
    *n = (ImportNode){.index = imp->graph->nodes.count, .op = op, .shape = shape};
    if (c->onnx)
        n->origin = arena_printf(imp->arena, "%s '%s'", c->onnx->op_type,
                                 c->onnx->name && *c->onnx->name ? c->onnx->name
                                 : c->onnx->n_output             ? c->onnx->output[0]
                                                                 : "");
    list_push(imp->arena, &imp->graph->nodes, n);
    return n;
}

static void node_input(Conversion *c, ImportNode *n, ImportNode *in)
{
    list_push(c->imp->arena, &n->inputs, in);
    in->uses++;
}

ImportNode *layer(Conversion *c, const char *op, ImportNode *in, Shape shape)
{
    ImportNode *n = node_new(c, op, shape);
    if (in) node_input(c, n, in);
    return n;
}

ImportNode *layer_like(Conversion *c, const char *op, ImportNode *in) { return layer(c, op, in, in->shape); }

ImportNode *combine_all(Conversion *c, const char *op, int count, ImportNode *const *in)
{
    Shape s = in[0]->shape;
    for (int k = 1; k < count; k++)
        for (int i = 0; i < s.rank; i++)
            if (s.dim[i] == 1) s.dim[i] = in[k]->shape.dim[i];
    ImportNode *n = node_new(c, op, s);
    for (int k = 0; k < count; k++) node_input(c, n, in[k]);
    return n;
}

ImportNode *combine(Conversion *c, const char *op, ImportNode *a, ImportNode *b)
{
    return combine_all(c, op, 2, (ImportNode *const[]){a, b});
}

ImportNode *joined(Conversion *c, int axis, const List *parts)
{
    ImportNode *const *in = (ImportNode *const *)parts->at;
    if (parts->count == 1) return in[0];
    Shape s = in[0]->shape;
    for (int i = 1; i < parts->count; i++) s.dim[axis] += in[i]->shape.dim[axis];
    ImportNode *n = node_new(c, "concat", s);
    for (int i = 0; i < parts->count; i++) node_input(c, n, in[i]);
    arg_int(c->imp, n, "axis", axis);
    return n;
}

ImportNode *reshaped(Conversion *c, ImportNode *in, Shape shape)
{
    if (shape_equal(in->shape, shape)) return in;
    if (strcmp(in->op, "reshape") == 0) in = ((ImportNode *)in->inputs.at[0]);
    if (shape_equal(in->shape, shape)) return in;
    const bool flat = shape.rank == 1;
    ImportNode *n = layer(c, flat ? "flatten" : "reshape", in, shape);
    if (!flat) arg_dims(c->imp, n, "shape", shape.rank, shape.dim);
    return n;
}

/* ---- arguments --------------------------------------------------------------------------- */

static ImportValue *value_int(Importer *imp, int64_t integer)
{
    ImportValue *v = arena_alloc(imp->arena, sizeof *v);
    *v = (ImportValue){.kind = IMPORT_INT, .integer = integer};
    return v;
}

static ImportValue *value_real(Importer *imp, double real)
{
    ImportValue *v = arena_alloc(imp->arena, sizeof *v);
    *v = (ImportValue){.kind = IMPORT_REAL, .real = real};
    return v;
}

static void arg_add(Importer *imp, ImportNode *n, const char *name, ImportValue *value)
{
    ImportArg *arg = arena_alloc(imp->arena, sizeof *arg);
    *arg = (ImportArg){.name = name, .value = value};
    list_push(imp->arena, &n->args, arg);
}

void arg_int(Importer *imp, ImportNode *n, const char *name, int64_t value)
{
    arg_add(imp, n, name, value_int(imp, value));
}

void arg_real(Importer *imp, ImportNode *n, const char *name, double value)
{
    arg_add(imp, n, name, value_real(imp, value));
}

void arg_bool(Importer *imp, ImportNode *n, const char *name, bool value)
{
    ImportValue *v = value_int(imp, value);
    v->kind = IMPORT_BOOL;
    arg_add(imp, n, name, v);
}

void arg_symbol(Importer *imp, ImportNode *n, const char *name, const char *symbol)
{
    ImportValue *v = value_int(imp, 0);
    *v = (ImportValue){.kind = IMPORT_SYMBOL, .text = symbol};
    arg_add(imp, n, name, v);
}

void arg_dims(Importer *imp, ImportNode *n, const char *name, int count, const int64_t *dims)
{
    ImportValue *v = value_int(imp, 0);
    v->kind = IMPORT_DIMS;
    for (int i = 0; i < count; i++) list_push(imp->arena, &v->items, value_int(imp, dims[i]));
    arg_add(imp, n, name, v);
}

void arg_reals(Importer *imp, ImportNode *n, const char *name, int count, const double *values)
{
    ImportValue *v = value_int(imp, 0);
    v->kind = IMPORT_LIST;
    for (int i = 0; i < count; i++) list_push(imp->arena, &v->items, value_real(imp, values[i]));
    arg_add(imp, n, name, v);
}

void arg_pair(Importer *imp, ImportNode *n, const char *name, const int64_t pair[2])
{
    if (pair[0] == pair[1])
        arg_int(imp, n, name, pair[0]);
    else
        arg_dims(imp, n, name, 2, pair);
}

void arg_pad(Importer *imp, ImportNode *n, const char *name, const int64_t s[4])
{
    if (s[0] == s[2] && s[1] == s[3])
        arg_pair(imp, n, name, s);
    else
        arg_dims(imp, n, name, 4, s);
}

/* ---- parameters -------------------------------------------------------------------------- */

void layer_param_floats(Conversion *c, ImportNode *n, const char *name, Shape shape, const FileFloat *data)
{
    ImportParam *p = arena_alloc(c->imp->arena, sizeof *p);
    *p = (ImportParam){.name = name, .rank = shape.rank, .count = (size_t)shape_count(shape), .data = data};
    for (int i = 0; i < shape.rank; i++) p->dims[i] = shape.dim[i];
    list_push(c->imp->arena, &n->params, p);
    if (strncmp(name, "running_", 8) != 0) c->imp->graph->param_count += (int64_t)p->count;
}

/* What a label keeps of an initialiser's name: that of its layer. */
static const char *layer_of(Arena *arena, const char *name)
{
    static const char *const endings[] = {".weight", ".bias",  ".qweight", ".qbias", "_quantized", "_weight",
                                          "_bias",   "_w",     "_b",       "_w_0",   "_b_0",       "_scale_0",
                                          ".scale",  "_scale", "/weight",  "/bias"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_with(name, endings[i]) && strlen(name) > strlen(endings[i]))
            return arena_strndup(arena, name, strlen(name) - strlen(endings[i]));
    return name;
}

void layer_param(Conversion *c, ImportNode *n, const char *name, Shape shape, OnnxConstant *k)
{
    layer_param_floats(c, n, name, shape, constant_floats(c->imp, k));
    ImportParam *p = n->params.at[n->params.count - 1];
    p->exact = k->values;
    if (k->step_count == 1 || k->step_axis == 0) p->steps = k->steps;
    p->step_count = k->step_count;
    if (n->label || !k->name || !*k->name) return;
    n->label = import_label(c->imp, *name ? layer_of(c->imp->arena, k->name) : k->name);
}

/* ---- small layers -------------------------------------------------------------------------- */

/* values in rows of the last axis, nested */
static ImportValue *nested(Importer *imp, Shape s, int axis, const double **at)
{
    ImportValue *v = value_int(imp, 0);
    v->kind = IMPORT_LIST;
    for (int64_t i = 0; i < s.dim[axis]; i++)
        list_push(imp->arena, &v->items, axis + 1 < s.rank ? nested(imp, s, axis + 1, at) : value_real(imp, *(*at)++));
    return v;
}

ImportNode *constant_source(Conversion *c, Shape shape, const double *values)
{
    ImportNode *n = layer(c, "constant", NULL, shape);
    arg_add(c->imp, n, "values", nested(c->imp, shape, 0, &values));
    return n;
}

ImportNode *scaled(Conversion *c, ImportNode *in, double by)
{
    if (by == 1) return in;
    ImportNode *n = layer_like(c, by == -1 ? "neg" : "scale", in);
    if (by != -1) arg_real(c->imp, n, "by", by);
    return n;
}

ImportNode *shifted(Conversion *c, ImportNode *in, double by)
{
    if (by == 0) return in;
    ImportNode *n = layer_like(c, "shift", in);
    arg_real(c->imp, n, "by", by);
    return n;
}

ImportNode *step_at(Conversion *c, ImportNode *in, double at)
{
    ImportNode *n = layer_like(c, "step", in);
    arg_real(c->imp, n, "at", at);
    return n;
}

ImportNode *rounded_node(Conversion *c, ImportNode *in, const char *mode)
{
    ImportNode *n = layer_like(c, "round", in);
    arg_symbol(c->imp, n, "mode", mode);
    return n;
}

ImportNode *reduced(Conversion *c, const char *op, ImportNode *in, unsigned axes, bool keep)
{
    Shape s = {0};
    int64_t list[MAX_RANK];
    int count = 0;
    for (int i = 0; i < in->shape.rank; i++) {
        const bool goes = axes >> i & 1;
        if (goes) list[count++] = i;
        if (!goes || keep) s.dim[s.rank++] = goes ? 1 : in->shape.dim[i];
    }
    if (count == 0) return in;
    ImportNode *n = layer(c, op, in, s.rank ? s : shape_vector(1));
    arg_dims(c->imp, n, "axes", count, list);
    arg_bool(c->imp, n, "keep", keep);
    return n;
}

ImportNode *sliced(Conversion *c, ImportNode *in, int axis, int64_t begin, int64_t end, int64_t step)
{
    Shape s = in->shape;
    if (begin == 0 && end == s.dim[axis] && step == 1) return in;
    s.dim[axis] = (end - begin + step - 1) / step;
    ImportNode *n = layer(c, "slice", in, s);
    arg_int(c->imp, n, "axis", axis);
    arg_int(c->imp, n, "begin", begin);
    if (end != in->shape.dim[axis]) arg_int(c->imp, n, "end", end);
    arg_int(c->imp, n, "step", step);
    return n;
}

ImportNode *permuted(Conversion *c, ImportNode *in, const int *axes)
{
    Shape s = in->shape;
    int64_t list[MAX_RANK];
    bool moved = false;
    for (int i = 0; i < s.rank; i++) {
        list[i] = axes[i];
        s.dim[i] = in->shape.dim[axes[i]];
        moved |= axes[i] != i;
    }
    if (!moved) return in;
    ImportNode *n = layer(c, "permute", in, s);
    arg_dims(c->imp, n, "axes", s.rank, list);
    return n;
}

ImportNode *equality(Conversion *c, ImportNode *a, ImportNode *b)
{
    ImportNode *d = combine(c, "sub", a, b);
    return combine(c, "mul", step_at(c, d, 0), step_at(c, scaled(c, d, -1), 0));
}
