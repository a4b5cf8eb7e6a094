/*
 * Selection: which row of its operator's table computes a node, and in which layout.
 *
 * Two assignments are made and the cheaper is taken:
 *
 *   mixed          each node by itself, in the order of execution: the row and the layout,
 *                  NCHW or NHWC, that cost least with the reorders of its inputs.  At equal
 *                  cost it keeps the layout that its inputs have.
 *   batch-blocked  NCHW16N wherever a row serves it; only where every operator on images has
 *                  such a row, and the batch is a multiple of the block.
 *
 * A node that no row serves has the plain form, in NCHW.  The program itself does not
 * change here: passes/legalize.c inserts what the choice needs.
 */
#include "passes/passes.h"

#include <math.h>

typedef struct Choice {
    const Variant *variant;
    Layout layout;
} Choice;

typedef struct Assignment {
    const Graph *graph;
    const SelectOptions *options;
    CostModel model;
    unsigned without; /* traits of rows that are not taken */
    Choice *choice;   /* by node id */
    Layout *layout;   /* by tensor id */
    double cost;      /* of all nodes, and of the reorders between them */
} Assignment;

static Assignment new_assignment(const Graph *g, const SelectOptions *options)
{
    Arena *arena = g->compilation->arena;
    return (Assignment){
        .graph = g,
        .options = options,
        .model = {options->target, machine_costs(options->target), g->batch, options->constant_weights},
        .without = options->without,
        .choice = arena_alloc(arena, (size_t)(g->nodes.count + 1) * sizeof(Choice)),
        .layout = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(Layout)),
    };
}

/* ---- what a node costs in a layout ------------------------------------------------ */

/* Each element is read and written.  Only what the program computes with has a reorder, not
 * the indices of a pool's maxima. */
static double reorder_cost(const Assignment *a, const Tensor *t, Layout layout)
{
    if (!tensor_layouts_differ(t, a->layout[t->id], layout)) return 0;
    if (!dtype_is_computed(t->dtype)) return INFINITY;
    return 2 * a->model.machine->element * (double)tensor_count(t, a->model.batch);
}

static double reorders_cost(const Assignment *a, const Node *n, Layout layout)
{
    double cost = 0;
    for (int i = 0; i < n->in_count; i++) cost += reorder_cost(a, n->in[i], layout);
    return cost;
}

static bool keeps_shape(const Node *n)
{
    return n->in_count > 0 && n->out_count > 0 && shape_equal(n->in[0]->shape, n->out[0]->shape);
}

/* A view moves nothing: of an image that becomes a vector only what is in the order of the
 * vector, or in blocks, can be one. */
static bool view_serves(const Node *n, Layout layout)
{
    return n->op->traits & OP_VIEW && (layout != LAYOUT_NHWC || keeps_shape(n));
}

/* The cheapest row for the layout; false where neither one nor a view serves it. */
static bool select_find(const Assignment *a, const Node *n, Layout layout, Choice *found)
{
    *found = (Choice){variant_find(n, layout, a->without, &a->model), layout};
    return a->options->layouts >> layout & 1 && (found->variant || view_serves(n, layout));
}

static void take(Assignment *a, const Node *n, Choice c)
{
    a->choice[n->id] = c;
    a->cost += variant_cost(c.variant, n, &a->model) + reorders_cost(a, n, c.layout);
    for (int i = 0; i < n->out_count; i++)
        if (tensor_takes_layout(n->out[i], c.layout)) a->layout[n->out[i]->id] = c.layout;
}

/* ---- mixed -------------------------------------------------------------------------- */

/* The layout of its inputs, NHWC where they have both; where any will do, as in the gradient
 * of a global pool, that of the forward node. */
static Layout preferred_layout(const Assignment *a, const Node *n)
{
    bool open = true;
    for (int i = 0; i < n->in_count; i++) {
        const Tensor *t = n->in[i];
        if (!tensor_has_channels(t) || tensor_has_one_layout(t)) continue;
        if (a->layout[t->id] == LAYOUT_NHWC) return LAYOUT_NHWC;
        open = false;
    }
    bool gradient = n->origin->id < n->id && a->graph->nodes.at[n->origin->id] == n->origin;
    return open && gradient ? a->choice[n->origin->id].layout : LAYOUT_NCHW;
}

static Choice cheapest(const Assignment *a, const Node *n)
{
    Layout first = preferred_layout(a, n), order[] = {first, first == LAYOUT_NCHW ? LAYOUT_NHWC : LAYOUT_NCHW};
    Choice best = {NULL, LAYOUT_NCHW}, c;
    double least = 0;
    for (int i = 0, found = 0; i < 2; i++) {
        if (!select_find(a, n, order[i], &c)) continue;
        double cost = variant_cost(c.variant, n, &a->model) + reorders_cost(a, n, c.layout);
        if (!found || cost < least) best = c, least = cost;
        found = 1;
    }
    return best;
}

static Assignment assign_mixed(const Graph *g, const SelectOptions *options)
{
    Assignment a = new_assignment(g, options);
    for (int i = 0; i < g->nodes.count; i++) take(&a, g->nodes.at[i], cheapest(&a, g->nodes.at[i]));
    return a;
}

/* ---- batch-blocked -------------------------------------------------------------------- */

static bool touches(const Node *n, bool (*is)(const Tensor *))
{
    for (int i = 0; i < n->in_count; i++)
        if (is(n->in[i])) return true;
    for (int i = 0; i < n->out_count; i++)
        if (is(n->out[i])) return true;
    return false;
}

static bool is_batched(const Tensor *t) { return t->batched; }

/* False where an operator on images has no such row, or there is nothing to compute.  Values are stored as
 * floats (passes/bf16_values.c), also those of nodes in NCHW. */
static bool assign_blocked(const Graph *g, const SelectOptions *options, Assignment *a)
{
    bool computes = false;
    *a = new_assignment(g, options);
    a->without |= VARIANT_BF16_PRODUCTS;
    if (g->batch % BATCH_BLOCK) return false;
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        bool image = touches(n, tensor_is_image);
        Choice c;
        if (!touches(n, is_batched) || !select_find(a, n, LAYOUT_NCHW16N, &c)) {
            if (image) return false;
            select_find(a, n, LAYOUT_NCHW, &c);
        }
        take(a, n, c);
        computes = computes || (image && node_macs(n) > 0);
    }
    return computes;
}

/* ---- the pass ---------------------------------------------------------------------------- */

static void apply(Graph *g, const Assignment *a)
{
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        n->variant = a->choice[i].variant;
        n->layout = a->choice[i].layout;
    }
    for (int i = 0; i < g->tensors.count; i++) ((Tensor *)g->tensors.at[i])->layout = a->layout[i];
}

void pass_select(Graph *g, const SelectOptions *options)
{
    Assignment mixed = assign_mixed(g, options), blocked;
    bool blocks = assign_blocked(g, options, &blocked) && blocked.cost <= mixed.cost;
    apply(g, blocks ? &blocked : &mixed);
    if (blocks) g->batch_multiple = BATCH_BLOCK;
}
