/*
 * trace: entry points whose values can be read.
 *
 * Enters: a node that was called.  Leaves: a copy of everything that it wrote, before the
 * memory is used again; of the gradient of an element-wise function also its local
 * derivative, by one more call of the same function with a gradient of ones.
 */
#include "emit/entry_point.h"

/* It multiplies in[0] = dL/dy by dy/dx, element by element, and may do so in place. */
static bool is_slope(const Node *n)
{
    const Op *forward = n->origin->op;
    return n->op->class == OP_INTERNAL && n->origin != n && forward->slope && n->op->traits & OP_INPLACE &&
           n->in[0]->batched && n->out[0]->batched && shape_equal(n->in[0]->shape, n->out[0]->shape);
}

static void add_traced_value(Arena *arena, List *values, TracedValue value)
{
    TracedValue *v = arena_alloc(arena, sizeof *v);
    *v = value;
    list_push(arena, values, v);
}

static List values_of_node(Arena *arena, const Node *n)
{
    List values = {0};
    for (int i = 0; i < n->out_count; i++) add_traced_value(arena, &values, (TracedValue){n, n->out[i], false});
    for (int i = 0; i < n->in_count; i++)
        if (node_mutates(n, i)) add_traced_value(arena, &values, (TracedValue){n, n->in[i], false});
    if (is_slope(n)) add_traced_value(arena, &values, (TracedValue){n, n->out[0], true});
    return values;
}

List trace_values(Arena *arena, const Graph *program)
{
    List all = {0};
    for (int i = 0; i < program->nodes.count; i++) {
        const Node *n = program->nodes.at[i];
        const List of_node = node_is_called(n) ? values_of_node(arena, n) : (List){0};
        for (int k = 0; k < of_node.count; k++) list_push(arena, &all, of_node.at[k]);
    }
    return all;
}

static void write_slope(EntryPoint *p, const Node *n)
{
    const Function *f = function_for(p->e, p->program, n);
    text_addf(&p->text, "    %s(seen[%d]", f->name, p->copies);
    for (int i = 1; i < n->in_count; i++) text_addf(&p->text, ", %s", statement_argument(p, n, f, i));
    text_addf(&p->text, ", seen[%d]", p->copies);
    statement_write_scalars(p, n);
    text_add(&p->text, ");\n");
}

void trace_write_copies(EntryPoint *p, const Node *n)
{
    const List values = values_of_node(p->e->arena, n);
    entry_point_uses(p, NAME_SEEN);
    for (int i = 0; i < values.count; i++, p->copies++) {
        const TracedValue *v = values.at[i];
        if (v->slope) {
            write_slope(p, n);
            continue;
        }
        text_addf(&p->text, "    memcpy(seen[%d], %s, %lld);\n", p->copies,
                  plain_argument(p, v->tensor, false, (ArrayShape){0}),
                  (long long)tensor_bytes(v->tensor, p->program->batch));
    }
}
