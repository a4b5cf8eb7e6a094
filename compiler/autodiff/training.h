/*
 * Attributes and names of the internal operators around the backward pass: zero for
 * sums over micro-batches, regularize, clip_value, square_norm, clip_norm between a
 * gradient and its update, target for one of several targets, and join for the gradients of
 * several inputs.
 */
#ifndef NNC_AUTODIFF_TRAINING_H
#define NNC_AUTODIFF_TRAINING_H

#include "graph/graph.h"

typedef struct ZeroAttrs {
    Shape shape;
} ZeroAttrs;

typedef struct RegularizeAttrs {
    double l1, l2;
} RegularizeAttrs;

typedef struct ClipAttrs { /* clip_value, clip_norm */
    double limit;
} ClipAttrs;

typedef struct TargetAttrs {
    int64_t row, offset; /* elements of a sample's row of targets; before this one */
    int64_t samples;     /* of all micro-batches; 0: of those that the node sees */
    bool classes;
    Shape shape; /* of the target, per sample */
} TargetAttrs;

typedef struct JoinAttrs {
    int count;            /* of the net's inputs */
    const int64_t *sizes; /* elements of each, per sample */
    const bool *given;    /* the node has an input for it; else its gradient is zero */
} JoinAttrs;

#endif
