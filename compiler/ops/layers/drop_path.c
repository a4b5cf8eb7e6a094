/*
 * drop_path: while training, the whole sample becomes 0 with probability p, before it
 * is added to a shortcut: stochastic depth (Huang et al., "Deep Networks with
 * Stochastic Depth", 2016), as torchvision's StochasticDepth with mode="row".
 */
#include "ops/shared/drop.h"
#include "ops/shared/elementwise.h"

static const Op drop_path_training = {
    .name = "drop_path.training",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .uses = USES_SEED,
    .attrs = drop_attrs,
    .attrs_size = sizeof(DropAttrs),
    .in = elementwise_in,
    .out = drop_training_out,
    .shape = drop_samples_shape,
    .grad = drop_grad,
    .plain = drop_training_plain,
};

const Op op_drop_path = {
    .name = "drop_path",
    .summary = "drops whole samples while training (stochastic depth)",
    .formula = "y = x / (1 - p) with probability 1 - p, else 0; at inference y = x",
    .class = OP_LAYER,
    .traits = OP_VIEW,
    .attrs = drop_attrs,
    .attrs_size = sizeof(DropAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .training = &drop_path_training,
};
