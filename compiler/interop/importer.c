/*
 * importer: values, attributes and refusals while an ONNX model is converted.
 */
#include "interop/importer.h"

#include <string.h>

/* ---- attributes ------------------------------------------------------------------ */

static const Onnx__AttributeProto *attr_among(Onnx__AttributeProto *const *at, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (at[i]->name && strcmp(at[i]->name, name) == 0) return at[i];
    return NULL;
}

/* Inside a function an attribute may stand for one of the call's. */
static const Onnx__AttributeProto *attr_in(const ImportScope *s, const Onnx__NodeProto *n, const char *name)
{
    const Onnx__AttributeProto *a = attr_among(n->attribute, n->n_attribute, name);
    while (a && a->ref_attr_name && *a->ref_attr_name && s->function) {
        const char *outer = a->ref_attr_name;
        a = attr_among(s->call->attribute, s->call->n_attribute, outer);
        if (!a) return attr_among(s->function->attribute_proto, s->function->n_attribute_proto, outer);
        s = s->outer;
    }
    return a;
}

const Onnx__AttributeProto *onnx_attr(const Conversion *c, const char *name)
{
    return attr_in(c->scope, c->onnx, name);
}

/* What is beyond every size means the same as that limit, and can be computed with. */
static int64_t bounded_int(int64_t value)
{
    return value > ONNX_AXIS_LIMIT ? ONNX_AXIS_LIMIT : value < -ONNX_AXIS_LIMIT ? -ONNX_AXIS_LIMIT : value;
}

int64_t onnx_attr_int(const Conversion *c, const char *name, int64_t otherwise)
{
    const Onnx__AttributeProto *a = onnx_attr(c, name);
    return a ? bounded_int(a->i) : otherwise;
}

double onnx_attr_real(const Conversion *c, const char *name, double otherwise)
{
    const Onnx__AttributeProto *a = onnx_attr(c, name);
    return a ? a->f : otherwise;
}

const char *onnx_attr_string(const Conversion *c, const char *name, const char *otherwise)
{
    const Onnx__AttributeProto *a = onnx_attr(c, name);
    if (!a) return otherwise;
    return a->s.len ? arena_strndup(c->imp->arena, (const char *)a->s.data, a->s.len) : ""; /* no bytes: data is NULL */
}

int onnx_attr_ints(const Conversion *c, const char *name, int64_t *out, int limit)
{
    const Onnx__AttributeProto *a = onnx_attr(c, name);
    if (!a) return -1;
    for (size_t i = 0; i < a->n_ints && (int)i < limit; i++) out[i] = bounded_int(a->ints[i]);
    return (int)a->n_ints;
}

/* ---- refusals ----------------------------------------------------------------------- */

static const char *node_name(const Onnx__NodeProto *n)
{
    if (n->name && *n->name) return n->name;
    return n->n_output ? n->output[0] : "?";
}

bool refuse(Conversion *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *reason = arena_vprintf(c->imp->arena, format, args);
    va_end(args);
    for (int i = 0; i < c->imp->refused.count; i++) {
        ImportRefusal *r = c->imp->refused.at[i];
        if (strcmp(r->op, c->onnx->op_type) != 0 || strcmp(r->reason, reason) != 0) continue;
        r->count++;
        return false;
    }
    ImportRefusal *r = arena_alloc(c->imp->arena, sizeof *r);
    *r = (ImportRefusal){c->onnx->op_type, reason, node_name(c->onnx), 1};
    list_push(c->imp->arena, &c->imp->refused, r);
    return false;
}

/* ---- constants ------------------------------------------------------------------------ */

int64_t dims_count(int rank, const int64_t *dims)
{
    int64_t count = 1;
    for (int i = 0; i < rank; i++) count *= dims[i];
    return count;
}

enum { COMPUTED_LIMIT = 1 << 30 }; /* bytes of numbers that an import computes: a small file can ask for any */

/* Whether there may be that many more numbers of `bytes` each; they are counted then. */
static bool may_compute(Importer *imp, int rank, const int64_t *dims, int64_t bytes)
{
    if (!onnx_dims_fit(rank, dims)) return false;
    const int64_t total = bytes * dims_count(rank, dims);
    if (total > COMPUTED_LIMIT - imp->computed) return false;
    imp->computed += total;
    return true;
}

static OnnxConstant *constant_of_dims(Importer *imp, int type, int rank, const int64_t *dims)
{
    OnnxConstant *k = arena_alloc(imp->arena, sizeof *k);
    *k = (OnnxConstant){.type = type, .rank = rank, .count = dims_count(rank, dims)};
    for (int i = 0; i < rank; i++) k->dims[i] = dims[i];
    return k;
}

