/*
 * stop_gradient: y = x, and no gradient goes back; PyTorch's detach.
 *
 * The value itself: no memory and no code.  What is before it is trained only
 * through other uses.
 */
#include "ops/shared/elementwise.h"

const Op op_stop_gradient = {
    .name = "stop_gradient",
    .summary = "the value itself, without its gradient",
    .formula = "y = x; dx = 0",
    .class = OP_LAYER,
    .traits = OP_VIEW | OP_OWN_GRADIENT,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
};
