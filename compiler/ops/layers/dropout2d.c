/*
 * dropout2d: while training, a whole channel of a sample becomes 0 with probability
 * p (Tompson et al., "Efficient Object Localization Using Convolutional Networks",
 * 2015); PyTorch's Dropout2d.  Of a vector every feature is a channel.
 */
#include "ops/shared/drop.h"
#include "ops/shared/elementwise.h"

static const Op dropout2d_training = {
    .name = "dropout2d.training",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .uses = USES_SEED,
    .attrs = drop_attrs,
    .attrs_size = sizeof(DropAttrs),
    .in = elementwise_in,
    .out = drop_training_out,
    .shape = drop_channels_shape,
    .grad = drop_grad,
    .plain = drop_training_plain,
};

const Op op_dropout2d = {
    .name = "dropout2d",
    .summary = "drops whole channels while training",
    .formula = "y[c] = x[c] / (1 - p) with probability 1 - p, else 0; at inference y = x",
    .class = OP_LAYER,
    .traits = OP_VIEW,
    .attrs = drop_attrs,
    .attrs_size = sizeof(DropAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .training = &dropout2d_training,
};
