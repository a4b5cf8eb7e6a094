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
#include "ops/layers/conv.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"

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
    {"bias_init", ATTR_INIT, offsetof(ConvAttrs, bias_init), "default", 0, 0, NULL},
    {0},
};

WindowSpec conv_spec(const ConvAttrs *a) { return (WindowSpec){a->k, a->stride, a->dilation, a->pad}; }

Correlation conv_correlation(const Node *n, Shape large, Shape small)
{
    const ConvAttrs *a = n->attrs;
    Correlation c = {.large = window_image(large),
                     .small = window_image(small),
                     .groups = a->groups,
                     .mode = (PadMode)a->pad_mode,
                     .flip = a->flip};
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
               window_pad_modes[a->pad_mode], reflect ? "below" : "up to", window_axis_name(n, axis),
               (long long)s->large, (long long)pad);
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
    correlate_params(g, n, weight, a->out, a->init, a->bias ? &a->bias_init : NULL);
}

void conv_window(const Node *n, int axis, Window *window)
{
    Correlation c = conv_correlation(n, node_shape_in(n), node_shape_out(n));
    window_field(&c.slide[axis], window);
}

int64_t conv_macs(const Node *n)
{
    Correlation c = conv_correlation(n, node_shape_in(n), node_shape_out(n));
    return correlate_macs(&c);
}

int64_t conv_flops(const Node *n)
{
    const ConvAttrs *a = n->attrs;
    return 2 * conv_macs(n) + (a->bias ? shape_count(node_shape_out(n)) : 0);
}

static void conv_plain(Writer *w, const Node *n)
{
    Correlation c = conv_correlation(n, node_shape_in(n), node_shape_out(n));
    correlate_forward(w, &c, "x", "y", node_has(n, 2) ? "bias" : NULL);
}

/* Its kernel's taps inside the image, and the bias. */
static int64_t conv_terms(const Node *n, int64_t batch, int64_t k, Term *terms, int64_t most)
{
    const Correlation c = conv_correlation(n, node_shape_in(n), node_shape_out(n));
    (void)batch;
    return correlate_forward_terms(&c, node_has(n, 2), k, terms, most);
}

static void conv_dx_plain(Writer *w, const Node *n)
{
    Correlation c = conv_correlation(n, node_shape_out(n), node_shape_in(n));
    correlate_backward_data(w, &c, "dx", "dy", NULL);
}

static void conv_dweight_plain(Writer *w, const Node *n)
{
    Correlation c = conv_correlation(n, n->in[0]->shape, n->in[1]->shape);
    correlate_wgrad(w, &c, "x", "dy");
}

/* ---- NHWC: runtime/kernels/conv/conv.h ------------------------------------------ */

static Correlation between(const Node *n, const Tensor *large, const Tensor *small)
{
    return correlate_with_steps(conv_correlation(n, large->shape, small->shape), large, small);
}

Correlation conv_of_forward(const Node *n) { return between(n, n->in[0], n->out[0]); }
Correlation conv_of_dx(const Node *n) { return between(n, n->out[0], n->in[0]); }
Correlation conv_of_dweight(const Node *n) { return between(n, n->in[0], n->in[1]); }
Correlation conv_of_origin(const Node *n) { return conv_of_forward(n->origin); }

/* Binds $bias and $epilogue, which it declares where there is one. */
void conv_bind_epilogue(Writer *w, const Node *n)
{
    const Epilogue *e = n->epilogue;
    writer_bind(w, "bias", ((const ConvAttrs *)n->attrs)->bias ? "bias" : "0");
    writer_bind(w, "epilogue", e ? "&epilogue" : "0");
    if (!e) return;
    writer_bind(w, "scale", e->affine ? "scale" : "0");
    writer_bind(w, "shift", e->affine ? "shift" : "0");
    writer_bind(w, "residual", e->add ? "residual" : "0");
    writer_bind_int(w, "relu", e->relu);
    writer_put(
        w, "const nn_epilogue epilogue = {.scale = $scale, .shift = $shift, .residual = $residual, .relu = $relu};");
}

