#include "graph/liveness.h"

#include <limits.h>
#include <string.h>

/* ---- schedules -------------------------------------------------------------- */

int exec_add_value(ExecSchedule *s, Arena *arena, const Tensor *t)
{
    s->tensor = array_grow(arena, s->tensor, &s->value_capacity, s->values + 1, sizeof *s->tensor);
    s->tensor[s->values] = t;
    return s->values++;
}

ExecStep *exec_add_step(ExecSchedule *s, Arena *arena, const Node *n, int source)
{
    s->step = array_grow(arena, s->step, &s->step_capacity, s->steps + 1, sizeof *s->step);
    s->in = array_grow(arena, s->in, &s->in_capacity, s->ins + n->in_count, sizeof *s->in);
    ExecStep *step = &s->step[s->steps++];
    *step = (ExecStep){.node = n, .source = source, .first_in = s->ins};
    s->ins += n->in_count;
    return step;
}

ExecSchedule exec_schedule_of(const Graph *g, Arena *arena)
{
    ExecSchedule s = {0};
    for (int i = 0; i < g->tensors.count; i++) exec_add_value(&s, arena, g->tensors.at[i]);
    s.tensors = g->tensors.count;
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        const ExecStep *step = exec_add_step(&s, arena, n, i);
        for (int k = 0; k < n->in_count; k++) s.in[step->first_in + k] = n->in[k]->id;
    }
    return s;
}

/* ---- the last reads ------------------------------------------------------------ */

static const int caller_reads = INT_MAX; /* later than any step */

static void hold(Liveness *l, const Tensor *t)
{
    if (t) l->held[t->id] = true;
}

Liveness liveness_new(const Graph *g, Arena *arena)
{
    Liveness l = {.graph = g, .arena = arena};
    l.held = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof *l.held);
    hold(&l, g->output);
    hold(&l, g->loss);
    hold(&l, g->input_gradient);
    for (int i = 0; i < g->losses.count; i++) hold(&l, g->losses.at[i]);
    for (int i = 0; i < g->gradients.count; i++) hold(&l, ((const ParamGrad *)g->gradients.at[i])->gradient);
    return l;
}

static void reserve(Liveness *l, int values)
{
    if (values <= l->value_capacity) return;
    l->value_capacity = 2 * values;
    size_t bytes = (size_t)l->value_capacity * sizeof(int);
    l->root = arena_alloc(l->arena, bytes);
    l->first = arena_alloc(l->arena, bytes);
    l->last = arena_alloc(l->arena, bytes);
    l->last_read = arena_alloc(l->arena, bytes);
}

static void find_last_reads(Liveness *l, const ExecSchedule *s)
{
    for (int i = 0; i < s->values; i++) l->last_read[i] = i < s->tensors && l->held[i] ? caller_reads : -1;
    for (int i = 0; i < s->steps; i++) {
        const ExecStep *step = &s->step[i];
        for (int k = 0; k < step->node->in_count; k++) {
            int *last = &l->last_read[s->in[step->first_in + k]];
            if (i > *last) *last = i;
        }
    }
}

/* ---- groups ---------------------------------------------------------------------- */

/* What holds before any step.  No step computes a slice as such, so its reads count from here on. */
static void begin_groups(Liveness *l, const ExecSchedule *s)
{
    for (int i = 0; i < s->values; i++) {
        const Tensor *t = s->tensor[i];
        const bool is_input = t->kind == TENSOR_INPUT && l->graph->input_in_arena;
        l->first[i] = is_input ? 0 : -1;
        l->last[i] = is_input && l->last_read[i] > 0 ? l->last_read[i] : 0;
        l->root[i] = t->slice_of ? t->slice_of->id : t->parent ? t->parent->id : i;
        if (t->slice_of && l->last_read[i] > l->last[l->root[i]]) l->last[l->root[i]] = l->last_read[i];
    }
}

/* As many elements, or fewer where the operator reads no element after it has written there. */
static bool fits_over(const Graph *g, const Op *op, const Tensor *x, const Tensor *y)
{
    const int64_t read = tensor_count(x, g->batch), written = tensor_count(y, g->batch);
    return op->traits & OP_SHRINKS_INPLACE ? written <= read : written == read;
}

/* Its memory is the arena's to reuse. */
static bool is_in_arena(const Graph *g, const Tensor *t)
{
    return t->kind == TENSOR_LOCAL || (t->kind == TENSOR_INPUT && g->input_in_arena);
}

/* What the step computes, or a later step in the same place, is read by the caller: it lies in memory
 * that is his, which is as large as it is. */
