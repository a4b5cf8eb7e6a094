/*
 * exporter: values, nodes, attributes and refusals while a net becomes an ONNX model.
 */
#include "interop/exporter.h"

#include <string.h>

/* ---- refusals ----------------------------------------------------------------------- */

const char *export_refuse(Export *e, const char *format, ...)
{
    Exporter *ex = e->ex;
    va_list args;
    va_start(args, format);
    const char *reason = arena_vprintf(ex->arena, format, args);
    va_end(args);
    ExportRefusal *found = NULL;
    for (int i = 0; i < ex->refused.count && !found; i++) {
        ExportRefusal *r = ex->refused.at[i];
        if (strcmp(r->op, e->node->op->name) == 0 && strcmp(r->reason, reason) == 0) found = r;
    }
    if (!found) {
        found = arena_alloc(ex->arena, sizeof *found);
        *found = (ExportRefusal){.op = e->node->op->name, .reason = reason};
        list_push(ex->arena, &ex->refused, found);
    }
    list_push(ex->arena, &found->nodes, (void *)e->node);
    return NULL;
}

/* ---- names -------------------------------------------------------------------------- */

/* LAYER/what, or LAYER/what_1 and so on where that is taken. */
static char *inner_name(Export *e, const char *what)
{
    Arena *arena = e->ex->arena;
    char *base = arena_printf(arena, "%s/%s", e->base, what), *name = base;
    for (int i = 1; map_get(e->ex->names, name); i++) name = arena_printf(arena, "%s_%d", base, i);
    map_put(e->ex->names, name, name);
    return name;
}

int export_rank(const Export *e) { return node_shape_in(e->node).rank + 1; }

/* ---- tensors ------------------------------------------------------------------------ */

static Onnx__TensorProto *tensor_new(Exporter *ex, int type, int rank, const int64_t *dims)
{
    Onnx__TensorProto *t = arena_alloc(ex->arena, sizeof *t);
    onnx__tensor_proto__init(t);
    t->n_dims = (size_t)rank;
    t->dims = arena_alloc(ex->arena, (size_t)(rank + 1) * sizeof *t->dims);
    for (int i = 0; i < rank; i++) t->dims[i] = dims[i];
    t->has_data_type = true;
    t->data_type = type;
    t->has_raw_data = true;
    return t;
}

/* Elements of 4 or 8 bytes as files have them, the least byte first. */
static void set_elements(Exporter *ex, Onnx__TensorProto *t, const void *values, size_t count, size_t size)
{
    unsigned char *bytes = arena_alloc(ex->arena, count * size + 1);
    for (size_t i = 0; i < count; i++) {
        const char *at = (const char *)values + i * size;
        uint32_t half = 0;
        uint64_t bits = 0;
        if (size == sizeof half) memcpy(&half, at, sizeof half), bits = half;
        if (size == sizeof bits) memcpy(&bits, at, sizeof bits);
        for (size_t b = 0; b < size; b++) bytes[i * size + b] = (unsigned char)(bits >> (8 * b));
    }
    t->raw_data = (ProtobufCBinaryData){count * size, bytes};
}

/* ---- parameters ----------------------------------------------------------------------- */

const Tensor *export_param_tensor(const Export *e, const char *suffix)
{
    const Node *n = e->node;
    const char *end = suffix ? arena_printf(e->ex->arena, ".%s", suffix) : n->name;
    for (int i = n->data_count; i < n->in_count; i++)
        if (ends_with(n->in[i]->name, end)) return n->in[i];
    return NULL;
}

const char *export_floats(Export *e, const Tensor *p, int rank, const int64_t *dims, const float *values)
{
    Exporter *ex = e->ex;
    Onnx__TensorProto *t = tensor_new(ex, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims);
    t->name = (char *)p->name;
    t->raw_data = (ProtobufCBinaryData){(size_t)shape_count(p->shape) * sizeof *values, (uint8_t *)values};
    list_push(ex->arena, &ex->initialisers, t);
    return p->name;
}

const char *export_initialiser(Export *e, const char *name, int type, const ExportArray *shape, void *bytes,
                               size_t size)
{
    Exporter *ex = e->ex;
    const char *own = name;
    for (int i = 1; map_get(ex->names, own); i++) own = arena_printf(ex->arena, "%s_%d", name, i);
    map_put(ex->names, own, (void *)own);
    Onnx__TensorProto *t = tensor_new(ex, type, shape->rank, shape->dims);
    t->name = (char *)own;
    t->raw_data = (ProtobufCBinaryData){size, bytes};
    list_push(ex->arena, &ex->initialisers, t);
    return own;
}

/* ---- constants ------------------------------------------------------------------------ */