static void conv_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_forward(n);
    conv_bind_epilogue(w, n);
    correlate_call(
        w, &c,
        "const nn_conv_args args = {.x = x, .panels = weight, .bias = $bias, .epilogue = $epilogue, .y = y};\n"
        "$forward(&size, &args, $t, $T);");
}

static void conv_planar_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_forward(n);
    conv_bind_epilogue(w, n);
    correlate_call(w, &c, "nn_conv_planar(&size, x, weight, $bias, y, $t, $T);");
}

static void conv_dx_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_dx(n);
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = dy, .panels = weight, .y = dx};\n"
                   "$backward_data(&size, &args, $t, $T);");
}

/* Of one group and of several, which the kernel bundles until they fill the lanes. */
static void conv_dweight_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_dweight(n);
    writer_bind_int(w, "large_format", n->in[0]->dtype == DTYPE_BF16);
    writer_bind_int(w, "small_format", n->in[1]->dtype == DTYPE_BF16);
    if (n->in[0]->dtype == DTYPE_BF16 || n->in[1]->dtype == DTYPE_BF16)
        correlate_call(w, &c,
                       "static const nn_image_formats formats = {.large = $large_format, .small = $small_format};\n"
                       "nn_conv_wgrad_bf16(&size, &formats, x, dy, dweight, $t, $T);");
    else
        correlate_call(w, &c, "nn_conv_wgrad(&size, x, dy, dweight, $t, $T);");
}

static void conv_depthwise_dweight_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_dweight(n);
    correlate_call(w, &c, "nn_depthwise_wgrad(&size, x, dy, dweight, $t, $T);");
}

static const char *conv_direct_refusal(const Node *n) { return correlate_direct_refusal(conv_of_forward(n)); }
static const char *conv_grouped_refusal(const Node *n) { return correlate_grouped_refusal(conv_of_forward(n)); }
static const char *conv_depthwise_refusal(const Node *n) { return correlate_depthwise_refusal(conv_of_forward(n)); }
static const char *dx_direct_refusal(const Node *n) { return correlate_direct_refusal(conv_of_dx(n)); }
static const char *dx_grouped_refusal(const Node *n) { return correlate_grouped_refusal(conv_of_dx(n)); }
static const char *dx_depthwise_refusal(const Node *n) { return correlate_depthwise_refusal(conv_of_dx(n)); }
static const char *dweight_direct_refusal(const Node *n) { return correlate_direct_refusal(conv_of_dweight(n)); }
static const char *dweight_grouped_refusal(const Node *n) { return correlate_grouped_refusal(conv_of_dweight(n)); }
static const char *dweight_depthwise_refusal(const Node *n) { return correlate_depthwise_refusal(conv_of_dweight(n)); }

static const char *conv_planar_refusal(const Node *n)
{
    Correlation c = conv_of_forward(n);
    return correlate_planar_refusal(&c);
}

static double conv_cost(const Node *n, const CostModel *m)
{
    Correlation c = conv_of_forward(n);
    return correlate_direct_cost(&c, c.small, m);
}

static double conv_dx_cost(const Node *n, const CostModel *m)
{
    Correlation c = conv_of_dx(n);
    return correlate_direct_cost(&c, c.large, m);
}

static double conv_depthwise_cost(const Node *n, const CostModel *m)
{
    Correlation c = conv_of_forward(n);
    return correlate_depthwise_cost(&c, c.small, m);
}

static double conv_depthwise_dx_cost(const Node *n, const CostModel *m)
{
    Correlation c = conv_of_dx(n);
    return correlate_depthwise_cost(&c, c.large, m);
}

static double conv_planar_cost(const Node *n, const CostModel *m)
{
    Correlation c = conv_of_forward(n);
    return correlate_planar_cost(&c, m);
}

static double conv_dweight_cost(const Node *n, const CostModel *m) { return (double)(node_macs(n) * m->batch); }

