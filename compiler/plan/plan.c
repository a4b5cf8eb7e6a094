/*
 * The memory plan: lifetimes, sharing, offsets.
 *
 * 1. Groups.  A view shares its input's memory, and what is some channels of a larger
 *    image (passes/concat_elimination.c) lies in that one's.  An operator that may work in
 *    place writes over its first input when that dies there.  Tensors that
 *    share memory form a group, named by its root.
 * 2. Lifetimes.  A group lives from its first producer to its last user, both
 *    inclusive; what the caller reads afterwards lives to the end.
 * 3. Offsets.  One group after the other, each in the smallest hole that is free
 *    for all of its lifetime; in several orders, of which the best is kept.  No
 *    arrangement can be smaller than the largest sum of bytes live at one node,
 *    which is reported as the lower bound.
 */
#include "plan/plan.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct Planner {
    const Graph *graph;
    Plan *plan;
    Arena *arena;
    int real_size;
    int *last_use;  /* by tensor id: last node that reads it or a view of it so far; −1 none */
    bool *held;     /* by tensor id: the caller reads it after the program */
    int *group_end; /* by a root's tensor id: last node that reads any of its group so far */
} Planner;

static int64_t aligned(int64_t bytes) { return round_up(bytes, PLAN_ALIGN); }

static int64_t tensor_bytes(const Planner *p, const Tensor *t)
{
    int64_t size = t->dtype == DTYPE_REAL ? p->real_size : t->dtype == DTYPE_INT32 ? 4 : 1;
    return tensor_count(t, p->graph->batch) * size;
}

static Place *place_of(Planner *p, const Tensor *t) { return &p->plan->place[t->id]; }

static const Tensor *root_of(Planner *p, const Tensor *t) { return place_of(p, t)->root; }

/* ---- groups ------------------------------------------------------------ */

static void hold(Planner *p, const Tensor *t)
{
    if (t) p->held[t->id] = true;
}

static void find_uses(Planner *p)
{
    const Graph *g = p->graph;
    for (int i = 0; i < g->tensors.count; i++) p->last_use[i] = -1;
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) p->last_use[n->in[k]->id] = i;
    }
    hold(p, g->output);
    hold(p, g->loss);
    hold(p, g->input_gradient);
    for (int i = 0; i < g->gradients.count; i++) hold(p, ((ParamGrad *)g->gradients.at[i])->gradient);
}

static bool may_overwrite(Planner *p, const Node *n)
{
    if (!(n->op->traits & OP_INPLACE)) return false;
    const Tensor *x = n->in[0], *y = n->out[0];
    if (x->parent || y->parent) return false;
    const Tensor *root = root_of(p, x);
    if (root->kind != TENSOR_LOCAL || x->dtype != y->dtype) return false;
    if (tensor_bytes(p, x) != tensor_bytes(p, y)) return false;
    for (int i = 1; i < n->in_count; i++) {
        if (root_of(p, n->in[i]) == root) return false;
    }
    return p->last_use[x->id] == n->id && p->group_end[root->id] <= n->id;
}

/* The groups of what a node leaves last at least as long as that. */
static void extend_groups(Planner *p, const Node *n)
{
    for (int i = 0; i < n->out_count; i++) {
        const Tensor *t = n->out[i];
        int *end = &p->group_end[root_of(p, t)->id];
        int last = p->held[t->id] ? INT_MAX : p->last_use[t->id];
        if (last > *end) *end = last;
    }
}

static void find_groups(Planner *p)
{
    const Graph *g = p->graph;
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        p->plan->place[i].root = t->slice_of ? t->slice_of : tensor_storage(t);
    }
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        if (n->out_count == 0) continue;
        bool shares = n->op->traits & OP_VIEW || may_overwrite(p, n);
        if (shares) place_of(p, n->out[0])->root = root_of(p, n->in[0]);
        if (n->out[0]->parent) place_of(p, n->out[0])->root = root_of(p, n->out[0]->parent);
        extend_groups(p, n);
    }
}

