/*
 * The search for a policy with which no step needs more than the target, at the least cost
 * that was found.
 *
 * It minimises the excess, the sum over all steps of the bytes above the target.  Starting
 * from the program as it is, it applies one move after the other: the one that reduces the
 * excess most for the cost that it adds.  Estimates select a few moves, each of which is then
 * simulated on the whole program.  So a value is dropped early that has a long time between
 * its last forward and its first backward read, many bytes and a low cost, as in Kirisame et
 * al., "Dynamic Tensor Rematerialization", 2021.  Where no further value to drop reduces the
 * excess, keeping a dropped one may: it becomes a checkpoint that divides a chain which would
 * otherwise be recomputed as a whole, as in Chen et al., "Training Deep Nets with Sublinear
 * Memory Cost", 2016.  The optimum would take an integer program over such schedules (Jain
 * et al., "Checkmate", 2020).
 *
 * At the end every dropped value is tried as a kept one, the most expensive first: later moves
 * may have made earlier ones unnecessary.
 */
#include "passes/rematerialize_policy.h"

#include <stdlib.h>

enum { TRIALS = 8, MAX_CHANGES = 8, TRIM_ROUNDS = 3 };

static const int64_t step_budget = 40000000; /* simulated: about a second */
static const double least_progress = 0.0001; /* of a round of changes, or the search ends */

/* Changes of the policy that are tried together. */
typedef struct Move {
    int value[MAX_CHANGES];
    RematPolicy policy[MAX_CHANGES];
    int count;
} Move;

/* A change to try, and what it is expected to gain. */
typedef struct Candidate {
    int value;
    double score;
    Move move; /* where it was simulated */
} Candidate;

typedef struct Search {
    Remat *r;
    RematSchedule *now, *trial; /* of the policy so far; of the last move tried */
    Candidate *candidate;
    int *over; /* by step of `now`: steps before it that are above the target */
    int over_capacity;
    int *first_backward; /* by tensor id: the first step after the forward part that reads it; −1 none */
    bool *recomputed;    /* by tensor id: a step of `now` recomputes it */
    bool *counted;       /* by node id */
    int *stack;          /* of node ids */
} Search;

static bool is_budget_spent(const Search *s) { return s->r->simulated_steps > step_budget; }

/* ---- moves ---------------------------------------------------------------------- */

static void add_change(Move *m, int value, RematPolicy policy)
{
    m->value[m->count] = value;
    m->policy[m->count++] = policy;
}

/* Applies the move, or undoes it: the policy before is left in the move. */
static void swap_policies(Search *s, Move *m)
{
    for (int i = m->count - 1; i >= 0; i--) {
        RematPolicy before = s->r->policy[m->value[i]];
        s->r->policy[m->value[i]] = m->policy[i];
        m->policy[i] = before;
    }
}

/* Leaves the schedule of the move in `trial` and the policy as it was. */
static void try_move(Search *s, Move *m)
{
    s->trial->target = s->now->target;
    swap_policies(s, m);
    remat_simulate(s->r, s->trial);
    swap_policies(s, m);
}

static void take_move(Search *s, Move *m)
{
    swap_policies(s, m);
    remat_simulate(s->r, s->now);
}

/* Excess that the last trial saves per cost that it adds. */
static double gain_of(const Search *s)
{
    double gain = s->now->excess - s->trial->excess, cost = s->trial->cost - s->now->cost;
    return gain / (cost < 1 ? 1 : cost);
}

/* ---- candidates ------------------------------------------------------------------- */

static void survey_schedule(Search *s)
{
    Remat *r = s->r;
    const RematSchedule *now = s->now;
    s->over = array_grow(r->arena, s->over, &s->over_capacity, now->schedule.steps + 1, sizeof *s->over);
    for (int i = 0; i < now->schedule.steps; i++) s->over[i + 1] = s->over[i] + (now->live[i] > now->target);
    for (int i = 0; i < r->values; i++) s->first_backward[i] = -1, s->recomputed[i] = false;
    for (int i = r->values; i < now->schedule.values; i++) s->recomputed[now->schedule.tensor[i]->id] = true;
    for (int i = now->schedule.steps - 1; i >= r->forward; i--) {
        int end = i + 1 < now->schedule.steps ? now->schedule.step[i + 1].first_in : now->schedule.ins;
        for (int k = now->schedule.step[i].first_in; k < end; k++)
            if (now->schedule.in[k] < r->values) s->first_backward[r->value[now->schedule.in[k]].base] = i;
    }
}

static bool is_missing(const Search *s, int t)
{
    const Remat *r = s->r;
    return remat_is_dropped(r, t) && !s->recomputed[t];
}

/* To recompute the value, with the dropped values for that which no step recomputes yet. */
static double cost_of(Search *s, int value)
{
    Remat *r = s->r;
    int first = 0, count = 0;
    double cost = 0;
    s->stack[count++] = r->value[value].producer;
    s->counted[s->stack[0]] = true;
    for (; first < count; first++) {
        const Node *n = r->recomputation[s->stack[first]];
        cost += r->cost[s->stack[first]];
        for (int k = 0; k < n->in_count; k++) {
            int t = n->in[k]->id, node = r->value[t].producer;
            if (!is_missing(s, t) || s->counted[node]) continue;
            s->counted[node] = true;
            s->stack[count++] = node;
        }
    }
    for (int i = 0; i < count; i++) s->counted[s->stack[i]] = false;
    return cost;
}

static int by_score(const void *a, const void *b)
{
    const Candidate *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->value - y->value;
}

