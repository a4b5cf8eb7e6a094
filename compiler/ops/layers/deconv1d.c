/*
 * deconv1d: transposed convolution of sequences, PyTorch's ConvTranspose1d.
 *
 *   y[o][j·stride + v·dilation − pad] = b[o] + Σ W[c][o][v] · x[c][j]
 *
 *   x: [N][C][l]   weight: [C][O/groups][k]   bias: [O]   y: [N][O][L]
 *   L = (l − 1)·stride − pads + dilation·(k − 1) + output_pad + 1
 *
 * It is deconv of an image of one row, with the loops of ops/shared/correlate.h and deconv's kernels
 * (deconv.h) for all three sums.
 */
#include "ops/layers/deconv.h"
#include "ops/shared/transposed.h"

static const Attr deconv1d_attrs[] = {
    {"out", ATTR_INT, offsetof(DeconvAttrs, out), NULL, 1, 1e9, NULL},
    {"k", ATTR_INT, offsetof(DeconvAttrs, k.w), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_INT, offsetof(DeconvAttrs, stride.w), "1", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(DeconvAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"output_pad", ATTR_INT, offsetof(DeconvAttrs, output_pad.w), "0", 0, WINDOW_MAX, NULL},
    {"dilation", ATTR_INT, offsetof(DeconvAttrs, dilation.w), "1", 1, WINDOW_MAX, NULL},
    {"groups", ATTR_INT, offsetof(DeconvAttrs, groups), "1", 1, 1e9, NULL},
    {"bias", ATTR_BOOL, offsetof(DeconvAttrs, bias), "yes", 0, 0, NULL},
    {"init", ATTR_INIT, offsetof(DeconvAttrs, init), "he_normal", 0, 0, NULL},
    {"bias_init", ATTR_INIT, offsetof(DeconvAttrs, bias_init), "default", 0, 0, NULL},
    {0},
};

static bool deconv1d_shape(Graph *g, Node *n)
{
    DeconvAttrs *a = n->attrs;
    if (!window_takes_sequence(g, n, &a->pad)) return false;
    a->k.h = a->stride.h = a->dilation.h = 1;
    Shape in = node_shape_in(n);
    Correlation c = deconv_correlation(n, in, in);
    Slide *s = &c.slide[1];
    if (!correlate_groups_divide(g, n, a->groups, in.dim[0], a->out) ||
        !transposed_size(g, n, 1, s, a->pad.kind, a->output_pad.w))
        return false;
    a->pad.left = s->before;
    a->pad.right = s->after;
    node_out(g, n, (Shape){2, {a->out, s->large}});
    return true;
}

static void deconv1d_params(Graph *g, Node *n)
{
    const DeconvAttrs *a = n->attrs;
    Shape weight = {3, {node_shape_in(n).dim[0], a->out / a->groups, a->k.w}};
    correlate_params(g, n, weight, a->out, a->init, a->bias ? &a->bias_init : NULL);
}

static Correlation deconv1d_of_layer(const Node *n)
{
    return deconv_correlation(n, node_shape_out(n), node_shape_in(n));
}

static void deconv1d_plain(Writer *w, const Node *n)
{
    Correlation c = deconv1d_of_layer(n);
    correlate_bind_row(w, "weight", &c);
    correlate_backward_data(w, &c, "y", "x", node_has(n, 2) ? "bias" : NULL);
}

static void deconv1d_dx_plain(Writer *w, const Node *n)
{
    Correlation c = deconv_correlation(n, node_shape_in(n), node_shape_out(n));
    correlate_bind_row(w, "weight", &c);
    correlate_forward(w, &c, "dy", "dx", NULL);
}

static void deconv1d_dweight_plain(Writer *w, const Node *n)
{
    Correlation c = deconv_correlation(n, n->in[1]->shape, n->in[0]->shape);
    correlate_bind_row(w, "dweight", &c);
    correlate_wgrad(w, &c, "dy", "x");
}

static const Op deconv1d_dx = {
    .name = "deconv1d.dx",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dx_in,
    .out = correlate_dx_out,
    .plain = deconv1d_dx_plain,
    .variants = deconv_dx_variants,
};

static const Op deconv1d_dweight = {
    .name = "deconv1d.dweight",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dweight_in,
    .out = correlate_dweight_out,
    .plain = deconv1d_dweight_plain,
    .variants = deconv_dweight_variants,
};

static const Op deconv1d_dbias = {
    .name = "deconv1d.dbias",
    .class = OP_INTERNAL,
    .in = correlate_dbias_in,
    .out = correlate_dbias_out,
    .plain = correlate_bias_plain,
    .variants = deconv_dbias_variants,
};

static void deconv1d_grad(Backward *b, const Node *n)
{
    correlate_grad(b, n, &(CorrelateGradients){&deconv1d_dx, &deconv1d_dweight, &deconv1d_dbias});
}

const Op op_deconv1d = {
    .name = "deconv1d",
    .summary = "transposed convolution over a sequence",
    .formula = "y[o][j*stride + v*dilation - pad] = bias[o] + sum weight[c][o][v] * x[c][j]",
    .class = OP_LAYER,
    .traits = OP_WEIGHTED,
    .attrs = deconv1d_attrs,
    .attrs_size = sizeof(DeconvAttrs),
    .in = correlate_in,
    .out = correlate_out,
    .shape = deconv1d_shape,
    .params = deconv1d_params,
    .window = deconv_window,
    .macs = deconv_macs,
    .flops = deconv_flops,
    .grad = deconv1d_grad,
    .plain = deconv1d_plain,
    .variants = deconv_variants,
};
