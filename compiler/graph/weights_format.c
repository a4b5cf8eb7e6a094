/*
 * The number format in which the weights of layers are stored.
 *
 * It is a property of the parameter: the model's block holds it in that format, the plain form
 * reads it as a float, and variants have kernels that read it as it is (Variant.weights), or get
 * a widened copy (passes/legalize.c).
 */
#include "graph/graph.h"

static bool is_weights(const Node *n, int index) { return n->op->traits & OP_WEIGHTED && index == 1; }

/* An orthogonal matrix is made in place, vector by vector, which takes all of its digits. */
static bool may_be_narrow(const Tensor *t)
{
    return t->kind == TENSOR_PARAM && (t->values || t->init.kind != INIT_ORTHOGONAL);
}

void graph_set_weights(Graph *g, DType format)
{
    bool *other = arena_alloc(g->compilation->arena, (size_t)(g->tensors.count + 1) * sizeof *other);
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) other[n->in[k]->id] = other[n->in[k]->id] || !is_weights(n, k);
    }
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        if (n->in_count > 1 && is_weights(n, 1) && !other[n->in[1]->id] && may_be_narrow(n->in[1]))
            n->in[1]->dtype = format;
    }
}