/* The last vector of channels counts in full. */
static double conv_depthwise_dweight_cost(const Node *n, const CostModel *m)
{
    int64_t channels = n->in[0]->shape.dim[0];
    return conv_dweight_cost(n, m) * (double)nn_round_up(channels, NN_PANEL) / (double)channels;
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

static void conv_panels_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    correlate_call(w, &c,
                   n->in[0]->dtype == DTYPE_BF16 ? "$pack_widened(&size, weight, panels, $t, $T);"
                                                 : "$pack(&size, weight, panels, $t, $T);");
}

static void conv_panels_back_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    correlate_call(w, &c, "$pack_backward(&size, weight, panels, $t, $T);");
}

static const Variant conv_panels_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .dtypes = OF_F32 | OF_BF16, .emit = conv_panels_emit, .kernel = "conv"},
    {0},
};

static const Op conv_panels = {
    .name = "conv.panels",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = conv_panels_shape,
    .flops = region_no_flops,
    .variants = conv_panels_variants,
};

static const Variant conv_panels_back_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = conv_panels_back_emit, .kernel = "conv"},
    {0},
};

static const Op conv_panels_back = {
    .name = "conv.panels_back",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = conv_panels_back_shape,
    .flops = region_no_flops,
    .variants = conv_panels_back_variants,
};

/* ---- batch-blocked: runtime/kernels/conv/batch_blocked.h ---------------------------------- */

static void conv_blocked_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_forward(n);
    conv_bind_epilogue(w, n);
    correlate_blocked_call(w, &c, "nn_blocked_conv(&size, $N / 16, x, weight, $bias, y);");
}

static void conv_dx_blocked_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_dx(n);
    correlate_blocked_call(w, &c, "nn_blocked_conv_dx(&size, $N / 16, dy, weight, dx);");
}

static void conv_dweight_blocked_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_dweight(n);
    correlate_blocked_call(w, &c, "nn_blocked_conv_dweight(&size, $N / 16, x, dy, dweight, $t, $T);");
}

static const char *conv_blocked_refusal(const Node *n)
{
    Correlation c = conv_of_forward(n);
    return correlate_blocked_refusal(&c);
}

static const char *dx_blocked_refusal(const Node *n)
{
    Correlation c = conv_of_dx(n);
    return c.slide[0].stride * c.slide[1].stride > 1 ? "it has a stride" : correlate_blocked_refusal(&c);
}

static const char *dweight_blocked_refusal(const Node *n)
{
    Correlation c = conv_of_dweight(n);
    return correlate_blocked_refusal(&c);
}

static double conv_blocked_cost(const Node *n, const CostModel *m)
{
    return m->machine->blocked_product * (double)(node_macs(n) * m->batch);
}

/* ---- the tables ------------------------------------------------------------------- */

#define CONV_TRAITS (VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES)
#define CONV_ROW(NAME, REFUSES, COST)                                                                      \
    {                                                                                                      \
        .name = NAME, .layouts = IN_NHWC, .traits = CONV_TRAITS, .epilogues = WITH_ALL, .inference = true, \
        .refuses = REFUSES, .cost = COST, .prepack = &conv_panels, .emit = conv_emit, .kernel = "conv"     \
    }
#define CONV_DX_ROW(NAME, REFUSES, COST)                                                           \
    {                                                                                              \
        .name = NAME, .layouts = IN_NHWC, .traits = CONV_TRAITS, .refuses = REFUSES, .cost = COST, \
        .prepack = &conv_panels_back, .emit = conv_dx_emit, .kernel = "conv"                       \
    }
#define CONV_DWEIGHT_ROW(NAME, REFUSES)                                                                            \
    {                                                                                                              \
        .name = NAME, .layouts = IN_NHWC, .dtypes = OF_F32 | OF_BF16, .traits = CONV_TRAITS | VARIANT_ANY_FORMATS, \
        .refuses = REFUSES, .cost = conv_dweight_cost, .emit = conv_dweight_emit, .kernel = "conv"                 \
    }