OnnxConstant *constant_new(Importer *imp, int type, int rank, const int64_t *dims)
{
    if (!may_compute(imp, rank, dims, sizeof(double))) return NULL;
    OnnxConstant *k = constant_of_dims(imp, type, rank, dims);
    k->values = arena_alloc(imp->arena, (size_t)(k->count + 1) * sizeof *k->values);
    return k;
}

enum { FILL_BLOCK = 1024 };

OnnxConstant *constant_filled(Importer *imp, int rank, const int64_t *dims, float value)
{
    if (!may_compute(imp, rank, dims, sizeof(float))) return NULL;
    OnnxConstant *k = constant_of_dims(imp, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims);
    float *floats = arena_alloc(imp->arena, (size_t)(k->count + 1) * sizeof *floats);
    /* Blocks of copies: there may be a great many, and those of 0 are there already. */
    int64_t filled = k->count < FILL_BLOCK ? k->count : FILL_BLOCK;
    for (int64_t i = 0; i < filled; i++) floats[i] = value;
    for (int64_t more; value != 0 && filled < k->count; filled += more) {
        more = k->count - filled < FILL_BLOCK ? k->count - filled : FILL_BLOCK;
        memcpy(floats + filled, floats, (size_t)more * sizeof *floats);
    }
    k->floats = floats;
    return k;
}

const double *constant_values(Importer *imp, OnnxConstant *k)
{
    if (k->values) return k->values;
    if (k->tensor) return k->values = onnx_tensor_doubles(imp->arena, k->tensor);
    k->values = arena_alloc(imp->arena, (size_t)(k->count + 1) * sizeof *k->values);
    for (int64_t i = 0; i < k->count; i++) k->values[i] = k->floats[i];
    return k->values;
}

const FileFloat *constant_floats(Importer *imp, OnnxConstant *k)
{
    if (!k->floats && k->tensor) k->floats = onnx_tensor_floats(imp->arena, k->tensor);
    if (k->floats) return k->floats;
    float *out = arena_alloc(imp->arena, (size_t)(k->count + 1) * sizeof *out);
    for (int64_t i = 0; i < k->count; i++) out[i] = (float)k->values[i];
    return k->floats = out;
}

int64_t whole_number(double value)
{
    const double limit = (double)ONNX_AXIS_LIMIT;
    return value >= limit ? ONNX_AXIS_LIMIT : value > -limit ? (int64_t)value : -ONNX_AXIS_LIMIT;
}

bool output_is_used(const Conversion *c, int output)
{
    if (output >= c->out_count || !c->out[output]) return false;
    return c->scope->function || map_get(c->imp->names, c->out[output]->name);
}

bool has_input(const Conversion *c, int input) { return input < c->in_count && c->in[input]; }

OnnxConstant *known(const Conversion *c, int input)
{
    if (!has_input(c, input)) return NULL;
    return c->in[input]->constant ? c->in[input]->constant : c->in[input]->given;
}

OnnxConstant *must_know(Conversion *c, int input, const char *what)
{
    OnnxConstant *k = known(c, input);
    if (!k) refuse(c, "its %s is not a constant", what);
    return k;
}

OnnxValue *known_value(const Conversion *c, int input)
{
    OnnxConstant *k = known(c, input);
    if (!k || c->in[input]->constant) return k ? c->in[input] : NULL;
    OnnxValue *v = value_new(c->imp, NULL, k->rank, k->dims, false);
    v->constant = k;
    return v;
}

int known_ints(Conversion *c, const char *attr, int input, int64_t *out, int limit)
{
    int count = attr ? onnx_attr_ints(c, attr, out, limit) : -1;
    if (count < 0 && has_input(c, input)) {
        OnnxConstant *k = must_know(c, input, attr ? attr : "shape");
        if (!k) return -2;
        const double *values = constant_values(c->imp, k);
        count = (int)(k->count > limit ? limit + 1 : k->count);
        for (int i = 0; i < count && i < limit; i++) out[i] = whole_number(values[i]);
    }
    if (count <= limit) return count;
    refuse(c, "its %s has more than %d numbers", attr ? attr : "shape", limit);
    return -2;
}

/* ---- values ------------------------------------------------------------------------------ */

