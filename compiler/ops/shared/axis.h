/*
 * Operators along one axis of a value, whatever its rank: the value is [outer][size][inner], and of
 * the emitted loops outer belongs to the samples, $N$outer of [size][inner].
 */
#ifndef NNC_OPS_SHARED_AXIS_H
#define NNC_OPS_SHARED_AXIS_H

#include "graph/graph.h"

typedef struct AxisAttrs {
    int64_t axis; /* 0 where it is not given */
} AxisAttrs;

extern const Attr axis_attrs[];

/* Makes of an axis that counts from the end, −1 the last, one that counts from 0.  A user's error
 * where the input does not have it. */
bool axis_resolve(Graph *, const Node *, int64_t *axis);

/* Op.window: along the axis an element depends on all. */
void axis_window(const Node *, int axis, Window *);

/* Binds $outer to " * 5", or to "" of 1: a factor of $N. */
void axis_bind_outer(Writer *, int64_t outer);

/* The node's input around its axis (AxisAttrs) as an image of [size][inner], whose samples are $N$outer; binds
 * $outer. */
Shape axis_bind(Writer *, const Node *);

#endif
