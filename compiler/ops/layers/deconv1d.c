/*
 * deconv1d: transposed convolution of sequences, PyTorch's ConvTranspose1d.
 *
 *   y[o][j·stride + v·dilation − pad] = b[o] + Σ W[c][o][v] · x[c][j]
 *
 *   x: [N][C][l]   weight: [C][O/groups][k]   bias: [O]   y: [N][O][L]
 *   L = (l − 1)·stride − pads + dilation·(k − 1) + output_pad + 1
 *
 * It is deconv of an image of one row, with the loops of ops/shared/correlate.h for all three sums;
 * there is no kernel for it yet.
 */
#include "ops/shared/correlate.h"
#include "ops/shared/transposed.h"

typedef struct Deconv1dAttrs {
    int64_t out, k, stride;
    Pad pad;
    int64_t output_pad, dilation, groups;
    bool bias;
    Init init, bias_init;
} Deconv1dAttrs;

static const Attr deconv1d_attrs[] = {
    {"out", ATTR_INT, offsetof(Deconv1dAttrs, out), NULL, 1, 1e9, NULL},
    {"k", ATTR_INT, offsetof(Deconv1dAttrs, k), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_INT, offsetof(Deconv1dAttrs, stride), "1", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(Deconv1dAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"output_pad", ATTR_INT, offsetof(Deconv1dAttrs, output_pad), "0", 0, WINDOW_MAX, NULL},
    {"dilation", ATTR_INT, offsetof(Deconv1dAttrs, dilation), "1", 1, WINDOW_MAX, NULL},
    {"groups", ATTR_INT, offsetof(Deconv1dAttrs, groups), "1", 1, 1e9, NULL},
    {"bias", ATTR_BOOL, offsetof(Deconv1dAttrs, bias), "yes", 0, 0, NULL},
    {"init", ATTR_INIT, offsetof(Deconv1dAttrs, init), "he_normal", 0, 0, NULL},
    {"bias_init", ATTR_INIT, offsetof(Deconv1dAttrs, bias_init), "default", 0, 0, NULL},
    {0},
};

/* Of the layer and of its gradients alike: `large` has the shape of y, `small` of x. */
static Correlation deconv1d_correlation(const Node *n, Shape large, Shape small)
{
    const Deconv1dAttrs *a = n->attrs;
    Correlation c = {.large = window_image(large), .small = window_image(small), .groups = a->groups};
    window_slides(c.slide, (WindowSpec){{1, a->k}, {1, a->stride}, {1, a->dilation}, a->pad}, large, small);
    return c;
}

static bool deconv1d_shape(Graph *g, Node *n)
{
    Deconv1dAttrs *a = n->attrs;
    if (!window_takes_sequence(g, n, &a->pad)) return false;
    Shape in = node_shape_in(n);
    Slide *s = &deconv1d_correlation(n, in, in).slide[1];
    if (!correlate_groups_divide(g, n, a->groups, in.dim[0], a->out) ||
        !transposed_size(g, n, 1, s, a->pad.kind, a->output_pad))
        return false;
    a->pad.left = s->before;
    a->pad.right = s->after;
    node_out(g, n, (Shape){2, {a->out, s->large}});
    return true;
}

static void deconv1d_params(Graph *g, Node *n)
{
    const Deconv1dAttrs *a = n->attrs;
    Shape weight = {3, {node_shape_in(n).dim[0], a->out / a->groups, a->k}};
    correlate_params(g, n, weight, a->out, a->init, a->bias ? &a->bias_init : NULL);
}

static Correlation deconv1d_of_layer(const Node *n)
{
    return deconv1d_correlation(n, node_shape_out(n), node_shape_in(n));
}

static void deconv1d_window(const Node *n, int axis, Window *window)
{
    Correlation c = deconv1d_of_layer(n);
    transposed_field(&c.slide[axis], window);
}

static int64_t deconv1d_macs(const Node *n)
{
    Correlation c = deconv1d_of_layer(n);
    return correlate_macs(&c);
}

static int64_t deconv1d_flops(const Node *n)
{
    return 2 * deconv1d_macs(n) + (node_has(n, 2) ? shape_count(node_shape_out(n)) : 0);
}

static void deconv1d_plain(Writer *w, const Node *n)
{
    Correlation c = deconv1d_of_layer(n);
    correlate_bind_row(w, "weight", &c);
    correlate_backward_data(w, &c, "y", "x", node_has(n, 2) ? "bias" : NULL);
}

static void deconv1d_dx_plain(Writer *w, const Node *n)
{
    Correlation c = deconv1d_correlation(n, node_shape_in(n), node_shape_out(n));
    correlate_bind_row(w, "weight", &c);
    correlate_forward(w, &c, "dy", "dx", NULL);
}

static void deconv1d_dweight_plain(Writer *w, const Node *n)
{
    Correlation c = deconv1d_correlation(n, n->in[1]->shape, n->in[0]->shape);
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
};

static const Op deconv1d_dweight = {
    .name = "deconv1d.dweight",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dweight_in,
    .out = correlate_dweight_out,
    .plain = deconv1d_dweight_plain,
};

static const Op deconv1d_dbias = {
    .name = "deconv1d.dbias",
    .class = OP_INTERNAL,
    .in = correlate_dbias_in,
    .out = correlate_dbias_out,
    .plain = correlate_bias_plain,
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
    .attrs_size = sizeof(Deconv1dAttrs),
    .in = correlate_in,
    .out = correlate_out,
    .shape = deconv1d_shape,
    .params = deconv1d_params,
    .window = deconv1d_window,
    .macs = deconv1d_macs,
    .flops = deconv1d_flops,
    .grad = deconv1d_grad,
    .plain = deconv1d_plain,
};