static const char *export_constant(Export *e, const char *what, Onnx__TensorProto *t)
{
    Onnx__NodeProto *n = export_node(e, "Constant", 0, NULL);
    n->name = n->output[0] = inner_name(e, what);
    Onnx__AttributeProto *a = arena_alloc(e->ex->arena, sizeof *a);
    onnx__attribute_proto__init(a);
    a->name = (char *)"value";
    a->has_type = true;
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
    a->t = t;
    n->attribute = arena_alloc(e->ex->arena, sizeof *n->attribute);
    n->attribute[n->n_attribute++] = a;
    return export_result(n);
}

const char *export_reals(Export *e, const char *what, int rank, const int64_t *dims, const double *values)
{
    int64_t count = 1;
    for (int i = 0; i < rank; i++) count *= dims[i];
    float *floats = arena_alloc(e->ex->arena, (size_t)count * sizeof *floats);
    for (int64_t i = 0; i < count; i++) floats[i] = (float)values[i];
    Onnx__TensorProto *t = tensor_new(e->ex, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, rank, dims);
    set_elements(e->ex, t, floats, (size_t)count, sizeof *floats);
    return export_constant(e, what, t);
}

const char *export_real(Export *e, double value) { return export_reals(e, "Constant", 0, NULL, &value); }

const char *export_same(Export *e, const char *what, int64_t count, double value)
{
    double *values = arena_alloc(e->ex->arena, (size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++) values[i] = value;
    return export_reals(e, what, 1, &count, values);
}

const char *export_ints(Export *e, const char *what, int count, const int64_t *values)
{
    const int64_t dim = count;
    Onnx__TensorProto *t = tensor_new(e->ex, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, &dim);
    set_elements(e->ex, t, values, (size_t)count, sizeof *values);
    return export_constant(e, what, t);
}

/* ---- nodes ------------------------------------------------------------------------------ */

Onnx__NodeProto *export_node(Export *e, const char *op, int inputs, const char *const *in)
{
    Arena *arena = e->ex->arena;
    Onnx__NodeProto *n = arena_alloc(arena, sizeof *n);
    onnx__node_proto__init(n);
    n->op_type = (char *)op;
    n->n_input = (size_t)inputs;
    n->input = arena_alloc(arena, (size_t)(inputs + 1) * sizeof *n->input);
    for (int i = 0; i < inputs; i++) n->input[i] = (char *)(in[i] ? in[i] : "");
    n->n_output = 1;
    n->output = arena_alloc(arena, sizeof *n->output);
    if (strcmp(op, "Constant") != 0) n->name = n->output[0] = inner_name(e, op);
    list_push(arena, &e->ex->nodes, n);
    return n;
}

const char *export_unary(Export *e, const char *op, const char *x) { return export_result(export_node(e, op, 1, &x)); }

const char *export_binary(Export *e, const char *op, const char *a, const char *b)
{
    const char *const in[] = {a, b};
    return export_result(export_node(e, op, 2, in));
}

static Onnx__AttributeProto *attr_new(Export *e, Onnx__NodeProto *n, const char *name, int type)
{
    Arena *arena = e->ex->arena;
    Onnx__AttributeProto *a = arena_alloc(arena, sizeof *a);
    Onnx__AttributeProto **all = arena_alloc(arena, (n->n_attribute + 1) * sizeof *all);
    onnx__attribute_proto__init(a);
    a->name = (char *)name;
    a->has_type = true;
    a->type = type;
    for (size_t i = 0; i < n->n_attribute; i++) all[i] = n->attribute[i];
    all[n->n_attribute++] = a;
    n->attribute = all;
    return a;
}

void export_attr_int(Export *e, Onnx__NodeProto *n, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = attr_new(e, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    a->has_i = true;
    a->i = value;
}

void export_attr_ints(Export *e, Onnx__NodeProto *n, const char *name, int count, const int64_t *values)
{
    Onnx__AttributeProto *a = attr_new(e, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->n_ints = (size_t)count;
    a->ints = arena_alloc(e->ex->arena, (size_t)(count + 1) * sizeof *a->ints);
    for (int i = 0; i < count; i++) a->ints[i] = values[i];
}

void export_attr_real(Export *e, Onnx__NodeProto *n, const char *name, double value)
{
    Onnx__AttributeProto *a = attr_new(e, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    a->has_f = true;
    a->f = (float)value;
}

void export_attr_text(Export *e, Onnx__NodeProto *n, const char *name, const char *text)
{
    Onnx__AttributeProto *a = attr_new(e, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    a->has_s = true;
    a->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)arena_strdup(e->ex->arena, text)};
}
