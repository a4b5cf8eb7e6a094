/* Which integers of a model are those of a net in int8. */
#include "commands/support/imported_int8.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "elab/elaborate.h"
#include "front/front.h"
#include "interop/write_source.h"
#include "runtime/core/text.h"

/* A value of the graph without marks, by the place of its node in the graph with them. */
typedef struct PlainValue {
    ImportNode *node;
    bool marked; /* read through the mark, not directly */
} PlainValue;

/* `to` reads `from`; NULL: the caller does. */
typedef struct PlainEdge {
    const ImportNode *from, *to;
    bool marked;
} PlainEdge;

struct ImportedInt8 {
    Arena *arena;
    ImportGraph graph; /* without marks */
    Text source;
    List edges;  /* of PlainEdge */
    List marked; /* of ImportNode */
    Map *marks;  /* of the mark, by the text of a node's address: see mark_key */
    Map *nodes;  /* of ImportNode, by its name in the net */
    Map *params; /* of ImportParam, by its full name */
    List layers; /* of LayerNumbers */
    List kept;   /* of names: layers in f32 */
    Compilation *compilation;
    Graph *net;
    const QuantizedNet *quantized;
    nn_model_info info;
    const char *why;
};

static bool not_int8(ImportedInt8 *q, const char *format, ...) PRINTF_LIKE(2, 3);

static bool not_int8(ImportedInt8 *q, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!q->why) q->why = arena_vprintf(q->arena, format, args);
    va_end(args);
    return false;
}

/* ---- the graph without marks -------------------------------------------------------------------- */

static bool is_mark(const ImportNode *n) { return strcmp(n->op, "fake_quantize") == 0; }

static const ImportValue *mark_argument(const ImportNode *mark, const char *name)
{
    for (int i = 0; i < mark->args.count; i++) {
        const ImportArg *arg = mark->args.at[i];
        if (strcmp(arg->name, name) == 0) return arg->value;
    }
    return NULL;
}

static Affine mark_affine(const ImportNode *mark)
{
    return (Affine){(double)(float)mark_argument(mark, "scale")->real, (int)mark_argument(mark, "zero")->integer};
}

static bool same_marks(const ImportNode *a, const ImportNode *b)
{
    const Affine x = mark_affine(a), y = mark_affine(b);
    return x.scale == y.scale && x.zero == y.zero;
}

static const char *mark_key(const ImportedInt8 *q, const ImportNode *n)
{
    return arena_printf(q->arena, "%p", (const void *)n);
}

static const ImportNode *mark_of(const ImportedInt8 *q, const ImportNode *n)
{
    return map_get(q->marks, mark_key(q, n));
}

static const char *origin_of(const ImportNode *n) { return n->origin ? n->origin : n->op; }

static void add_plain_edge(ImportedInt8 *q, const PlainValue *from, const ImportNode *to)
{
    PlainEdge *e = arena_alloc(q->arena, sizeof *e);
    *e = (PlainEdge){from->node, to, from->marked};
    list_push(q->arena, &q->edges, e);
    from->node->uses++;
}

/* Layers that are recognised change their arguments and weights. */
static List copies(Arena *arena, const List *from, size_t size)
{
    List out = {0};
    for (int i = 0; i < from->count; i++) {
        void *copy = arena_alloc(arena, size);
        memcpy(copy, from->at[i], size);
        list_push(arena, &out, copy);
    }
    return out;
}

static PlainValue plain_node(ImportedInt8 *q, const PlainValue *values, const ImportNode *n)
{
    ImportNode *copy = arena_alloc(q->arena, sizeof *copy);
    *copy = *n;
    copy->index = q->graph.nodes.count;
    copy->inputs = (List){0};
    copy->args = copies(q->arena, &n->args, sizeof(ImportArg));
    copy->params = copies(q->arena, &n->params, sizeof(ImportParam));
    copy->uses = 0;
    for (int i = 0; i < n->inputs.count; i++) {
        const PlainValue *from = &values[((const ImportNode *)n->inputs.at[i])->index];
        list_push(q->arena, &copy->inputs, from->node);
        add_plain_edge(q, from, copy);
    }
    list_push(q->arena, &q->graph.nodes, copy);
    return (PlainValue){.node = copy};
}

