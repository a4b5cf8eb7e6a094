/*
 * conv: cross-correlation, PyTorch's Conv2d.
 *
 *   y[o][i][j] = b[o] + Σ_{c,u,v} W[o][c][u][v] · x[c][i·stride + u·dilation − pad][…]
 *
 *   x: [N][C][H][W]   weight: [O][C/groups][kh][kw]   bias: [O]   y: [N][O][h][w]
 *   dx[c][row][col] = Σ_{o,u,v} W[o][c][u][v] · dy[o][i][j]
 *   dW[o][c][u][v] = Σ_{n,i,j} dy[o][i][j] · x[c][row][col];  db[o] = Σ_{n,i,j} dy[o][i][j]
 *
 * Outputs of group g read the input channels of group g only.  With flip=yes the
 * kernel is mirrored: convolution in the mathematical sense.  Rows beyond the
 * edge are zero, or with pad_mode the mirrored row (reflect, without the edge
 * itself), the edge (replicate) or the row of the opposite side (circular); the
 * gradient of a row read twice is the sum.
 *
 * The fast form multiplies by the zeros of the padding, the plain one leaves them
 * out: only in the former a NaN or an infinity at the edge of dy, or in W, makes NaN
 * of what meets nothing but padding there.  PyTorch's kernels differ in this too.
 */
#include "ops/conv.h"
#include "ops/region.h"

typedef struct ConvAttrs {
    int64_t out;
    Pair k, stride;
    Pad pad;
    Pair dilation;
    int64_t groups;
    bool bias;
    int pad_mode; /* PadMode */
    bool flip;
    Init init;
} ConvAttrs;

