/*
 * The order of execution that needs the least memory, for machines that have little.
 *
 * Where branches part and meet, it depends on the order how many values are live at once: a branch that
 * leaves little, but takes much on the way, comes first, while nothing of its neighbours is there yet.
 *
 * Nodes that follow each other in a chain are cut into segments, each from a valley of the memory
 * that is live over the highest hill behind it to the lowest valley behind that (Liu, An application of
 * generalized tree pebbling to sparse matrix factorization, 1987): once over the hill, to wait before the
 * valley gains nothing.  A beam search goes through the sets of executed segments, the states of Liberis and
 * Lane, Neural networks on microcontrollers: saving memory at inference via operator reordering (2019).
 * Of the sets of equal number, the BEAM go on that have needed least; it is exact as long as there are no more.
 *
 * What is written over its input is taken from the liveness of the order that there is.  Another order
 * may allow more of it or less, so the liveness of the new one decides whether it is taken.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/liveness.h"
#include "passes/passes.h"

enum { BEAM = 64 };

/* Values that share memory. */
typedef struct Group {
    int64_t bytes;
    int uses;   /* nodes that read or compute one of them, and the caller where he reads it */
    bool begun; /* before the first node */
} Group;

/* The groups that a node uses, each once. */
typedef struct Uses {
    int *group;
    int count;
} Uses;

/* Nodes that are executed one after the other. */
typedef struct Segment {
    List nodes;   /* of Node */
    List readers; /* of Segment: of what it computes, as often as they read it */
    int inputs;   /* that other segments compute */
    uint64_t key; /* a set's is the sum of its segments' */
} Segment;

/* A set of executed segments, and the best way there that is known. */
typedef struct State {
    int64_t most, live; /* bytes: at any node so far; now */
    uint64_t key;
    int *uses;   /* by group: that are left */
    int *inputs; /* by segment: that are not computed yet; −1: it is executed */
} State;

/* A segment executed in a state. */
typedef struct OrderMove {
    int64_t most, live;
    uint64_t key;
    int from, segment;
} OrderMove;

typedef struct OrderSearch {
    Graph *graph;
    Arena *arena;
    Group *group;     /* by id of the root */
    Uses *uses;       /* by node id */
    List *readers;    /* by node id: of Node, as often as they read what it computes */
    Segment *segment; /* in the order of their first nodes */
    int *segment_of;  /* by node id */
    int groups, segments;
    State *now, *next; /* BEAM of each */
    int states;        /* of now */
    OrderMove *move;   /* that these allow */
    int moves, move_capacity;
    OrderMove **taken; /* by executed segments: the moves that led to the states with so many */
} OrderSearch;

/* ---- what there is to order ---------------------------------------------------- */

/* The order matters to nothing but the memory: no node writes what others read. */
static bool can_be_ordered(const Graph *g)
{
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        if (n->op->mutates || n->phase != PHASE_EACH) return false;
        for (int k = 0; k < n->in_count; k++)
            if (n->in[k]->slice_of) return false;
    }
    return true;
}

static void use_group(OrderSearch *s, Uses *uses, int root)
{
    for (int i = 0; i < uses->count; i++)
        if (uses->group[i] == root) return;
    uses->group[uses->count++] = root;
    s->group[root].uses++;
}

static void find_uses(OrderSearch *s, const Node *n, const Liveness *l)
{
    Uses *uses = &s->uses[n->id];
    uses->group = arena_alloc(s->arena, (size_t)(n->in_count + n->out_count + 1) * sizeof *uses->group);
    for (int i = 0; i < n->in_count; i++) {
        use_group(s, uses, l->root[n->in[i]->id]);
        if (n->in[i]->producer) list_push(s->arena, &s->readers[n->in[i]->producer->id], (Node *)n);
    }
    for (int i = 0; i < n->out_count; i++) {
        use_group(s, uses, l->root[n->out[i]->id]);
        if (l->held[n->out[i]->id]) s->group[l->root[n->out[i]->id]].uses++;
    }
}

static void group_values(OrderSearch *s)
{
    const Graph *g = s->graph;
    ExecSchedule e;
    const Liveness l = liveness_of(g, s->arena, &e);
    const int64_t *bytes = liveness_sizes(g, s->arena);
    for (int i = 0; i < s->groups; i++) {
        if (l.root[i] != i || l.first[i] < 0 || liveness_is_external(&l, &e, i)) continue;
        s->group[i].bytes = bytes[i];
        s->group[i].begun = ((const Tensor *)g->tensors.at[i])->kind == TENSOR_INPUT;
    }
    for (int i = 0; i < g->nodes.count; i++) find_uses(s, g->nodes.at[i], &l);
}

/* ---- memory ------------------------------------------------------------------------ */

