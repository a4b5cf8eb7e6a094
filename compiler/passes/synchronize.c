/*
 * Synchronization: a program for a chunk of a batch has what mixes samples mix those of the batch.
 *
 * What is computed of all samples together becomes what a chunk computes of its own, an allreduce over
 * the chunks, and the rest (Op.in_chunks).  In the fast form and the plain one, before all other passes.
 */
#include "graph/rewrite.h"
#include "passes/passes.h"

void pass_synchronize(Graph *g)
{
    GraphRewriter *r = rewriter_begin(g);
    for (int i = 0, count = g->nodes.count; i < count; i++) {
        Node *n = g->nodes.at[i];
        if (n->op->in_chunks) n->op->in_chunks(r, n);
    }
    rewriter_end(r);
}