static const Attr conv_attrs[] = {
    {"out", ATTR_INT, offsetof(ConvAttrs, out), NULL, 1, 1e9, NULL},
    {"k", ATTR_PAIR, offsetof(ConvAttrs, k), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_PAIR, offsetof(ConvAttrs, stride), "1", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(ConvAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"dilation", ATTR_PAIR, offsetof(ConvAttrs, dilation), "1", 1, WINDOW_MAX, NULL},
    {"groups", ATTR_INT, offsetof(ConvAttrs, groups), "1", 1, 1e9, NULL},
    {"bias", ATTR_BOOL, offsetof(ConvAttrs, bias), "yes", 0, 0, NULL},
    {"pad_mode", ATTR_SYMBOL, offsetof(ConvAttrs, pad_mode), "zeros", 0, 0, window_pad_modes},
    {"flip", ATTR_BOOL, offsetof(ConvAttrs, flip), "no", 0, 0, NULL},
    {"init", ATTR_INIT, offsetof(ConvAttrs, init), "he_normal", 0, 0, NULL},
    {0},
};

static WindowSpec conv_spec(const ConvAttrs *a) { return (WindowSpec){a->k, a->stride, a->dilation, a->pad}; }

/* Of the conv and of its gradients alike: `large` has the shape of x, `small` of y. */
static Correlation conv_correlation(const Node *n, Shape large, Shape small)
{
    const ConvAttrs *a = n->attrs;
    Correlation c = {
        .large = large, .small = small, .groups = a->groups, .mode = (PadMode)a->pad_mode, .flip = a->flip};
    window_slides(c.slide, conv_spec(a), large, small);
    return c;
}

/* A mirrored row must exist: reflect needs less padding than rows, circular no
 * more than rows. */
static bool conv_pad_mode_fits(Graph *g, Node *n, int axis, const Slide *s)
{
    const ConvAttrs *a = n->attrs;
    int64_t pad = s->before > s->after ? s->before : s->after;
    bool reflect = a->pad_mode == PAD_MODE_REFLECT && pad >= s->large;
    bool circular = a->pad_mode == PAD_MODE_CIRCULAR && pad > s->large;
    if (!reflect && !circular) return true;
    diag_error(g->compilation, n->span,
               "conv: pad_mode=%s needs a padding %s the input's %s, but %lld is padded by %lld",
               window_pad_modes[a->pad_mode], reflect ? "below" : "up to", window_axis_name(axis), (long long)s->large,
               (long long)pad);
    return false;
}

static bool conv_shape(Graph *g, Node *n)
{
    ConvAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    Shape in = node_shape_in(n);
    bool fits = correlate_groups_divide(g, n, a->groups, in.dim[0], a->out);
    window_resolve_pad(&a->pad, conv_spec(a), in);
    Correlation c = conv_correlation(n, in, in);
    bool sized = true, square = window_is_square(c.slide);
    for (int axis = 0; axis < 2 && (sized || !square); axis++) {
        sized = conv_pad_mode_fits(g, n, axis, &c.slide[axis]) && sized;
        sized = window_size(g, n, axis, &c.slide[axis], false) && sized;
    }
    fits = fits && sized;
    if (fits) node_out(g, n, shape_image(a->out, c.slide[0].small, c.slide[1].small));
    return fits;
}

static void conv_params(Graph *g, Node *n)
{
    const ConvAttrs *a = n->attrs;
    Shape weight = {4, {a->out, node_shape_in(n).dim[0] / a->groups, a->k.h, a->k.w}};
    correlate_params(g, n, weight, a->out, a->init, a->bias);
}

static void conv_window(const Node *n, int axis, Window *window)
{
    Correlation c = conv_correlation(n, node_shape_in(n), node_shape_out(n));
    window_field(&c.slide[axis], window);
}

int64_t conv_macs(const Node *n)
{
    Correlation c = conv_correlation(n, node_shape_in(n), node_shape_out(n));
    return correlate_macs(&c);
}

static int64_t conv_flops(const Node *n)
{
    const ConvAttrs *a = n->attrs;
    return 2 * conv_macs(n) + (a->bias ? shape_count(node_shape_out(n)) : 0);
}

static void conv_plain(Writer *w, const Node *n)
{
    Correlation c = conv_correlation(n, node_shape_in(n), node_shape_out(n));
    correlate_gather(w, &c, "x", "y", node_has(n, 2) ? "bias" : NULL);
}

static void conv_dx_plain(Writer *w, const Node *n)
{
    Correlation c = conv_correlation(n, node_shape_out(n), node_shape_in(n));
    correlate_scatter(w, &c, "dx", "dy", NULL);
}

static void conv_dweight_plain(Writer *w, const Node *n)
{
    Correlation c = conv_correlation(n, n->in[0]->shape, n->in[1]->shape);
    correlate_weights(w, &c, "x", "dy");
}

/* ---- fast form: runtime/kernels/conv.h ------------------------------------- */

static Correlation between(const Node *n, const Tensor *large, const Tensor *small)
{
    return correlate_with_steps(conv_correlation(n, large->shape, small->shape), large, small);
}

Correlation conv_of_forward(const Node *n) { return between(n, n->in[0], n->out[0]); }
Correlation conv_of_dx(const Node *n) { return between(n, n->out[0], n->in[0]); }
Correlation conv_of_dweight(const Node *n) { return between(n, n->in[0], n->in[1]); }
Correlation conv_of_origin(const Node *n) { return conv_of_forward(n->origin); }

static bool served(Correlation c) { return correlate_served(&c); }
static bool in_plane(const Node *n)
{
    Correlation c = conv_of_forward(n);
    return correlate_plane_pays(&c);
}

bool conv_last(const Node *n) { return served(conv_of_forward(n)) && !in_plane(n); }
bool conv_dx_last(const Node *n) { return served(conv_of_dx(n)); }
bool conv_dweight_last(const Node *n) { return served(conv_of_dweight(n)); }

static bool call(Writer *w, const Node *n, Correlation c, const char *text)
{
    return n->layout == LAYOUT_NHWC && correlate_call(w, &c, text);
}

static bool conv_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_forward(n);
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    if (n->layout != LAYOUT_NHWC && in_plane(n))
        return correlate_call(w, &c, "nn_plane_conv(&size, x, weight, $bias, y, $t, $T);");
    return call(w, n, c, "nn_conv_gather(&size, x, weight, $bias, 0, y, $t, $T);");
}

