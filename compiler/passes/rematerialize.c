/*
 * Computing again: values of the forward part that are only needed again by the
 * gradients are forgotten and made a second time, so that training needs less memory.
 *
 * Enters: a program that trains, as it is to be run, and the bytes that its values may
 * take.  Leaves: the program with copies of forward nodes among the gradients, before
 * the first that reads what they make.  A copy does the same arithmetic on the same
 * numbers, so the results are the same to the bit: a random layer has its numbers by
 * its stream, parameters are not stepped before, and what writes the model is not done
 * twice (Op.again).
 */
#include "passes/rematerialize.h"

/* Multiplications in the time in which one element is read or written: about 100 GMAC/s
 * beside 5 G floats/s. */
static const double work_of_element = 20;

/* ---- what there is ------------------------------------------------------------------ */

static bool is_gradient(const Graph *g, const Node *n)
{
    int origin = n->origin->id;
    return origin < n->id && g->nodes.at[origin] == n->origin;
}

static int count_forward(const Graph *g)
{
    int count = 0;
    while (count < g->nodes.count && !is_gradient(g, g->nodes.at[count])) count++;
    return count;
}

/* In multiplications. */
static double node_work(const Node *n, int64_t batch)
{
    double elements = 0;
    if (n->op->traits & OP_VIEW) return 0;
    for (int i = 0; i < n->in_count; i++) elements += (double)tensor_count(n->in[i], batch);
    for (int i = 0; i < n->out_count; i++) elements += (double)tensor_count(n->out[i], batch);
    return (double)node_flops(n) / 2 * (double)batch + work_of_element * elements;
}

/* The node that makes the same again, or NULL. */
static Node *copied_node(Recompute *r, Node *n)
{
    Graph *g = r->graph;
    if (n->out_count == 0 || n->op->class == OP_LOSS || n->op->class == OP_OPTIMIZER) return NULL;
    if (n->phase != PHASE_EACH) return NULL;
    if (!n->op->mutates) return n;
    if (!n->op->again) return NULL;
    Node *copy = n->op->again(g, n);
    if (n->variant) node_set_layout(copy, n->layout);
    g->nodes.count--;
    return copy;
}

static void list_nodes(Recompute *r)
{
    Graph *g = r->graph;
    const Node *layer = NULL;
    for (int i = 0, visit = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        if (i < r->forward) {
            r->copied[i] = copied_node(r, n);
            r->work[i] = r->copied[i] ? node_work(r->copied[i], g->batch) : 0;
        } else if (is_gradient(g, n) && n->origin != layer) {
            layer = n->origin;
            visit++;
        }
        r->visit[i] = visit;
    }
}

static int64_t bytes_of(const Recompute *r, const Tensor *t)
{
    if (t->kind != TENSOR_LOCAL) return 0;
    int64_t size = t->dtype == DTYPE_REAL ? r->real_size : t->dtype == DTYPE_INT32 ? 4 : 1;
    return tensor_count(t, r->graph->batch) * size;
}

/* The first node of the rest that writes what the node reads of the model. */
static int first_change(const Recompute *r, const Node *n, const int *changed)
{
    int first = r->graph->nodes.count;
    for (int k = 0; k < n->in_count; k++) {
        const Tensor *t = n->in[k]->slice_of ? n->in[k]->slice_of : n->in[k];
        if (tensor_in_model(t->kind) && changed[t->id] < first) first = changed[t->id];
    }
    return first;
}

/* By tensor id: the first node of the rest that writes it. */
static int *list_changes(const Recompute *r)
{
    const Graph *g = r->graph;
    int *changed = arena_alloc(r->arena, (size_t)(g->tensors.count + 1) * sizeof *changed);
    for (int i = 0; i < g->tensors.count; i++) changed[i] = g->nodes.count;
    for (int i = g->nodes.count - 1; i >= r->forward; i--) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count; k++)
            if (node_mutates(n, k)) changed[(n->in[k]->slice_of ? n->in[k]->slice_of : n->in[k])->id] = i;
    }
    return changed;
}

static void set_value(Recompute *r, const Tensor *t)
{
    const Node *made = t->producer;
    bool view = made && made->op->traits & OP_VIEW, forward = made && made->id < r->forward;
    int k = 0;
    while (forward && made->out[k] != t) k++;
    Value *v = &r->value[t->id];
    *v = (Value){.bytes = bytes_of(r, t), .producer = forward ? made->id : -1, .base = t->id, .early = -1};
    if (view) v->base = r->value[made->in[0]->id].base;
    if (!forward) return;
    v->early = made->id;
    v->droppable = !view && r->copied[made->id] && k < r->copied[made->id]->out_count && t->kind == TENSOR_LOCAL;
}

/* Tensors of nodes in execution order, so that a view comes after what it is a view of. */
static void list_values(Recompute *r)
{
    const Graph *g = r->graph;
    for (int i = 0; i < r->values; i++)
        if (!((const Tensor *)g->tensors.at[i])->producer) set_value(r, g->tensors.at[i]);
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; k < n->out_count; k++) set_value(r, n->out[k]);
        for (int k = 0; k < n->in_count; k++) {
            Value *base = &r->value[r->value[n->in[k]->id].base];
            if (i < r->forward)
                base->early = i;
            else
                base->needed = true;
        }
    }
}

static void keep(Recompute *r, const Tensor *t)
{
    if (t) r->value[r->value[t->id].base].droppable = false;
}

/* A value is not computed again where the rest may ask for it after a step has changed the
 * parameters that it comes from.  `end`, by node id: the last node of the rest that may ask
 * for what the node makes, for itself or to make others again. */
