/*
 * conv1d: cross-correlation of sequences, PyTorch's Conv1d.
 *
 *   y[o][j] = b[o] + Σ_{c,v} W[o][c][v] · x[c][j·stride + v·dilation − pad]
 *
 *   x: [N][C][L]   weight: [O][C/groups][k]   bias: [O]   y: [N][O][l]
 *
 * It is conv of an image of one row, with the loops of conv (ops/shared/correlate.h) for all three
 * sums; there is no kernel for it yet.
 */
#include "ops/shared/correlate.h"

typedef struct Conv1dAttrs {
    int64_t out, k, stride;
    Pad pad;
    int64_t dilation, groups;
    bool bias;
    int pad_mode; /* PadMode */
    Init init, bias_init;
} Conv1dAttrs;

static const Attr conv1d_attrs[] = {
    {"out", ATTR_INT, offsetof(Conv1dAttrs, out), NULL, 1, 1e9, NULL},
    {"k", ATTR_INT, offsetof(Conv1dAttrs, k), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_INT, offsetof(Conv1dAttrs, stride), "1", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(Conv1dAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"dilation", ATTR_INT, offsetof(Conv1dAttrs, dilation), "1", 1, WINDOW_MAX, NULL},
    {"groups", ATTR_INT, offsetof(Conv1dAttrs, groups), "1", 1, 1e9, NULL},
    {"bias", ATTR_BOOL, offsetof(Conv1dAttrs, bias), "yes", 0, 0, NULL},
    {"pad_mode", ATTR_SYMBOL, offsetof(Conv1dAttrs, pad_mode), "zeros", 0, 0, window_pad_modes},
    {"init", ATTR_INIT, offsetof(Conv1dAttrs, init), "he_normal", 0, 0, NULL},
    {"bias_init", ATTR_INIT, offsetof(Conv1dAttrs, bias_init), "default", 0, 0, NULL},
    {0},
};

static WindowSpec conv1d_spec(const Conv1dAttrs *a)
{
    return (WindowSpec){{1, a->k}, {1, a->stride}, {1, a->dilation}, a->pad};
}

/* Of the layer and of its gradients alike: `large` has the shape of x, `small` of y. */
static Correlation conv1d_correlation(const Node *n, Shape large, Shape small)
{
    const Conv1dAttrs *a = n->attrs;
    Correlation c = {
        .large = window_image(large), .small = window_image(small), .groups = a->groups, .mode = (PadMode)a->pad_mode};
    window_slides(c.slide, conv1d_spec(a), c.large, c.small);
    return c;
}

static bool conv1d_shape(Graph *g, Node *n)
{
    Conv1dAttrs *a = n->attrs;
    if (!window_takes_sequence(g, n, &a->pad)) return false;
    Shape in = node_shape_in(n);
    window_resolve_pad(&a->pad, conv1d_spec(a), in);
    Correlation c = conv1d_correlation(n, in, in);
    if (!correlate_groups_divide(g, n, a->groups, in.dim[0], a->out) ||
        !window_padding_fits(g, n, c.slide, (PadMode)a->pad_mode) || !window_size(g, n, 1, &c.slide[1], false))
        return false;
    node_out(g, n, (Shape){2, {a->out, c.slide[1].small}});
    return true;
}

static void conv1d_params(Graph *g, Node *n)
{
    const Conv1dAttrs *a = n->attrs;
    Shape weight = {3, {a->out, node_shape_in(n).dim[0] / a->groups, a->k}};
    correlate_params(g, n, weight, a->out, a->init, a->bias ? &a->bias_init : NULL);
}

static int64_t conv1d_macs(const Node *n)
{
    Correlation c = conv1d_correlation(n, node_shape_in(n), node_shape_out(n));
    return correlate_macs(&c);
}

static int64_t conv1d_flops(const Node *n)
{
    return 2 * conv1d_macs(n) + (node_has(n, 2) ? shape_count(node_shape_out(n)) : 0);
}

static void conv1d_plain(Writer *w, const Node *n)
{
    Correlation c = conv1d_correlation(n, node_shape_in(n), node_shape_out(n));
    correlate_bind_row(w, "weight", &c);
    correlate_forward(w, &c, "x", "y", node_has(n, 2) ? "bias" : NULL);
}

static void conv1d_dx_plain(Writer *w, const Node *n)
{
    Correlation c = conv1d_correlation(n, node_shape_out(n), node_shape_in(n));
    correlate_bind_row(w, "weight", &c);
    correlate_backward_data(w, &c, "dx", "dy", NULL);
}

static void conv1d_dweight_plain(Writer *w, const Node *n)
{
    Correlation c = conv1d_correlation(n, n->in[0]->shape, n->in[1]->shape);
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
};

static const Op conv1d_dweight = {
    .name = "conv1d.dweight",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dweight_in,
    .out = correlate_dweight_out,
    .plain = conv1d_dweight_plain,
};

static const Op conv1d_dbias = {
    .name = "conv1d.dbias",
    .class = OP_INTERNAL,
    .in = correlate_dbias_in,
    .out = correlate_dbias_out,
    .plain = correlate_bias_plain,
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
    .attrs_size = sizeof(Conv1dAttrs),
    .in = correlate_in,
    .out = correlate_out,
    .shape = conv1d_shape,
    .params = conv1d_params,
    .macs = conv1d_macs,
    .flops = conv1d_flops,
    .grad = conv1d_grad,
    .plain = conv1d_plain,
};
