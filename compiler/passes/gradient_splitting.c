/*
 * Large gradients in parts: a parameter's gradient that nothing but its update reads
 * need not exist as a whole.  Rows of it are computed, applied, and forgotten; the
 * next ones take their place in memory.  Of a VGG's first dense layer that is 411 MB.
 *
 * An optimizer's step is element by element, so that it can be taken for a part of
 * the parameter and its states alone; so is the sum over micro-batches.
 */
#include "passes/passes.h"

enum { LARGE = 4 << 20, PART = 2 << 20 }; /* elements */

typedef struct Splitter {
    Graph *graph;
    Arena *arena;
    int *uses;     /* by tensor id */
    Node **update; /* by node id: the step or sum that is the only user of the node's gradient, or NULL */
    List nodes;    /* of Node: the program as it will be */
} Splitter;

static bool takes_any_part(const Op *op) { return op->class == OP_OPTIMIZER || op->traits & OP_SPLITTABLE; }

/* The node's output is a large gradient that the step alone reads. */
static bool splits(const Splitter *s, const Node *n, const Node *update)
{
    const Tensor *gradient = n->out_count == 1 ? n->out[0] : NULL;
    if (!gradient || !n->op->rows || !takes_any_part(update->op) || update->out_count) return false;
    if (shape_count(gradient->shape) < LARGE || s->uses[gradient->id] != 1 || gradient->batched) return false;
    for (int i = 1; i < update->in_count; i++) {
        if (shape_count(update->in[i]->shape) != shape_count(gradient->shape)) return false;
    }
    return update->in[0] == gradient;
}

static void find_updates(Splitter *s)
{
    Graph *g = s->graph;
    for (int i = 0; i < g->nodes.count; i++) {
        const Node *n = g->nodes.at[i];
        for (int k = 0; k < n->in_count; k++) s->uses[n->in[k]->id]++;
    }
    for (int i = 0; i < g->gradients.count; i++) s->uses[((ParamGrad *)g->gradients.at[i])->gradient->id]++;
    for (int i = 0; i < g->nodes.count; i++) {
        Node *n = g->nodes.at[i], *made = n->in_count ? n->in[0]->producer : NULL;
        if (made && splits(s, made, n)) s->update[made->id] = n;
    }
}

static void add(Splitter *s, Node *n)
{
    s->graph->nodes.count--; /* it stands in the new list instead */
    list_push(s->arena, &s->nodes, n);
}

/* Rows first … first + count of the gradient, and their step. */
static void add_part(Splitter *s, const Node *n, const Node *update, int64_t first, int64_t count)
{
    Graph *g = s->graph;
    int64_t row = shape_count(n->out[0]->shape) / n->out[0]->shape.dim[0];
    Node *part = n->op->rows(g, n, first, count);
    add(s, part);
    Node *step = graph_node(g, update->op, update->attrs, update->name, update->span);
    step->origin = update->origin;
    node_in(g, step, part->out[0]);
    for (int i = 1; i < update->in_count; i++)
        node_in(g, step, graph_slice(g, update->in[i], first * row, count * row));
    step->data_count = update->data_count;
    add(s, step);
}

static void add_parts(Splitter *s, const Node *n, const Node *update)
{
    int64_t rows = n->out[0]->shape.dim[0], row = shape_count(n->out[0]->shape) / rows;
    int64_t parts = (rows * row + PART - 1) / PART;
    if (parts > rows) parts = rows;
    for (int64_t i = 0; i < parts; i++) {
        int64_t first = rows * i / parts;
        add_part(s, n, update, first, rows * (i + 1) / parts - first);
    }
}

void pass_gradient_splitting(Graph *g)
{
    Arena *arena = g->compilation->arena;
    Splitter s = {.graph = g,
                  .arena = arena,
                  .uses = arena_alloc(arena, (size_t)(g->tensors.count + 1) * sizeof(int)),
                  .update = arena_alloc(arena, (size_t)(g->nodes.count + 1) * sizeof(Node *))};
    int count = g->nodes.count;
    find_updates(&s);
    for (int i = 0; i < count; i++) {
        Node *n = g->nodes.at[i], *made = n->in_count ? n->in[0]->producer : NULL;
        if (s.update[n->id]) continue; /* in parts, where its step was */
        if (made && s.update[made->id] == n)
            add_parts(&s, made, n);
        else
            list_push(arena, &s.nodes, n);
    }
    g->nodes = s.nodes;
    for (int i = 0; i < g->nodes.count; i++) ((Node *)g->nodes.at[i])->id = i;
    bool *none = arena_alloc(arena, (size_t)g->nodes.count + 1);
    pass_compact(g, none);
}
