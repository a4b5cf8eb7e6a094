/*
 * Batchnorm, then the sum with a shortcut, then relu, in the walk that normalises;
 * and backward relu's gradient in the walks of batchnorm's.
 *
 * Forward a chain is taken as at inference: each follower is the only user of what
 * is before it.  The node moves to the place of the chain's last one, where its
 * summand has been made, and gives that one's output.
 *
 * Backward, relu's mask can be had again from batchnorm's input, which its gradient
 * reads anyway.  Where there was a summand it cannot; relu's gradient then stays, and
 * is what the shortcut needs.
 */
#include "passes/passes.h"

#include <assert.h>

typedef struct Rectifier {
    Graph *graph;
    Uses uses;
    bool *dropped; /* by node id */
} Rectifier;

/* The only user of the node's first output, if it is that part of a tail, and not
 * already done by another node. */
static Node *follower(const Rectifier *r, const Node *n, EpilogueKind part)
{
    Node *next = r->uses.count[n->out[0]->id] == 1 ? r->uses.user[n->out[0]->id] : NULL;
    return next && !r->dropped[next->id] && next->op->epilogue == part && next->layout == n->layout ? next : NULL;
}

/* relu's gradient, or NULL. */
static Node *gradient_of(const Rectifier *r, const Node *relu)
{
    const Graph *g = r->graph;
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        if (n->origin == relu && n != relu && n->in_count == 2 && n->in[1] == relu->out[0]) return n;
    }
    return NULL;
}

static bool takes_mask(const Node *user, const Node *n, const Tensor *dy)
{
    return user->origin == n && user->op->finish && user->in[0] == dy && user->layout == n->layout;
}

/* relu's gradient is left to the nodes that use it, when all are n's gradient. */
static void mask_gradients(Rectifier *r, const Node *n, const Node *relu)
{
    Graph *g = r->graph;
    const Node *mask = gradient_of(r, relu);
    if (!mask) return;
    int takers = 0;
    for (int i = 0; i < g->nodes.count; i++) takers += takes_mask(g->nodes.at[i], n, mask->out[0]);
    if (takers != r->uses.count[mask->out[0]->id]) return;
    for (int i = 0; i < g->nodes.count; i++) {
        Node *user = g->nodes.at[i];
        if (!takes_mask(user, n, mask->out[0])) continue;
        user->in[0] = mask->in[0];
        bool done = user->op->finish(g, user, n->epilogue, NULL);
        assert(done && "a gradient follows its forward node");
        (void)done;
    }
    r->dropped[mask->id] = true;
}

static void swap(Graph *g, Node *a, Node *b)
{
    int id = a->id;
    g->nodes.at[a->id = b->id] = a;
    g->nodes.at[b->id = id] = b;
}

static void finish_node(Rectifier *r, Node *n)
{
    Graph *g = r->graph;
    Node *sum = follower(r, n, EPILOGUE_ADD);
    Tensor *summand = sum ? epilogue_residual(sum, n->out[0]) : NULL;
    if (!summand) sum = NULL;
    Node *relu = follower(r, sum ? sum : n, EPILOGUE_RELU), *last = relu ? relu : sum;
    Epilogue *tail = arena_alloc(g->compilation->arena, sizeof *tail);
    *tail = (Epilogue){.add = sum, .relu = relu};
    if (!last || !n->op->finish(g, n, tail, summand)) return;
    n->out[0] = last->out[0];
    n->out[0]->producer = n;
    swap(g, n, last);
    if (sum) r->dropped[sum->id] = true;
    if (relu) r->dropped[relu->id] = true;
    if (relu && !sum) mask_gradients(r, n, relu);
}

/* A gradient of batchnorm's, and then the sum with another gradient of the same values that
 * is there already.  (To wait for one that comes later would not do: between them the
 * weights may be updated.) */
static void finish_gradient(Rectifier *r, Node *n)
{
    Graph *g = r->graph;
    Node *sum = n->out_count == 1 ? follower(r, n, EPILOGUE_ADD) : NULL;
    Tensor *summand = sum ? epilogue_residual(sum, n->out[0]) : NULL;
    if (!summand || !summand->producer || summand->producer->id > n->id) return;
    Epilogue *tail = arena_alloc(g->compilation->arena, sizeof *tail);
    *tail = (Epilogue){.add = true, .relu = n->epilogue && n->epilogue->relu};
    if (!n->op->finish(g, n, tail, summand)) return;
    n->out[0] = sum->out[0];
    n->out[0]->producer = n;
    r->dropped[sum->id] = true;
}

void pass_batchnorm_epilogue(Graph *g)
{
    int count = g->nodes.count;
    Rectifier r = {g, uses_of(g), arena_alloc(g->compilation->arena, (size_t)count + 1)};
    for (int i = 0; i < count; i++) {
        Node *n = g->nodes.at[i];
        if (n->op->finish && n->origin == n && !n->epilogue) finish_node(&r, n);
    }
    for (int i = 0; i < count; i++) {
        Node *n = g->nodes.at[i];
        if (n->op->finish && n->origin != n && !r.dropped[n->id] && !(n->epilogue && n->epilogue->add))
            finish_gradient(&r, n);
    }
    pass_compact(g, r.dropped);
}
