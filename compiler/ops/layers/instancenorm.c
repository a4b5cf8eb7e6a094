/*
 * instancenorm: each channel of a sample is brought to mean 0 and variance 1,
 * PyTorch's InstanceNorm2d (Ulyanov, Vedaldi and Lempitsky, "Instance Normalization",
 * 2016) without running statistics.
 *
 *   y = (x − mean[c]) / sqrt(var[c] + eps) · weight[c] + bias[c]
 *
 * It is groupnorm with as many groups as channels; weight and bias only with
 * affine=yes.
 */
#include "ops/shared/norm.h"

static const Attr instancenorm_attrs[] = {
    {"eps", ATTR_REAL, offsetof(NormAttrs, eps), "1e-5", 0, 1e9, NULL},
    {"affine", ATTR_BOOL, offsetof(NormAttrs, affine), "no", 0, 0, NULL},
    {0},
};

/* Resolves the number of groups. */
static bool instancenorm_fits(Graph *g, Node *n)
{
    Shape in = node_shape_in(n);
    NormAttrs *a = n->attrs;
    a->groups = in.dim[0];
    if (shape_count(in) > in.dim[0]) return true;
    diag_error(g->compilation, n->span,
               "instancenorm takes two or more elements per channel, but its input is %s; `layernorm` normalises "
               "vectors",
               shape_kind_text(g->compilation->arena, in));
    return false;
}

static bool instancenorm_shape(Graph *g, Node *n) { return instancenorm_fits(g, n) && norm_shape(g, n); }

static bool instancenorm_training_shape(Graph *g, Node *n)
{
    return instancenorm_fits(g, n) && norm_training_shape(g, n);
}

static const Variant instancenorm_training_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .traits = VARIANT_ANY_BATCH, .emit = norm_emit, .kernel = "norm"}, {0}};

static const Op instancenorm_training = {
    .name = "instancenorm.training",
    .class = OP_INTERNAL,
    .attrs = instancenorm_attrs,
    .attrs_size = sizeof(NormAttrs),
    .in = norm_in,
    .out = norm_training_out,
    .shape = instancenorm_training_shape,
    .params = norm_params,
    .window = norm_window,
    .flops = norm_flops,
    .grad = norm_grad,
    .plain = norm_training_plain,
    .variants = instancenorm_training_variants,
};

static const Variant instancenorm_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .traits = VARIANT_ANY_BATCH, .emit = norm_emit, .kernel = "norm"}, {0}};

const Op op_instancenorm = {
    .name = "instancenorm",
    .summary = "normalises each channel of each sample",
    .formula = "y = (x - mean[c]) / sqrt(var[c] + eps) * weight[c] + bias[c]",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = instancenorm_attrs,
    .attrs_size = sizeof(NormAttrs),
    .in = norm_in,
    .out = norm_out,
    .shape = instancenorm_shape,
    .params = norm_params,
    .window = norm_window,
    .flops = norm_flops,
    .training = &instancenorm_training,
    .plain = norm_plain,
    .variants = instancenorm_variants,
};