const Variant conv_variants[] = {
    CONV_WINOGRAD_ROWS,
    CONV_WINOGRAD_PAIRS_ROW,
    CONV_BF16_ROW("direct_bf16", conv_bf16_refusal),
    CONV_BF16_ROW("grouped_bf16", conv_bf16_grouped_refusal),
    CONV_WINOGRAD_W16_ROWS,
    CONV_ROW("direct_nhwc", conv_direct_refusal, conv_cost),
    CONV_W16_ROW,
    CONV_ROW("grouped_nhwc", conv_grouped_refusal, conv_cost),
    CONV_ROW("depthwise_nhwc", conv_depthwise_refusal, conv_depthwise_cost),
    {FRAMES_ROW, .epilogues = WITH_ALL, .inference = true, .refuses = conv_frames_refusal, .cost = conv_cost,
     .prepack = &conv_panels, .workspace = conv_frames_workspace, .emit = conv_frames_emit},
    CONV_HALVES_ROW("rows_bf16", conv_halves_grouped_refusal, conv_cost, &conv_halves_panels, conv_halves_grouped_emit),
    CONV_HALVES_ROW("depthwise_bf16", conv_halves_depthwise_refusal, conv_depthwise_cost, &conv_panels,
                    conv_halves_depthwise_emit),
    {.name = "direct_nchw",
     .layouts = IN_NCHW,
     .refuses = conv_planar_refusal,
     .cost = conv_planar_cost,
     .emit = conv_planar_emit,
     .kernel = "conv"},
    {.name = "batch_blocked",
     .layouts = IN_NCHW16N,
     .traits = VARIANT_ANY_BATCH,
     .refuses = conv_blocked_refusal,
     .cost = conv_blocked_cost,
     .emit = conv_blocked_emit,
     .kernel = "batch_blocked"},
    {0},
};

const Variant conv_dx_variants[] = {
    CONV_DX_WINOGRAD_ROWS,
    CONV_DX_WINOGRAD_PAIRS_ROW,
    CONV_DX_BF16_ROW("direct_bf16", conv_bf16_dx_refusal),
    CONV_DX_BF16_ROW("grouped_bf16", conv_bf16_grouped_dx_refusal),
    CONV_DX_ROW("direct_nhwc", dx_direct_refusal, conv_dx_cost),
    CONV_DX_ROW("grouped_nhwc", dx_grouped_refusal, conv_dx_cost),
    CONV_DX_ROW("depthwise_nhwc", dx_depthwise_refusal, conv_depthwise_dx_cost),
    {FRAMES_ROW, .refuses = conv_frames_dx_refusal, .cost = conv_dx_cost, .prepack = &conv_panels_back,
     .workspace = conv_frames_dx_workspace, .emit = conv_frames_dx_emit},
    {HALVES_ROW("rows_bf16", conv_halves_grouped_dx_refusal, conv_dx_cost, &conv_halves_panels_back,
                conv_halves_grouped_dx_emit)},
    {HALVES_ROW("depthwise_bf16", conv_halves_depthwise_dx_refusal, conv_depthwise_dx_cost, &conv_panels_back,
                conv_halves_depthwise_dx_emit)},
    {.name = "batch_blocked",
     .layouts = IN_NCHW16N,
     .traits = VARIANT_ANY_BATCH,
     .refuses = dx_blocked_refusal,
     .cost = conv_blocked_cost,
     .emit = conv_dx_blocked_emit,
     .kernel = "batch_blocked"},
    {0},
};

const Variant conv_dweight_variants[] = {
    CONV_DWEIGHT_WINOGRAD_ROW,
    CONV_DWEIGHT_WINOGRAD_PAIRS_ROW,
    CONV_DWEIGHT_ROW("direct_nhwc", dweight_direct_refusal),
    CONV_DWEIGHT_ROW("grouped_nhwc", dweight_grouped_refusal),
    DWEIGHT_PAIRS_ROW("direct_bf16", conv_bf16_dweight_refusal, conv_bf16_dweight_emit),
    DWEIGHT_PAIRS_ROW("grouped_bf16", conv_bf16_grouped_dweight_refusal, conv_bf16_dweight_emit),
    {.name = "depthwise_nhwc",
     .layouts = IN_NHWC,
     .traits = CONV_TRAITS,
     .refuses = dweight_depthwise_refusal,
     .cost = conv_depthwise_dweight_cost,
     .emit = conv_depthwise_dweight_emit,
     .kernel = "conv"},
    {.name = "depthwise_bf16",
     .layouts = IN_NHWC,
     .dtypes = OF_BF16,
     .traits = CONV_TRAITS,
     .refuses = conv_halves_depthwise_dweight_refusal,
     .cost = conv_depthwise_dweight_cost,
     .emit = conv_halves_depthwise_dweight_emit,
     .kernel = "conv"},
    {.name = "batch_blocked",
     .layouts = IN_NCHW16N,
     .refuses = dweight_blocked_refusal,
     .cost = conv_blocked_cost,
     .emit = conv_dweight_blocked_emit,
     .kernel = "batch_blocked"},
    {0},
};

