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

/* What is known of a net when it has been planned: bytes of the model and its scratch memory
 * for the batch, −1 of training without a train section. */
typedef struct NetMetrics {
    int64_t flops, depth;
    int64_t model_bytes; /* of the model's block for inference */
    int64_t infer_bytes, train_bytes;
    int64_t flash_bytes, ram_bytes; /* of inference on a machine without kernels; −1: none is asked for */
} NetMetrics;

/* Checks the expectations of Graph.budgets, which name these; false after a diagnostic. */
bool budgets_check(const Graph *net, const NetMetrics *);

/* The net `name` (NULL: the only one of the file), or NULL after an error. */
Graph *elaborate(Compilation *, const File *, const char *name, const List *defines /* of Define */);

#endif
