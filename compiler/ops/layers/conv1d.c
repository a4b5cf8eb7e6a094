/*
 * conv1d: cross-correlation of sequences, PyTorch's Conv1d.
 *
 *   y[o][j] = b[o] + Σ_{c,v} W[o][c][v] · x[c][j·stride + v·dilation − pad]
 *
 *   x: [N][C][L]   weight: [O][C/groups][k]   bias: [O]   y: [N][O][l]
 *
 * It is conv of an image of one row, with the loops of conv (ops/shared/correlate.h) and its kernels
 * (conv.h) for all three sums.
 */
#include "ops/layers/conv.h"

static const Attr conv1d_attrs[] = {
    {"out", ATTR_INT, offsetof(ConvAttrs, out), NULL, 1, 1e9, NULL},
    {"k", ATTR_INT, offsetof(ConvAttrs, k.w), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_INT, offsetof(ConvAttrs, stride.w), "1", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(ConvAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"dilation", ATTR_INT, offsetof(ConvAttrs, dilation.w), "1", 1, WINDOW_MAX, NULL},
    {"groups", ATTR_INT, offsetof(ConvAttrs, groups), "1", 1, 1e9, NULL},
    {"bias", ATTR_BOOL, offsetof(ConvAttrs, bias), "yes", 0, 0, NULL},
    {"pad_mode", ATTR_SYMBOL, offsetof(ConvAttrs, pad_mode), "zeros", 0, 0, window_pad_modes},
    {"init", ATTR_INIT, offsetof(ConvAttrs, init), "he_normal", 0, 0, NULL},
    {"bias_init", ATTR_INIT, offsetof(ConvAttrs, bias_init), "default", 0, 0, NULL},
    {0},
};

static bool conv1d_shape(Graph *g, Node *n)
{
    ConvAttrs *a = n->attrs;
    if (!window_takes_sequence(g, n, &a->pad)) return false;
    a->k.h = a->stride.h = a->dilation.h = 1;
    Shape in = node_shape_in(n);
    window_resolve_pad(&a->pad, conv_spec(a), in);
    Correlation c = conv_correlation(n, in, in);
    if (!correlate_groups_divide(g, n, a->groups, in.dim[0], a->out) ||
        !window_padding_fits(g, n, c.slide, (PadMode)a->pad_mode) || !window_size(g, n, 1, &c.slide[1], false))
        return false;
    node_out(g, n, (Shape){2, {a->out, c.slide[1].small}});
    return true;
}

static void conv1d_params(Graph *g, Node *n)
{
    const ConvAttrs *a = n->attrs;
    Shape weight = {3, {a->out, node_shape_in(n).dim[0] / a->groups, a->k.w}};
    correlate_params(g, n, weight, a->out, a->init, a->bias ? &a->bias_init : NULL);
}

static void conv1d_plain(Writer *w, const Node *n)
{
    Correlation c = conv_correlation(n, node_shape_in(n), node_shape_out(n));
    correlate_bind_row(w, "weight", &c);
    correlate_forward(w, &c, "x", "y", node_has(n, 2) ? "bias" : NULL);
}

static void conv1d_dx_plain(Writer *w, const Node *n)
{
    Correlation c = conv_correlation(n, node_shape_out(n), node_shape_in(n));
    correlate_bind_row(w, "weight", &c);
    correlate_backward_data(w, &c, "dx", "dy", NULL);
}

static void conv1d_dweight_plain(Writer *w, const Node *n)
{
    Correlation c = conv_correlation(n, n->in[0]->shape, n->in[1]->shape);
    correlate_bind_row(w, "dweight", &c);
    correlate_wgrad(w, &c, "x", "dy");
}

static const Op conv1d_dx = {
    .name = "conv1d.dx",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dx_in,
    .out = correlate_dx_out,
    .plain = conv1d_dx_plain,
    .variants = conv_dx_variants,
};

static const Op conv1d_dweight = {
    .name = "conv1d.dweight",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dweight_in,
    .out = correlate_dweight_out,
    .plain = conv1d_dweight_plain,
    .variants = conv_dweight_variants,
};

static const Op conv1d_dbias = {
    .name = "conv1d.dbias",
    .class = OP_INTERNAL,
    .in = correlate_dbias_in,
    .out = correlate_dbias_out,
    .plain = correlate_bias_plain,
    .variants = conv_dbias_variants,
};

static void conv1d_grad(Backward *b, const Node *n)
{
    correlate_grad(b, n, &(CorrelateGradients){&conv1d_dx, &conv1d_dweight, &conv1d_dbias});
}

const Op op_conv1d = {
    .name = "conv1d",
    .summary = "convolution (cross-correlation) over a sequence",
    .formula = "y[o][j] = bias[o] + sum_{c,v} weight[o][c][v] * x[c][j*stride + v*dilation - pad]",
    .class = OP_LAYER,
    .traits = OP_WEIGHTED,
    .attrs = conv1d_attrs,
    .attrs_size = sizeof(ConvAttrs),
    .in = correlate_in,
    .out = correlate_out,
    .shape = conv1d_shape,
    .params = conv1d_params,
    .window = conv_window,
    .macs = conv_macs,
    .flops = conv_flops,
    .grad = conv1d_grad,
    .plain = conv1d_plain,
    .quantize = conv_quantize,
    .variants = conv_variants,
};
