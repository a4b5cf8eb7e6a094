/*
 * Rematerialization: values of the forward part that only the gradients still need are dropped
 * and recomputed, so that training takes less memory.
 *
 * Enters: a program that trains, as it is to be run, and the bytes that its values may
 * take.  Leaves: the program with clones of forward nodes among the gradients, before the
 * first that reads their outputs.  A clone does the same arithmetic on the same numbers, so
 * the results are bitwise identical: random layers depend on Node.stream alone, a value is not
 * recomputed after an update of the parameters that it comes from, and what writes the model
 * is not done twice (Op.rematerialize).
 */
#include "passes/rematerialize_policy.h"

#include "graph/rewrite.h"

/* Multiplications in the time in which one element is read or written: about 100 GMAC/s
 * beside 5 G floats/s. */
static const double multiplications_per_element = 20;

/* ---- nodes ------------------------------------------------------------------------ */

/* It is the gradient of a node of the program. */
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
static double recomputation_cost(const Node *n, int64_t batch)
{
    double elements = 0;
    if (n->op->traits & OP_VIEW) return 0;
    for (int i = 0; i < n->in_count; i++) elements += (double)tensor_count(n->in[i], batch);
    for (int i = 0; i < n->out_count; i++) elements += (double)tensor_count(n->out[i], batch);
    return (double)node_flops(n) / 2 * (double)batch + multiplications_per_element * elements;
}

/* The node that computes the same again, or NULL. */
static Node *recomputation_of(GraphRewriter *rewriter, Graph *g, Node *n)
{
    if (n->out_count == 0 || n->op->class == OP_LOSS || n->op->class == OP_OPTIMIZER) return NULL;
    if (n->op->collective) return NULL; /* the chunks agree on it once */
    if (n->phase != PHASE_EACH) return NULL;
    if (!n->op->mutates) return n;
    if (!n->op->rematerialize) return NULL;
    Node *template = n->op->rematerialize(g, n);
    if (n->variant) node_set_layout(template, n->layout);
    rewriter_erase(rewriter, template); /* its clones are executed */
    return template;
}

static void list_nodes(Remat *r, GraphRewriter *rewriter)
{
    Graph *g = r->graph;
    const Node *origin = NULL;
    for (int i = 0, layer = 0; i < r->nodes; i++) {
        Node *n = g->nodes.at[i];
        if (i < r->forward) {
            r->recomputation[i] = recomputation_of(rewriter, g, n);
            r->cost[i] = r->recomputation[i] ? recomputation_cost(r->recomputation[i], g->batch) : 0;
        } else if (is_gradient(g, n) && n->origin != origin) {
            origin = n->origin;
            layer++;
        }
        r->layer[i] = layer;
    }
}

/* ---- values ----------------------------------------------------------------------- */

static const Tensor *whole_of(const Tensor *t) { return t->slice_of ? t->slice_of : t; }

/* The first node of the backward part that writes what the node reads of the model. */
static int first_update(const Remat *r, const Node *n, const int *updated)
{
    int first = r->nodes;
    for (int k = 0; k < n->in_count; k++) {
        const Tensor *t = whole_of(n->in[k]);
        if (tensor_in_model(t->kind) && updated[t->id] < first) first = updated[t->id];
    }
    return first;
}

/* By tensor id: the first node of the backward part that writes it. */
static int *list_updates(const Remat *r)
{
    int *updated = arena_alloc(r->arena, (size_t)(r->values + 1) * sizeof *updated);
    for (int i = 0; i < r->values; i++) updated[i] = r->nodes;
    for (int i = r->nodes - 1; i >= r->forward; i--) {
        const Node *n = r->graph->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) {
            if (node_mutates(n, k)) updated[whole_of(n->in[k])->id] = i;
        }
    }
    return updated;
}

static void set_value(Remat *r, const Tensor *t)
{
    const Node *n = t->producer, *again = n && n->id < r->forward ? r->recomputation[n->id] : NULL;
    bool view = n && n->op->traits & OP_VIEW, forward = n && n->id < r->forward;
    int k = 0;
    while (forward && n->out[k] != t) k++;
    RematValue *v = &r->value[t->id];
    *v = (RematValue){.producer = forward ? n->id : -1, .base = t->id, .last_forward = forward ? n->id : -1};
    if (view) v->base = r->value[n->in[0]->id].base;
    v->droppable = again && !view && k < again->out_count && t->kind == TENSOR_LOCAL;
}

/* Tensors of nodes in execution order, so that a view comes after its base. */
static void list_values(Remat *r)
{
    const Graph *g = r->graph;
    for (int i = 0; i < r->values; i++)
        if (!((const Tensor *)g->tensors.at[i])->producer) set_value(r, g->tensors.at[i]);
    for (int i = 0; i < r->nodes; i++) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; k < n->out_count; k++) set_value(r, n->out[k]);
        for (int k = 0; k < n->in_count; k++) {
            RematValue *base = &r->value[r->value[n->in[k]->id].base];
            if (i < r->forward)
                base->last_forward = i;
            else
                base->needed_backward = true;
        }
    }
}

static void keep(Remat *r, const Tensor *t) { r->value[r->value[t->id].base].droppable = false; }

/* A value is kept where the backward part may need it after an update of the parameters that it
 * comes from.  `end`, by node id: the last node of the backward part that may need the node's
 * outputs, to read or to recompute others. */
