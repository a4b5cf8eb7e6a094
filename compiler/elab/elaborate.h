/*
 * Elaboration: syntax tree → net.  Blocks, loops and branches become nodes, and every size
 * becomes a number.
 */
#ifndef NNC_ELAB_ELABORATE_H
#define NNC_ELAB_ELABORATE_H

#include "front/front.h"
#include "graph/graph.h"

typedef struct Define { /* -D name=value */
    const char *name;
    Expr *value;
} Define;

/* The net `name` (NULL: the only one of the file), or NULL after an error. */
Graph *elaborate(Compilation *, const File *, const char *name, const List *defines /* of Define */);

#endif