static bool conv_dx_fast(Writer *w, const Node *n)
{
    return call(w, n, conv_of_dx(n), "nn_conv_scatter(&size, dy, weight, 0, dx, $t, $T);");
}

static bool conv_dweight_fast(Writer *w, const Node *n)
{
    return call(w, n, conv_of_dweight(n), "nn_conv_weights(&size, x, dy, dweight, $t, $T);");
}

static bool has_bias(const Node *n) { return ((const ConvAttrs *)n->attrs)->bias; }

void conv_bind_tail(Writer *w, const Node *n)
{
    writer_bind(w, "bias", has_bias(n) ? "bias" : "0");
    writer_bind(w, "scale", n->epilogue->affine ? "scale" : "0");
    writer_bind(w, "shift", n->epilogue->affine ? "shift" : "0");
    writer_bind(w, "summand", n->epilogue->add ? "summand" : "0");
    writer_bind_int(w, "relu", n->epilogue->relu);
    writer_put(w, "const nn_tail tail = {$scale, $shift, $summand, $relu};");
}

static bool conv_fused_fast(Writer *w, const Node *n)
{
    conv_bind_tail(w, n);
    return call(w, n, conv_of_forward(n), "nn_conv_gather(&size, x, weight, $bias, &tail, y, $t, $T);");
}

static bool conv_panels_shape(Graph *g, Node *n)
{
    Correlation c = conv_of_origin(n);
    return correlate_panels_shape(g, n, &c, false);
}

static bool conv_panels_back_shape(Graph *g, Node *n)
{
    Correlation c = conv_of_origin(n);
    return correlate_panels_shape(g, n, &c, true);
}

static bool conv_panels_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    return correlate_call(w, &c, "nn_conv_panels(&size, weight, panels, $t, $T);");
}

static bool conv_panels_back_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    return correlate_call(w, &c, "nn_conv_panels_back(&size, weight, panels, $t, $T);");
}

static const Op conv_panels = {
    .name = "conv.panels",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = conv_panels_shape,
    .flops = region_no_flops,
    .fast = conv_panels_fast,
    .kernel = "conv",
};

static const Op conv_panels_back = {
    .name = "conv.panels_back",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = conv_panels_back_shape,
    .flops = region_no_flops,
    .fast = conv_panels_back_fast,
    .kernel = "conv",
};

/* ---- samples last: runtime/kernels/samples.h ---------------------------------- */

static bool samples_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_forward(n);
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    return correlate_samples_call(w, &c, "nn_samples_conv(&size, $N / 16, x, weight, $bias, y);");
}

static bool dx_samples_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_dx(n);
    return correlate_samples_call(w, &c, "nn_samples_conv_dx(&size, $N / 16, dy, weight, dx);");
}

static bool dweight_samples_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_dweight(n);
    return correlate_samples_call(w, &c, "nn_samples_conv_dweight(&size, $N / 16, x, dy, dweight, $t, $T);");
}

static const Op conv_samples = {
    .name = "conv.samples",
    .class = OP_INTERNAL,
    .traits = OP_FAST_SAMPLES,
    .macs = conv_macs,
    .in = correlate_in,
    .out = correlate_out,
    .fast = samples_fast,
    .kernel = "samples",
};
static const Op conv_dx_samples = {
    .name = "conv.dx_samples",
    .class = OP_INTERNAL,
    .traits = OP_FAST_SAMPLES,
    .macs = node_macs_of_origin,
    .in = correlate_dx_in,
    .out = correlate_dx_out,
    .fast = dx_samples_fast,
    .kernel = "samples",
};
static const Op conv_dweight_samples = {
    .name = "conv.dweight_samples",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dweight_in,
    .out = correlate_dweight_out,
    .fast = dweight_samples_fast,
    .kernel = "samples",
};

