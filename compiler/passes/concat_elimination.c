/*
 * Slices: concat without copies.
 *
 * Where images lie channels last, the branches of a concat are some channels of every
 * pixel of the whole.  An operator that can write its pixels further apart than its own
 * channels (OP_STRIDED_CHANNELS) writes them where they belong; what else reads the branch reads
 * it there.  In a dense block all layers share one image so, and each of them adds its
 * channels to it.  A branch that cannot be written there is copied, as before.
 *
 * Backward, the gradient of a branch is a part of the whole's and is read where it lies.
 * A node that adds a gradient of its own to it (passes/batchnorm_epilogue.c) writes over it, if
 * nobody reads these channels later.
 *
 * The plan knows all this by Tensor.parent alone.
 */
#include "passes/passes.h"

typedef struct Slicer {
    Graph *graph;
    Arena *arena;
    List *users;  /* by tensor id: of Node */
    List *copies; /* by node id: of Node that are to stand before it */
    const Op *copy;
} Slicer;

static void find_users(Slicer *s)
{
    const Graph *g = s->graph;
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) list_push(s->arena, &s->users[n->in[k]->id], n);
    }
}

/* An image of which some channels are not simply a run of numbers. */
static bool has_pixels(const Tensor *t)
{
    return tensor_is_image(t) && t->kind == TENSOR_LOCAL && t->dtype == DTYPE_REAL && t->layout == LAYOUT_NHWC &&
           t->shape.dim[1] * t->shape.dim[2] > 1;
}

static bool has_steps(const Node *n) { return n->layout == LAYOUT_NHWC && n->op->traits & OP_STRIDED_CHANNELS; }

/* The summand of its tail, which lies as the output does, or NULL. */
static const Tensor *summand_of(const Node *n)
{
    return n->epilogue && n->epilogue->add ? n->in[n->in_count - 1] : NULL;
}

/* It may read the tensor as channels of another one, and leave its first output so. */
static bool reads(const Node *n, const Tensor *t) { return has_steps(n) && summand_of(n) != t; }
static bool leaves(const Node *n) { return has_steps(n) && !summand_of(n); }

static bool all_read(const Slicer *s, const Tensor *t)
{
    for (int i = 0; i < s->users[t->id].count; i++)
        if (!reads(s->users[t->id].at[i], t)) return false;
    return true;
}

static void put_within(Tensor *t, const Tensor *whole, int64_t channel)
{
    t->parent = whole->parent ? whole->parent : (Tensor *)whole;
    t->channel_offset = whole->channel_offset + channel;
}

/* ---- joins ------------------------------------------------------------------ */

static bool occurs_once(const Node *join, const Tensor *t)
{
    int count = 0;
    for (int i = 0; i < join->in_count; i++) count += join->in[i] == t;
    return count == 1;
}

/* The branch can be written where the join wants it. */
static bool may_move(const Slicer *s, const Node *join, const Tensor *t)
{
    const Node *made = t->producer;
    if (!has_pixels(t) || t->parent || is_program_io(s->graph, t) || !occurs_once(join, t)) return false;
    if (!made || made->out[0] != t || made->op->traits & OP_SLICE || !leaves(made)) return false;
    return all_read(s, t);
}

static void add_copy(Slicer *s, Node *join, int i, int64_t channel)
{
    Graph *g = s->graph;
    Node *n = graph_node(g, s->copy, NULL, join->name, join->span);
    g->nodes.count--; /* it finds its place later */
    n->origin = join->origin;
    n->layout = LAYOUT_NHWC;
    node_in(g, n, join->in[i]);
    n->data_count = 1;
    Tensor *made = node_out(g, n, join->in[i]->shape);
    made->layout = LAYOUT_NHWC;
    put_within(made, join->out[0], channel);
    join->in[i] = made;
    list_push(s->arena, &s->copies[join->id], n);
}