/* ---- lifetimes ---------------------------------------------------------- */

static void find_lifetimes(Planner *p)
{
    const Graph *g = p->graph;
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        Place *place = &p->plan->place[i];
        place->offset = -1;
        place->bytes = tensor_bytes(p, t);
        place->first = t->producer ? t->producer->id : 0;
        place->last = place->first;
    }
    for (int i = 0; i < g->tensors.count; i++) {
        Place *root = place_of(p, root_of(p, g->tensors.at[i]));
        int last = p->held[i] ? g->nodes.count - 1 : p->last_use[i];
        int first = place_of(p, g->tensors.at[i])->first;
        if (last > root->last) root->last = last;
        if (first > root->last) root->last = first;
        if (first < root->first) root->first = first; /* a part of it that is made before it is whole */
    }
}

/* The caller's memory: outputs that are written where the caller wants them. */
static bool is_outside(Planner *p, const Tensor *root)
{
    const Graph *g = p->graph;
    if (root->kind != TENSOR_LOCAL) return true;
    if (g->output && root_of(p, g->output) == root) return true;
    return g->input_gradient && root_of(p, g->input_gradient) == root;
}

/* ---- offsets ------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
    const Place *x = *(Place *const *)a, *y = *(Place *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return x->root->id - y->root->id;
}

static int by_area(const void *a, const void *b)
{
    const Place *x = *(Place *const *)a, *y = *(Place *const *)b;
    double left = (double)x->bytes * (x->last - x->first + 1), right = (double)y->bytes * (y->last - y->first + 1);
    if (left != right) return left < right ? 1 : -1;
    return by_size(a, b);
}

static int by_birth(const void *a, const void *b)
{
    const Place *x = *(Place *const *)a, *y = *(Place *const *)b;
    return x->first != y->first ? x->first - y->first : by_size(a, b);
}

static int by_death(const void *a, const void *b)
{
    const Place *x = *(Place *const *)a, *y = *(Place *const *)b;
    return x->last != y->last ? y->last - x->last : by_size(a, b);
}

/* The smallest hole that is large enough for `r` among those placed, in the
 * order of their offsets, that live at the same time; behind them all where
 * there is none. */
static int64_t find_hole(Place *const *placed, int count, const Place *r)
{
    int64_t end = 0, best = -1, best_size = INT64_MAX, bytes = aligned(r->bytes);
    for (int i = 0; i < count; i++) {
        const Place *other = placed[i];
        if (other->first > r->last || r->first > other->last) continue;
        int64_t hole = other->offset - end;
        if (hole >= bytes && hole < best_size) best = end, best_size = hole;
        int64_t next = other->offset + aligned(other->bytes);
        if (next > end) end = next;
    }
    return best >= 0 ? best : end;
}

/* Keeps `placed` in the order of offsets. */
static void insert_place(Place **placed, int count, Place *r)
{
    int at = count;
    for (; at > 0 && placed[at - 1]->offset > r->offset; at--) placed[at] = placed[at - 1];
    placed[at] = r;
}

/* Places all in the order given; returns the bytes needed. */
static int64_t assign_in_order(Place **placed, Place **roots, int count)
{
    int64_t bytes = 0;
    for (int i = 0; i < count; i++) {
        roots[i]->offset = find_hole(placed, i, roots[i]);
        insert_place(placed, i, roots[i]);
        int64_t end = roots[i]->offset + aligned(roots[i]->bytes);
        if (end > bytes) bytes = end;
    }
    return bytes;
}

/* Which order packs best differs from net to net; the first that reaches the
 * lower bound, or else the best of them all, is taken. */
