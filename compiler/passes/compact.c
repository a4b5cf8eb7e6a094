/* Taking nodes out of a program: positions are ids, so the rest moves up. */
#include "graph/rewrite.h"
#include "passes/passes.h"

void pass_compact(Graph *g, const bool *dropped)
{
    for (int i = 0; i < g->nodes.count; i++) ((Node *)g->nodes.at[i])->id = i;
    GraphRewriter *r = rewriter_begin(g);
    for (int i = 0; i < g->nodes.count; i++) {
        if (dropped[i]) rewriter_erase(r, g->nodes.at[i]);
    }
    rewriter_end(r);
}
