/*
 * Layouts: which images lie planar, [C][H][W], and which channels last, [H][W][C].
 *
 * One walk in the order of execution.  An operator whose kernel wants its images
 * channels last gets them so; one that serves either layout takes that of what it
 * is given; all others get planar ones.  Where an image has the other layout, a
 * `turn` is put before its first user there and serves all later ones.  An image
 * of one channel, or of one pixel, has both layouts at once and is never turned.
 *
 * Weights that a kernel wants packed are packed before it.
 */
#include "passes/passes.h"

#include <assert.h>

typedef struct Layouts {
    Graph *graph;
    Arena *arena;
    Tensor **turned; /* by tensor id: the same image in its other layout, or NULL */
    int tensors;     /* that `turned` has room for */
    List nodes;      /* of Node: the program as it will be */
    const Op *turn;
} Layouts;

static bool differs(const Tensor *t, Layout layout)
{
    return tensor_is_image(t) && !tensor_has_one_layout(t) && t->layout != layout;
}

/* A node at the end of the new order. */
static Node *add_node(Layouts *l, const Op *op, const Node *model, const char *name)
{
    Graph *g = l->graph;
    Node *n = graph_node(g, op, model->attrs, name, model->span);
    g->nodes.count--; /* it stands in the new list instead */
    list_push(l->arena, &l->nodes, n);
    return n;
}

/* The image with that layout. */
static Tensor *with_layout(Layouts *l, Tensor *t, Layout layout, const Node *user)
{
    if (!differs(t, layout)) return t;
    assert(t->id < l->tensors && t->dtype == DTYPE_REAL && "only what the program computes with is turned");
    if (l->turned[t->id]) return l->turned[t->id];
    Node *n = add_node(l, l->turn, user,
                       arena_printf(l->arena, "%s.%s", user->name, layout == LAYOUT_NHWC ? "nhwc" : "nchw"));
    n->attrs = NULL;
    n->origin = user->origin;
    n->layout = layout;
    node_in(l->graph, n, t);
    n->data_count = 1;
    Tensor *made = node_out(l->graph, n, t->shape);
    made->layout = layout;
    return l->turned[t->id] = made;
}

static bool keeps_shape(const Node *n)
{
    return n->in_count > 0 && n->out_count > 0 && shape_equal(n->in[0]->shape, n->out[0]->shape);
}

/* What is not a real number (the places of a pool's maxima) cannot be turned and
 * decides; else any image that is channels last; else, where all images have both
 * layouts (the gradient of a global pool), that of the forward node. */
static bool follows_last(const Node *n)
{
    bool last = false, open = true;
    for (int i = 0; i < n->in_count; i++) {
        const Tensor *t = n->in[i];
        if (!tensor_is_image(t) || tensor_has_one_layout(t)) continue;
        if (t->dtype != DTYPE_REAL) return t->layout == LAYOUT_NHWC;
        last = last || t->layout == LAYOUT_NHWC;
        open = false;
    }
    return open ? n->origin->layout == LAYOUT_NHWC : last;
}

static bool wants_last(const Node *n)
{
    bool any = n->op->traits & (OP_ANY_LAYOUT | OP_POINTWISE), view = n->op->traits & OP_VIEW && keeps_shape(n);
    if (n->op->last && !n->op->last(n)) return false;
    return any || view ? follows_last(n) : n->op->last != NULL;
}

static void pack(Layouts *l, Node *n)
{
    Node *packing = add_node(l, n->op->pack, n, n->name);
    packing->origin = n->origin;
    node_in(l->graph, packing, n->in[1]);
    bool fits = packing->op->shape(l->graph, packing);
    assert(fits && packing->out_count == 1);
    (void)fits;
    n->in[1] = packing->out[0];
}

static void place_node(Layouts *l, Node *n)
{
    n->layout = wants_last(n) ? LAYOUT_NHWC : LAYOUT_NCHW;
    for (int i = 0; i < n->in_count; i++) n->in[i] = with_layout(l, n->in[i], n->layout, n);
    for (int i = 0; i < n->out_count; i++) {
        if (tensor_is_image(n->out[i])) n->out[i]->layout = n->layout;
    }
    if (n->layout == LAYOUT_NHWC && n->op->last && n->op->pack) pack(l, n);
    list_push(l->arena, &l->nodes, n);
}

/* What the caller reads is planar. */
static void end_planar(Layouts *l, Tensor **end)
{
    if (*end && (*end)->producer) *end = with_layout(l, *end, LAYOUT_NCHW, (*end)->producer);
}

void pass_layout(Graph *g)
{
    Arena *arena = g->compilation->arena;
    Layouts l = {.graph = g,
                 .arena = arena,
                 .turned = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(Tensor *)),
                 .tensors = g->tensors.count,
                 .turn = op_find("reorder", OP_INTERNAL)};
    for (int i = 0; i < g->nodes.count; i++) place_node(&l, g->nodes.at[i]);
    end_planar(&l, &g->output);
    end_planar(&l, &g->input_gradient);
    g->nodes = l.nodes;
    for (int i = 0; i < g->nodes.count; i++) ((Node *)g->nodes.at[i])->id = i;
    graph_verify(g);
}
