/* The walk over a net that makes the simulated net, beside its integer net. */
#include "quantize/simulate.h"

#include <math.h>
#include <string.h>

typedef struct Simulator {
    Graph *net, *graph;
    Arena *arena;
    const QuantizedNet *integers; /* with scales of 1: what is in int8 */
    Tensor **real, **rounded;     /* by the id of the net's tensor: as layers in f32, and in int8, read it */
    Tensor **step, **zero;        /* by the id of the net's tensor: its scale and zero, or NULL */
    Tensor **unit;   /* by the id of the net's tensor: what 1 of the sums that make it stands for, or NULL */
    bool *rows_last; /* by the id of the net's tensor: its last axis is that of these */
} Simulator;

/* ---- the integer net -------------------------------------------------------------------------- */

static bool unit_scale(void *user, const Tensor *value, Affine *a)
{
    (void)user, (void)value;
    *a = (Affine){1, 0};
    return true;
}

static const double *unit_weight_scales(void *user, const WeightRequest *r)
{
    double *ones = arena_alloc(user, (size_t)r->shape.dim[0] * sizeof *ones);
    for (int64_t i = 0; i < r->shape.dim[0]; i++) ones[i] = 1;
    return ones;
}

static bool has_own_scale(const QuantizedNet *q, const Tensor *value)
{
    for (int i = 0; i < q->values.count; i++)
        if (((const QuantizedValue *)q->values.at[i])->value == value) return true;
    return false;
}

static const Tensor *value_of_int8(const Graph *net, const QuantizedNet *q, const Tensor *int8)
{
    for (int i = 0; i < net->tensors.count; i++)
        if (q->int8[i] == int8) return net->tensors.at[i];
    return NULL;
}

const Tensor *simulated_owner(const Graph *net, const QuantizedNet *q, const Tensor *value)
{
    while (!has_own_scale(q, value)) value = value_of_int8(net, q, q->int8[value->id]->producer->in[0]);
    for (const Tensor *joined = value; joined && has_own_scale(q, joined); joined = q->joins[value->id]) value = joined;
    return value;
}

/* ---- nodes and tensors -------------------------------------------------------------------------- */

static Tensor *copy_of(Simulator *s, const Tensor *t)
{
    if (s->real[t->id]) return s->real[t->id];
    Tensor *made = graph_tensor(s->graph, t->kind, t->dtype, t->batched, t->shape, t->name, t->span);
    const int id = made->id;
    *made = *t;
    made->id = id;
    made->producer = NULL;
    return s->real[t->id] = made;
}

static Node *internal_node(Simulator *s, const char *op, void *attrs, const Node *of)
{
    return graph_node(s->graph, op_find(op, OP_INTERNAL), attrs, of->name, of->span);
}

/* What a node computes, of which all inputs are there. */
static Tensor *computed(Simulator *s, Node *n)
{
    n->op->shape(s->graph, n);
    return n->out[0];
}

/* Made of the model alone. */
static Tensor *model_output(Simulator *s, Node *n, Shape shape)
{
    return node_out_as(s->graph, n, s->graph->real, false, shape);
}

static Tensor *model_number(Simulator *s, TensorKind kind, const char *name, const char *suffix, int64_t rows,
                            double value, Span span)
{
    const char *full = arena_printf(s->arena, SIMULATED_PREFIX "%s%s", name, suffix);
    Tensor *t = graph_tensor(s->graph, kind, s->graph->real, false, shape_vector(rows), full, span);
    t->init = init_constant(value);
    t->trainable = kind == TENSOR_PARAM;
    t->fixed = kind == TENSOR_BUFFER;
    t->undecayed = true;
    return t;
}