static bool plain_mark(ImportedInt8 *q, PlainValue *values, const ImportNode *mark)
{
    const PlainValue *from = &values[((const ImportNode *)mark->inputs.at[0])->index];
    const ImportNode *other = mark_of(q, from->node);
    if (other && !same_marks(other, mark)) return not_int8(q, "%s has two scales", origin_of(from->node));
    if (!other) map_put(q->marks, mark_key(q, from->node), (void *)mark);
    if (!other) list_push(q->arena, &q->marked, from->node);
    values[mark->index] = (PlainValue){.node = from->node, .marked = true};
    return true;
}

static bool plain_graph(ImportedInt8 *q, const ImportGraph *g)
{
    PlainValue *values = arena_alloc(q->arena, (size_t)(g->nodes.count + 1) * sizeof *values);
    q->graph = *g;
    q->graph.nodes = q->graph.outputs = (List){0};
    for (int i = 0; i < g->nodes.count; i++) {
        const ImportNode *n = g->nodes.at[i];
        if (!is_mark(n)) values[i] = plain_node(q, values, n);
        if (is_mark(n) && !plain_mark(q, values, n)) return false;
    }
    for (int i = 0; i < g->outputs.count; i++) {
        ImportOutput *o = arena_alloc(q->arena, sizeof *o);
        *o = *(const ImportOutput *)g->outputs.at[i];
        const PlainValue *from = &values[o->node->index];
        o->node = from->node;
        add_plain_edge(q, from, NULL);
        list_push(q->arena, &q->graph.outputs, o);
    }
    return true;
}

/* ---- the net -------------------------------------------------------------------------------------- */

static bool build_plain_net(ImportedInt8 *q)
{
    NnError error = {0};
    List none = {0};
    text_init(&q->source, q->arena);
    if (write_source(&q->graph, &q->source, &error)) return not_int8(q, "%s", error.text);
    q->compilation = compilation_new();
    File *file = front_parse_text(q->compilation, "imported.nn", q->source.data, q->source.length);
    q->net = file ? elaborate(q->compilation, file, NULL, &none) : NULL;
    if (!q->net) return not_int8(q, "its source is wrong");
    for (int i = 0; i < q->graph.nodes.count; i++) {
        ImportNode *n = q->graph.nodes.at[i];
        const char *name = strcmp(n->op, "input") == 0 ? n->label : n->path;
        if (name) map_put(q->nodes, name, n);
        for (int k = 0; k < n->params.count; k++)
            map_put(q->params, import_param_name(&q->graph, n, n->params.at[k]), n->params.at[k]);
    }
    return true;
}

static const ImportNode *node_of_value(const ImportedInt8 *q, const Tensor *t)
{
    const char *name = t->producer ? t->producer->name : t->name;
    const bool only = !t->producer && q->net->inputs.count == 1;
    const ImportNode *n = map_get(q->nodes, name);
    for (int i = 0; only && !n && i < q->graph.nodes.count; i++)
        if (strcmp(((const ImportNode *)q->graph.nodes.at[i])->op, "input") == 0) n = q->graph.nodes.at[i];
    return n;
}

static const ImportParam *param_of(const ImportNode *n, const char *name)
{
    for (int i = 0; n && i < n->params.count; i++) {
        const ImportParam *p = n->params.at[i];
        if (strcmp(p->name, name) == 0) return p;
    }
    return NULL;
}

/* ---- for the quantizer ------------------------------------------------------------------------------ */

static bool scale_of_mark(void *user, const Tensor *value, Affine *a)
{
    ImportedInt8 *q = user;
    const ImportNode *n = node_of_value(q, value), *mark = n ? mark_of(q, n) : NULL;
    if (!mark) return not_int8(q, "%s is not quantized", n ? origin_of(n) : value->name);
    *a = mark_affine(mark);
    return true;
}

/* Whether it, or what cuts off its result and alone reads it, has a scale. */
static bool result_has_scale(const ImportedInt8 *q, const Node *layer)
{
    const ImportNode *n = map_get(q->nodes, layer->name);
    if (!n) return false;
    if (mark_of(q, n)) return true;
    for (int i = 0; n->uses == 1 && i < q->net->nodes.count; i++) {
        const Node *next = q->net->nodes.at[i];
        const ImportNode *clamp = next->in_count && next->in[0] == layer->out[0] ? map_get(q->nodes, next->name) : NULL;
        if (clamp) return next->op->clamp && mark_of(q, clamp);
    }
    return false;
}

