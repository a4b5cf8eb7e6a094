/*
 * What inference makes of the model alone: packed weights, a batchnorm's scale and
 * shift.  It is the same in every pass, so it is made when parameters are set.
 */
#include "passes/passes.h"

static bool from_model(const Node *n)
{
    if (n->op->mutates || n->op->uses || n->in_count == 0) return false;
    for (int i = 0; i < n->in_count; i++) {
        TensorKind kind = n->in[i]->kind;
        if (kind != TENSOR_PARAM && kind != TENSOR_BUFFER && kind != TENSOR_PREPACKED) return false;
    }
    for (int i = 0; i < n->out_count; i++) {
        if (n->out[i]->batched || !dtype_is_computed(n->out[i]->dtype)) return false;
    }
    return true;
}

void pass_prepack(Graph *g)
{
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        if (!from_model(n)) continue;
        for (int k = 0; k < n->out_count; k++) n->out[k]->kind = TENSOR_PREPACKED;
    }
    graph_verify(g);
}