/* ---- the operators ---------------------------------------------------------------- */

static const Op conv_dx = {
    .name = "conv.dx",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dx_in,
    .out = correlate_dx_out,
    .plain = conv_dx_plain,
    .variants = conv_dx_variants,
};
static const Op conv_dweight = {
    .name = "conv.dweight",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dweight_in,
    .out = correlate_dweight_out,
    .plain = conv_dweight_plain,
    .variants = conv_dweight_variants,
};

const Variant conv_dbias_variants[] = {
    {.name = "pixels",
     .layouts = IN_NHWC,
     .dtypes = OF_F32 | OF_BF16,
     .traits = CONV_TRAITS,
     .emit = correlate_bias_emit,
     .kernel = "channels"},
    {.name = "simd",
     .layouts = IN_NCHW | IN_NCHW16N,
     .traits = CONV_TRAITS,
     .emit = correlate_bias_emit,
     .kernel = "channels"},
    {0},
};

static const Op conv_dbias = {
    .name = "conv.dbias",
    .class = OP_INTERNAL,
    .in = correlate_dbias_in,
    .out = correlate_dbias_out,
    .plain = correlate_bias_plain,
    .variants = conv_dbias_variants,
};

static void conv_grad(Backward *b, const Node *n)
{
    correlate_grad(b, n, &(CorrelateGradients){&conv_dx, &conv_dweight, &conv_dbias});
}

bool conv_quantize(Quantizer *q, const Node *n)
{
    const Correlation c = conv_correlation(n, node_shape_in(n), node_shape_out(n));
    return quantized_correlation(
        q, n, &c,
        (WeightRequest){.from = n->in[1], .from_bias = node_has(n, 2) ? n->in[2] : NULL, .shape = n->in[1]->shape});
}

/* ---- in place -------------------------------------------------------------------------- */

static bool in_place_shape(Graph *g, Node *n)
{
    const Correlation c = conv_of_forward(n);
    correlate_in_place_shape(g, n, &c);
    return true;
}

static void in_place_plain(Writer *w, const Node *n)
{
    const Correlation c = conv_of_forward(n);
    const CorrelateText text = correlate_text(w, "x", "y", node_has(n, 2) ? "bias" : NULL);
    correlate_in_place(w, &c, &text);
}

static const Op op_conv_in_place = {
    .name = "conv.in_place",
    .class = OP_INTERNAL,
    .traits = OP_WEIGHTED | OP_INPLACE | OP_SHRINKS_INPLACE,
    .in = correlate_in,
    .out = correlate_in_place_out,
    .shape = in_place_shape,
    .window = conv_window,
    .macs = conv_macs,
    .flops = conv_flops,
    .plain = in_place_plain,
};

static const Op *conv_in_place(const Node *n, int64_t batch)
{
    const Correlation c = conv_of_forward(n);
    return correlate_is_in_place(&c, batch) ? &op_conv_in_place : NULL;
}

const Op op_conv = {
    .name = "conv",
    .summary = "convolution (cross-correlation) over an image",
    .formula = "y[o][i][j] = bias[o] + sum_{c,u,v} weight[o][c][u][v] * x[c][i*stride + u*dilation - pad][j*stride + "
               "v*dilation - pad]",
    .class = OP_LAYER,
    .traits = OP_WEIGHTED,
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
    .terms = conv_terms,
    .in_place = conv_in_place,
    .plain = conv_plain,
    .quantize = conv_quantize,
    .variants = conv_variants,
};
