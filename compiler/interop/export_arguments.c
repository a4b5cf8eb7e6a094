/*
 * export_arguments: a layer's arguments by their names in the language, from the operator's table.
 */
#include <assert.h>
#include <string.h>

#include "interop/exporter.h"

static const Attr *attr_called(const Node *n, const char *name)
{
    for (const Attr *a = n->op->attrs; a && a->name; a++)
        if (strcmp(a->name, name) == 0) return a;
    return NULL;
}

bool argument_given(const Node *n, const char *name) { return attr_called(n, name) != NULL; }

/* Where the argument is in the node's struct. */
static const void *argument_at(const Node *n, const char *name, AttrType type)
{
    const Attr *a = attr_called(n, name);
    assert(a && a->type == type);
    return (const char *)n->attrs + a->offset;
}

int64_t argument_int(const Node *n, const char *name) { return *(const int64_t *)argument_at(n, name, ATTR_INT); }
double argument_real(const Node *n, const char *name) { return *(const double *)argument_at(n, name, ATTR_REAL); }
bool argument_flag(const Node *n, const char *name) { return *(const bool *)argument_at(n, name, ATTR_BOOL); }
Shape argument_shape(const Node *n, const char *name) { return *(const Shape *)argument_at(n, name, ATTR_SHAPE); }
const Reals *argument_reals(const Node *n, const char *name) { return argument_at(n, name, ATTR_REALS); }
const Init *argument_init(const Node *n, const char *name) { return argument_at(n, name, ATTR_INIT); }

Pair argument_pair(const Node *n, const char *name)
{
    if (attr_called(n, name)->type == ATTR_INT) return (Pair){1, argument_int(n, name)};
    return *(const Pair *)argument_at(n, name, ATTR_PAIR);
}

Pad argument_sides(const Node *n, const char *name)
{
    const Attr *a = attr_called(n, name);
    assert(a && (a->type == ATTR_PAD || a->type == ATTR_BOX));
    return *(const Pad *)argument_at(n, name, a->type);
}

const char *argument_symbol(const Node *n, const char *name)
{
    return attr_called(n, name)->symbols[*(const int *)argument_at(n, name, ATTR_SYMBOL)];
}
