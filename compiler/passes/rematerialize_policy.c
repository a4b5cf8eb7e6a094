/*
 * Which values are computed again, so that no step needs more than the target and the
 * work is the least that was found.
 *
 * What is brought down is the excess, the sum over all steps of the bytes above the
 * target.  From the program as it is, one move after the other is taken: the one that
 * brings the excess down most for the work that it adds.  Estimates choose the few that
 * are tried; a trial is a rehearsal of the whole program.  A value with a long time
 * between its last use forward and its first use after that, many bytes and little work
 * is so forgotten first, as in Kirisame et al., "Dynamic Tensor Rematerialization", 2021.
 * Where no value that is forgotten brings the excess down, one that is kept again may: it
 * divides a run that would be computed again as a whole, as in Chen et al., "Training
 * Deep Nets with Sublinear Memory Cost", 2016.
 *
 * At the end every value that was forgotten is tried as one that is kept, the most work
 * first: later moves may have made earlier ones needless.
 */
#include "passes/rematerialize.h"

#include <stdlib.h>
#include <string.h>

enum { TRIALS = 8, MAX_CHANGES = 8, TRIMS = 3 };

static const int64_t most_steps = 40000000;  /* rehearsed: about a second */
static const double least_progress = 0.0001; /* of a round of changes, or the search ends */

/* Fates that are tried together. */
typedef struct Move {
    int value[MAX_CHANGES];
    Fate fate[MAX_CHANGES];
    int count;
} Move;

/* A value that might have another fate, and what that might bring. */
typedef struct Candidate {
    int value;
    double worth;
    Move move; /* where it was tried */
} Candidate;

typedef struct Search {
    Recompute *r;
    Course *now, *trial; /* of the choice so far; of the last trial */
    Candidate *candidate;
    int *over; /* by step of `now`: steps before it that are above the target */
    int over_room;
    int *late;     /* by tensor id: the first step after the forward part that reads it; −1 none */
    bool *made;    /* by tensor id: a copy of it is made */
    bool *counted; /* by node id */
    int *stack;    /* of node ids */
} Search;

/* Enough has been tried. */
static bool is_spent(const Search *s) { return s->r->steps > most_steps; }

/* ---- moves ---------------------------------------------------------------------- */

static void add_change(Move *m, int value, Fate fate)
{
    m->value[m->count] = value;
    m->fate[m->count++] = fate;
}

/* Takes the move, or takes it back: what was before is left in the move. */
static void swap_fates(Search *s, Move *m)
{
    for (int i = m->count - 1; i >= 0; i--) {
        Fate before = s->r->fate[m->value[i]];
        s->r->fate[m->value[i]] = m->fate[i];
        m->fate[i] = before;
    }
}

/* Leaves the course of the move in `trial` and the choice as it was. */
static void try_move(Search *s, Move *m)
{
    s->trial->target = s->now->target;
    swap_fates(s, m);
    recompute_rehearse(s->r, s->trial);
    swap_fates(s, m);
}

static void take_move(Search *s, Move *m)
{
    swap_fates(s, m);
    recompute_rehearse(s->r, s->now);
}

/* What a trial has brought for the work that it adds. */
static double gain_of(const Search *s)
{
    double gain = s->now->excess - s->trial->excess, work = s->trial->work - s->now->work;
    return gain / (work < 1 ? 1 : work);
}

/* ---- candidates ------------------------------------------------------------------- */

static void look_at_now(Search *s)
{
    Recompute *r = s->r;
    const Course *now = s->now;
    if (now->steps + 1 > s->over_room) {
        s->over_room = 2 * now->steps + 1;
        s->over = arena_alloc(r->arena, (size_t)s->over_room * sizeof *s->over);
    }
    for (int i = 0; i < now->steps; i++) s->over[i + 1] = s->over[i] + (now->live[i] > now->target);
    for (int i = 0; i < r->values; i++) s->late[i] = -1, s->made[i] = false;
    for (int i = r->values; i < now->instances; i++) s->made[now->of[i]] = true;
    for (int i = now->steps - 1; i >= r->forward; i--) {
        int end = i + 1 < now->steps ? now->step[i + 1].in : now->ins;
        for (int k = now->step[i].in; k < end; k++)
            if (now->in[k] < r->values) s->late[r->value[now->in[k]].base] = i;
    }
}

static bool is_missing(const Search *s, int t)
{
    const Recompute *r = s->r;
    return r->value[t].producer >= 0 && recompute_fate(r, t) != FATE_KEPT && !s->made[t];
}

/* Work to make the value again, with what is not made yet for others. */
static double work_of(Search *s, int value)
{
    Recompute *r = s->r;
    int first = 0, count = 0;
    double work = 0;
    s->stack[count++] = r->value[value].producer;
    s->counted[s->stack[0]] = true;
    for (; first < count; first++) {
        const Node *n = r->copied[s->stack[first]];
        work += r->work[s->stack[first]];
        for (int k = 0; k < n->in_count; k++) {
            int t = n->in[k]->id, node = r->value[t].producer;
            if (!is_missing(s, t) || s->counted[node]) continue;
            s->counted[node] = true;
            s->stack[count++] = node;
        }
    }
    for (int i = 0; i < count; i++) s->counted[s->stack[i]] = false;
    return work;
}

static int by_worth(const void *a, const void *b)
{
    const Candidate *x = a, *y = b;
    if (x->worth != y->worth) return x->worth < y->worth ? 1 : -1;
    return x->value - y->value;
}