static void place_branches(Slicer *s, Node *join)
{
    bool *moves = arena_alloc(s->arena, (size_t)join->in_count * sizeof *moves), any = false;
    int64_t channel = 0;
    if (join->layout != LAYOUT_NHWC || !has_pixels(join->out[0])) return;
    for (int i = 0; i < join->in_count; i++) any = (moves[i] = may_move(s, join, join->in[i])) || any;
    for (int i = 0; any && i < join->in_count; i++) {
        int64_t channels = join->in[i]->shape.dim[0];
        if (moves[i])
            put_within(join->in[i], join->out[0], channel);
        else
            add_copy(s, join, i, channel);
        channel += channels;
    }
}

/* ---- parts ----------------------------------------------------------------------- */

static bool overlap(const Tensor *a, const Tensor *b)
{
    int64_t a_end = a->channel_offset + a->shape.dim[0], b_end = b->channel_offset + b->shape.dim[0];
    return tensor_storage(a) == tensor_storage(b) && a->channel_offset < b_end && b->channel_offset < a_end;
}

static bool read_after(const Slicer *s, const Tensor *t, const Node *n)
{
    for (int i = 0; i < s->users[t->id].count; i++)
        if (((const Node *)s->users[t->id].at[i])->id > n->id) return true;
    return false;
}

/* The node adds to what is to lie like `place`, and may leave the sum there. */
static bool takes_over(const Slicer *s, const Node *n, const Tensor *t, const Tensor *place)
{
    const Graph *g = s->graph;
    if (!has_steps(n) || summand_of(n) != t || is_program_io(g, n->out[0]) || n->out[0]->parent) return false;
    if (!has_pixels(n->out[0]) || !all_read(s, n->out[0]) || read_after(s, t, n)) return false;
    for (int i = 0; i < g->tensors.count; i++)
        if (g->tensors.at[i] != t && overlap(g->tensors.at[i], place) && read_after(s, g->tensors.at[i], n))
            return false;
    return true;
}

static void place_part(Slicer *s, Node *part)
{
    Tensor *t = part->out[0], place = *t;
    const Tensor *whole = part->in[0];
    Node *over = NULL;
    if (part->layout != LAYOUT_NHWC || !has_pixels(whole) || !has_pixels(t) || !whole->producer || t->parent) return;
    put_within(&place, whole, part->op->channel(part));
    for (int i = 0; i < s->users[t->id].count; i++) {
        Node *user = s->users[t->id].at[i];
        if (reads(user, t)) continue;
        if (over || !takes_over(s, user, t, &place)) return;
        over = user;
    }
    *t = place;
    if (over) put_within(over->out[0], t->parent, t->channel_offset);
}

/* ---- the pass ---------------------------------------------------------------------- */

/* Copies move to where they belong, and positions are ids again. */
static void order(Slicer *s)
{
    Graph *g = s->graph;
    List nodes = {0};
    for (int i = 0; i < g->nodes.count; i++) {
        for (int k = 0; k < s->copies[i].count; k++) list_push(s->arena, &nodes, s->copies[i].at[k]);
        list_push(s->arena, &nodes, g->nodes.at[i]);
    }
    g->nodes = nodes;
    for (int i = 0; i < nodes.count; i++) ((Node *)nodes.at[i])->id = i;
}

void pass_concat_elimination(Graph *g)
{
    Arena *arena = g->compilation->arena;
    Slicer s = {.graph = g,
                .arena = arena,
                .users = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(List)),
                .copies = arena_alloc(arena, (size_t)(g->nodes.count + 1) * sizeof(List)),
                .copy = op_find("copy", OP_INTERNAL)};
    find_users(&s);
    for (int i = 0; i < g->nodes.count; i++) { /* a branch that is a part of a gradient has its place first */
        Node *n = g->nodes.at[i];
        if (n->op->traits & OP_SLICE) place_part(&s, n);
    }
    for (int i = g->nodes.count - 1; i >= 0; i--) { /* the outermost join first */
        Node *n = g->nodes.at[i];
        if (n->op->traits & OP_CONCAT) place_branches(&s, n);
    }
    order(&s);
    graph_verify(g);
}
