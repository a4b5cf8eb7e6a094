/*
 * The invariants of a graph, checked after every stage that makes or changes
 * one.  A violation is a bug of the compiler: it is named and the process aborts.
 */
#include "graph/graph.h"

#include <stdlib.h>

static _Noreturn void broken(const Graph *g, const Node *n, const char *what)
{
    fprintf(stderr, "nnc: bug: in %s, node %d (%s %s): %s\n", g->name, n->id, n->op->name, n->name, what);
    abort();
}

static void require(bool holds, const Graph *g, const Node *n, const char *what)
{
    if (!holds) broken(g, n, what);
}

static void verify_node(const Graph *g, const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        const Tensor *t = n->in[i];
        require(g->tensors.at[t->id] == t, g, n, "an input belongs to another graph");
        require(!t->producer || t->producer->id < n->id, g, n, "an input is made after its use");
    }
    for (int i = 0; i < n->out_count; i++) {
        const Tensor *t = n->out[i];
        require(g->tensors.at[t->id] == t, g, n, "an output belongs to another graph");
        require(t->producer == n, g, n, "an output names another producer");
        require(t->kind == TENSOR_LOCAL || t->kind == TENSOR_PREPACKED, g, n, "an output is not local");
    }
    require(n->phase == PHASE_EACH || g->micro_batches > 1, g, n, "it waits for micro-batches that there are not");
    bool is_view = n->op->traits & OP_VIEW;
    require(n->op->plain || n->variant || is_view || n->op->collective, g, n, "the operator cannot be emitted");
    require(!n->variant || n->variant->layouts >> n->layout & 1, g, n, "its variant does not serve its layout");
    require(!is_view || shape_count(n->in[0]->shape) == shape_count(n->out[0]->shape), g, n,
            "a view changes the count");
}

void graph_verify(const Graph *g)
{
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        require(n->id == i, g, n, "its id is not its position");
        require(i == 0 || ((const Node *)g->nodes.at[i - 1])->phase <= n->phase, g, n, "its phase is over");
        verify_node(g, n);
    }
}
