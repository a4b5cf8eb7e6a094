/*
 * identity: y = x.  The value itself: no memory and no code, and its gradient is
 * dy.  It gives a place in a net a label of its own.
 */
#include "ops/shared/elementwise.h"

const Op op_identity = {
    .name = "identity",
    .summary = "the value itself",
    .formula = "y = x",
    .class = OP_LAYER,
    .traits = OP_VIEW,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
};
