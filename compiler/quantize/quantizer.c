/* The walk over a net that makes the integer net, and what the operators' rules call. */
#include "quantize/quantizer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct Quantizer {
    Graph *net, *graph;
    Arena *arena;
    const QuantizeSource *source;
    QuantizedNet *result;
    Tensor **real, **int8; /* by the id of the net's tensor: its forms in the integer net, or NULL */
    QuantizedFate *fates;  /* by the id of the net's node */
    bool *done;            /* by the id of the net's node: it is part of one before it */
    bool *stays;           /* by the id of the net's node: it stays in f32, with the layer before it */
    int *users;            /* by the id of the net's tensor: the nodes that read it, and the caller */
    bool failed;
};

Graph *quantizer_graph(Quantizer *q) { return q->graph; }

/* ---- the two forms of a value -------------------------------------------------------------- */

static void take_shape_of(Tensor *made, const Tensor *value) { memcpy(made->field, value->field, sizeof made->field); }

static void set_affine(Tensor *t, Affine a)
{
    t->scale = a.scale;
    t->zero_point = a.zero;
}

static const char *value_node_name(const Quantizer *q, const Tensor *value, const char *what)
{
    return arena_printf(q->arena, "%s.%s", value->producer ? value->producer->name : value->name, what);
}

static Tensor *int8_output(Quantizer *q, Node *n, const Tensor *value, Affine a)
{
    Tensor *made = node_out_as(q->graph, n, DTYPE_I8, true, value->shape);
    take_shape_of(made, value);
    set_affine(made, a);
    return q->int8[value->id] = made;
}

Tensor *quantizer_result(Quantizer *q, Node *n, const Tensor *value)
{
    Affine a = {1, 0};
    if (!q->source->scale(q->source->user, value, &a)) q->failed = true;
    QuantizedValue *kept = arena_alloc(q->arena, sizeof *kept);
    *kept = (QuantizedValue){value, int8_output(q, n, value, a)};
    list_push(q->arena, &q->result->values, kept);
    return kept->made;
}

Tensor *quantizer_result_like(Quantizer *q, Node *n, const Tensor *value, const Tensor *like)
{
    return int8_output(q, n, value, tensor_affine(like));
}

void quantizer_averages_integers(Quantizer *q, const Tensor *value) { q->result->averages_integers[value->id] = true; }

void quantizer_averages(Quantizer *q, const Tensor *value, int64_t count) { q->result->averaged[value->id] = count; }

Tensor *quantizer_int8(Quantizer *q, const Tensor *value)
{
    if (q->int8[value->id]) return q->int8[value->id];
    Node *n =
        graph_node(q->graph, op_find("quantize", OP_INTERNAL), NULL, value_node_name(q, value, "int8"), value->span);
    node_in(q->graph, n, q->real[value->id]);
    n->data_count = 1;
    return quantizer_result(q, n, value);
}