static void execute(const OrderSearch *s, const Node *n, State *state)
{
    const Uses *uses = &s->uses[n->id];
    for (int i = 0; i < uses->count; i++) {
        const Group *group = &s->group[uses->group[i]];
        if (!group->begun && state->uses[uses->group[i]] == group->uses) state->live += group->bytes;
    }
    if (state->live > state->most) state->most = state->live;
    for (int i = 0; i < uses->count; i++)
        if (--state->uses[uses->group[i]] == 0) state->live -= s->group[uses->group[i]].bytes;
}

static void take_back(const OrderSearch *s, const Node *n, State *state)
{
    const Uses *uses = &s->uses[n->id];
    for (int i = 0; i < uses->count; i++) state->uses[uses->group[i]]++;
}

static void begin(const OrderSearch *s, State *state)
{
    for (int i = 0; i < s->groups; i++) {
        state->uses[i] = s->group[i].uses;
        if (s->group[i].begun) state->live += s->group[i].bytes;
    }
}

/* ---- segments ------------------------------------------------------------------------ */

/* The node that alone reads what `n` computes, and reads nothing else that is computed; or NULL. */
static Node *next_in_chain(const OrderSearch *s, const Node *n)
{
    const List *readers = &s->readers[n->id];
    Node *next = readers->count ? readers->at[0] : NULL;
    for (int i = 1; i < readers->count; i++)
        if (readers->at[i] != next) return NULL;
    for (int i = 0; next && i < next->in_count; i++)
        if (next->in[i]->producer && next->in[i]->producer != n) return NULL;
    return next;
}

static bool begins_chain(const OrderSearch *s, const Node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]->producer && next_in_chain(s, n->in[i]->producer) == n) return false;
    return true;
}

static void add_segment(OrderSearch *s, const List *chain, int first, int last)
{
    Segment *segment = &s->segment[s->segments];
    segment->key = hash_bytes(HASH_START, &s->segments, sizeof s->segments);
    for (int i = first; i <= last; i++) {
        s->segment_of[((const Node *)chain->at[i])->id] = s->segments;
        list_push(s->arena, &segment->nodes, chain->at[i]);
    }
    s->segments++;
}

/* most[i], live[i]: bytes at and after the chain's node i. */
static void cut_chain(OrderSearch *s, const List *chain, const int64_t *most, const int64_t *live)
{
    for (int first = 0, valley; first < chain->count; first = valley + 1) {
        int hill = first;
        for (int i = first; i < chain->count; i++)
            if (most[i] >= most[hill]) hill = i;
        valley = hill;
        for (int i = hill; i < chain->count; i++)
            if (live[i] <= live[valley]) valley = i;
        add_segment(s, chain, first, valley);
    }
}

static void add_chain(OrderSearch *s, Node *n, State *scratch)
{
    List chain = {0};
    for (; n; n = next_in_chain(s, n)) list_push(s->arena, &chain, n);
    int64_t *most = arena_alloc(s->arena, (size_t)chain.count * sizeof *most);
    int64_t *live = arena_alloc(s->arena, (size_t)chain.count * sizeof *live);
    for (int i = 0; i < chain.count; i++) {
        scratch->most = 0;
        execute(s, chain.at[i], scratch);
        most[i] = scratch->most;
        live[i] = scratch->live;
    }
    for (int i = 0; i < chain.count; i++) take_back(s, chain.at[i], scratch);
    cut_chain(s, &chain, most, live);
}

static void find_segments(OrderSearch *s, State *scratch)
{
    const Graph *g = s->graph;
    for (int i = 0; i < g->nodes.count; i++)
        if (begins_chain(s, g->nodes.at[i])) add_chain(s, g->nodes.at[i], scratch);
    for (int i = 0; i < g->nodes.count; i++) {
        for (int k = 0; k < s->readers[i].count; k++) {
            Segment *reader = &s->segment[s->segment_of[((const Node *)s->readers[i].at[k])->id]];
            if (reader == &s->segment[s->segment_of[i]]) continue;
            list_push(s->arena, &s->segment[s->segment_of[i]].readers, reader);
            reader->inputs++;
        }
    }
}

/* ---- the search ------------------------------------------------------------------------ */

static State *new_states(const OrderSearch *s)
{
    State *states = arena_alloc(s->arena, BEAM * sizeof *states);
    for (int i = 0; i < BEAM; i++) {
        states[i].uses = arena_alloc(s->arena, (size_t)(s->groups + 1) * sizeof(int));
        states[i].inputs = arena_alloc(s->arena, (size_t)(s->graph->nodes.count + 1) * sizeof(int));
    }
    return states;
}

static OrderSearch search_new(Graph *g, Arena *arena)
{
    const size_t nodes = (size_t)g->nodes.count + 1;
    OrderSearch s = {.graph = g, .arena = arena, .groups = g->tensors.count, .states = 1};
    s.group = arena_alloc(arena, (size_t)(s.groups + 1) * sizeof *s.group);
    s.uses = arena_alloc(arena, nodes * sizeof *s.uses);
    s.readers = arena_alloc(arena, nodes * sizeof *s.readers);
    s.segment = arena_alloc(arena, nodes * sizeof *s.segment);
    s.segment_of = arena_alloc(arena, nodes * sizeof *s.segment_of);
    s.taken = arena_alloc(arena, nodes * sizeof *s.taken);
    s.now = new_states(&s);
    s.next = new_states(&s);
    group_values(&s);
    begin(&s, s.next);
    find_segments(&s, s.next);
    begin(&s, s.now);
    for (int i = 0; i < s.segments; i++) s.now->inputs[i] = s.segment[i].inputs;
    return s;
}

