/*
 * sign: y = 1 for x > 0, −1 for x < 0, otherwise 0; NaN gives 0, as in PyTorch.
 *
 * Its derivative is 0 wherever there is one, so nothing before it can be trained;
 * it has no gradient rule.
 */
#include "ops/shared/elementwise.h"

static void sign_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "($real)(($x > 0) - ($x < 0))"); }

const Op op_sign = {
    .name = "sign",
    .summary = "-1, 0 or 1; not trainable through",
    .formula = "y = x > 0 ? 1 : x < 0 ? -1 : 0",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_ZERO_GRADIENT,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_zero,
    .plain = sign_plain,
};