static Tensor *real_form(Quantizer *q, const Tensor *value)
{
    if (q->real[value->id]) return q->real[value->id];
    assert(q->int8[value->id] && "a value of the net has no form");
    Node *n =
        graph_node(q->graph, op_find("dequantize", OP_INTERNAL), NULL, value_node_name(q, value, "f32"), value->span);
    node_in(q->graph, n, q->int8[value->id]);
    n->data_count = 1;
    Tensor *made = node_out(q->graph, n, value->shape);
    take_shape_of(made, value);
    return q->real[value->id] = made;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

Node *quantizer_node(Quantizer *q, const Op *op, void *attrs, const Node *of)
{
    q->fates[of->id] = QUANTIZED_INTEGERS;
    return graph_node(q->graph, op, attrs, of->name, of->span);
}

/* A parameter, an input or a target of the net. */
static Tensor *copy_tensor(Quantizer *q, const Tensor *t)
{
    if (q->real[t->id]) return q->real[t->id];
    Tensor *made = graph_tensor(q->graph, t->kind, t->dtype, t->batched, t->shape, t->name, t->span);
    int id = made->id;
    *made = *t;
    made->id = id;
    made->producer = NULL;
    made->trainable = t->trainable && q->source->learns;
    return q->real[t->id] = made;
}

static void give_outputs(Quantizer *q, const Node *from, Node *to, bool int8)
{
    for (int i = 0; i < from->out_count; i++) {
        const Tensor *t = from->out[i];
        if (int8) {
            quantizer_result_like(q, to, t, to->in[0]);
            continue;
        }
        Tensor *made = node_out_as(q->graph, to, t->dtype, t->batched, t->shape);
        take_shape_of(made, t);
        made->constant = t->constant;
        q->real[t->id] = made;
    }
}

/* In f32, or the view of an int8 value. */
static void keep_node(Quantizer *q, const Node *n)
{
    const bool int8 = n->op->traits & OP_VIEW && q->int8[n->in[0]->id];
    Tensor **in = arena_alloc(q->arena, (size_t)(n->in_count + 1) * sizeof *in);
    for (int i = 0; i < n->in_count; i++) {
        const Tensor *t = n->in[i];
        in[i] = int8 ? q->int8[t->id] : t->producer ? real_form(q, t) : copy_tensor(q, t);
    }
    Node *made = graph_node(q->graph, n->op, n->attrs, n->name, n->span);
    if (int8) q->fates[n->id] = QUANTIZED_INTEGERS;
    for (int i = 0; i < n->in_count; i++) node_in(q->graph, made, in[i]);
    made->data_count = n->data_count;
    made->frozen = n->frozen || !q->source->learns;
    give_outputs(q, n, made, int8);
    if (!int8 && !(n->op->traits & OP_VIEW)) list_push(q->arena, &q->result->reals, (Node *)n);
}

static bool reads_int8(const Quantizer *q, const Node *n)
{
    for (int i = 0; i < n->data_count; i++)
        if (q->int8[n->in[i]->id]) return true;
    return false;
}

static bool serves_batches(const Node *n)
{
    for (int i = 0; i < n->data_count; i++)
        if (!n->in[i]->batched) return false;
    return n->data_count > 0;
}

static const Node *only_user(const Quantizer *, const Tensor *value);

/* With the batchnorm that would have been in its weights. */
static bool stays_in_f32(Quantizer *q, const Node *n)
{
    const bool asked = n->op->traits & OP_WEIGHTED && q->source->in_f32 && q->source->in_f32(q->source->user, n);
    const Node *next = asked ? only_user(q, n->out[0]) : NULL;
    if (next && next->op->affine) q->stays[next->id] = true;
    return asked || q->stays[n->id];
}

/* In integers: what has weights, and what integers come to. */
static void visit(Quantizer *q, const Node *n)
{
    if (stays_in_f32(q, n)) {
        keep_node(q, n);
        return;
    }
    const bool wanted = n->op->quantize && serves_batches(n) && (n->op->traits & OP_WEIGHTED || reads_int8(q, n));
    if (wanted && n->op->quantize(q, n)) return;
    keep_node(q, n);
}

/* ---- what follows a node ----------------------------------------------------------------------- */

static const Node *only_user(const Quantizer *q, const Tensor *value)
{
    if (q->users[value->id] != 1) return NULL;
    for (int i = value->producer->id + 1; i < q->net->nodes.count; i++) {
        const Node *n = q->net->nodes.at[i];
        for (int k = 0; k < n->in_count; k++)
            if (n->in[k] == value) return n;
    }
    return NULL;
}

Followers quantizer_followers(Quantizer *q, const Node *n, bool affine)
{
    Followers f = {.value = n->out[0], .bounds = {-INFINITY, INFINITY}};
    const Node *next = only_user(q, f.value);
    if (affine && next && next->op->affine) {
        f.affine = next;
        f.value = next->out[0];
        q->done[next->id] = true;
        q->fates[next->id] = QUANTIZED_IN_WEIGHTS;
        next = only_user(q, f.value);
    }
    if (next && next->op->clamp) {
        next->op->clamp(next, f.bounds);
        f.value = next->out[0];
        q->done[next->id] = true;
    }
    return f;
}

void quantizer_levels(const Followers *f, const Tensor *result, int *low, int *high)
{
    const Affine a = tensor_affine(result);
    *low = isinf(f->bounds[0]) ? -128 : affine_quantize(a, f->bounds[0]);
    *high = isinf(f->bounds[1]) ? 127 : affine_quantize(a, f->bounds[1]);
}

/* ---- weights -------------------------------------------------------------------------------------- */

static Tensor *parameter(Quantizer *q, const Node *of, DType dtype, const char *suffix, Shape shape)
{
    const char *name = arena_printf(q->arena, "%s.%s", of->name, suffix);
    Tensor *t = graph_tensor(q->graph, TENSOR_PARAM, dtype, false, shape, name, of->span);
    t->init = init_constant(0);
    return t;
}

const Multiplier *quantizer_weights(Quantizer *q, Node *n, const WeightRequest *r)
{
    const int64_t rows = r->shape.dim[0];
    const double *scales = q->source->weight_scales(q->source->user, r);
    Multiplier *factors = arena_alloc(q->arena, (size_t)rows * sizeof *factors);
    if (!scales) q->failed = true;
    for (int64_t i = 0; scales && i < rows; i++) factors[i] = multiplier_of(r->x->scale * scales[i] / r->y->scale);
    QuantizedLayer *kept = arena_alloc(q->arena, sizeof *kept);
    *kept = (QuantizedLayer){.name = r->of->name,
                             .from = r->from,
                             .from_bias = r->from_bias,
                             .affine = r->affine,
                             .weight = parameter(q, r->of, DTYPE_I8, "qweight", r->shape),
                             .bias = parameter(q, r->of, DTYPE_I32, "qbias", shape_vector(rows)),
                             .x = r->x,
                             .value = r->value,
                             .scales = scales};
    node_in(q->graph, n, kept->weight);
    node_in(q->graph, n, kept->bias);
    list_push(q->arena, &q->result->layers, kept);
    return factors;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

static void count_users(Quantizer *q)
{
    for (int i = 0; i < q->net->nodes.count; i++) {
        const Node *n = q->net->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) q->users[n->in[k]->id]++;
    }
    q->users[q->net->output->id]++;
    for (int i = 0; i < q->net->outputs.count; i++) q->users[((const Head *)q->net->outputs.at[i])->output->id]++;
}

/* Heads are of training alone. */
static void take_ends(Quantizer *q)
{
    Graph *g = q->graph;
    g->output = real_form(q, q->net->output);
    for (int i = 0; i < q->net->outputs.count; i++) {
        Head *head = arena_alloc(q->arena, sizeof *head);
        *head = *(const Head *)q->net->outputs.at[i];
        head->output = real_form(q, head->output);
        list_push(q->arena, &g->outputs, head);
    }
}

static Quantizer quantizer_of(Graph *net, const QuantizeSource *source, QuantizedNet *result)
{
    Arena *arena = net->compilation->arena;
    const size_t tensors = (size_t)net->tensors.count + 1, nodes = (size_t)net->nodes.count + 1;
    Graph *g = graph_new(net->compilation, net->name, PROGRAM_NET);
    g->span = net->span;
    g->real = net->real;
    return (Quantizer){.net = net,
                       .graph = g,
                       .arena = arena,
                       .source = source,
                       .result = result,
                       .real = arena_alloc(arena, tensors * sizeof(Tensor *)),
                       .int8 = arena_alloc(arena, tensors * sizeof(Tensor *)),
                       .done = arena_alloc(arena, nodes * sizeof(bool)),
                       .stays = arena_alloc(arena, nodes * sizeof(bool)),
                       .fates = arena_alloc(arena, nodes * sizeof(QuantizedFate)),
                       .users = arena_alloc(arena, tensors * sizeof(int))};
}

static const Tensor **joins_of(const Graph *net)
{
    Arena *arena = net->compilation->arena;
    const size_t count = (size_t)net->tensors.count + 1;
    const Tensor **joined = arena_alloc(arena, count * sizeof *joined);
    bool *several = arena_alloc(arena, count * sizeof *several);
    for (int i = 0; i < net->nodes.count; i++) {
        const Node *n = net->nodes.at[i];
        for (int k = 0; n->op->traits & OP_CONCAT && k < n->in_count; k++) {
            const int id = n->in[k]->id;
            several[id] = several[id] || (joined[id] && joined[id] != n->out[0]);
            joined[id] = several[id] ? NULL : n->out[0];
        }
    }
    return joined;
}

QuantizedNet *quantize_net(Graph *net, const QuantizeSource *source)
{
    QuantizedNet *result = arena_alloc(net->compilation->arena, sizeof *result);
    Quantizer q = quantizer_of(net, source, result);
    result->averaged = arena_alloc(q.arena, (size_t)(net->tensors.count + 1) * sizeof(int64_t));
    result->averages_integers = arena_alloc(q.arena, (size_t)(net->tensors.count + 1) * sizeof(bool));
    count_users(&q);
    for (int i = 0; i < net->inputs.count; i++) copy_tensor(&q, net->inputs.at[i]);
    for (int i = 0; i < net->nodes.count; i++)
        if (!q.done[i]) visit(&q, net->nodes.at[i]);
    take_ends(&q);
    if (q.failed) return NULL;
    result->graph = q.graph;
    result->fates = q.fates;
    result->int8 = q.int8;
    result->joins = joins_of(net);
    graph_verify(q.graph);
    return result;
}

/* ---- of the result ---------------------------------------------------------------------------------- */

bool quantized_of_real(const QuantizedNet *net, const Tensor *value)
{
    return net->int8[value->id]->producer->in[0]->dtype != DTYPE_I8;
}

const QuantizedLayer *quantized_layer_of(const QuantizedNet *net, const Node *n)
{
    for (int i = 0; i < net->layers.count; i++) {
        const QuantizedLayer *l = net->layers.at[i];
        if (strcmp(l->name, n->name) == 0) return l;
    }
    return NULL;
}
