/* Operators by name. */
#include "graph/op.h"

#include <string.h>

const Op *op_find(const char *name, OpClass class)
{
    for (int i = 0; i < op_table_count; i++)
        if (op_table[i]->class == class && strcmp(op_table[i]->name, name) == 0) return op_table[i];
    return NULL;
}

LossTarget op_loss_target(const Op *loss, const void *attrs, Shape scores)
{
    return loss->target ? loss->target(attrs, scores) : (LossTarget){.shape = scores};
}

const char *op_nearest(Compilation *c, const char *name, OpClass class)
{
    const char **names = arena_alloc(c->arena, (size_t)(op_table_count + 1) * sizeof *names);
    int count = 0;
    for (int i = 0; i < op_table_count; i++)
        if (op_table[i]->class == class) names[count++] = op_table[i]->name;
    return nearest_name(name, names, count);
}