static void assign_offsets(Planner *p, Place **roots, int count)
{
    static int (*const orders[])(const void *, const void *) = {by_size, by_area, by_birth, by_death};
    Place **placed = arena_alloc(p->arena, (size_t)(count + 1) * sizeof *placed);
    int64_t *best = arena_alloc(p->arena, (size_t)(p->graph->tensors.count + 1) * sizeof *best);
    p->plan->arena_bytes = INT64_MAX;
    for (size_t k = 0; k < sizeof orders / sizeof *orders && p->plan->arena_bytes > p->plan->lower_bound; k++) {
        qsort(roots, (size_t)count, sizeof *roots, orders[k]);
        int64_t bytes = assign_in_order(placed, roots, count);
        if (bytes >= p->plan->arena_bytes) continue;
        p->plan->arena_bytes = bytes;
        for (int i = 0; i < count; i++) best[roots[i]->root->id] = roots[i]->offset;
    }
    for (int i = 0; i < count; i++) roots[i]->offset = best[roots[i]->root->id];
}

static void find_lower_bound(Planner *p, Place **roots, int count)
{
    int nodes = p->graph->nodes.count;
    int64_t *change = arena_alloc(p->arena, (size_t)(nodes + 2) * sizeof *change);
    for (int i = 0; i < count; i++) {
        change[roots[i]->first] += aligned(roots[i]->bytes);
        change[roots[i]->last + 1] -= aligned(roots[i]->bytes);
    }
    int64_t live = 0;
    for (int i = 0; i < nodes; i++) {
        live += change[i];
        if (live > p->plan->lower_bound) p->plan->lower_bound = live;
    }
}

/* Views and tensors written in place lie where their root lies. */
static void spread_offsets(Planner *p)
{
    for (int i = 0; i < p->graph->tensors.count; i++) {
        Place *place = &p->plan->place[i];
        const Tensor *t = p->graph->tensors.at[i];
        place->offset = place_of(p, place->root)->offset;
        if (t->parent) place->offset += t->channel_offset * p->real_size;
    }
}

static bool fits(Planner *p, Place **roots, int count)
{
    const int64_t limit = (int64_t)1 << 46; /* user space of today's 64-bit machines */
    int64_t sum = 0;
    for (int i = 0; i < count; i++) {
        if (roots[i]->bytes <= limit - sum) {
            sum += roots[i]->bytes;
            continue;
        }
        const Tensor *t = roots[i]->root;
        Compilation *c = p->graph->compilation;
        diag_error(c, t->span,
                   "with a batch of %lld, the values up to %s (%s) need more memory than a machine can address",
                   (long long)p->graph->batch, t->name, shape_text(p->arena, t->shape));
        return false;
    }
    return true;
}

Plan *plan_build(const Graph *g, int real_size)
{
    Arena *arena = g->compilation->arena;
    Plan *plan = arena_alloc(arena, sizeof *plan);
    plan->program = g;
    plan->place = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof *plan->place);
    Planner p = {
        .graph = g,
        .plan = plan,
        .arena = arena,
        .real_size = real_size,
        .last_use = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(int)),
        .held = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(bool)),
        .group_end = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(int)),
    };
    find_uses(&p);
    find_groups(&p);
    find_lifetimes(&p);

    Place **roots = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof *roots);
    int count = 0;
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        if (root_of(&p, t) == t && !is_outside(&p, t)) roots[count++] = &plan->place[i];
    }
    if (!fits(&p, roots, count)) return NULL;
    find_lower_bound(&p, roots, count);
    assign_offsets(&p, roots, count);
    spread_offsets(&p);
    return plan;
}

void plan_dump(const Plan *plan, FILE *out)
{
    const Graph *g = plan->program;
    fprintf(out, "plan of %s: arena %lld bytes, lower bound %lld\n", g->name, (long long)plan->arena_bytes,
            (long long)plan->lower_bound);
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        const Place *place = &plan->place[i];
        if (t->kind != TENSOR_LOCAL) continue;
        fprintf(out, "  %%%d %s: ", t->id, t->name);
        if (place->root != t) {
            fprintf(out, "in %%%d\n", place->root->id);
        } else if (place->offset < 0) {
            fprintf(out, "the caller's, %lld bytes\n", (long long)place->bytes);
        } else {
            fprintf(out, "%lld + %lld, nodes %d to %d\n", (long long)place->offset, (long long)place->bytes,
                    place->first, place->last);
        }
    }
}
