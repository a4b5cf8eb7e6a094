/*
 * The schedule that follows from a policy, and the memory that it needs at every step.
 *
 * The forward part stays as it is.  Before a node of the backward part come the nodes that
 * recompute the dropped values it reads, in the order of the forward part.  graph/liveness.c
 * gives the bytes that are live, so that the largest of them is the lower bound of the memory
 * plan of that program.
 */
#include "passes/rematerialize_simulate.h"

#include <stdlib.h>

/* With REMAT_EACH_TIME a value is still there for the gradients of so many more layers. */
enum { LAYERS_KEPT = 2 };

/* Kept from one simulation to the next. */
struct RematWorkspace {
    Liveness liveness;
    int *latest;     /* by tensor id: the value of its latest recomputation, or −1 */
    int *used_layer; /* by tensor id: the layer whose gradients last read that */
    int *stack;      /* of tensor ids */
    int stack_capacity;
    int *missing; /* node ids */
    bool *listed; /* by node id: it is in `missing` */
};

static struct RematWorkspace *workspace_new(const Remat *r)
{
    struct RematWorkspace *w = arena_alloc(r->arena, sizeof *w);
    size_t values = (size_t)r->values + 1, forward = (size_t)r->forward + 1;
    w->liveness = liveness_new(r->graph, r->arena);
    w->latest = arena_alloc(r->arena, values * sizeof(int));
    w->used_layer = arena_alloc(r->arena, values * sizeof(int));
    w->missing = arena_alloc(r->arena, forward * sizeof(int));
    w->listed = arena_alloc(r->arena, forward * sizeof(bool));
    return w;
}

/* ---- steps ------------------------------------------------------------------- */

static bool is_available(const Remat *r, int t, int layer)
{
    const struct RematWorkspace *w = r->workspace;
    if (w->latest[t] < 0) return false;
    return remat_policy(r, t) == REMAT_ONCE || layer - w->used_layer[t] <= LAYERS_KEPT;
}

/* The value that a node of the backward part reads as the tensor. */
static int value_read(const Remat *r, int t, int layer)
{
    if (!remat_is_dropped(r, t)) return t;
    r->workspace->used_layer[t] = layer;
    return r->workspace->latest[t];
}

static void add_forward_step(const Remat *r, ExecSchedule *s, int node)
{
    const Node *n = r->graph->nodes.at[node];
    const ExecStep *step = exec_add_step(s, r->arena, n, node);
    for (int k = 0; k < n->in_count; k++) s->in[step->first_in + k] = n->in[k]->id;
}

static void add_backward_step(const Remat *r, ExecSchedule *s, int node)
{
    const Node *n = r->graph->nodes.at[node];
    const ExecStep *step = exec_add_step(s, r->arena, n, node);
    for (int k = 0; k < n->in_count; k++) s->in[step->first_in + k] = value_read(r, n->in[k]->id, r->layer[node]);
}

static void add_recomputation(const Remat *r, ExecSchedule *s, int node, int layer)
{
    const Node *n = r->recomputation[node], *original = r->graph->nodes.at[node];
    ExecStep *step = exec_add_step(s, r->arena, n, node);
    step->rematerialized = true;
    step->first_out = s->values;
    for (int k = 0; k < n->in_count; k++) s->in[step->first_in + k] = value_read(r, n->in[k]->id, layer);
    for (int k = 0; k < n->out_count; k++) {
        const Tensor *t = original->out[k];
        r->workspace->latest[t->id] = exec_add_value(s, r->arena, t);
        r->workspace->used_layer[t->id] = layer;
    }
}

/* ---- what must be recomputed before a node --------------------------------------- */

static int push_missing(const Remat *r, const Node *n, int layer, int depth)
{
    struct RematWorkspace *w = r->workspace;
    w->stack = array_grow(r->arena, w->stack, &w->stack_capacity, depth + n->in_count, sizeof *w->stack);
    for (int k = 0; k < n->in_count; k++) {
        int t = n->in[k]->id;
        if (remat_is_dropped(r, t) && !is_available(r, t, layer)) w->stack[depth++] = t;
    }
    return depth;
}

static int by_node_id(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Lists in `missing` the nodes that compute what the node reads and what is not available. */
static int list_missing(const Remat *r, const Node *n, int layer)
{
    struct RematWorkspace *w = r->workspace;
    int count = 0, depth = push_missing(r, n, layer, 0);
    while (depth > 0) {
        int node = r->value[w->stack[--depth]].producer;
        if (w->listed[node]) continue;
        w->listed[node] = true;
        w->missing[count++] = node;
        depth = push_missing(r, r->recomputation[node], layer, depth);
    }
    if (count > 1) qsort(w->missing, (size_t)count, sizeof *w->missing, by_node_id);
    return count;
}

static double add_missing(const Remat *r, ExecSchedule *s, int node)
{
    struct RematWorkspace *w = r->workspace;
    int layer = r->layer[node], count = list_missing(r, r->graph->nodes.at[node], layer);
    double cost = 0;
    for (int i = 0; i < count; i++) {
        add_recomputation(r, s, w->missing[i], layer);
        w->listed[w->missing[i]] = false;
        cost += r->cost[w->missing[i]];
    }
    return cost;
}

/* The forward part is the same in every simulation. */
static void begin_schedule(const Remat *r, RematSchedule *s)
{
    for (int i = 0; i < r->values; i++) exec_add_value(&s->schedule, r->arena, r->graph->tensors.at[i]);
    s->schedule.tensors = r->values;
    for (int i = 0; i < r->forward; i++) add_forward_step(r, &s->schedule, i);
    s->forward_ins = s->schedule.ins;
}

static void build_schedule(const Remat *r, RematSchedule *s)
{
    if (s->schedule.steps == 0) begin_schedule(r, s);
    s->schedule.steps = r->forward;
    s->schedule.ins = s->forward_ins;
    s->schedule.values = r->values;
    s->cost = 0;
    for (int i = 0; i < r->values; i++) r->workspace->latest[i] = -1;
    for (int i = r->forward; i < r->nodes; i++) {
        s->cost += add_missing(r, &s->schedule, i);
        add_backward_step(r, &s->schedule, i);
    }
}

/* ---- memory ------------------------------------------------------------------------ */

static void add_excess(RematSchedule *s)
{
    s->excess = 0;
    for (int i = 0; i < s->schedule.steps; i++) {
        if (s->live[i] > s->target) s->excess += (double)(s->live[i] - s->target);
    }
}

void remat_simulate(Remat *r, RematSchedule *s)
{
    if (!r->workspace) r->workspace = workspace_new(r);
    build_schedule(r, s);
    liveness_compute(&r->workspace->liveness, &s->schedule);
    s->live = array_grow(r->arena, s->live, &s->live_capacity, s->schedule.steps + 1, sizeof *s->live);
    liveness_add_up(&r->workspace->liveness, &s->schedule, r->bytes, s->live);
    add_excess(s);
    r->simulated_steps += s->schedule.steps;
}