static void keep_changing(Recompute *r)
{
    const Graph *g = r->graph;
    const int *changed = list_changes(r);
    int *end = arena_alloc(r->arena, (size_t)(g->nodes.count + 1) * sizeof *end);
    for (int i = g->nodes.count - 1; i >= 0; i--) {
        const Node *n = g->nodes.at[i];
        if (i >= r->forward) end[i] = i;
        bool again = i < r->forward && r->copied[i] && end[i] <= first_change(r, r->copied[i], changed);
        for (int k = 0; k < n->out_count && i < r->forward && !again; k++) keep(r, n->out[k]);
        for (int k = 0; k < n->in_count && (again || i >= r->forward); k++) {
            int producer = r->value[n->in[k]->id].producer;
            if (producer >= 0 && end[producer] < end[i]) end[producer] = end[i];
        }
    }
}

/* To begin with, what the rest reads is kept; what it does not read would be made again
 * each time on the way to others. */
static void set_fates(Recompute *r)
{
    const Graph *g = r->graph;
    keep(r, g->output);
    keep(r, g->loss);
    keep(r, g->input_gradient);
    for (int i = 0; i < g->gradients.count; i++) keep(r, ((const ParamGrad *)g->gradients.at[i])->gradient);
    keep_changing(r);
    for (int i = 0; i < r->values; i++) {
        const Value *v = &r->value[i];
        r->fate[i] = v->droppable && !v->needed ? FATE_BRIEF : FATE_KEPT;
    }
}

/* ---- the program as chosen -------------------------------------------------------------- */

static Node *copy_node(Graph *g, const Node *from, const Node *n)
{
    Node *made = graph_node(g, n->op, n->attrs, n->name, n->span);
    g->nodes.count--; /* it stands in the new list instead */
    made->stream = from->stream;
    if (from->origin != from) made->origin = from->origin;
    made->frozen = from->frozen;
    made->variant = n->variant;
    made->layout = from->layout;
    made->scale = from->scale;
    made->epilogue = n->epilogue;
    made->in_names = n->in_names;
    made->data_count = n->data_count;
    return made;
}

static Node *add_copy(Recompute *r, const Course *s, const Step *step, Tensor **tensor)
{
    Graph *g = r->graph;
    const Node *from = g->nodes.at[step->node], *n = r->copied[step->node];
    Node *made = copy_node(g, from, n);
    for (int k = 0; k < n->in_count; k++) node_in(g, made, tensor[s->in[step->in + k]]);
    for (int k = 0; k < n->out_count; k++) {
        const Tensor *t = from->out[k];
        Tensor *copy = node_out_as(g, made, t->dtype, t->batched, t->shape);
        copy->name = arena_printf(g->compilation->arena, "%s again", t->name);
        copy->layout = t->layout;
        copy->field[0] = t->field[0];
        copy->field[1] = t->field[1];
        tensor[step->out + k] = copy;
    }
    return made;
}

static void rewrite(Recompute *r, const Course *s)
{
    Graph *g = r->graph;
    List nodes = {0};
    Tensor **tensor = arena_alloc(r->arena, (size_t)(s->instances + 1) * sizeof *tensor);
    for (int i = 0; i < r->values; i++) tensor[i] = g->tensors.at[i];
    for (int i = 0; i < s->steps; i++) {
        const Step *step = &s->step[i];
        Node *n = step->again ? add_copy(r, s, step, tensor) : g->nodes.at[step->node];
        for (int k = 0; k < n->in_count; k++) n->in[k] = tensor[s->in[step->in + k]];
        list_push(g->compilation->arena, &nodes, n);
    }
    g->nodes = nodes;
    for (int i = 0; i < nodes.count; i++) ((Node *)nodes.at[i])->id = i;
    bool *none = arena_alloc(r->arena, (size_t)nodes.count + 1);
    pass_compact(g, none);
}

static RematResult summary(const Recompute *r, const Course *s)
{
    const Graph *g = r->graph;
    RematResult result = {.work = s->work, .reached = s->excess == 0};
    bool *counted = arena_alloc(r->arena, (size_t)r->values + 1);
    for (int i = 0; i < g->nodes.count; i++) result.all_macs += node_macs(g->nodes.at[i]) * g->batch;
    for (int i = 0; i < s->steps; i++) {
        const Step *step = &s->step[i];
        const Node *n = r->copied[step->again ? step->node : 0];
        if (!step->again || n->op->traits & OP_VIEW) continue;
        result.macs += node_macs(n) * g->batch;
        result.values += !counted[step->node];
        counted[step->node] = true;
    }
    return result;
}

RematResult pass_rematerialize(Graph *g, int64_t target, int real_size)
{
    Arena *arena = arena_new();
    size_t nodes = (size_t)g->nodes.count + 1, values = (size_t)g->tensors.count + 1;
    Recompute r = {.graph = g,
                   .arena = arena,
                   .forward = count_forward(g),
                   .real_size = real_size,
                   .value = arena_alloc(arena, values * sizeof(Value)),
                   .values = g->tensors.count,
                   .copied = arena_alloc(arena, nodes * sizeof(Node *)),
                   .work = arena_alloc(arena, nodes * sizeof(double)),
                   .visit = arena_alloc(arena, nodes * sizeof(int)),
                   .fate = arena_alloc(arena, values * sizeof(Fate))};
    Course s = {.target = target};
    list_nodes(&r);
    list_values(&r);
    set_fates(&r);
    recompute_choose(&r, &s);
    RematResult result = summary(&r, &s);
    rewrite(&r, &s);
    arena_free(arena);
    return result;
}
