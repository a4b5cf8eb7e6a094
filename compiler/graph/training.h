/*
 * Attributes and names of the internal operators that stand between a gradient
 * and its update: regularize, clip_value, square_norm, clip_norm.
 */
#ifndef NNC_GRAPH_TRAINING_H
#define NNC_GRAPH_TRAINING_H

typedef struct RegularizeAttrs {
    double l1, l2;
} RegularizeAttrs;

typedef struct ClipAttrs { /* clip_value, clip_norm */
    double limit;
} ClipAttrs;

#endif