/* The values that are kept over steps above the target, the most promising first. */
static int list_candidates(Search *s)
{
    Remat *r = s->r;
    int count = 0;
    survey_schedule(s);
    for (int i = 0; i < r->values; i++) {
        const RematValue *v = &r->value[i];
        if (!v->droppable || v->base != i || r->policy[i] != REMAT_KEEP || s->first_backward[i] < 0) continue;
        int steps = s->over[s->first_backward[i]] - s->over[v->last_forward + 1];
        if (steps <= 0) continue;
        s->candidate[count++] = (Candidate){.value = i, .score = (double)r->bytes[i] * steps / (1 + cost_of(s, i))};
    }
    if (count > 1) qsort(s->candidate, (size_t)count, sizeof *s->candidate, by_score);
    return count;
}

/* ---- steps of the search ------------------------------------------------------------- */

static void try_for_best(Search *s, Move *m, Move *best, double *best_gain)
{
    try_move(s, m);
    double gain = gain_of(s);
    if (gain <= *best_gain) return;
    *best_gain = gain;
    *best = *m;
}

/* Keeps the dropped inputs of what recomputes the first value of the move. */
static void keep_dropped_inputs(const Search *s, Move *m)
{
    const Remat *r = s->r;
    const Node *n = r->recomputation[r->value[m->value[0]].producer];
    for (int k = 0; k < n->in_count && m->count < MAX_CHANGES; k++) {
        int t = n->in[k]->id, base = r->value[t].base;
        if (is_missing(s, t) && r->value[base].droppable) add_change(m, base, REMAT_KEEP);
    }
}

static void try_dropping(Search *s, int value, Move *best, double *best_gain)
{
    for (RematPolicy policy = REMAT_ONCE; policy <= REMAT_EACH_TIME; policy++) {
        Move m = {0};
        add_change(&m, value, policy);
        try_for_best(s, &m, best, best_gain);
        keep_dropped_inputs(s, &m);
        if (m.count > 1) try_for_best(s, &m, best, best_gain);
    }
}

static bool drop_best(Search *s)
{
    int count = list_candidates(s);
    Move best = {0};
    double best_gain = 0;
    for (int i = 0; i < count && (i < TRIALS || best_gain == 0) && !is_budget_spent(s); i++)
        try_dropping(s, s->candidate[i].value, &best, &best_gain);
    if (best_gain == 0) return false;
    take_move(s, &best);
    return true;
}

/* Another policy for each dropped value, the best of them first. */
static int list_changes(Search *s)
{
    Remat *r = s->r;
    int count = 0;
    for (int i = 0; i < r->values && !is_budget_spent(s); i++) {
        if (!r->value[i].droppable || r->value[i].base != i || r->policy[i] == REMAT_KEEP) continue;
        Candidate best = {.value = i};
        for (RematPolicy policy = REMAT_KEEP; policy <= REMAT_EACH_TIME; policy++) {
            Move m = {0};
            add_change(&m, i, policy);
            if (policy != r->policy[i]) try_for_best(s, &m, &best.move, &best.score);
        }
        if (best.score > 0) s->candidate[count++] = best;
    }
    if (count > 1) qsort(s->candidate, (size_t)count, sizeof *s->candidate, by_score);
    return count;
}

/* Applies each that still gains after those before it. */
static bool take_changes(Search *s)
{
    int count = list_changes(s);
    double before = s->now->excess;
    for (int i = 0; i < count && s->now->excess > 0 && !is_budget_spent(s); i++) {
        try_move(s, &s->candidate[i].move);
        if (gain_of(s) > 0) take_move(s, &s->candidate[i].move);
    }
    return s->now->excess < before * (1 - least_progress);
}

static void descend(Search *s)
{
    while (s->now->excess > 0 && !is_budget_spent(s)) {
        if (!drop_best(s) && !take_changes(s)) return;
    }
}

/* ---- trimming -------------------------------------------------------------------------- */

static int list_dropped(Search *s)
{
    Remat *r = s->r;
    int count = 0;
    survey_schedule(s);
    for (int i = 0; i < r->values; i++) {
        const RematValue *v = &r->value[i];
        if (!v->droppable || v->base != i || r->policy[i] == REMAT_KEEP || !s->recomputed[i]) continue;
        s->candidate[count++] = (Candidate){.value = i, .score = r->cost[v->producer]};
    }
    if (count > 1) qsort(s->candidate, (size_t)count, sizeof *s->candidate, by_score);
    return count;
}

static bool trim_value(Search *s, int value)
{
    for (RematPolicy policy = REMAT_KEEP; policy < s->r->policy[value]; policy++) {
        Move m = {0};
        add_change(&m, value, policy);
        try_move(s, &m);
        if (s->trial->excess > s->now->excess || s->trial->cost >= s->now->cost) continue;
        take_move(s, &m);
        return true;
    }
    return false;
}

static void trim(Search *s)
{
    bool changed = true;
    for (int round = 0; changed && round < TRIM_ROUNDS && !is_budget_spent(s); round++) {
        int count = list_dropped(s);
        changed = false;
        for (int i = 0; i < count && !is_budget_spent(s); i++) changed |= trim_value(s, s->candidate[i].value);
    }
}

void remat_search(Remat *r, RematSchedule *now)
{
    RematSchedule trial = {0};
    size_t values = (size_t)r->values + 1, nodes = (size_t)r->graph->nodes.count + 1;
    Search s = {.r = r,
                .now = now,
                .trial = &trial,
                .candidate = arena_alloc(r->arena, values * sizeof(Candidate)),
                .first_backward = arena_alloc(r->arena, values * sizeof(int)),
                .recomputed = arena_alloc(r->arena, values * sizeof(bool)),
                .counted = arena_alloc(r->arena, nodes * sizeof(bool)),
                .stack = arena_alloc(r->arena, nodes * sizeof(int))};
    remat_simulate(r, now);
    descend(&s);
    trim(&s);
}