static bool may_be_callers(const Liveness *l, const ExecSchedule *s, int at)
{
    const Tensor *y = s->step[at].node->out[0];
    for (int i = at + 1; i < s->steps && !l->held[y->id]; i++) {
        const Node *n = s->step[i].node;
        const bool same_place = n->out_count && n->op->traits & (OP_VIEW | OP_INPLACE);
        if (same_place && s->tensor[s->in[s->step[i].first_in]] == y) y = n->out[0];
    }
    return l->held[y->id];
}

/* The step may write its first output over its first input. */
static bool overwrites_input(const Liveness *l, const ExecSchedule *s, int at)
{
    const Node *n = s->step[at].node;
    if (!(n->op->traits & OP_INPLACE)) return false;
    const int *in = &s->in[s->step[at].first_in], root = l->root[in[0]];
    const Tensor *x = s->tensor[in[0]], *y = n->out[0];
    if (x->parent || y->parent) return false;
    if (!is_in_arena(l->graph, s->tensor[root]) || x->dtype != y->dtype) return false;
    if (!fits_over(l->graph, n->op, x, y)) return false;
    const Tensor *memory = s->tensor[root];
    const bool as_large = tensor_count(memory, l->graph->batch) == tensor_count(y, l->graph->batch);
    if ((!as_large || memory->kind == TENSOR_INPUT) && may_be_callers(l, s, at)) return false;
    for (int k = 1; k < n->in_count; k++) {
        if (l->root[in[k]] == root) return false;
    }
    return l->last_read[in[0]] == at && l->last[root] <= at;
}

static void extend_group(Liveness *l, int at, int value)
{
    int root = l->root[value];
    if (l->first[root] < 0) l->first[root] = at;
    if (l->last_read[value] > l->last[root]) l->last[root] = l->last_read[value];
    if (at > l->last[root]) l->last[root] = at;
}

static void find_groups(Liveness *l, const ExecSchedule *s)
{
    begin_groups(l, s);
    for (int i = 0; i < s->steps; i++) {
        const ExecStep *step = &s->step[i];
        const Node *n = step->node;
        if (n->out_count == 0) continue;
        int y = exec_out(step, 0);
        if (n->out[0]->parent)
            l->root[y] = l->root[n->out[0]->parent->id];
        else if (n->op->traits & OP_VIEW || overwrites_input(l, s, i))
            l->root[y] = l->root[s->in[step->first_in]];
        for (int k = 0; k < n->out_count; k++) extend_group(l, i, exec_out(step, k));
    }
}

void liveness_compute(Liveness *l, const ExecSchedule *s)
{
    reserve(l, s->values);
    find_last_reads(l, s);
    find_groups(l, s);
    for (int i = 0; i < s->values; i++) {
        if (l->last[i] == caller_reads) l->last[i] = s->steps - 1;
    }
}

Liveness liveness_of(const Graph *g, Arena *arena, ExecSchedule *s)
{
    *s = exec_schedule_of(g, arena);
    Liveness l = liveness_new(g, arena);
    liveness_compute(&l, s);
    return l;
}

/* ---- bytes -------------------------------------------------------------------------- */

bool liveness_is_external(const Liveness *l, const ExecSchedule *s, int root)
{
    const Graph *g = l->graph;
    if (!is_in_arena(g, s->tensor[root])) return true;
    if (g->output && l->root[g->output->id] == root) return true;
    return g->input_gradient && l->root[g->input_gradient->id] == root;
}

int64_t *liveness_sizes(const Graph *g, Arena *arena)
{
    int64_t *bytes = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof *bytes);
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        if (is_in_arena(g, t)) bytes[i] = round_up(tensor_bytes(t, g->batch), PLAN_ALIGN);
    }
    return bytes;
}

void liveness_add_up(const Liveness *l, const ExecSchedule *s, const int64_t *bytes, int64_t *live)
{
    memset(live, 0, (size_t)s->steps * sizeof *live);
    for (int i = 0; i < s->values; i++) {
        if (l->root[i] != i || l->first[i] < 0 || liveness_is_external(l, s, i)) continue;
        live[l->first[i]] += bytes[s->tensor[i]->id];
        if (l->last[i] + 1 < s->steps) live[l->last[i] + 1] -= bytes[s->tensor[i]->id];
    }
    for (int i = 1; i < s->steps; i++) live[i] += live[i - 1];
}

LiveBytes liveness_most(const Liveness *l, const ExecSchedule *s)
{
    LiveBytes bytes = {0};
    int64_t *live = arena_alloc(l->arena, (size_t)(s->steps + 1) * sizeof *live);
    liveness_add_up(l, s, liveness_sizes(l->graph, l->arena), live);
    for (int i = 0; i < s->steps; i++) {
        if (live[i] > bytes.most) bytes.most = live[i];
        bytes.total += live[i];
    }
    return bytes;
}
