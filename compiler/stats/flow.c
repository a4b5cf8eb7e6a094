/*
 * The gradients of the layers' results, as the backward pass of a step makes them.
 *
 * A result is known again by its name, NODE.y; a gradient that is a view of another one is seen
 * where that is made.  What a pass has fused away is not there.
 */
#include <string.h>

#include "stats/parts.h"

static Map *nodes_by_result(Arena *arena, const Graph *net)
{
    Map *map = map_new(arena);
    for (int i = 0; i < net->nodes.count; i++) {
        Node *n = net->nodes.at[i];
        if (n->out_count && n->out[0]->batched) map_put(map, n->out[0]->name, n);
    }
    return map;
}

/* Where its elements are made. */
static const Tensor *made_as(const Tensor *gradient)
{
    while (gradient->producer && gradient->producer->op->traits & OP_VIEW) gradient = gradient->producer->in[0];
    return gradient;
}

void flow_uses(Arena *arena, const Graph *net, const Graph *program, ValueUse *uses)
{
    const List values = watch_values(arena, program);
    Map *of_result = nodes_by_result(arena, net);
    ValueUse **use_of = arena_alloc(arena, (size_t)(program->tensors.count + 1) * sizeof(ValueUse *));
    memset(use_of, 0, (size_t)program->tensors.count * sizeof(ValueUse *));
    for (int i = 0; i < values.count; i++) {
        const WatchedValue *v = values.at[i];
        if (!v->before && v->tensor->batched && !use_of[v->tensor->id]) use_of[v->tensor->id] = &uses[i];
    }
    for (int i = 0; i < program->tensors.count; i++) {
        const Tensor *t = program->tensors.at[i];
        Node *n = t->gradient ? map_get(of_result, t->name) : NULL;
        ValueUse *use = n ? use_of[made_as(t->gradient)->id] : NULL;
        if (!use) continue;
        use->layout = unit_layout(made_as(t->gradient), program->batch);
        list_push(arena, &use->flow, n);
    }
}

void flow_add(FlowSum *flow, const ValueUse *use, const float *value)
{
    double sum = 0, squares = 0;
    values_add_moments(value, &use->layout, &sum, &squares);
    for (int i = 0; i < use->flow.count; i++) {
        FlowSum *to = &flow[((const Node *)use->flow.at[i])->id];
        to->squares += squares;
        to->count += use->layout.rows * use->layout.units * use->layout.run;
    }
}
