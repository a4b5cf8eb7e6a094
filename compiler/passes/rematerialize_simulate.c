/*
 * The program as a choice makes it, and the memory that it needs at every step.
 *
 * The forward part stays as it is.  Before a node of the rest come copies of the nodes
 * that make what it reads and what has been forgotten, in the order of the forward
 * part.  Which tensors share memory and how long they live is found by the rules of
 * plan/plan.c, so that the largest sum is the lower bound of that program's plan.
 */
#include "passes/rematerialize.h"

#include <stdlib.h>
#include <string.h>

/* A brief copy is still there for the next two layers' gradients; PLAN_ALIGN. */
enum { NEAR = 2, ALIGN = 64 };

/* What is worked in; kept from one rehearsal to the next. */
struct Room {
    int *copy;      /* by tensor id: its latest copy, or −1 */
    int *used;      /* by tensor id: the visit in which that was last read */
    int *stack;     /* of tensor ids */
    int *list;      /* of node ids */
    bool *listed;   /* by node id */
    bool *held;     /* by tensor id: the caller reads it after the program */
    int *root;      /* by instance: whose memory this is */
    int *last_use;  /* by instance: the last step that reads it; −1: none */
    int *group_end; /* by a root: the last step that reads any of its group so far */
    int *first;     /* by a root: the first step of the group */
    int instances;  /* that there is room for */
    int stack_room;
};

/* ---- room ------------------------------------------------------------------- */

static int *ints(Recompute *r, int count) { return arena_alloc(r->arena, (size_t)(count + 1) * sizeof(int)); }

/* An array with room for `count` at least, with what it held. */
static void *grow(Recompute *r, void *array, int *room, int count, size_t size)
{
    if (count <= *room) return array;
    int larger = 2 * count + 64;
    void *made = arena_alloc(r->arena, (size_t)larger * size);
    if (*room) memcpy(made, array, (size_t)*room * size);
    *room = larger;
    return made;
}

static void hold(struct Room *room, const Tensor *t)
{
    if (t) room->held[t->id] = true;
}

static struct Room *room_new(Recompute *r)
{
    const Graph *g = r->graph;
    struct Room *room = arena_alloc(r->arena, sizeof *room);
    room->copy = ints(r, r->values);
    room->used = ints(r, r->values);
    room->list = ints(r, r->forward);
    room->listed = arena_alloc(r->arena, (size_t)r->forward + 1);
    room->held = arena_alloc(r->arena, (size_t)r->values + 1);
    hold(room, g->output);
    hold(room, g->loss);
    hold(room, g->input_gradient);
    for (int i = 0; i < g->gradients.count; i++) hold(room, ((const ParamGrad *)g->gradients.at[i])->gradient);
    return room;
}

/* ---- steps ------------------------------------------------------------------- */

static bool is_lost(const Recompute *r, int t)
{
    return r->value[t].producer >= 0 && recompute_fate(r, t) != FATE_KEPT;
}

static bool has_copy(const Recompute *r, int t, int visit)
{
    const struct Room *room = r->room;
    if (room->copy[t] < 0) return false;
    return recompute_fate(r, t) == FATE_ONCE || visit - room->used[t] <= NEAR;
}

static int instance_of(Recompute *r, int t, int visit)
{
    if (!is_lost(r, t)) return t;
    r->room->used[t] = visit;
    return r->room->copy[t];
}

static void add_instance(Recompute *r, Course *s, int tensor)
{
    s->of = grow(r, s->of, &s->instance_room, s->instances + 1, sizeof *s->of);
    s->of[s->instances++] = tensor;
}

static Step *add_step(Recompute *r, Course *s, int node, const Node *n)
{
    s->step = grow(r, s->step, &s->step_room, s->steps + 1, sizeof *s->step);
    s->in = grow(r, s->in, &s->in_room, s->ins + n->in_count, sizeof *s->in);
    Step *step = &s->step[s->steps++];
    *step = (Step){.node = node, .in = s->ins, .out = -1};
    s->ins += n->in_count;
    return step;
}