static bool stays_in_floats(void *user, const Node *layer)
{
    ImportedInt8 *q = user;
    const ImportParam *weight = param_of(map_get(q->nodes, layer->name), "weight");
    if (weight && weight->steps && result_has_scale(q, layer)) return false;
    list_push(q->arena, &q->kept, (void *)arena_strdup(q->arena, layer->name));
    return true;
}

static bool whole_weight(ImportedInt8 *q, LayerNumbers *l, const ImportParam *weight, const char *name)
{
    const int64_t count = l->count / l->rows;
    for (int64_t i = 0; i < l->count; i++) {
        const double value = (double)weight->data[i] / l->scale[i / count], whole = round(value);
        if (fabs(whole) > 127 || fabs(value - whole) > 1e-3)
            return not_int8(q, "a weight of %s is %g times its scale: -127 to 127 are those of int8", name, value);
        l->weight[i] = (int8_t)whole;
    }
    return true;
}

static bool whole_bias(ImportedInt8 *q, LayerNumbers *l, const ImportParam *bias, double x_scale, const char *name)
{
    for (int64_t i = 0; bias && i < l->rows; i++) {
        const double value = bias->exact ? bias->exact[i] : (double)bias->data[i];
        const double whole = round(value / (x_scale * l->scale[i]));
        if (fabs(whole) > QUANTIZED_BIAS_MAX) return not_int8(q, "the bias of %s has more than 24 bits", name);
        l->bias[i] = (int32_t)whole;
    }
    return true;
}

static const double *scales_of_weight(void *user, const WeightRequest *r)
{
    ImportedInt8 *q = user;
    const ImportNode *n = map_get(q->nodes, r->of->name);
    const ImportParam *weight = param_of(n, "weight");
    LayerNumbers *l = arena_alloc(q->arena, sizeof *l);
    *l = (LayerNumbers){.layer = arena_strdup(q->arena, r->of->name),
                        .rows = r->shape.dim[0],
                        .count = shape_count(r->shape),
                        .shape = r->shape};
    if (r->affine || !weight || !weight->steps || (int64_t)weight->count != l->count ||
        (weight->step_count != 1 && weight->step_count != l->rows)) {
        not_int8(q, "the weights of %s are not quantized by its outputs", r->of->name);
        return NULL;
    }
    l->scale = arena_alloc(q->arena, (size_t)l->rows * sizeof *l->scale);
    l->weight = arena_alloc(q->arena, (size_t)l->count + 1);
    l->bias = arena_alloc(q->arena, (size_t)l->rows * sizeof *l->bias);
    for (int64_t i = 0; i < l->rows; i++) l->scale[i] = (double)(float)weight->steps[weight->step_count == 1 ? 0 : i];
    if (!whole_weight(q, l, weight, l->layer) || !whole_bias(q, l, param_of(n, "bias"), r->x->scale, l->layer))
        return NULL;
    list_push(q->arena, &q->layers, l);
    return l->scale;
}

/* ---- whether all integers are the net's ----------------------------------------------------------------- */

static const Node *node_in_net(const ImportedInt8 *q, const ImportNode *n)
{
    for (int i = 0; n->path && i < q->net->nodes.count; i++)
        if (strcmp(((const Node *)q->net->nodes.at[i])->name, n->path) == 0) return q->net->nodes.at[i];
    return NULL;
}

static const Tensor *value_in_net(const ImportedInt8 *q, const ImportNode *n)
{
    const Node *node = node_in_net(q, n);
    if (node) return node->out[0];
    for (int i = 0; i < q->net->inputs.count; i++)
        if (node_of_value(q, q->net->inputs.at[i]) == n) return q->net->inputs.at[i];
    return NULL;
}

/* A value with a scale has integers of that scale; one without has none, or those that it moves. */
static bool value_agrees(ImportedInt8 *q, const ImportNode *n)
{
    const ImportNode *mark = mark_of(q, n);
    const Tensor *t = value_in_net(q, n), *int8 = t ? q->quantized->int8[t->id] : NULL;
    if (mark && !int8) return not_int8(q, "%s is quantized, and in int8 the net would not do that", origin_of(n));
    if (!mark)
        return !int8 || int8->producer->op == t->producer->op || not_int8(q, "%s is not quantized", origin_of(n));
    const Affine a = mark_affine(mark);
    if ((float)int8->scale == (float)a.scale && int8->zero_point == a.zero) return true;
    return not_int8(q, "%s has another scale than what it moves", origin_of(n));
}

