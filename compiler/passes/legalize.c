/*
 * Legalization: what the chosen variants need is inserted.
 *
 * Where an input has another layout than its node, a reorder stands before the first such
 * user and serves all later ones.  Weights are packed before the kernel that wants them so,
 * and a kernel that works in memory of its own gets it as one more output.  A node whose parts
 * threads share differently becomes two.  What comes from the caller and goes to it is NCHW.
 */
#include "graph/rewrite.h"

#include <assert.h>

#include "passes/passes.h"

typedef struct Legalizer {
    Graph *graph;
    GraphRewriter *rewriter;
    Tensor **reordered; /* by tensor id: the same values in another layout, or NULL */
    int tensors;        /* that `reordered` has room for */
    const Op *reorder, *widen, *narrow, *round;
} Legalizer;

/* The tensor in that layout, reordered before the node `at` (NULL: at the end) where it is not. */
static Tensor *with_layout(Legalizer *l, Tensor *t, Layout layout, const Node *user, Node *at)
{
    if (!tensor_layouts_differ(t, t->layout, layout)) return t;
    assert(t->id < l->tensors && dtype_is_computed(t->dtype) && "only what the program computes with is reordered");
    Tensor *made = l->reordered[t->id];
    if (made && made->layout == layout) return made;
    const char *name = arena_printf(l->graph->compilation->arena, "%s.%s", user->name, layout_name(layout));
    Node *n = rewriter_node(l->rewriter, at, l->reorder, NULL, name, user->span);
    n->origin = user->origin;
    rewriter_add_input(l->rewriter, n, t);
    n->data_count = 1;
    node_set_layout(n, layout);
    made = node_out_as(l->graph, n, t->dtype, true, t->shape);
    made->scale = t->scale;
    made->zero_point = t->zero_point;
    made->layout = layout;
    return l->reordered[t->id] = made;
}

static void pack_weights(Legalizer *l, Node *n)
{
    Node *packing = rewriter_node(l->rewriter, n, n->variant->prepack, n->attrs, n->name, n->span);
    packing->origin = n->origin;
    rewriter_add_input(l->rewriter, packing, n->in[1]);
    node_set_layout(packing, LAYOUT_NCHW);
    bool fits = packing->op->shape(l->graph, packing);
    assert(fits && packing->out_count == 1);
    (void)fits;
    rewriter_set_input(l->rewriter, n, 1, packing->out[0]);
}

/* The variant reads what the node before it would have rounded. */
static void round_as_read(Legalizer *l, Node *n)
{
    Node *rounding = n->in_count > 1 ? n->in[1]->producer : NULL;
    if (!rounding || rounding->op != l->narrow || n->in[1]->batched) return;
    if (!n->variant->rounds_weights || !n->variant->rounds_weights(n, l->graph->batch)) return;
    rewriter_set_input(l->rewriter, n, 1, rounding->in[0]);
    rewriter_erase(l->rewriter, rounding);
}

/* Weights in a format that the variant does not read, as floats.  Those that a node of their own has
 * rounded for this one are rounded to floats instead. */
static void widen_weights(Legalizer *l, Node *n)
{
    Node *made = n->in[1]->producer, *rounding = made && made->op == l->narrow ? made : NULL;
    Node *widening = rewriter_node(l->rewriter, n, rounding ? l->round : l->widen, NULL, n->name, n->span);
    widening->origin = n->origin;
    rewriter_add_input(l->rewriter, widening, rounding ? rounding->in[0] : n->in[1]);
    node_out_as(l->graph, widening, l->graph->real, false, n->in[1]->shape);
    rewriter_set_input(l->rewriter, n, 1, widening->out[0]);
    if (!rounding) return;
    node_set_layout(widening, LAYOUT_NCHW);
    rewriter_erase(l->rewriter, rounding);
}

/* Those of a layer; a gradient reads such in bf16 alone. */
static bool has_narrow_weights(const Node *n)
{
    const Tensor *w = n->in_count > 1 && !n->in[1]->batched ? n->in[1] : NULL;
    if (!w || w->dtype == DTYPE_F32 || n->variant->weights >> w->dtype & 1) return false;
    return n->op->traits & OP_WEIGHTED || w->dtype == DTYPE_BF16;
}

/* They are stored so, and are packed from that. */
static bool packs_narrow_weights(const Node *n)
{
    const Op *packing = n->variant->prepack;
    if (n->in[1]->kind != TENSOR_PARAM) return false;
    for (const Variant *v = packing ? packing->variants : NULL; v && v->name; v++)
        if (v->dtypes >> n->in[1]->dtype & 1) return true;
    return false;
}

static void legalize_node(Legalizer *l, Node *n)
{
    const Variant *v = n->variant;
    for (int i = 0; i < n->in_count; i++)
        rewriter_set_input(l->rewriter, n, i, with_layout(l, n->in[i], n->layout, n, n));
    if (v) round_as_read(l, n);
    if (v && has_narrow_weights(n) && !packs_narrow_weights(n)) widen_weights(l, n);
    if (v && v->prepack) pack_weights(l, n);
    if (v && v->split) v->split(l->rewriter, n);
    if (v && v->workspace) node_out_as(l->graph, n, l->graph->real, false, shape_vector(v->workspace(n)));
}

static void end_nchw(Legalizer *l, Tensor **end)
{
    if (*end && (*end)->producer) *end = with_layout(l, *end, LAYOUT_NCHW, (*end)->producer, NULL);
}

void pass_legalize(Graph *g)
{
    Legalizer l = {.graph = g,
                   .rewriter = rewriter_begin(g),
                   .reordered = arena_alloc(g->compilation->arena, (size_t)(g->tensors.count + 1) * sizeof(Tensor *)),
                   .tensors = g->tensors.count,
                   .reorder = op_find("reorder", OP_INTERNAL),
                   .widen = op_find("widen", OP_INTERNAL),
                   .narrow = op_find("narrow", OP_INTERNAL),
                   .round = op_find("round_bf16", OP_INTERNAL)};
    for (int i = 0, count = g->nodes.count; i < count; i++) legalize_node(&l, g->nodes.at[i]);
    end_nchw(&l, &g->output);
    end_nchw(&l, &g->input_gradient);
    rewriter_end(l.rewriter);
}
