/*
 * What is known of the derivatives without numbers: the slope of each activation, and
 * linear layers that follow each other with nothing between them.
 *
 * The slope of an element-wise function is the least upper bound of |dy/dx|: 1/4 for
 * sigmoid, 1 for tanh and relu.  Along a path the activations alone scale a gradient by at
 * most the product of their slopes; of the net the largest product of all paths counts.
 *
 * Two layers with weights and nothing but views between them are one linear map: they
 * represent no more functions than one layer does.  A factorisation is meant so (a depthwise
 * and a pointwise convolution); elsewhere an activation is missing.
 */
#include <math.h>

#include "report/analysis_stages.h"

/* ---- slopes ------------------------------------------------------------------------ */

static Known layer_slope(const Node *n)
{
    if (!n->op->slope) return unknown("it is no element-wise function");
    double slope = n->op->slope(n);
    return isfinite(slope) ? known(slope) : unknown("the derivative has no bound");
}

/* The largest product of all paths; a layer that is no activation counts as 1. */
static Known largest_product(const Analysis *a)
{
    const Graph *net = a->net;
    double *product = arena_alloc(net->compilation->arena, (size_t)net->tensors.count * sizeof *product);
    product[net->output->id] = 1;
    for (int i = a->layer_count - 1; i >= 0; i--) {
        const Node *n = a->layers[i].node;
        if (a->layers[i].part != LAYER_MAIN) continue;
        double here = 0;
        for (int k = 0; k < n->out_count; k++) here = fmax(here, product[n->out[k]->id]);
        if (n->op->slope && here > 0) here *= n->op->slope(n);
        for (int k = 0; k < n->data_count; k++) product[n->in[k]->id] = fmax(product[n->in[k]->id], here);
    }
    double most = 0;
    for (int i = 0; i < net->inputs.count; i++) most = fmax(most, product[((Tensor *)net->inputs.at[i])->id]);
    return isfinite(most) ? known(most) : unknown("the derivative of an activation has no bound");
}

/* ---- linear pairs ------------------------------------------------------------------- */

static int *count_uses(const Analysis *a)
{
    int *uses = arena_alloc(a->net->compilation->arena, (size_t)a->net->tensors.count * sizeof *uses);
    for (int i = 0; i < a->layer_count; i++) {
        const Node *n = a->layers[i].node;
        for (int k = 0; k < n->data_count; k++) uses[n->in[k]->id]++;
    }
    return uses;
}

static bool is_linear_view(const Op *op) { return op->traits & OP_VIEW && !(op->traits & OP_OWN_GRADIENT); }

/* The layer with weights whose result alone is all that `n` sees, or NULL. */
static const Node *linear_source(const Node *n, const int *uses)
{
    const Tensor *t = n->in[0];
    while (t->producer && uses[t->id] == 1 && is_linear_view(t->producer->op)) t = t->producer->in[0];
    if (!t->producer || uses[t->id] != 1) return NULL;
    return t->producer->op->traits & OP_WEIGHTED ? t->producer : NULL;
}

static void find_linear_pairs(Analysis *a)
{
    Arena *arena = a->net->compilation->arena;
    const int *uses = count_uses(a);
    for (int i = 0; i < a->layer_count; i++) {
        const LayerReport *l = &a->layers[i];
        if (l->part != LAYER_MAIN || !(l->node->op->traits & OP_WEIGHTED)) continue;
        const Node *source = linear_source(l->node, uses);
        if (!source) continue;
        LinearPair *pair = arena_alloc(arena, sizeof *pair);
        *pair = (LinearPair){&a->layers[source->id], l};
        list_push(arena, &a->linear_pairs, pair);
    }
}

void analyse_slopes(Analysis *a)
{
    for (int i = 0; i < a->layer_count; i++) {
        LayerReport *l = &a->layers[i];
        l->slope = layer_slope(l->node);
        for (int k = 0; k < l->node->out_count; k++) l->jacobian[0] += shape_count(l->node->out[k]->shape);
        for (int k = 0; k < l->node->data_count; k++) l->jacobian[1] += shape_count(l->node->in[k]->shape);
    }
    a->slope_product = largest_product(a);
    find_linear_pairs(a);
}
