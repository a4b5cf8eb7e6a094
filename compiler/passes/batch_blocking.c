/*
 * Samples last: images as [N / 16][C][H][W][16], vectors as [N / 16][F][16].
 *
 * Of few channels, vectors of neighbouring channels are mostly empty, while samples
 * there are enough of: with sixteen of them side by side every vector is full, at any
 * number of channels, and flattening an image moves nothing.
 *
 * It is done for a whole program or not at all: every operator on images must take
 * them so, and be worth it (Op.samples).  Operators on vectors that do not, such as the
 * losses, get them planar: a `turn` is put before the first user there and serves all
 * later ones.  What comes from the caller and goes to it is planar.
 *
 * Threads divide the batch in whole blocks, so that the samples of a thread are the
 * same bytes in both layouts.
 */
#include "passes/passes.h"

#include <assert.h>

typedef struct Samples {
    Graph *graph;
    Arena *arena;
    Tensor **turned; /* by tensor id: the same values in the other layout, or NULL */
    int tensors;     /* that `turned` has room for */
    List nodes;      /* of Node: the program as it will be */
    const Op *turn;
} Samples;

/* ---- whether ------------------------------------------------------------------ */

static Tensor *tensor_at(const Node *n, int i) { return i < n->in_count ? n->in[i] : n->out[i - n->in_count]; }

static bool touches(const Node *n, bool (*is)(const Tensor *))
{
    for (int i = 0; i < n->in_count + n->out_count; i++) {
        if (is(tensor_at(n, i))) return true;
    }
    return false;
}

static bool is_batched(const Tensor *t) { return t->batched; }

/* The operator that takes its place, or NULL. */
static const Op *form_of(const Node *n)
{
    if (!touches(n, is_batched)) return NULL;
    if (n->op->traits & (OP_VIEW | OP_POINTWISE)) return n->op;
    return n->op->samples ? n->op->samples(n) : NULL;
}

static bool pays(const Graph *g)
{
    bool images = false;
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        if (!touches(n, tensor_is_image)) continue;
        if (!form_of(n)) return false;
        images = images || node_macs(n) > 0;
    }
    return images;
}

/* ---- the program ----------------------------------------------------------------- */

static void add_node(Samples *s, Node *n) { list_push(s->arena, &s->nodes, n); }

/* The same values, samples last or planar. */
static Tensor *with_layout(Samples *s, Tensor *t, Layout layout, const Node *user)
{
    if (!t->batched || t->layout == layout) return t;
    assert(t->id < s->tensors && t->dtype == DTYPE_REAL && "only what the program computes with is turned");
    if (s->turned[t->id]) return s->turned[t->id];
    Graph *g = s->graph;
    const char *name = arena_printf(s->arena, "%s.%s", user->name, layout == LAYOUT_NCHW16N ? "nchw16n" : "nchw");
    Node *n = graph_node(g, s->turn, NULL, name, user->span);
    g->nodes.count--; /* it stands in the new list instead */
    n->origin = user->origin;
    n->layout = layout;
    node_in(g, n, t);
    n->data_count = 1;
    Tensor *made = node_out(g, n, t->shape);
    made->layout = layout;
    add_node(s, n);
    return s->turned[t->id] = made;
}

static void place_node(Samples *s, Node *n)
{
    const Op *form = form_of(n);
    n->layout = form ? LAYOUT_NCHW16N : LAYOUT_NCHW;
    for (int i = 0; i < n->in_count; i++) n->in[i] = with_layout(s, n->in[i], n->layout, n);
    if (form) n->op = form;
    for (int i = 0; i < n->out_count; i++) {
        if (n->out[i]->batched) n->out[i]->layout = n->layout;
    }
    add_node(s, n);
}

/* What the caller reads is planar. */
static void end_planar(Samples *s, Tensor **end)
{
    if (*end && (*end)->producer) *end = with_layout(s, *end, LAYOUT_NCHW, (*end)->producer);
}

bool pass_batch_blocking(Graph *g)
{
    if (g->batch % BATCH_BLOCK || !pays(g)) return false;
    Arena *arena = g->compilation->arena;
    Samples s = {.graph = g,
                 .arena = arena,
                 .turned = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(Tensor *)),
                 .tensors = g->tensors.count,
                 .turn = op_find("reorder", OP_INTERNAL)};
    for (int i = 0; i < g->nodes.count; i++) place_node(&s, g->nodes.at[i]);
    end_planar(&s, &g->output);
    end_planar(&s, &g->input_gradient);
    g->nodes = s.nodes;
    g->batch_multiple = BATCH_BLOCK;
    for (int i = 0; i < g->nodes.count; i++) ((Node *)g->nodes.at[i])->id = i;
    graph_verify(g);
    return true;
}
