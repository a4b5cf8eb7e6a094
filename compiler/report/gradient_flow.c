/*
 * Gradient flow: how much of a gradient reaches each layer.
 *
 * Bound.  When every layer with weights scales a gradient by at most d, then
 *
 *   |dL/dy| ≤ |dL/d(output)| · Σ over paths from y to the output of d^(weighted layers on it)
 *
 * d^N for a chain of N layers, (1 + d)^N for N blocks with a shortcut around one
 * layer each.  The sum runs backwards through the graph.
 *
 * Death.  When every layer with weights makes its gradient zero independently
 * with probability p, then dL/dy is exactly zero when no path to the output is
 * left: 1 − (1 − p)^N for a chain, never where a path has no weights.  That is
 * exact on any graph: layers are visited from the output back, and of the values
 * whose layers are still to come (the frontier) every combination of live and
 * dead is kept with its probability.  A frontier is narrow in any usual net, so
 * there are few combinations; too many give n/a.
 */
#include <math.h>
#include <stdlib.h>

#include "report/analysis_stages.h"

enum { MAX_SLOTS = 64, MAX_STATES = 4096 };

static const char *const too_wide = "too many combinations of live and dead paths";

static bool stops_gradient(const Op *op)
{
    return op->traits & OP_ZERO_GRADIENT || (op->traits & OP_OWN_GRADIENT && !op->grad);
}

static double factor(const Node *n, double gain)
{
    if (stops_gradient(n->op)) return 0;
    return n->op->traits & OP_WEIGHTED ? gain : 1;
}

/* ---- the bound --------------------------------------------------------------- */

static Known known_finite(double value) { return isfinite(value) ? known(value) : unknown("larger than 1e308"); }

static void find_bounds(Analysis *a)
{
    const Graph *net = a->net;
    double *bound = arena_alloc(net->compilation->arena, (size_t)net->tensors.count * sizeof *bound);
    bound[net->output->id] = 1;
    for (int i = a->layer_count - 1; i >= 0; i--) {
        LayerReport *l = &a->layers[i];
        if (l->part != LAYER_MAIN) continue;
        double here = 0;
        for (int k = 0; k < l->node->out_count; k++) here += bound[l->node->out[k]->id];
        l->bound = known_finite(here);
        double share = here * factor(l->node, a->options.gain);
        for (int k = 0; k < l->node->data_count; k++) bound[l->node->in[k]->id] += share;
    }
    for (int i = 0; i < net->inputs.count; i++)
        a->input_bound[i] = known_finite(bound[((Tensor *)net->inputs.at[i])->id]);
}

/* ---- death --------------------------------------------------------------------- */

typedef struct LiveState {
    uint64_t live; /* by slot */
    double probability;
} LiveState;

typedef struct Frontier {
    int *slot;     /* by tensor id; −1: not in the frontier */
    uint64_t used; /* slots */
    LiveState *states, *next;
    int count;
    bool failed;
} Frontier;

static uint64_t slot_bit(Frontier *f, const Tensor *t)
{
    if (f->slot[t->id] < 0) {
        int free = 0;
        while (free < MAX_SLOTS && f->used >> free & 1) free++;
        if (free == MAX_SLOTS) {
            f->failed = true;
            return 0;
        }
        f->slot[t->id] = free;
        f->used |= (uint64_t)1 << free;
    }
    return (uint64_t)1 << f->slot[t->id];
}

static double dead_share(const Frontier *f, uint64_t bit)
{
    double dead = 0;
    for (int i = 0; i < f->count; i++) {
        if (!(f->states[i].live & bit)) dead += f->states[i].probability;
    }
    return fmin(dead, 1);
}

static int by_live(const void *a, const void *b)
{
    uint64_t x = ((const LiveState *)a)->live, y = ((const LiveState *)b)->live;
    return x < y ? -1 : x > y;
}

/* Puts equal states together; what cannot happen is dropped. */
static void merge_states(Frontier *f, int count)
{
    qsort(f->next, (size_t)count, sizeof *f->next, by_live);
    f->count = 0;
    for (int i = 0; i < count; i++) {
        LiveState s = f->next[i];
        if (s.probability == 0) continue;
        if (f->count && f->states[f->count - 1].live == s.live)
            f->states[f->count - 1].probability += s.probability;
        else if (f->count == MAX_STATES)
            f->failed = true;
        else
            f->states[f->count++] = s;
    }
}

/* From the result of a layer, live or dead, to its inputs. */
static void step_back(Frontier *f, uint64_t out, uint64_t in, double kill)
{
    int count = 0;
    for (int i = 0; i < f->count; i++) {
        LiveState s = f->states[i];
        bool live = s.live & out;
        s.live &= ~out;
        if (!live) {
            f->next[count++] = s;
            continue;
        }
        f->next[count++] = (LiveState){s.live, s.probability * kill};
        f->next[count++] = (LiveState){s.live | in, s.probability * (1 - kill)};
    }
    merge_states(f, count);
}

static void visit_layer(Frontier *f, Analysis *a, LayerReport *l)
{
    const Node *n = l->node;
    uint64_t out = 0, in = 0;
    for (int k = 0; k < n->out_count; k++) out |= f->slot[n->out[k]->id] < 0 ? 0 : slot_bit(f, n->out[k]);
    l->dead = known(dead_share(f, out));
    for (int k = 0; k < n->data_count; k++) in |= slot_bit(f, n->in[k]);
    double kill = stops_gradient(n->op) ? 1 : n->op->traits & OP_WEIGHTED ? a->options.kill : 0;
    step_back(f, out, in, kill);
    f->used &= ~out;
}

static void find_deaths(Analysis *a)
{
    const Graph *net = a->net;
    Arena *arena = net->compilation->arena;
    Frontier f = {
        .slot = arena_alloc(arena, (size_t)net->tensors.count * sizeof(int)),
        .states = arena_alloc(arena, MAX_STATES * sizeof(LiveState)),
        .next = arena_alloc(arena, 2 * MAX_STATES * sizeof(LiveState)),
        .count = 1,
    };
    for (int i = 0; i < net->tensors.count; i++) f.slot[i] = -1;
    f.states[0] = (LiveState){slot_bit(&f, net->output), 1};
    for (int i = a->layer_count - 1; i >= 0; i--) {
        LayerReport *l = &a->layers[i];
        if (l->part != LAYER_MAIN) continue;
        if (f.failed)
            l->dead = unknown(too_wide);
        else
            visit_layer(&f, a, l);
    }
    for (int i = 0; i < net->inputs.count; i++) {
        const Tensor *t = net->inputs.at[i];
        a->input_dead[i] =
            f.failed ? unknown(too_wide) : known(f.slot[t->id] < 0 ? 1 : dead_share(&f, slot_bit(&f, t)));
    }
}

/* Why nothing on the way to the output can be said of a layer; NULL of LAYER_MAIN. */
static const char *part_why(LayerPart part)
{
    if (part == LAYER_HEAD) return "it leads only to a training head";
    return part == LAYER_UNUSED ? "the output does not depend on it" : NULL;
}

void analyse_flow(Analysis *a)
{
    size_t inputs = (size_t)a->net->inputs.count;
    a->input_bound = arena_alloc(a->net->compilation->arena, inputs * sizeof(Known));
    a->input_dead = arena_alloc(a->net->compilation->arena, inputs * sizeof(Known));
    for (int i = 0; i < a->layer_count; i++) {
        LayerReport *l = &a->layers[i];
        if (l->part != LAYER_MAIN) l->bound = l->dead = unknown(part_why(l->part));
    }
    find_bounds(a);
    find_deaths(a);
}
