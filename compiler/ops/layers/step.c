/*
 * step: y = 1 for x ≥ at, 0 otherwise: the unit of the perceptron (Rosenblatt
 * 1958).
 *
 * Its derivative is 0 wherever there is one, so nothing before it can be
 * trained; it has no gradient rule.
 */
#include "ops/shared/elementwise.h"

typedef struct StepAttrs {
    double at;
} StepAttrs;

static const Attr step_attrs[] = {
    {"at", ATTR_REAL, offsetof(StepAttrs, at), "0", 0, 0, NULL},
    {0},
};

static void step_plain(Writer *w, const Node *n)
{
    const StepAttrs *a = n->attrs;
    writer_bind_real(w, "at", a->at);
    elementwise_forward(w, n, "$x >= $at ? 1 : 0");
}

static void step_emit(Writer *w, const Node *n)
{
    writer_bind_real(w, "at", ((const StepAttrs *)n->attrs)->at);
    elementwise_emit(w, n, "nn_step", "$at, ");
}

static const Variant step_variants[] = {{.name = "simd",
                                         .layouts = IN_ANY_LAYOUT,
                                         .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                         .emit = step_emit,
                                         .kernel = "piecewise"},
                                        {0}};

const Op op_step = {
    .name = "step",
    .summary = "1 from a value on, 0 below it; not trainable through",
    .formula = "y = x >= at ? 1 : 0",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_ZERO_GRADIENT,
    .attrs = step_attrs,
    .attrs_size = sizeof(StepAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_zero,
    .plain = step_plain,
    .variants = step_variants,
};
