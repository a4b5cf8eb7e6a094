/* Taking nodes out of a program: positions are ids, so the rest moves up. */
#include "passes/passes.h"

#include <assert.h>

bool is_program_io(const Graph *g, const Tensor *t)
{
    if (t == g->output || t == g->loss || t == g->input_gradient || t == g->target || t == g->output_gradient)
        return true;
    for (int i = 0; i < g->gradients.count; i++) {
        if (((const ParamGrad *)g->gradients.at[i])->gradient == t) return true;
    }
    return t->kind == TENSOR_INPUT;
}

static void compact_nodes(Graph *g, const bool *dropped)
{
    int kept = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i];
        if (dropped[i]) continue;
        n->id = kept;
        g->nodes.at[kept++] = n;
    }
    g->nodes.count = kept;
}

static void compact_tensors(Graph *g)
{
    bool *named = arena_alloc(g->compilation->arena, (size_t)(g->tensors.count + 1) * sizeof *named);
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) named[n->in[k]->id] = true;
        for (int k = 0; k < n->out_count; k++) named[n->out[k]->id] = true;
    }
    int kept = 0;
    for (int i = 0; i < g->tensors.count; i++) {
        Tensor *t = g->tensors.at[i];
        if (!named[i] && !is_program_io(g, t) && !tensor_in_model(t->kind)) continue;
        t->id = kept;
        g->tensors.at[kept++] = t;
    }
    g->tensors.count = kept;
}

void pass_compact(Graph *g, const bool *dropped)
{
    compact_nodes(g, dropped);
    compact_tensors(g);
    graph_verify(g);
}
