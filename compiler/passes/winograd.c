/*
 * Forms with fewer multiplications: where an operator has one that pays for its
 * shapes and batch, the node becomes it, with memory to work in as a last output.
 */
#include "passes/passes.h"

void pass_winograd(Graph *g, bool constant_weights)
{
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        const Op *op = n->op->winograd ? n->op->winograd(n, g->batch, constant_weights) : NULL;
        if (!op) continue;
        n->op = op;
        if (op->work) node_out_as(g, n, DTYPE_REAL, false, shape_vector(op->work(n)));
    }
    graph_verify(g);
}