/* The scales of so many rows, of each of which so many numbers are rounded. */
static Tensor *learned_scale(Simulator *s, const char *name, int64_t rows, int64_t count, Span span)
{
    StepSizeAttrs *attrs = arena_alloc(s->arena, sizeof *attrs);
    attrs->gradient_factor = 1 / sqrt((double)count * 127);
    Node *n = graph_node(s->graph, op_find("step_size", OP_INTERNAL), attrs,
                         arena_printf(s->arena, "%s%s", name, SIMULATED_SCALE), span);
    node_in(s->graph, n, model_number(s, TENSOR_BUFFER, name, SIMULATED_SCALE, rows, 1, span));
    node_in(s->graph, n, model_number(s, TENSOR_PARAM, name, SIMULATED_FACTOR, rows, 1, span));
    return computed(s, n);
}

/* ---- values ---------------------------------------------------------------------------------------- */

static Tensor *scale_of_value(Simulator *s, const Tensor *value)
{
    const Tensor *owner = simulated_owner(s->net, s->integers, value);
    if (!s->step[owner->id]) {
        s->step[owner->id] = learned_scale(s, owner->name, 1, shape_count(owner->shape), owner->span);
        s->zero[owner->id] = model_number(s, TENSOR_BUFFER, owner->name, SIMULATED_ZERO, 1, 0, owner->span);
    }
    return s->step[owner->id];
}

static Tensor *rounded_value(Simulator *s, const Tensor *value, bool averages)
{
    const Tensor *owner = simulated_owner(s->net, s->integers, value);
    Tensor *step = scale_of_value(s, value);
    SimulateAttrs *attrs = arena_alloc(s->arena, sizeof *attrs);
    *attrs = (SimulateAttrs){averages, averages && s->integers->averages_integers[value->id], s->rows_last[value->id]};
    Node *n = graph_node(s->graph, op_find("simulate", OP_INTERNAL), attrs,
                         arena_printf(s->arena, "%s.int8", value->producer ? value->producer->name : value->name),
                         value->span);
    node_in(s->graph, n, copy_of(s, value));
    node_in(s->graph, n, step);
    node_in(s->graph, n, s->zero[owner->id]);
    if (s->unit[value->id]) node_in(s->graph, n, s->unit[value->id]);
    n->data_count = 1;
    Tensor *made = computed(s, n);
    memcpy(made->field, value->field, sizeof made->field);
    return made;
}

static Tensor *value_as_read(Simulator *s, const Tensor *t, bool in_int8)
{
    return in_int8 && s->rounded[t->id] ? s->rounded[t->id] : copy_of(s, t);
}

/* ---- layers with weights ----------------------------------------------------------------------------- */

/* Scale and shift of a batchnorm with its running statistics. */
static Node *folded_norm(Simulator *s, const Node *norm)
{
    const Shape channels = shape_vector(node_shape_in(norm).dim[0]);
    Node *n = graph_node(s->graph, norm->op->fold, norm->attrs, norm->name, norm->span);
    for (int i = norm->data_count; i < norm->in_count; i++) {
        Tensor *t = copy_of(s, norm->in[i]);
        if (t->kind == TENSOR_BUFFER) t->fixed = true;
        node_in(s->graph, n, t);
    }
    model_output(s, n, channels);
    model_output(s, n, channels);
    return n;
}

static Tensor *folded_rows(Simulator *s, const Node *of, Tensor *rows, const Node *norm, bool shifted)
{
    Node *n = internal_node(s, "scale_rows", NULL, of);
    node_in(s->graph, n, rows);
    node_in(s->graph, n, norm->out[0]);
    if (shifted) node_in(s->graph, n, norm->out[1]);
    return computed(s, n);
}

/* The scales of a weight's rows. */
static Tensor *scale_of_rows(Simulator *s, const Node *of, const Tensor *weight)
{
    const int64_t rows = weight->shape.dim[0];
    const char *name = arena_printf(s->arena, "%s.qweight", of->name);
    return learned_scale(s, name, rows, shape_count(weight->shape) / rows, of->span);
}

static Tensor *rounded_weight(Simulator *s, const Node *of, Tensor *weight, Tensor *scale)
{
    Node *n = internal_node(s, "simulate_weight", NULL, of);
    node_in(s->graph, n, weight);
    node_in(s->graph, n, scale);
    return computed(s, n);
}

