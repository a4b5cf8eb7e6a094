/*
 * Tails: conv, then batchnorm, then the sum with a shortcut, then relu, in one
 * walk over memory.
 *
 * A chain is found forwards from an operator that has a fused form: each
 * follower must be the only user of what is before it, and the parts come in the
 * order affine, add, relu, each at most once.  The fused node takes the place of
 * the chain's last node, where all of its inputs have been made.
 *
 * A batchnorm becomes scale and shift, computed from its parameters once a pass
 * by the operator its record names; those nodes stand in front of everything,
 * since they need nothing but the model.
 */
#include "passes/passes.h"

typedef struct Chain {
    Node *first, *last;
    Node *affine;    /* or NULL */
    Tensor *summand; /* or NULL */
    Epilogue *epilogue;
} Chain;

typedef struct Fuser {
    Graph *graph;
    Arena *arena;
    Uses uses;
    bool *dropped; /* by node id */
} Fuser;

Uses uses_of(const Graph *g)
{
    Arena *arena = g->compilation->arena;
    size_t tensors = (size_t)g->tensors.count + 1;
    Uses uses = {arena_alloc(arena, tensors * sizeof(int)), arena_alloc(arena, tensors * sizeof(Node *))};
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) {
            uses.count[n->in[k]->id]++;
            uses.user[n->in[k]->id] = n;
        }
    }
    if (g->output) uses.count[g->output->id]++;
    if (g->loss) uses.count[g->loss->id]++;
    return uses;
}

Tensor *epilogue_residual(const Node *sum, const Tensor *value)
{
    if (sum->in_count != 2 || sum->in[0] == sum->in[1]) return NULL;
    Tensor *other = sum->in[sum->in[0] == value ? 1 : 0];
    return shape_equal(other->shape, value->shape) && other->batched ? other : NULL;
}

/* Takes the node into the chain, if it may follow. */
static bool extend(Chain *c, Node *next)
{
    Epilogue *tail = c->epilogue;
    switch (next->op->epilogue) {
    case EPILOGUE_AFFINE:
        if (tail->affine || tail->add || tail->relu) return false;
        tail->affine = true;
        c->affine = next;
        break;
    case EPILOGUE_ADD:
        if (tail->add || tail->relu || !epilogue_residual(next, c->last->out[0])) return false;
        c->summand = epilogue_residual(next, c->last->out[0]);
        tail->add = true;
        break;
    case EPILOGUE_RELU:
        if (tail->relu) return false;
        tail->relu = true;
        break;
    case EPILOGUE_NONE: return false;
    }
    c->last = next;
    return true;
}

static Chain find_chain(Fuser *f, Node *n)
{
    Chain c = {.first = n, .last = n, .epilogue = arena_alloc(f->arena, sizeof *c.epilogue)};
    for (;;) {
        const Tensor *value = c.last->out[0];
        if (f->uses.count[value->id] != 1) return c;
        Node *next = f->uses.user[value->id];
        if (!next || f->dropped[next->id] || !extend(&c, next)) return c;
    }
}

/* scale and shift of a batchnorm, made by a node that is moved to the front. */
static Node *fold(Fuser *f, const Node *affine)
{
    Node *n = graph_node(f->graph, affine->op->fold, affine->attrs, affine->name, affine->span);
    n->phase = f->graph->micro_batches > 1 ? PHASE_BEFORE : PHASE_EACH;
    for (int i = affine->data_count; i < affine->in_count; i++) node_in(f->graph, n, affine->in[i]);
    Shape channels = shape_vector(affine->out[0]->shape.dim[0]);
    node_out_as(f->graph, n, DTYPE_REAL, false, channels);
    node_out_as(f->graph, n, DTYPE_REAL, false, channels);
    return n;
}

static void move(Graph *g, int from, int to)
{
    void *n = g->nodes.at[from];
    for (int i = from; i > to; i--) g->nodes.at[i] = g->nodes.at[i - 1];
    g->nodes.at[to] = n;
}

static const char *const *input_names(Fuser *f, const Chain *c)
{
    const char **names = arena_alloc(f->arena, (size_t)(c->first->in_count + 4) * sizeof *names);
    int count = 0;
    for (; count < c->first->in_count; count++) names[count] = c->first->op->in[count];
    if (c->affine) names[count++] = "scale", names[count++] = "shift";
    if (c->summand) names[count++] = "summand";
    return names;
}

/* The chain's last node becomes the fused one; its output keeps its users. */
static Node *fuse_chain(Fuser *f, const Chain *c)
{
    Graph *g = f->graph;
    Node *folded = c->affine ? fold(f, c->affine) : NULL;
    Node *n = c->last;
    for (Node *part = c->first; part != n; part = f->uses.user[part->out[0]->id]) f->dropped[part->id] = true;
    n->op = c->first->op->fuse(c->first);
    n->attrs = c->first->attrs;
    n->name = c->first->name;
    n->span = c->first->span;
    n->epilogue = c->epilogue;
    n->in_names = input_names(f, c);
    n->in_count = 0;
    for (int i = 0; i < c->first->in_count; i++) node_in(g, n, c->first->in[i]);
    for (int i = 0; folded && i < 2; i++) node_in(g, n, folded->out[i]);
    if (c->summand) node_in(g, n, c->summand);
    n->data_count = c->first->data_count;
    n->out_count = 1;
    return folded;
}

void pass_fuse(Graph *g)
{
    Arena *arena = g->compilation->arena;
    Fuser f = {
        .graph = g,
        .arena = arena,
        .uses = uses_of(g),
        .dropped = arena_alloc(arena, 2 * (size_t)g->nodes.count * sizeof(bool) + 1),
    };
    int count = g->nodes.count;
    for (int i = 0; i < count; i++) {
        Node *n = g->nodes.at[i];
        if (f.dropped[n->id] || n->epilogue || !n->op->fuse || !n->op->fuse(n)) continue;
        Chain c = find_chain(&f, n);
        if (c.last != c.first) fuse_chain(&f, &c);
    }
    /* `dropped` goes by id; the nodes that fold stand at the end and move to the front. */
    bool *dropped = arena_alloc(arena, (size_t)g->nodes.count + 1);
    int folds = g->nodes.count - count;
    for (int i = 0; i < folds; i++) move(g, count + i, i);
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        dropped[i] = n->id < count && f.dropped[n->id];
    }
    pass_compact(g, dropped);
}