/* What reads integers in the model does so in the net. */
static bool edge_agrees(ImportedInt8 *q, const PlainEdge *e)
{
    const Tensor *t = value_in_net(q, e->from);
    if (!t || !q->quantized->int8[t->id] || !mark_of(q, e->from)) return true;
    /* It is a part of another now, which reads integers. */
    if (e->to && !e->to->path) return e->marked || not_int8(q, "%s is read without its scale", origin_of(e->from));
    const Node *to = e->to ? node_in_net(q, e->to) : NULL;
    const bool integers = to && q->quantized->fates[to->id] == QUANTIZED_INTEGERS;
    const bool agrees = quantized_of_real(q->quantized, t) ? integers == e->marked : e->marked;
    return agrees || not_int8(q, "%s is read with and without its scale", origin_of(e->from));
}

/* A border that a convolution has taken, of the numbers that it surrounds. */
static bool is_pad_of_conv(const ImportedInt8 *q, const ImportNode *n)
{
    if (n->path || strcmp(n->op, "pad") != 0) return false;
    const ImportNode *inner = mark_of(q, n->inputs.at[0]);
    return inner && same_marks(inner, mark_of(q, n));
}

/* Marks of layers that were taken as a part of another one are not in the graph any more. */
static bool integers_agree(ImportedInt8 *q)
{
    int found = 0;
    for (int i = 0; i < q->graph.nodes.count; i++) {
        if (!value_agrees(q, q->graph.nodes.at[i])) return false;
        found += mark_of(q, q->graph.nodes.at[i]) != NULL;
    }
    for (int i = 0; i < q->marked.count; i++) found += is_pad_of_conv(q, q->marked.at[i]);
    if (found != map_count(q->marks)) return not_int8(q, "a part of a layer is quantized by itself");
    for (int i = 0; i < q->edges.count; i++)
        if (!edge_agrees(q, q->edges.at[i])) return false;
    return q->layers.count > 0 || not_int8(q, "no layer has weights of int8");
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static int imported_values(const void *model, const char *name, float *values, size_t count)
{
    const ImportedInt8 *q = model;
    const ImportParam *p = map_get(q->params, name);
    if (!p || p->count != count) return -1;
    memcpy(values, p->data, count * sizeof *values);
    return 0;
}

static const char *how_imported(const ImportedInt8 *q)
{
    json_t *how = json_object(), *names = json_array();
    for (int i = 0; i < q->kept.count; i++) json_array_append_new(names, json_string(q->kept.at[i]));
    json_object_set_new(how, "imported", nn_json_text(q->graph.source));
    json_object_set_new(how, "in_f32", names);
    char *text = json_dumps(how, JSON_COMPACT);
    const char *kept = text ? arena_strdup(q->arena, text) : "{}";
    free(text);
    json_decref(how);
    return kept;
}

int imported_int8_save(const ImportedInt8 *q, const char *path)
{
    const NnFileNote notes[] = {{"imported", q->graph.source}, {"quantization", how_imported(q)}, {0}};
    const QuantizedFile file = {
        .net = q->quantized, .layers = q->layers, .f32 = {&q->info, q, q->arena}, .notes = notes};
    return quantize_save(&file, path);
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

static bool has_marks(const ImportGraph *g)
{
    bool found = false;
    for (int i = 0; i < g->nodes.count; i++) found |= is_mark(g->nodes.at[i]);
    return found;
}

static bool make_int8(ImportedInt8 *q, const ImportGraph *g)
{
    const QuantizeSource source = {q, scale_of_mark, scales_of_weight, stays_in_floats, false};
    if (!plain_graph(q, g) || !build_plain_net(q)) return false;
    q->quantized = quantize_net(q->net, &source);
    return q->quantized ? integers_agree(q) : not_int8(q, "it is not quantized");
}

ImportedInt8 *imported_int8(Arena *arena, const ImportGraph *g, const char **why)
{
    *why = NULL;
    if (!has_marks(g)) return NULL;
    ImportedInt8 *q = arena_alloc(arena, sizeof *q);
    *q = (ImportedInt8){.arena = arena,
                        .marks = map_new(arena),
                        .nodes = map_new(arena),
                        .params = map_new(arena),
                        .info = {.get = imported_values}};
    if (make_int8(q, g)) return q;
    *why = q->why;
    imported_int8_free(q);
    return NULL;
}

const char *imported_int8_source(const ImportedInt8 *q) { return q->source.data; }

void imported_int8_free(ImportedInt8 *q)
{
    if (q && q->compilation) compilation_free(q->compilation);
}