/* Of the sums that a node makes of its input; rows may be NULL. */
static Tensor *units_of_sums(Simulator *s, const Node *of, Tensor *rows, double divisor)
{
    RowUnitsAttrs *attrs = arena_alloc(s->arena, sizeof *attrs);
    attrs->divisor = divisor;
    Node *n = internal_node(s, "row_units", attrs, of);
    node_in(s->graph, n, scale_of_value(s, of->in[0]));
    if (rows) node_in(s->graph, n, rows);
    return model_output(s, n, rows ? rows->shape : shape_vector(1));
}

static Tensor *rounded_bias(Simulator *s, const Node *of, Tensor *bias, Tensor *unit)
{
    Node *n = internal_node(s, "simulate_bias", NULL, of);
    node_in(s->graph, n, bias);
    node_in(s->graph, n, unit);
    return computed(s, n);
}

/* The arguments of a layer that has a bias now. */
static void *attrs_with_bias(Simulator *s, const Node *n)
{
    char *attrs = arena_alloc(s->arena, n->op->attrs_size);
    memcpy(attrs, n->attrs, n->op->attrs_size);
    for (const Attr *a = n->op->attrs; a->name; a++)
        if (a->type == ATTR_BOOL && strcmp(a->name, "bias") == 0) *(bool *)(attrs + a->offset) = true;
    return attrs;
}

static void take_output(Simulator *s, const Node *n, Node *made, const Tensor *value)
{
    Tensor *y = node_out(s->graph, made, value->shape);
    memcpy(y->field, value->field, sizeof y->field);
    s->real[n->out[0]->id] = s->real[value->id] = y;
}

static void take_unit(Simulator *s, const Tensor *value, Tensor *unit, bool rows_last)
{
    s->unit[value->id] = unit;
    s->rows_last[value->id] = rows_last;
}

static void simulate_layer(Simulator *s, const Node *n, const QuantizedLayer *l)
{
    const Node *norm = l->affine ? folded_norm(s, l->affine) : NULL;
    Tensor *weight = copy_of(s, l->from), *bias = l->from_bias ? copy_of(s, l->from_bias) : NULL;
    if (norm) {
        weight = folded_rows(s, n, weight, norm, false);
        bias = bias ? folded_rows(s, n, bias, norm, true) : norm->out[1];
    }
    Tensor *rows = scale_of_rows(s, n, weight);
    weight = rounded_weight(s, n, weight, rows);
    Tensor *unit = units_of_sums(s, n, rows, 1);
    if (bias) bias = rounded_bias(s, n, bias, unit);
    Node *made = graph_node(s->graph, n->op, norm ? attrs_with_bias(s, n) : n->attrs, n->name, n->span);
    node_in(s->graph, made, value_as_read(s, n->in[0], true));
    node_in(s->graph, made, weight);
    if (bias) node_in(s->graph, made, bias);
    made->data_count = 1;
    made->frozen = n->frozen;
    take_output(s, n, made, norm ? l->affine->out[0] : n->out[0]);
    take_unit(s, l->value, unit, weight->shape.rank == 2);
}

/* A batchnorm by itself: its weights, one for each channel, are integers without a loss. */
static void simulate_norm(Simulator *s, const Node *n, const QuantizedLayer *l)
{
    const Node *norm = folded_norm(s, n);
    Tensor *unit = units_of_sums(s, n, norm->out[0], 127);
    Tensor *shift = rounded_bias(s, n, norm->out[1], unit);
    Node *made = internal_node(s, "channel_affine", NULL, n);
    node_in(s->graph, made, value_as_read(s, n->in[0], true));
    node_in(s->graph, made, norm->out[0]);
    node_in(s->graph, made, shift);
    made->data_count = 1;
    take_output(s, n, made, n->out[0]);
    take_unit(s, l->value, unit, false);
}

