/*
 * What a converter asks of its node: attributes, constants, and the refusal of what cannot be expressed.
 */
#include "interop/importer.h"

#include <stdarg.h>
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

enum { MOST_LITERALS = 64 };

bool is_few_literals(const OnnxConstant *k) { return k && k->literal && k->count >= 1 && k->count <= MOST_LITERALS; }