int onnx_axis(int64_t axis, int rank)
{
    if (axis < 0) axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

int sample_rank(const OnnxValue *v) { return v->rank - v->batched; }

Shape sample_shape(const OnnxValue *v)
{
    const int rank = sample_rank(v), merged = rank > MAX_RANK ? rank - MAX_RANK : 0;
    Shape s = {.rank = rank - merged};
    for (int i = 0; i < s.rank; i++) s.dim[i] = 1;
    for (int i = 0; i < rank; i++) s.dim[i > merged ? i - merged : 0] *= v->dims[i + v->batched];
    return s.rank == 0 ? shape_vector(1) : s;
}

OnnxValue *value_new(Importer *imp, ImportNode *node, int rank, const int64_t *dims, bool batched)
{
    OnnxValue *v = arena_alloc(imp->arena, sizeof *v);
    *v = (OnnxValue){
        .name = "", .node = node, .type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, .rank = rank, .batched = batched};
    for (int i = 0; i < rank; i++) v->dims[i] = dims[i];
    return v;
}

/* "onnx::Add_7196": PyTorch's exporter has no name for it. */
static bool is_numbered(const char *name) { return name && strncmp(name, "onnx::", 6) == 0; }

/* Of a tensor without a name of its own, that of the module of the node that takes it, and what the node does. */
static const char *param_name(const Conversion *c, const OnnxConstant *k)
{
    const char *node = c->onnx && c->onnx->name ? c->onnx->name : "", *end = strrchr(node, '/');
    if (is_numbered(k->name) && end)
        return arena_printf(c->imp->arena, "%.*s%s", (int)(end + 1 - node), node, c->onnx->op_type);
    return k->name && *k->name ? k->name : "value";
}

ImportNode *param_source(Conversion *c, OnnxConstant *k, Shape s)
{
    if (is_few_literals(k)) return constant_source(c, s, constant_values(c->imp, k));
    ImportNode *n = layer(c, "param", NULL, s);
    arg_dims(c->imp, n, "shape", s.rank, s.dim);
    if (!is_numbered(k->name)) layer_param(c, n, "", s, k);
    if (is_numbered(k->name)) layer_param_floats(c, n, "", s, constant_floats(c->imp, k));
    if (!n->label) n->label = import_label(c->imp, param_name(c, k));
    if (!n->label) n->label = import_label(c->imp, arena_printf(c->imp->arena, "value%d", n->index));
    return n;
}

ImportNode *value_node(Conversion *c, OnnxValue *v)
{
    if (v->node || v->constant == NULL || v->constant->rank > MAX_RANK) return v->node;
    const OnnxConstant *k = v->constant;
    Shape s = {.rank = k->rank};
    for (int i = 0; i < k->rank; i++) s.dim[i] = k->dims[i];
    return v->node = k->count ? param_source(c, v->constant, k->rank ? s : shape_vector(1)) : NULL;
}

OnnxValue *as_batched(Conversion *c, OnnxValue *v)
{
    if (v->batched) return v;
    if (v->rank < 1 || v->rank - 1 > MAX_RANK || v->dims[0] != 1 || c->imp->batch != 1) return NULL;
    OnnxValue *b = value_new(c->imp, value_node(c, v), v->rank, v->dims, true);
    b->node = b->node ? reshaped(c, b->node, sample_shape(b)) : NULL;
    return b->node ? b : NULL;
}

OnnxValue *as_whole(Conversion *c, OnnxValue *v)
{
    if (!v->batched) return value_node(c, v) ? v : NULL;
    if (c->imp->batch != 1 || v->rank > MAX_RANK || !c->imp->whole) return NULL;
    OnnxValue *w = value_new(c->imp, v->node, v->rank, v->dims, false);
    w->node = reshaped(c, v->node, sample_shape(w));
    return w;
}

/* ---- outputs ------------------------------------------------------------------------------- */

bool put_output(Conversion *c, int output, ImportNode *node, int rank, const int64_t *dims, bool batched)
{
    if (output >= c->out_count || !c->out[output]) return true;
    OnnxValue *v = c->out[output];
    v->rank = rank;
    v->batched = batched;
    v->type = c->in_count && c->in[0] ? c->in[0]->type : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    if (!onnx_dims_fit(rank, dims)) return refuse(c, "its result is too large");
    for (int i = 0; i < rank; i++) v->dims[i] = dims[i];
    v->node = node && sample_rank(v) > MAX_RANK ? reshaped(c, node, sample_shape(v)) : node;
    return node != NULL;
}

bool put_like(Conversion *c, ImportNode *node, const OnnxValue *v)
{
    return put_output(c, 0, node, v->rank, v->dims, v->batched);
}

bool put_constant(Conversion *c, int output, OnnxConstant *k)
{
    if (output >= c->out_count || !c->out[output]) return true;
    OnnxValue *v = c->out[output];
    v->constant = k;
    v->type = k->type;
    v->rank = k->rank;
    for (int i = 0; i < k->rank; i++) v->dims[i] = k->dims[i];
    if (!k->name) k->name = v->name;
    return true;
}

bool put_value(Conversion *c, int output, const OnnxValue *v)
{
    if (output >= c->out_count || !c->out[output]) return true;
    const char *name = c->out[output]->name;
    *c->out[output] = *v;
    c->out[output]->name = name;
    return true;
}