/* What is moved keeps its integers, and a view is no value of its own. */
static void round_value(Simulator *s, const Tensor *value)
{
    const Tensor *int8 = s->integers->int8[value->id];
    if (!int8) return;
    if (quantized_of_real(s->integers, value)) {
        s->rounded[value->id] = rounded_value(s, value, false);
        return;
    }
    const int64_t averaged = s->integers->averaged[value->id];
    if (averaged) s->unit[value->id] = units_of_sums(s, value->producer, NULL, (double)averaged);
    const bool own = has_own_scale(s->integers, value);
    if (own || int8->producer->op != value->producer->op) s->real[value->id] = rounded_value(s, value, !own);
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

static void copy_layer(Simulator *s, const Node *n)
{
    const bool in_int8 = s->integers->fates[n->id] == QUANTIZED_INTEGERS;
    Node *made = graph_node(s->graph, n->op, n->attrs, n->name, n->span);
    for (int i = 0; i < n->in_count; i++) node_in(s->graph, made, value_as_read(s, n->in[i], in_int8));
    made->data_count = n->data_count;
    made->frozen = n->frozen;
    for (int i = 0; i < n->out_count; i++) {
        const Tensor *t = n->out[i];
        Tensor *copy = node_out_as(s->graph, made, t->dtype, t->batched, t->shape);
        memcpy(copy->field, t->field, sizeof copy->field);
        copy->constant = t->constant;
        s->real[t->id] = copy;
    }
}

static void simulate_node(Simulator *s, const Node *n)
{
    const QuantizedLayer *l = quantized_layer_of(s->integers, n);
    if (s->integers->fates[n->id] == QUANTIZED_IN_WEIGHTS) {
        /* its layer has made its output */
    } else if (l && l->from) {
        simulate_layer(s, n, l);
    } else if (l) {
        simulate_norm(s, n, l);
    } else {
        copy_layer(s, n);
    }
    for (int i = 0; i < n->out_count; i++) round_value(s, n->out[i]);
}

static Head *copy_head(Simulator *s, const Head *head)
{
    Head *made = arena_alloc(s->arena, sizeof *made);
    *made = *head;
    made->output = copy_of(s, head->output);
    return made;
}

static void copy_ends(Simulator *s)
{
    Graph *g = s->graph;
    g->output = copy_of(s, s->net->output);
    for (int i = 0; i < s->net->outputs.count; i++)
        list_push(s->arena, &g->outputs, copy_head(s, s->net->outputs.at[i]));
    for (int i = 0; i < s->net->heads.count; i++) list_push(s->arena, &g->heads, copy_head(s, s->net->heads.at[i]));
}

Graph *simulate_net(Graph *net)
{
    Arena *arena = net->compilation->arena;
    const size_t tensors = (size_t)net->tensors.count + 1;
    const QuantizedNet *integers =
        quantize_net(net, &(QuantizeSource){arena, unit_scale, unit_weight_scales, NULL, false});
    if (!integers->layers.count) return NULL;
    Graph *g = graph_new(net->compilation, net->name, PROGRAM_NET);
    g->span = net->span;
    g->real = net->real;
    g->budgets = net->budgets;
    Simulator s = {.net = net,
                   .graph = g,
                   .arena = arena,
                   .integers = integers,
                   .real = arena_alloc(arena, tensors * sizeof(Tensor *)),
                   .rounded = arena_alloc(arena, tensors * sizeof(Tensor *)),
                   .step = arena_alloc(arena, tensors * sizeof(Tensor *)),
                   .zero = arena_alloc(arena, tensors * sizeof(Tensor *)),
                   .unit = arena_alloc(arena, tensors * sizeof(Tensor *)),
                   .rows_last = arena_alloc(arena, tensors * sizeof(bool))};
    for (int i = 0; i < net->inputs.count; i++) copy_of(&s, net->inputs.at[i]);
    for (int i = 0; i < net->inputs.count; i++) round_value(&s, net->inputs.at[i]);
    for (int i = 0; i < net->nodes.count; i++) simulate_node(&s, net->nodes.at[i]);
    copy_ends(&s);
    graph_verify(g);
    return g;
}