static void keep_updated(Remat *r)
{
    const int *updated = list_updates(r);
    int *end = arena_alloc(r->arena, (size_t)(r->nodes + 1) * sizeof *end);
    for (int i = r->nodes - 1; i >= 0; i--) {
        const Node *n = r->graph->nodes.at[i];
        bool backward = i >= r->forward;
        if (backward) end[i] = i;
        bool again = !backward && r->recomputation[i] && end[i] <= first_update(r, r->recomputation[i], updated);
        for (int k = 0; k < n->out_count && !backward && !again; k++) keep(r, n->out[k]);
        for (int k = 0; k < n->in_count && (again || backward); k++) {
            int producer = r->value[n->in[k]->id].producer;
            if (producer >= 0 && end[producer] < end[i]) end[producer] = end[i];
        }
    }
}

/* At first what the backward part reads is kept; what it does not read would be recomputed each
 * time on the way to others. */
static void init_policy(Remat *r)
{
    for (int i = 0; i < r->values; i++) {
        if (graph_is_io(r->graph, r->graph->tensors.at[i])) keep(r, r->graph->tensors.at[i]);
    }
    keep_updated(r);
    for (int i = 0; i < r->values; i++) {
        const RematValue *v = &r->value[i];
        r->policy[i] = v->droppable && !v->needed_backward ? REMAT_EACH_TIME : REMAT_KEEP;
    }
}

/* ---- the program ------------------------------------------------------------------- */

static Node *add_clone(GraphRewriter *rewriter, const Remat *r, const ExecStep *step, Node *at)
{
    Graph *g = r->graph;
    const Node *original = g->nodes.at[step->source], *n = step->node;
    Node *clone = rewriter_clone(rewriter, original, at);
    clone->op = n->op;
    clone->variant = n->variant;
    clone->epilogue = n->epilogue;
    clone->in_names = n->in_names;
    clone->data_count = n->data_count;
    for (int k = 0; k < n->out_count; k++) {
        Tensor *t = rewriter_clone_output(rewriter, clone, original->out[k]);
        t->name = arena_printf(g->compilation->arena, "%s recomputed", original->out[k]->name);
    }
    return clone;
}

/* The node that is executed after the step and stays in the program: clones come before it. */
static Node *next_original(const Remat *r, const ExecSchedule *s, int step)
{
    while (s->step[step].rematerialized) step++;
    return r->graph->nodes.at[s->step[step].source];
}

static void rewrite_program(GraphRewriter *rewriter, const Remat *r, const ExecSchedule *s)
{
    Tensor **tensor = arena_alloc(r->arena, (size_t)(s->values + 1) * sizeof *tensor);
    for (int i = 0; i < r->values; i++) tensor[i] = r->graph->tensors.at[i];
    for (int i = 0; i < s->steps; i++) {
        const ExecStep *step = &s->step[i];
        const int *in = &s->in[step->first_in];
        if (!step->rematerialized) {
            Node *n = r->graph->nodes.at[step->source];
            for (int k = 0; k < n->in_count; k++) rewriter_set_input(rewriter, n, k, tensor[in[k]]);
            continue;
        }
        Node *clone = add_clone(rewriter, r, step, next_original(r, s, i));
        for (int k = 0; k < step->node->in_count; k++) rewriter_add_input(rewriter, clone, tensor[in[k]]);
        for (int k = 0; k < clone->out_count; k++) tensor[step->first_out + k] = clone->out[k];
    }
}

static RematResult summarize(const Remat *r, const RematSchedule *s)
{
    RematResult result = {.cost = s->cost, .reached = s->excess == 0};
    bool *counted = arena_alloc(r->arena, (size_t)r->nodes + 1);
    for (int i = 0; i < r->nodes; i++) result.all_macs += node_macs(r->graph->nodes.at[i]) * r->graph->batch;
    for (int i = 0; i < s->schedule.steps; i++) {
        const ExecStep *step = &s->schedule.step[i];
        if (!step->rematerialized || step->node->op->traits & OP_VIEW) continue;
        result.macs += node_macs(step->node) * r->graph->batch;
        result.values += !counted[step->source];
        counted[step->source] = true;
    }
    return result;
}

RematResult pass_rematerialize(Graph *g, int64_t target)
{
    Arena *arena = arena_within(g->compilation->arena);
    size_t nodes = (size_t)g->nodes.count + 1, values = (size_t)g->tensors.count + 1;
    Remat r = {.graph = g,
               .arena = arena,
               .nodes = g->nodes.count,
               .forward = count_forward(g),
               .value = arena_alloc(arena, values * sizeof(RematValue)),
               .values = g->tensors.count,
               .bytes = liveness_sizes(g, arena),
               .recomputation = arena_alloc(arena, nodes * sizeof(Node *)),
               .cost = arena_alloc(arena, nodes * sizeof(double)),
               .layer = arena_alloc(arena, nodes * sizeof(int)),
               .policy = arena_alloc(arena, values * sizeof(RematPolicy))};
    RematSchedule s = {.target = target};
    GraphRewriter *rewriter = rewriter_begin(g);
    list_nodes(&r, rewriter);
    list_values(&r);
    init_policy(&r);
    remat_search(&r, &s);
    RematResult result = summarize(&r, &s);
    rewrite_program(rewriter, &r, &s.schedule);
    rewriter_end(rewriter);
    arena_free(arena);
    return result;
}