static const Op *forward_samples(const Node *n)
{
    Correlation c = conv_of_forward(n);
    return correlate_samples_pay(&c) ? &conv_samples : NULL;
}

static const Op *dx_samples(const Node *n)
{
    Correlation c = conv_of_dx(n);
    bool dense = c.slide[0].stride == 1 && c.slide[1].stride == 1;
    return dense && correlate_samples_pay(&c) ? &conv_dx_samples : NULL;
}

static const Op *dweight_samples(const Node *n)
{
    Correlation c = conv_of_dweight(n);
    return correlate_samples_pay(&c) ? &conv_dweight_samples : NULL;
}

/* ---- the operators ---------------------------------------------------------------- */

static const Op conv_fused = {
    .name = "conv.fused",
    .class = OP_INTERNAL,
    .traits = OP_STRIDED_CHANNELS,
    .macs = conv_macs,
    .in = correlate_in,
    .out = correlate_out,
    .fast = conv_fused_fast,
    .kernel = "conv",
    .last = conv_last,
    .pack = &conv_panels,
    .winograd = conv_winograd,
};

static const Op *conv_fuse(const Node *n) { return conv_last(n) ? &conv_fused : NULL; }

static const Op conv_dx = {
    .name = "conv.dx",
    .class = OP_INTERNAL,
    .traits = OP_STRIDED_CHANNELS,
    .macs = node_macs_of_origin,
    .in = correlate_dx_in,
    .out = correlate_dx_out,
    .plain = conv_dx_plain,
    .fast = conv_dx_fast,
    .kernel = "conv",
    .last = conv_dx_last,
    .pack = &conv_panels_back,
    .winograd = conv_winograd_dx,
    .samples = dx_samples,
};
static const Op conv_dweight = {
    .name = "conv.dweight",
    .class = OP_INTERNAL,
    .traits = OP_STRIDED_CHANNELS,
    .macs = node_macs_of_origin,
    .in = correlate_dweight_in,
    .out = correlate_dweight_out,
    .plain = conv_dweight_plain,
    .fast = conv_dweight_fast,
    .kernel = "conv",
    .last = conv_dweight_last,
    .winograd = conv_winograd_dweight,
    .samples = dweight_samples,
};
static const Op conv_dbias = {
    .name = "conv.dbias",
    .class = OP_INTERNAL,
    .traits = OP_ANY_LAYOUT | OP_STRIDED_CHANNELS,
    .in = correlate_dbias_in,
    .out = correlate_dbias_out,
    .plain = correlate_bias_plain,
    .fast = correlate_bias_fast,
    .samples = node_op,
    .kernel = "channels",
};

static void conv_grad(Backward *b, const Node *n)
{
    correlate_grad(b, n, &(CorrelateGradients){&conv_dx, &conv_dweight, &conv_dbias});
}

const Op op_conv = {
    .name = "conv",
    .summary = "convolution (cross-correlation) over an image",
    .formula = "y[o][i][j] = bias[o] + sum_{c,u,v} weight[o][c][u][v] * x[c][i*stride + u*dilation - pad][j*stride + "
               "v*dilation - pad]",
    .class = OP_LAYER,
    .traits = OP_WEIGHTED | OP_STRIDED_CHANNELS,
    .attrs = conv_attrs,
    .attrs_size = sizeof(ConvAttrs),
    .in = correlate_in,
    .out = correlate_out,
    .shape = conv_shape,
    .params = conv_params,
    .window = conv_window,
    .macs = conv_macs,
    .flops = conv_flops,
    .grad = conv_grad,
    .plain = conv_plain,
    .fast = conv_fast,
    .kernel = "conv",
    .last = conv_last,
    .pack = &conv_panels,
    .winograd = conv_winograd,
    .samples = forward_samples,
    .fuse = conv_fuse,
};
