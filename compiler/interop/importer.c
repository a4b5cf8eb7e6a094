/*
 * importer: values while an ONNX model is converted.
 */
#include "interop/importer.h"

#include <string.h>

/* ---- what has to be known -------------------------------------------------------- */

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
