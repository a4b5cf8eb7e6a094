/*
 * Epilogue fusion: a node does what follows it while its result is still in registers or
 * cache: a batchnorm by its running statistics, the sum with a shortcut, relu or relu6.
 *
 * A chain begins at a node whose variant has epilogues.  Each follower must be the only user
 * of what is before it, and the parts come in the order affine, add, relu or
 * relu6, each at most once.  The node moves to the place of the chain's last one, where all of its inputs have
 * been made, and makes that one's output.
 *
 * A batchnorm becomes scale and shift, computed from its parameters by the operator that its
 * record names; those nodes stand in front of everything, since they need nothing but the
 * model.
 *
 * Backward, relu's gradient becomes part of the gradients of a node that has relu in its
 * epilogue, where they can have relu's argument again.  Where there was a residual they
 * cannot; relu's gradient then stays, and is what the shortcut needs.
 */
#include "graph/rewrite.h"
#include "passes/passes.h"

typedef struct Chain {
    Node *first, *last;
    Node *affine;     /* or NULL */
    Tensor *residual; /* or NULL */
    Epilogue epilogue;
} Chain;

typedef struct Fuser {
    Graph *graph;
    GraphRewriter *rewriter;
    bool inference;
    List folds; /* of Node: scale and shift */
} Fuser;

static int term_of(const Node *sum, const Tensor *value) { return sum->in[0] == value ? 0 : 1; }

/* The other input of a sum of two, or NULL where the sum cannot be part of an epilogue. */
static Tensor *fuse_residual_of(const Node *sum, const Tensor *value)
{
    if (sum->in_count != 2 || sum->in[0] == sum->in[1]) return NULL;
    Tensor *other = sum->in[1 - term_of(sum, value)];
    return shape_equal(other->shape, value->shape) && other->batched ? other : NULL;
}

static bool has_epilogues(const Node *n) { return n->variant && n->variant->epilogues; }

static bool can_do(const Fuser *f, const Node *n, EpilogueKind part)
{
    const Variant *v = n->variant;
    return v && v->epilogues >> part & 1 && (f->inference || !v->inference);
}

/* The only user of what the chain makes, if nothing is between them; else NULL. */
static Node *follower(const Fuser *f, const Chain *c)
{
    const Tensor *value = c->last->out[0];
    Node *next = rewriter_only_user(f->rewriter, value);
    return next && !tensor_layouts_differ(value, value->layout, next->layout) ? next : NULL;
}

/* Takes the node into the chain, if it may follow. */
static bool extend(const Fuser *f, Chain *c, Node *next)
{
    Epilogue *e = &c->epilogue;
    EpilogueKind part = next->op->epilogue;
    if (!can_do(f, c->first, part)) return false;
    if (part == EPILOGUE_AFFINE && !e->affine && !e->add && !e->relu) {
        e->affine = true;
        c->affine = next;
    } else if (part == EPILOGUE_ADD && !e->add && !e->relu && fuse_residual_of(next, c->last->out[0])) {
        e->add = true;
        e->sum = next;
        e->term = term_of(next, c->last->out[0]);
        c->residual = fuse_residual_of(next, c->last->out[0]);
    } else if ((part == EPILOGUE_RELU || part == EPILOGUE_RELU6) && !e->relu) {
        e->relu = part == EPILOGUE_RELU ? 1 : NN_RELU6;
    } else {
        return false;
    }
    c->last = next;
    return true;
}

static Chain find_chain(const Fuser *f, Node *n)
{
    Chain c = {.first = n, .last = n};
    for (Node *next = follower(f, &c); next && extend(f, &c, next);) next = follower(f, &c);
    return c;
}

/* scale and shift of a batchnorm, made by a node that moves to the front later. */
static Node *fold(Fuser *f, const Node *affine)
{
    Graph *g = f->graph;
    Node *n = rewriter_node(f->rewriter, NULL, affine->op->fold, affine->attrs, affine->name, affine->span);
    n->phase = g->micro_batches > 1 ? PHASE_BEFORE : PHASE_EACH;
    for (int i = affine->data_count; i < affine->in_count; i++) rewriter_add_input(f->rewriter, n, affine->in[i]);
    Shape channels = shape_vector(affine->out[0]->shape.dim[0]);
    node_out_as(g, n, g->real, false, channels);
    node_out_as(g, n, g->real, false, channels);
    return n;
}

static void set_epilogue(Fuser *f, Node *n, Epilogue e, Tensor *residual)
{
    Epilogue *kept = arena_alloc(f->graph->compilation->arena, sizeof *kept);
    *kept = e;
    n->epilogue = kept;
    if (residual) rewriter_add_input_named(f->rewriter, n, residual, "residual");
}

