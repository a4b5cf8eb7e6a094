/*
 * The memory plan: offsets in the arena.
 *
 * graph/liveness.c says which tensors share memory and when it is in use.  Groups are placed
 * one after the other, each in the smallest hole that is free for all of its lifetime, in
 * several orders, of which the best is kept.  No plan can be smaller than the largest sum of
 * bytes that are live at one node, the lower bound.
 */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

/* How often an order is improved: at most; and how many pairs of places are compared for that in all. */
enum { IMPROVEMENTS = 16, COMPARISONS = 1 << 24 };

typedef struct Planner {
    const Graph *graph;
    Plan *plan;
    Arena *arena;
} Planner;

static int64_t aligned(int64_t bytes) { return round_up(bytes, PLAN_ALIGN); }

static Place *placed_at(Planner *p, const Tensor *t) { return &p->plan->place[t->id]; }

/* ---- lifetimes ---------------------------------------------------------- */

static void set_places(Planner *p, const Liveness *l)
{
    const Graph *g = p->graph;
    for (int i = 0; i < g->tensors.count; i++) {
        const Tensor *t = g->tensors.at[i];
        int root = l->root[i];
        p->plan->place[i] = (Place){.root = g->tensors.at[root],
                                    .offset = -1,
                                    .bytes = tensor_bytes(t, g->batch),
                                    .first = l->first[root],
                                    .last = l->last[root]};
    }
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

/* The best plan so far. */
typedef struct BestOffsets {
    int64_t bytes;
    int64_t *offset; /* by tensor id */
} BestOffsets;

static void try_order(BestOffsets *best, Place **placed, Place **roots, int count)
{
    const int64_t bytes = assign_in_order(placed, roots, count);
    if (bytes >= best->bytes) return;
    best->bytes = bytes;
    for (int i = 0; i < count; i++) best->offset[roots[i]->root->id] = roots[i]->offset;
}

/* What reaches the end of the arena was placed too late: it becomes the first. */
static void hasten_last(Place **roots, int count)
{
    int last = 0;
    for (int i = 1; i < count; i++)
        if (roots[i]->offset + roots[i]->bytes > roots[last]->offset + roots[last]->bytes) last = i;
    Place *late = roots[last];
    memmove(roots + 1, roots, (size_t)last * sizeof *roots);
    roots[0] = late;
}

/* Which order packs best differs from net to net.  Each of some orders is tried and then improved a few
 * times by placing first what came too late (squeaky wheel optimization; Joslin and Clements, 1999), until one
 * reaches the lower bound. */
static void assign_offsets(Planner *p, Place **roots, int count)
{
    static int (*const orders[])(const void *, const void *) = {by_size, by_area, by_birth, by_death};
    Place **placed = arena_alloc(p->arena, (size_t)(count + 1) * sizeof *placed);
    BestOffsets best = {.bytes = INT64_MAX};
    best.offset = arena_alloc(p->arena, (size_t)(p->graph->tensors.count + 1) * sizeof *best.offset);
    int64_t improvements = COMPARISONS / ((int64_t)count * count + 1);
    if (improvements > IMPROVEMENTS) improvements = IMPROVEMENTS;
    for (size_t k = 0; k < sizeof orders / sizeof *orders && best.bytes > p->plan->lower_bound; k++) {
        qsort(roots, (size_t)count, sizeof *roots, orders[k]);
        try_order(&best, placed, roots, count);
        for (int i = 0; i < improvements && best.bytes > p->plan->lower_bound; i++) {
            hasten_last(roots, count);
            try_order(&best, placed, roots, count);
        }
    }
    p->plan->arena_bytes = best.bytes;
    for (int i = 0; i < count; i++) roots[i]->offset = best.offset[roots[i]->root->id];
}

/* From the roots to all of their groups. */
static void propagate_offsets(Planner *p)
{
    for (int i = 0; i < p->graph->tensors.count; i++) {
        Place *place = &p->plan->place[i];
        const Tensor *t = p->graph->tensors.at[i];
        place->offset = placed_at(p, place->root)->offset;
        if (t->parent) place->offset += t->channel_offset * dtype_size(t->dtype);
    }
}

static bool fits_between(Planner *p, Place **roots, int count)
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

Plan *plan_build(const Graph *g)
{
    Arena *arena = g->compilation->arena;
    size_t tensors = (size_t)g->tensors.count + 1;
    Plan *plan = arena_alloc(arena, sizeof *plan);
    plan->program = g;
    plan->place = arena_alloc(arena, tensors * sizeof *plan->place);
    Planner p = {.graph = g, .plan = plan, .arena = arena};
    ExecSchedule s;
    const Liveness l = liveness_of(g, arena, &s);
    set_places(&p, &l);

    Place **roots = arena_alloc(arena, tensors * sizeof *roots);
    int count = 0;
    for (int i = 0; i < g->tensors.count; i++) {
        if (l.root[i] == i && !liveness_is_external(&l, &s, i)) roots[count++] = &plan->place[i];
    }
    if (!fits_between(&p, roots, count)) return NULL;
    plan->lower_bound = liveness_most(&l, &s).most;
    assign_offsets(&p, roots, count);
    propagate_offsets(&p);
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
