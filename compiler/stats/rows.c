/*
 * The layers that statistics are kept of, and the values of a program that belong to them.
 *
 * A program's tensors have the names of the net's: NODE.y of a layer's result, PATH.weight of a
 * parameter.  What a pass has fused is not there, and what a layer computes again for the
 * backward pass counts once.
 */
#include <string.h>

#include "stats/parts.h"

static bool has_trained_params(const Node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]->kind == TENSOR_PARAM && n->in[i]->trainable) return true;
    return false;
}

static bool has_statistics(const Node *n)
{
    if (n->op->traits & (OP_VIEW | OP_SOURCE)) return false;
    return has_trained_params(n) || n->op->slope || n->op->traits & OP_RECTIFIES;
}

static void add_names(LayerTable *table, LayerStats *layer)
{
    const Node *n = layer->node;
    map_put(table->by_name, n->name, layer);
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]->kind == TENSOR_PARAM && !map_get(table->by_name, n->in[i]->name))
            map_put(table->by_name, n->in[i]->name, layer);
}

static int64_t units_of(const Node *n)
{
    const Shape s = n->out[0]->shape;
    return s.rank ? s.dim[0] : 1;
}

LayerTable layer_table(Graph *net)
{
    Arena *arena = net->compilation->arena;
    LayerTable table = {.by_name = map_new(arena)};
    table.layer = arena_alloc(arena, (size_t)(net->nodes.count + 1) * sizeof *table.layer);
    for (int i = 0; i < net->nodes.count; i++) {
        const Node *n = net->nodes.at[i];
        if (!has_statistics(n)) continue;
        LayerStats *layer = &table.layer[table.count++];
        *layer = (LayerStats){.node = n, .units = units_of(n)};
        if (n->op->traits & OP_RECTIFIES) layer->active = arena_alloc(arena, (size_t)layer->units);
        add_names(&table, layer);
    }
    return table;
}

/* conv1.y → conv1 */
static const LayerStats *layer_of_result(Arena *arena, const LayerTable *table, const Tensor *t)
{
    const char *dot = strrchr(t->name, '.');
    return dot ? map_get(table->by_name, arena_strndup(arena, t->name, (size_t)(dot - t->name))) : NULL;
}

static bool is_forward_call(const Node *n)
{
    return n->origin == n && n->op->class != OP_LOSS && n->op->class != OP_OPTIMIZER;
}

static ValueUse use_of_result(Arena *arena, const LayerTable *table, const WatchedValue *v, int64_t batch)
{
    const Tensor *t = v->tensor;
    const LayerStats *layer = layer_of_result(arena, table, t);
    if (!layer || !is_forward_call(v->node) || v->node->out[0] != t || !t->batched ||
        !shape_equal(t->shape, layer->node->out[0]->shape))
        return (ValueUse){0};
    return (ValueUse){.role = ROLE_RESULT,
                      .layer = (int)(layer - table->layer),
                      .count = tensor_count(t, batch),
                      .layout = unit_layout(t, batch)};
}

static ValueUse use_of_update(const LayerTable *table, const WatchedValue *v)
{
    const Tensor *param = v->node->in[1];
    const LayerStats *layer = map_get(table->by_name, (param->slice_of ? param->slice_of : param)->name);
    const bool gradient = v->before && v->tensor == v->node->in[0];
    if (!layer || (v->tensor != param && !gradient)) return (ValueUse){0};
    return (ValueUse){.role = gradient    ? ROLE_GRADIENT
                              : v->before ? ROLE_WEIGHT
                                          : ROLE_UPDATED,
                      .layer = (int)(layer - table->layer),
                      .count = tensor_count(v->tensor, 1)};
}

ValueUse *value_uses(Arena *arena, const LayerTable *table, const Graph *program)
{
    const List values = watch_values(arena, program);
    ValueUse *uses = arena_alloc(arena, (size_t)(values.count + 1) * sizeof *uses);
    bool *seen = arena_alloc(arena, (size_t)(table->count + 1) * sizeof *seen);
    for (int i = 0; i < values.count; i++) {
        const WatchedValue *v = values.at[i];
        uses[i] = v->node->op->class == OP_OPTIMIZER ? use_of_update(table, v)
                                                     : use_of_result(arena, table, v, program->batch);
        if (uses[i].role != ROLE_RESULT) continue;
        if (seen[uses[i].layer]) uses[i].role = ROLE_NONE;
        seen[uses[i].layer] = true;
    }
    return uses;
}