/* The values that are kept over steps above the target, the most promising first. */
static int list_candidates(Search *s)
{
    Recompute *r = s->r;
    int count = 0;
    look_at_now(s);
    for (int i = 0; i < r->values; i++) {
        const Value *v = &r->value[i];
        if (!v->droppable || v->base != i || r->fate[i] != FATE_KEPT || s->late[i] < 0) continue;
        int steps = s->over[s->late[i]] - s->over[v->early + 1];
        if (steps <= 0) continue;
        s->candidate[count++] = (Candidate){.value = i, .worth = (double)v->bytes * steps / (1 + work_of(s, i))};
    }
    if (count > 1) qsort(s->candidate, (size_t)count, sizeof *s->candidate, by_worth);
    return count;
}

/* ---- steps of the search ------------------------------------------------------------- */

static void try_better(Search *s, Move *m, Move *best, double *most)
{
    try_move(s, m);
    double gain = gain_of(s);
    if (gain <= *most) return;
    *most = gain;
    *best = *m;
}

/* Keeps the inputs that would have to be made again for it. */
static void keep_inputs(const Search *s, Move *m)
{
    const Recompute *r = s->r;
    const Node *n = r->copied[r->value[m->value[0]].producer];
    for (int k = 0; k < n->in_count && m->count < MAX_CHANGES; k++) {
        int t = n->in[k]->id, base = r->value[t].base;
        if (is_missing(s, t) && r->value[base].droppable) add_change(m, base, FATE_KEPT);
    }
}

/* The ways in which a value can be forgotten. */
static void try_dropping(Search *s, int value, Move *best, double *most)
{
    for (Fate fate = FATE_ONCE; fate <= FATE_BRIEF; fate++) {
        Move m = {0};
        add_change(&m, value, fate);
        try_better(s, &m, best, most);
        keep_inputs(s, &m);
        if (m.count > 1) try_better(s, &m, best, most);
    }
}

static bool drop_best(Search *s)
{
    int count = list_candidates(s);
    Move best = {0};
    double most = 0;
    for (int i = 0; i < count && (i < TRIALS || most == 0) && !is_spent(s); i++)
        try_dropping(s, s->candidate[i].value, &best, &most);
    if (most == 0) return false;
    take_move(s, &best);
    return true;
}

/* What another fate of one of the values that are not kept brings, the best of them first. */
static int list_changes(Search *s)
{
    Recompute *r = s->r;
    int count = 0;
    for (int i = 0; i < r->values && !is_spent(s); i++) {
        if (!r->value[i].droppable || r->value[i].base != i || r->fate[i] == FATE_KEPT) continue;
        Candidate best = {.value = i};
        for (Fate fate = FATE_KEPT; fate <= FATE_BRIEF; fate++) {
            Move m = {0};
            add_change(&m, i, fate);
            if (fate != r->fate[i]) try_better(s, &m, &best.move, &best.worth);
        }
        if (best.worth > 0) s->candidate[count++] = best;
    }
    if (count > 1) qsort(s->candidate, (size_t)count, sizeof *s->candidate, by_worth);
    return count;
}

/* One after the other, as long as each still does what it did alone. */
static bool take_changes(Search *s)
{
    int count = list_changes(s);
    double before = s->now->excess;
    for (int i = 0; i < count && s->now->excess > 0 && !is_spent(s); i++) {
        try_move(s, &s->candidate[i].move);
        if (gain_of(s) > 0) take_move(s, &s->candidate[i].move);
    }
    return s->now->excess < before * (1 - least_progress);
}

static bool descend(Search *s)
{
    while (s->now->excess > 0) {
        if (is_spent(s)) return false;
        if (!drop_best(s) && !take_changes(s)) return false;
    }
    return true;
}

/* ---- the end -------------------------------------------------------------------------- */

static int list_lost(Search *s)
{
    Recompute *r = s->r;
    int count = 0;
    look_at_now(s);
    for (int i = 0; i < r->values; i++) {
        const Value *v = &r->value[i];
        if (!v->droppable || v->base != i || r->fate[i] == FATE_KEPT || !s->made[i]) continue;
        s->candidate[count++] = (Candidate){.value = i, .worth = r->work[v->producer]};
    }
    if (count > 1) qsort(s->candidate, (size_t)count, sizeof *s->candidate, by_worth);
    return count;
}

static bool trim_value(Search *s, int value)
{
    for (Fate fate = FATE_KEPT; fate < s->r->fate[value]; fate++) {
        Move m = {0};
        add_change(&m, value, fate);
        try_move(s, &m);
        if (s->trial->excess > s->now->excess || s->trial->work >= s->now->work) continue;
        take_move(s, &m);
        return true;
    }
    return false;
}

static void trim(Search *s)
{
    bool changed = true;
    for (int turn = 0; changed && turn < TRIMS && !is_spent(s); turn++) {
        int count = list_lost(s);
        changed = false;
        for (int i = 0; i < count && !is_spent(s); i++) changed |= trim_value(s, s->candidate[i].value);
    }
}

bool recompute_choose(Recompute *r, Course *now)
{
    Course trial = {0};
    size_t values = (size_t)r->values + 1, nodes = (size_t)r->graph->nodes.count + 1;
    Search s = {.r = r,
                .now = now,
                .trial = &trial,
                .candidate = arena_alloc(r->arena, values * sizeof(Candidate)),
                .late = arena_alloc(r->arena, values * sizeof(int)),
                .made = arena_alloc(r->arena, values * sizeof(bool)),
                .counted = arena_alloc(r->arena, nodes * sizeof(bool)),
                .stack = arena_alloc(r->arena, nodes * sizeof(int))};
    recompute_rehearse(r, now);
    bool reached = descend(&s);
    trim(&s);
    return reached;
}