static void add_node(Recompute *r, Course *s, int node, int visit)
{
    const Node *n = r->graph->nodes.at[node];
    const Step *step = add_step(r, s, node, n);
    for (int k = 0; k < n->in_count; k++)
        s->in[step->in + k] = node < r->forward ? n->in[k]->id : instance_of(r, n->in[k]->id, visit);
}

static void add_copy(Recompute *r, Course *s, int node, int visit)
{
    const Node *n = r->copied[node];
    Step *step = add_step(r, s, node, n);
    step->again = true;
    step->out = s->instances;
    for (int k = 0; k < n->in_count; k++) s->in[step->in + k] = instance_of(r, n->in[k]->id, visit);
    const Node *from = r->graph->nodes.at[node];
    for (int k = 0; k < n->out_count; k++) {
        int t = from->out[k]->id;
        r->room->copy[t] = s->instances;
        r->room->used[t] = visit;
        add_instance(r, s, t);
    }
    s->work += r->work[node];
}

/* ---- what must be there before a node ------------------------------------------- */

static int push_missing(Recompute *r, const Node *n, int visit, int depth)
{
    struct Room *room = r->room;
    room->stack = grow(r, room->stack, &room->stack_room, depth + n->in_count, sizeof *room->stack);
    for (int k = 0; k < n->in_count; k++) {
        int t = n->in[k]->id;
        if (is_lost(r, t) && !has_copy(r, t, visit)) room->stack[depth++] = t;
    }
    return depth;
}

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* The nodes that make what it reads and what is not there; in room->list. */
static int list_missing(Recompute *r, const Node *n, int visit)
{
    struct Room *room = r->room;
    int count = 0, depth = push_missing(r, n, visit, 0);
    while (depth > 0) {
        int node = r->value[room->stack[--depth]].producer;
        if (room->listed[node]) continue;
        room->listed[node] = true;
        room->list[count++] = node;
        depth = push_missing(r, r->copied[node], visit, depth);
    }
    if (count > 1) qsort(room->list, (size_t)count, sizeof *room->list, by_number);
    return count;
}

static void add_missing(Recompute *r, Course *s, int node, int visit)
{
    int count = list_missing(r, r->graph->nodes.at[node], visit);
    for (int i = 0; i < count; i++) {
        add_copy(r, s, r->room->list[i], visit);
        r->room->listed[r->room->list[i]] = false;
    }
}

/* The forward part is the same in every rehearsal. */
static void begin_steps(Recompute *r, Course *s)
{
    for (int i = 0; i < r->values; i++) add_instance(r, s, i);
    for (int i = 0; i < r->forward; i++) add_node(r, s, i, 0);
    s->forward_ins = s->ins;
}

static void list_steps(Recompute *r, Course *s)
{
    if (s->steps == 0) begin_steps(r, s);
    s->steps = r->forward;
    s->ins = s->forward_ins;
    s->instances = r->values;
    s->work = 0;
    for (int i = 0; i < r->values; i++) r->room->copy[i] = -1;
    for (int i = r->forward; i < r->graph->nodes.count; i++) {
        add_missing(r, s, i, r->visit[i]);
        add_node(r, s, i, r->visit[i]);
    }
}

/* ---- memory: the rules of plan/plan.c ------------------------------------------------ */

static const Node *node_of(const Recompute *r, const Step *step)
{
    return step->again ? r->copied[step->node] : r->graph->nodes.at[step->node];
}

static int out_of(const Step *step, const Node *n, int k) { return step->again ? step->out + k : n->out[k]->id; }

static const Tensor *tensor_of(const Recompute *r, const Course *s, int instance)
{
    return r->graph->tensors.at[s->of[instance]];
}

