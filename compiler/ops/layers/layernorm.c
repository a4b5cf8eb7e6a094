/*
 * layernorm: each sample is brought to mean 0 and variance 1, PyTorch's LayerNorm
 * over all dimensions of the sample (Ba, Kiros and Hinton 2016); with `axis` each vector
 * along that axis.
 *
 *   y = (x − mean) / sqrt(var + eps) · weight + bias
 *
 *   x, y: [N][C][H][W] or [N][F]   weight, bias: [C][H][W] or [F]
 *
 * That is normalized_shape=[C, H, W] of an image, [F] of a vector; along an axis of size S weight and
 * bias are [S], which is normalized_shape=[S] where it is the last.  var is without Bessel's correction.  Gradients stand in ops/shared/norm.c.
 */
#include "ops/shared/norm.h"

static const Attr layernorm_attrs[] = {
    {"eps", ATTR_REAL, offsetof(NormAttrs, eps), "1e-5", 0, 1e9, NULL},
    {"affine", ATTR_BOOL, offsetof(NormAttrs, affine), "yes", 0, 0, NULL},
    {"axis", ATTR_INT, offsetof(NormAttrs, axis), "none", -MAX_RANK, MAX_RANK - 1, attr_or_none},
    {0},
};

static const Variant layernorm_training_variants[] = {NORM_ROWS(VARIANT_ANY_BATCH, norm_emit)};

static const Op layernorm_training = {
    .name = "layernorm.training",
    .class = OP_INTERNAL,
    .attrs = layernorm_attrs,
    .attrs_size = sizeof(NormAttrs),
    .in = norm_in,
    .out = norm_training_out,
    .shape = norm_training_shape,
    .params = norm_params,
    .window = norm_window,
    .flops = norm_flops,
    .grad = norm_grad,
    .plain = norm_training_plain,
    .variants = layernorm_training_variants,
};

static const Variant layernorm_variants[] = {NORM_ROWS(VARIANT_ANY_BATCH, norm_emit)};

const Op op_layernorm = {
    .name = "layernorm",
    .summary = "normalises each sample, or along an axis",
    .formula = "y = (x - mean) / sqrt(var + eps) * weight + bias",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = layernorm_attrs,
    .attrs_size = sizeof(NormAttrs),
    .in = norm_in,
    .out = norm_out,
    .shape = norm_shape,
    .params = norm_params,
    .window = norm_window,
    .flops = norm_flops,
    .training = &layernorm_training,
    .plain = norm_plain,
    .variants = layernorm_variants,
};
