/*
 * Tensors of a program that is being built: those of the net, and what micro-batches add up.
 */
#include "autodiff/program_parts.h"
#include "autodiff/training.h"

Tensor *build_copy(Build *b, Tensor *t)
{
    if (b->copy[t->id]) return b->copy[t->id];
    Tensor *made = graph_tensor(b->graph, t->kind, t->dtype, t->batched, t->shape, t->name, t->span);
    int id = made->id;
    *made = *t;
    made->id = id;
    made->model = t;
    made->producer = NULL;
    b->copy[t->id] = made;
    return made;
}

/* What the micro-batches make of it, added up. */
Tensor *build_summed(Build *b, Tensor *t, const char *name)
{
    Graph *g = b->graph;
    if (g->micro_batches == 1) return t;
    ZeroAttrs *attrs = arena_alloc(b->arena, sizeof *attrs);
    attrs->shape = t->shape;
    Node *zero = graph_node(g, op_find("zero", OP_INTERNAL), attrs, name, t->span);
    zero->phase = PHASE_BEFORE;
    zero->op->shape(g, zero);
    Node *n = graph_node(g, op_find("accumulate", OP_INTERNAL), NULL, name, t->span);
    node_in(g, n, t);
    node_in(g, n, zero->out[0]);
    n->op->shape(g, n);
    return zero->out[0];
}
