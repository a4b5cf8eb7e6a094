/*
 * passes: transformations of a program, between its making and its plan.
 *
 * Each takes a verified program and leaves one that computes the same (up to
 * rounding where it says so); graph_verify holds again after each.
 */
#ifndef NNC_PASSES_H
#define NNC_PASSES_H

#include "graph/graph.h"

/* At inference: lets an operator with a fused form do what follows it (a
 * batchnorm by its running statistics, a sum, a relu) while its result is still
 * in registers or cache.  Rounding differs, since the batchnorm becomes one
 * multiplication and addition.  Requires the fast form. */
void pass_fuse(Graph *);

/* Drops the nodes that are marked in `dropped`, by node id, and the tensors that
 * nothing names any more; renumbers the rest. */
void pass_compact(Graph *, const bool *dropped);

#endif
