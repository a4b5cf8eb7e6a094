/*
 * groupnorm: each group of channels of a sample is brought to mean 0 and
 * variance 1, PyTorch's GroupNorm (Wu and He 2018).
 *
 *   y = (x − mean_g) / sqrt(var_g + eps) · weight[c] + bias[c]
 *
 * The statistics are those of group g of the sample, var without Bessel's
 * correction; gradients stand in ops/shared/norm.c.  A vector's features are channels of
 * one element.
 */
#include "ops/shared/norm.h"

static const Attr groupnorm_attrs[] = {
    {"groups", ATTR_INT, offsetof(NormAttrs, groups), NULL, 1, 1e9, NULL},
    {"eps", ATTR_REAL, offsetof(NormAttrs, eps), "1e-5", 0, 1e9, NULL},
    {"affine", ATTR_BOOL, offsetof(NormAttrs, affine), "yes", 0, 0, NULL},
    {0},
};

static const Variant groupnorm_training_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .traits = VARIANT_ANY_BATCH, .emit = norm_emit, .kernel = "norm"}, {0}};

static const Op groupnorm_training = {
    .name = "groupnorm.training",
    .class = OP_INTERNAL,
    .attrs = groupnorm_attrs,
    .attrs_size = sizeof(NormAttrs),
    .in = norm_in,
    .out = norm_training_out,
    .shape = norm_training_shape,
    .params = norm_params,
    .window = norm_window,
    .flops = norm_flops,
    .grad = norm_grad,
    .plain = norm_training_plain,
    .variants = groupnorm_training_variants,
};

static const Variant groupnorm_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .traits = VARIANT_ANY_BATCH, .emit = norm_emit, .kernel = "norm"}, {0}};

const Op op_groupnorm = {
    .name = "groupnorm",
    .summary = "normalises groups of channels of each sample",
    .formula = "y = (x - mean_g) / sqrt(var_g + eps) * weight[c] + bias[c]",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = groupnorm_attrs,
    .attrs_size = sizeof(NormAttrs),
    .in = norm_in,
    .out = norm_out,
    .shape = norm_shape,
    .params = norm_params,
    .window = norm_window,
    .flops = norm_flops,
    .training = &groupnorm_training,
    .plain = norm_plain,
    .variants = groupnorm_variants,
};