static void fuse_chain(Fuser *f, const Chain *c)
{
    Node *n = c->first, *between = rewriter_only_user(f->rewriter, n->out[0]);
    if (c->affine) {
        Node *folded = fold(f, c->affine);
        rewriter_add_input_named(f->rewriter, n, folded->out[0], "scale");
        rewriter_add_input_named(f->rewriter, n, folded->out[1], "shift");
        list_push(f->graph->compilation->arena, &f->folds, folded);
    }
    set_epilogue(f, n, c->epilogue, c->residual);
    while (between != c->last) {
        Node *next = rewriter_only_user(f->rewriter, between->out[0]);
        rewriter_erase(f->rewriter, between);
        between = next;
    }
    rewriter_replace(f->rewriter, c->last, n);
    n->out[0]->layout = n->layout;
}

/* ---- gradients --------------------------------------------------------------------------- */

/* relu's gradient, or NULL. */
static Node *gradient_of(const Graph *g, const Node *relu)
{
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        if (n->origin == relu && n != relu && n->in_count == 2 && n->in[1] == relu->out[0]) return n;
    }
    return NULL;
}

static bool takes_mask(const Fuser *f, const Node *user, const Node *n, const Tensor *dy)
{
    return user->origin == n && user->in[0] == dy && user->layout == n->layout && can_do(f, user, EPILOGUE_RELU);
}

/* relu's gradient is left to the nodes that use it, when all are n's gradients. */
static void mask_gradients(Fuser *f, const Node *n, const Node *relu)
{
    Graph *g = f->graph;
    Node *mask = gradient_of(g, relu);
    if (!mask) return;
    int takers = 0, count = g->nodes.count;
    for (int i = 0; i < count; i++) takers += takes_mask(f, g->nodes.at[i], n, mask->out[0]);
    if (takers != rewriter_users(f->rewriter, mask->out[0])->count) return;
    for (int i = 0; i < count; i++) {
        Node *user = g->nodes.at[i];
        if (!takes_mask(f, user, n, mask->out[0])) continue;
        rewriter_set_input(f->rewriter, user, 0, mask->in[0]);
        if (user->variant->mask) user->variant->mask(f->rewriter, user);
        set_epilogue(f, user, (Epilogue){.relu = 1}, NULL);
    }
    rewriter_erase(f->rewriter, mask);
}

/* A gradient, and then the sum with another gradient of the same values that is there
 * already.  (To wait for one that comes later would not do: between them the weights may be
 * updated.) */
static void fuse_gradient(Fuser *f, Node *n)
{
    Chain c = {.first = n, .last = n};
    Node *sum = n->out_count == 1 ? follower(f, &c) : NULL;
    if (!sum || sum->op->epilogue != EPILOGUE_ADD || !can_do(f, n, EPILOGUE_ADD)) return;
    Tensor *residual = fuse_residual_of(sum, n->out[0]);
    if (!residual || !residual->producer || !rewriter_is_before(f->rewriter, residual->producer, n)) return;
    const Epilogue e = {
        .add = true, .relu = n->epilogue && n->epilogue->relu, .sum = sum, .term = term_of(sum, n->out[0])};
    set_epilogue(f, n, e, residual);
    n->out[0] = sum->out[0];
    n->out[0]->producer = n;
    rewriter_erase(f->rewriter, sum);
}

/* ---- the pass ------------------------------------------------------------------------------ */

static void fuse_node(Fuser *f, Node *n)
{
    Chain c = find_chain(f, n);
    if (c.last == n) return;
    const Node *relu = c.epilogue.relu ? c.last : NULL;
    fuse_chain(f, &c);
    if (relu && !f->inference && !c.residual) mask_gradients(f, n, relu);
}

static bool is_candidate(const Fuser *f, const Node *n)
{
    return has_epilogues(n) && !rewriter_is_erased(f->rewriter, n);
}

void pass_fuse(Graph *g)
{
    int count = g->nodes.count;
    Fuser f = {
        .graph = g, .rewriter = rewriter_begin(g), .inference = g->kind == PROGRAM_INFER || g->kind == PROGRAM_EVAL};
    for (int i = 0; i < count; i++) {
        Node *n = g->nodes.at[i];
        if (is_candidate(&f, n) && n->origin == n && !n->epilogue) fuse_node(&f, n);
    }
    for (int i = 0; i < count; i++) {
        Node *n = g->nodes.at[i];
        if (is_candidate(&f, n) && n->origin != n) fuse_gradient(&f, n);
    }
    for (int i = f.folds.count - 1; i >= 0; i--) rewriter_move_to_front(f.rewriter, f.folds.at[i]);
    rewriter_end(f.rewriter);
}