/* What becomes of a state's memory by one more segment. */
static void add_move(OrderSearch *s, int from, int k)
{
    const Segment *segment = &s->segment[k];
    State trial = s->now[from]; /* with the state's own counters, put back below */
    for (int i = 0; i < segment->nodes.count; i++) execute(s, segment->nodes.at[i], &trial);
    for (int i = 0; i < segment->nodes.count; i++) take_back(s, segment->nodes.at[i], &trial);
    s->move = array_grow(s->arena, s->move, &s->move_capacity, s->moves + 1, sizeof *s->move);
    s->move[s->moves++] = (OrderMove){
        .most = trial.most, .live = trial.live, .key = trial.key + segment->key, .from = from, .segment = k};
}

static void find_moves(OrderSearch *s)
{
    s->moves = 0;
    for (int i = 0; i < s->states; i++) {
        for (int k = 0; k < s->segments; k++)
            if (s->now[i].inputs[k] == 0) add_move(s, i, k);
    }
}

/* The least memory first; then the order that there was. */
static int by_memory(const void *a, const void *b)
{
    const OrderMove *x = a, *y = b;
    if (x->most != y->most) return x->most < y->most ? -1 : 1;
    if (x->live != y->live) return x->live < y->live ? -1 : 1;
    return x->segment != y->segment ? x->segment - y->segment : x->from - y->from;
}

static void take_segment(const OrderSearch *s, const OrderMove *move, State *to)
{
    const State *from = &s->now[move->from];
    const Segment *segment = &s->segment[move->segment];
    to->most = from->most;
    to->live = from->live;
    to->key = move->key;
    memcpy(to->uses, from->uses, (size_t)s->groups * sizeof *to->uses);
    memcpy(to->inputs, from->inputs, (size_t)s->segments * sizeof *to->inputs);
    for (int i = 0; i < segment->nodes.count; i++) execute(s, segment->nodes.at[i], to);
    to->inputs[move->segment] = -1;
    for (int i = 0; i < segment->readers.count; i++) to->inputs[(const Segment *)segment->readers.at[i] - s->segment]--;
}

/* The best moves, each to another set. */
static void take_best(OrderSearch *s, int executed)
{
    qsort(s->move, (size_t)s->moves, sizeof *s->move, by_memory);
    OrderMove *taken = arena_alloc(s->arena, BEAM * sizeof *taken);
    int count = 0;
    for (int i = 0; i < s->moves && count < BEAM; i++) {
        bool seen = false;
        for (int k = 0; k < count && !seen; k++) seen = taken[k].key == s->move[i].key;
        if (seen) continue;
        take_segment(s, &s->move[i], &s->next[count]);
        taken[count++] = s->move[i];
    }
    s->taken[executed] = taken;
    State *free_states = s->now;
    s->now = s->next;
    s->next = free_states;
    s->states = count;
}

/* ---- the order ------------------------------------------------------------------------ */

static int64_t most_bytes(const Graph *g, Arena *arena)
{
    ExecSchedule e;
    const Liveness l = liveness_of(g, arena, &e);
    return liveness_most(&l, &e).most;
}

static void set_order(Graph *g, const List *order)
{
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = order->at[i];
        g->nodes.at[i] = n;
        n->id = i;
    }
}

/* The nodes as the search has ended. */
static List found_order(const OrderSearch *s)
{
    int *path = arena_alloc(s->arena, (size_t)(s->segments + 1) * sizeof *path);
    for (int i = s->segments - 1, state = 0; i >= 0; i--) {
        path[i] = s->taken[i][state].segment;
        state = s->taken[i][state].from;
    }
    List order = {0};
    for (int i = 0; i < s->segments; i++) {
        const List *nodes = &s->segment[path[i]].nodes;
        for (int k = 0; k < nodes->count; k++) list_push(s->arena, &order, nodes->at[k]);
    }
    return order;
}

void pass_order(Graph *g)
{
    if (!can_be_ordered(g)) return;
    Arena *arena = arena_new();
    OrderSearch s = search_new(g, arena);
    for (int i = 0; i < s.segments; i++) {
        find_moves(&s);
        take_best(&s, i);
    }
    List before = {0};
    for (int i = 0; i < g->nodes.count; i++) list_push(arena, &before, g->nodes.at[i]);
    const List after = found_order(&s);
    const int64_t most = most_bytes(g, arena);
    set_order(g, &after);
    if (most_bytes(g, arena) >= most) set_order(g, &before);
    arena_free(arena);
}