static void make_instances(Recompute *r, const Course *s)
{
    struct Room *room = r->room;
    if (s->instances > room->instances) {
        room->instances = 2 * s->instances;
        room->root = ints(r, room->instances);
        room->last_use = ints(r, room->instances);
        room->group_end = ints(r, room->instances);
        room->first = ints(r, room->instances);
    }
    for (int i = 0; i < s->instances; i++) {
        const Tensor *whole = tensor_of(r, s, i)->slice_of;
        room->root[i] = whole ? whole->id : i;
        room->last_use[i] = i < r->values && room->held[i] ? s->steps : -1;
        room->group_end[i] = 0;
        room->first[i] = -1;
    }
    for (int i = 0; i < s->steps; i++) {
        const Step *step = &s->step[i];
        for (int k = 0; k < node_of(r, step)->in_count; k++) {
            int *last = &room->last_use[s->in[step->in + k]];
            if (i > *last) *last = i;
        }
    }
}

static bool overwrites(const Recompute *r, const Course *s, int at, const Node *n)
{
    const struct Room *room = r->room;
    const Step *step = &s->step[at];
    if (!(n->op->traits & OP_INPLACE)) return false;
    const int *in = &s->in[step->in], x = in[0], root = room->root[x];
    const Tensor *from = tensor_of(r, s, x), *to = n->out[0];
    if (tensor_of(r, s, root)->kind != TENSOR_LOCAL || from->dtype != to->dtype) return false;
    if (tensor_count(from, r->graph->batch) != tensor_count(to, r->graph->batch)) return false;
    for (int k = 1; k < n->in_count; k++)
        if (room->root[in[k]] == root) return false;
    return room->last_use[x] == at && room->group_end[root] <= at;
}

static void find_groups(Recompute *r, const Course *s)
{
    struct Room *room = r->room;
    for (int i = 0; i < s->steps; i++) {
        const Step *step = &s->step[i];
        const Node *n = node_of(r, step);
        for (int k = 0; k < n->out_count; k++) {
            int out = out_of(step, n, k);
            if (k == 0 && (n->op->traits & OP_VIEW || overwrites(r, s, i, n)))
                room->root[out] = room->root[s->in[step->in]];
            int root = room->root[out];
            if (room->first[root] < 0) room->first[root] = i;
            if (room->last_use[out] > room->group_end[root]) room->group_end[root] = room->last_use[out];
            if (room->group_end[root] < i) room->group_end[root] = i;
        }
    }
}

static bool is_outside(const Recompute *r, int root)
{
    const Graph *g = r->graph;
    if (g->output && r->room->root[g->output->id] == root) return true;
    return g->input_gradient && r->room->root[g->input_gradient->id] == root;
}

static void find_live(Recompute *r, Course *s)
{
    const struct Room *room = r->room;
    s->live = grow(r, s->live, &s->live_room, s->steps + 1, sizeof *s->live);
    memset(s->live, 0, (size_t)(s->steps + 1) * sizeof *s->live);
    for (int i = 0; i < s->instances; i++) {
        int64_t bytes = (r->value[s->of[i]].bytes + ALIGN - 1) / ALIGN * ALIGN;
        if (room->root[i] != i || room->first[i] < 0 || bytes == 0 || is_outside(r, i)) continue;
        s->live[room->first[i]] += bytes;
        if (room->group_end[i] + 1 < s->steps) s->live[room->group_end[i] + 1] -= bytes;
    }
}

static void add_up(Course *s)
{
    s->peak = 0;
    s->excess = 0;
    for (int i = 0; i < s->steps; i++) {
        if (i) s->live[i] += s->live[i - 1];
        if (s->live[i] > s->peak) s->peak = s->live[i];
        if (s->live[i] > s->target) s->excess += (double)(s->live[i] - s->target);
    }
}

void recompute_rehearse(Recompute *r, Course *s)
{
    if (!r->room) r->room = room_new(r);
    list_steps(r, s);
    make_instances(r, s);
    find_groups(r, s);
    find_live(r, s);
    add_up(s);
    r->steps += s->steps;
}
