/*
 * Reverse-mode differentiation on the graph.
 *
 * Enters: a program's forward nodes and the gradients of its ends.  Leaves: the
 * nodes of the backward pass behind them.  Each operator says in its `grad` what
 * nodes its gradient is; here stands the rest: which tensors are worth a
 * gradient at all (something trainable is behind them), and the sum where a
 * value was used more than once.
 */
#include "autodiff/backward.h"

#include <assert.h>
#include <string.h>

#include "autodiff/differentiate.h"

struct Backward {
    Graph *graph;
    int tensor_count; /* of the forward part: ids below this */
    bool *wanted;     /* by tensor id */
    List *shares;     /* by tensor id: one gradient per use */
};

/* Its gradient is a view of dy, too. */
static bool is_plain_view(const Op *op) { return op->traits & OP_VIEW && !(op->traits & OP_OWN_GRADIENT); }

static bool any_input_wanted(const Backward *b, const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        if (b->wanted[n->in[i]->id]) return true;
    }
    return false;
}

static void find_wanted(Backward *b, bool input_wanted)
{
    Graph *g = b->graph;
    for (int i = 0; i < b->tensor_count; i++) {
        const Tensor *t = g->tensors.at[i];
        b->wanted[i] = (t->kind == TENSOR_PARAM && t->trainable) || (t->kind == TENSOR_INPUT && input_wanted);
    }
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        bool passes = n->op->grad || is_plain_view(n->op);
        if (!passes || !any_input_wanted(b, n)) continue;
        for (int k = 0; k < n->out_count; k++) b->wanted[n->out[k]->id] = true;
    }
}

Backward *backward_new(Graph *g, bool input_wanted)
{
    Arena *arena = g->compilation->arena;
    Backward *b = arena_alloc(arena, sizeof *b);
    b->graph = g;
    b->tensor_count = g->tensors.count;
    b->wanted = arena_alloc(arena, (size_t)b->tensor_count * sizeof *b->wanted);
    b->shares = arena_alloc(arena, (size_t)b->tensor_count * sizeof *b->shares);
    find_wanted(b, input_wanted);
    return b;
}

Graph *backward_graph(Backward *b) { return b->graph; }

bool backward_wants(const Backward *b, const Tensor *t) { return t->id < b->tensor_count && b->wanted[t->id]; }

void backward_give(Backward *b, Tensor *t, Tensor *gradient)
{
    assert(t->id < b->tensor_count);
    assert(shape_equal(t->shape, gradient->shape) && t->batched == gradient->batched);
    list_push(b->graph->compilation->arena, &b->shares[t->id], gradient);
}

Tensor *backward_of(Backward *b, Tensor *t)
{
    Graph *g = b->graph;
    List *shares = &b->shares[t->id];
    if (shares->count == 0) return NULL;
    if (shares->count > 1) {
        const char *name = t->producer ? t->producer->name : t->name;
        Node *sum = graph_node(g, op_find("add", OP_COMBINE), NULL, name, t->span);
        sum->origin = t->producer ? t->producer : sum;
        for (int i = 0; i < shares->count; i++) node_in(g, sum, shares->at[i]);
        sum->data_count = sum->in_count;
        node_out(g, sum, t->shape);
        shares->count = 0;
        list_push(g->compilation->arena, shares, sum->out[0]);
    }
    return t->gradient = shares->at[0];
}

Node *backward_node(Backward *b, const Op *op, const Node *forward)
{
    Node *n = graph_node(b->graph, op, forward->attrs, forward->name, forward->span);
    n->origin = forward;
    n->scale = forward->scale;
    return n;
}

void backward_give_by(Backward *b, const Op *op, const Node *n, int input, int others, Tensor *const *other)
{
    Tensor *of = n->in[input];
    if (!backward_wants(b, of)) return;
    Node *d = backward_node(b, op, n);
    node_in(b->graph, d, backward_of(b, n->out[0]));
    for (int i = 0; i < others; i++) node_in(b->graph, d, other[i]);
    backward_give(b, of, node_out_as(b->graph, d, b->graph->real, of->batched, of->shape));
}

/* A view's gradient is a view of the gradient. */
static void visit_view(Backward *b, const Node *n)
{
    if (!backward_wants(b, n->in[0])) return;
    Tensor *dy = backward_of(b, n->out[0]);
    if (shape_equal(dy->shape, n->in[0]->shape)) {
        backward_give(b, n->in[0], dy);
        return;
    }
    Node *d = backward_node(b, n->op, n);
    node_in(b->graph, d, dy);
    backward_give(b, n->in[0], node_out(b->graph, d, n->in[0]->shape));
}

void backward_visit(Backward *b, const Node *n)
{
    if (!any_input_wanted(b, n)) return;
    if (n->out_count == 0) return; /* a sum over micro-batches */
    bool is_loss = n->op->class == OP_LOSS;
    if (!is_loss && b->shares[n->out[0]->id].count == 0) return;
    if (!is_loss) backward_of(b, n->out[0]); /* a sum of shares stands before the nodes that use it */
    if (is_plain_view(n->op)) {
        visit_view(b, n);
    } else if (n->op->grad) {
        n->op->grad(b, n);
    }
}
