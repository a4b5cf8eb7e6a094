/*
 * deconv: transposed convolution, PyTorch's ConvTranspose2d.
 *
 *   y[o][i·stride + u·dilation − pad][…] = b[o] + Σ W[c][o][u][v] · x[c][i][j]
 *
 *   x: [N][C][h][w]   weight: [C][O/groups][kh][kw]   bias: [O]   y: [N][O][H][W]
 *   H = (h − 1)·stride − pads + dilation·(kh − 1) + output_pad + 1
 *   dx is the conv of dy; dW[c][o][u][v] = Σ_{n,i,j} x[c][i][j] · dy[o][row][col]
 *
 * It is the gradient of a conv with x as the small side, so `pad` takes rows
 * away from the output.  pad=same gives stride times the input; output_pad adds
 * rows at the end, and is smaller than the stride or the dilation.
 */
#include "ops/layers/deconv.h"

#include "ops/shared/region.h"
#include "ops/shared/transposed.h"

static const Attr deconv_attrs[] = {
    {"out", ATTR_INT, offsetof(DeconvAttrs, out), NULL, 1, 1e9, NULL},
    {"k", ATTR_PAIR, offsetof(DeconvAttrs, k), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_PAIR, offsetof(DeconvAttrs, stride), "1", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(DeconvAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"output_pad", ATTR_PAIR, offsetof(DeconvAttrs, output_pad), "0", 0, WINDOW_MAX, NULL},
    {"dilation", ATTR_PAIR, offsetof(DeconvAttrs, dilation), "1", 1, WINDOW_MAX, NULL},
    {"groups", ATTR_INT, offsetof(DeconvAttrs, groups), "1", 1, 1e9, NULL},
    {"bias", ATTR_BOOL, offsetof(DeconvAttrs, bias), "yes", 0, 0, NULL},
    {"init", ATTR_INIT, offsetof(DeconvAttrs, init), "he_normal", 0, 0, NULL},
    {"bias_init", ATTR_INIT, offsetof(DeconvAttrs, bias_init), "default", 0, 0, NULL},
    {0},
};

Correlation deconv_correlation(const Node *n, Shape large, Shape small)
{
    const DeconvAttrs *a = n->attrs;
    Correlation c = {.large = window_image(large), .small = window_image(small), .groups = a->groups};
    window_slides(c.slide, (WindowSpec){a->k, a->stride, a->dilation, a->pad}, large, small);
    return c;
}

static bool deconv_shape(Graph *g, Node *n)
{
    DeconvAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    Shape in = node_shape_in(n);
    bool fits = correlate_groups_divide(g, n, a->groups, in.dim[0], a->out);
    Correlation c = deconv_correlation(n, in, in);
    bool sized = true, square = window_is_square(c.slide) && a->output_pad.h == a->output_pad.w;
    for (int axis = 0; axis < 2 && (sized || !square); axis++) {
        int64_t output_pad = axis == 0 ? a->output_pad.h : a->output_pad.w;
        sized = transposed_size(g, n, axis, &c.slide[axis], a->pad.kind, output_pad) && sized;
    }
    if (!fits || !sized) return false;
    a->pad = (Pad){a->pad.kind, c.slide[0].before, c.slide[1].before, c.slide[0].after, c.slide[1].after};
    node_out(g, n, shape_image(a->out, c.slide[0].large, c.slide[1].large));
    return true;
}

static void deconv_params(Graph *g, Node *n)
{
    const DeconvAttrs *a = n->attrs;
    Shape weight = {4, {node_shape_in(n).dim[0], a->out / a->groups, a->k.h, a->k.w}};
    correlate_params(g, n, weight, a->out, a->init, a->bias ? &a->bias_init : NULL);
}

void deconv_window(const Node *n, int axis, Window *window)
{
    Correlation c = deconv_correlation(n, node_shape_out(n), node_shape_in(n));
    transposed_field(&c.slide[axis], window);
}

int64_t deconv_macs(const Node *n)
{
    Correlation c = deconv_correlation(n, node_shape_out(n), node_shape_in(n));
    return correlate_macs(&c);
}

int64_t deconv_flops(const Node *n)
{
    const DeconvAttrs *a = n->attrs;
    return 2 * deconv_macs(n) + (a->bias ? shape_count(node_shape_out(n)) : 0);
}

static void deconv_plain(Writer *w, const Node *n)
{
    Correlation c = deconv_correlation(n, node_shape_out(n), node_shape_in(n));
    correlate_backward_data(w, &c, "y", "x", node_has(n, 2) ? "bias" : NULL);
}

static void deconv_dx_plain(Writer *w, const Node *n)
{
    Correlation c = deconv_correlation(n, node_shape_in(n), node_shape_out(n));
    correlate_forward(w, &c, "dy", "dx", NULL);
}

static void deconv_dweight_plain(Writer *w, const Node *n)
{
    Correlation c = deconv_correlation(n, n->in[1]->shape, n->in[0]->shape);
    correlate_wgrad(w, &c, "dy", "x");
}

/* ---- fast form: runtime/kernels/conv/conv.h --------------------------------- */

static Correlation deconv_between(const Node *n, const Tensor *large, const Tensor *small)
{
    return correlate_with_steps(deconv_correlation(n, large->shape, small->shape), large, small);
}

Correlation deconv_of_forward(const Node *n) { return deconv_between(n, n->out[0], n->in[0]); }
Correlation deconv_of_dx(const Node *n) { return deconv_between(n, n->in[0], n->out[0]); }
Correlation deconv_of_dweight(const Node *n) { return deconv_between(n, n->in[1], n->in[0]); }
/* Of the packing nodes: whatever it is that wants the weights packed. */
Correlation deconv_of_origin(const Node *n) { return deconv_of_forward(n->origin); }

static const char *deconv_direct_refusal(const Node *n) { return correlate_direct_refusal(deconv_of_forward(n)); }
static const char *deconv_grouped_refusal(const Node *n) { return correlate_grouped_refusal(deconv_of_forward(n)); }
static const char *deconv_depthwise_refusal(const Node *n) { return correlate_depthwise_refusal(deconv_of_forward(n)); }
static const char *deconv_dx_direct_refusal(const Node *n) { return correlate_direct_refusal(deconv_of_dx(n)); }
static const char *deconv_dx_grouped_refusal(const Node *n) { return correlate_grouped_refusal(deconv_of_dx(n)); }
static const char *deconv_dx_depthwise_refusal(const Node *n) { return correlate_depthwise_refusal(deconv_of_dx(n)); }
static const char *deconv_dweight_direct_refusal(const Node *n)
{
    return correlate_direct_refusal(deconv_of_dweight(n));
}
static const char *deconv_dweight_grouped_refusal(const Node *n)
{
    return correlate_grouped_refusal(deconv_of_dweight(n));
}
static const char *deconv_dweight_depthwise_refusal(const Node *n)
{
    return correlate_depthwise_refusal(deconv_of_dweight(n));
}

static double deconv_cost(const Node *n, const CostModel *m) { return (double)(node_macs(n) * m->batch); }

static void deconv_emit(Writer *w, const Node *n)
{
    Correlation c = deconv_of_forward(n);
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = x, .panels = weight, .bias = $bias, .y = y};\n"
                   "$backward_data(&size, &args, $t, $T);");
}

static void deconv_dx_emit(Writer *w, const Node *n)
{
    Correlation c = deconv_of_dx(n);
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = dy, .panels = weight, .y = dx};\n"
                   "$forward(&size, &args, $t, $T);");
}

static void deconv_dweight_emit(Writer *w, const Node *n)
{
    Correlation c = deconv_of_dweight(n);
    const bool large = n->in[1]->dtype == DTYPE_BF16, small = n->in[0]->dtype == DTYPE_BF16;
    writer_bind_int(w, "large_format", large);
    writer_bind_int(w, "small_format", small);
    if (large || small)
        correlate_call(w, &c,
                       "static const nn_image_formats formats = {.large = $large_format, .small = $small_format};\n"
                       "nn_conv_wgrad_bf16(&size, &formats, dy, x, dweight, $t, $T);");
    else
        correlate_call(w, &c, "nn_conv_wgrad(&size, dy, x, dweight, $t, $T);");
}

static void deconv_depthwise_dweight_emit(Writer *w, const Node *n)
{
    Correlation c = deconv_of_dweight(n);
    correlate_call(w, &c, "nn_depthwise_wgrad(&size, dy, x, dweight, $t, $T);");
}

static bool deconv_panels_shape(Graph *g, Node *n)
{
    Correlation c = deconv_of_origin(n);
    return correlate_panels_shape(g, n, &c, true);
}

static bool deconv_dx_panels_shape(Graph *g, Node *n)
{
    Correlation c = deconv_of_origin(n);
    return correlate_panels_shape(g, n, &c, false);
}

static void deconv_panels_emit(Writer *w, const Node *n)
{
    Correlation c = deconv_of_origin(n);
    correlate_call(w, &c,
                   n->in[0]->dtype == DTYPE_BF16 ? "$pack_backward_widened(&size, weight, panels, $t, $T);"
                                                 : "$pack_backward(&size, weight, panels, $t, $T);");
}

static void deconv_dx_panels_emit(Writer *w, const Node *n)
{
    Correlation c = deconv_of_origin(n);
    correlate_call(w, &c, "$pack(&size, weight, panels, $t, $T);");
}

static const Variant deconv_panels_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .dtypes = OF_F32 | OF_BF16, .emit = deconv_panels_emit, .kernel = "conv"},
    {0},
};

static const Op deconv_panels = {
    .name = "deconv.panels",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = deconv_panels_shape,
    .flops = region_no_flops,
    .variants = deconv_panels_variants,
};

static const Variant deconv_dx_panels_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = deconv_dx_panels_emit, .kernel = "conv"},
    {0},
};

static const Op deconv_dx_panels = {
    .name = "deconv.panels_dx",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = deconv_dx_panels_shape,
    .flops = region_no_flops,
    .variants = deconv_dx_panels_variants,
};

/* ---- the tables ------------------------------------------------------------------- */

#define DECONV_TRAITS (VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES)
#define DECONV_ROW(NAME, REFUSES, PREPACK, EMIT)                                                            \
    {                                                                                                       \
        .name = NAME, .layouts = IN_NHWC, .traits = DECONV_TRAITS, .refuses = REFUSES, .cost = deconv_cost, \
        .prepack = PREPACK, .emit = EMIT, .kernel = "conv"                                                  \
    }

#define DECONV_DWEIGHT_ROW(NAME, REFUSES)                                                                            \
    {                                                                                                                \
        .name = NAME, .layouts = IN_NHWC, .dtypes = OF_F32 | OF_BF16, .traits = DECONV_TRAITS | VARIANT_ANY_FORMATS, \
        .refuses = REFUSES, .cost = deconv_cost, .emit = deconv_dweight_emit, .kernel = "conv"                       \
    }

const Variant deconv_dx_variants[] = {
    DECONV_BF16_ROW("direct_bf16", deconv_bf16_dx_refusal, deconv_bf16_dx_panels, deconv_bf16_dx_emit),
    DECONV_BF16_ROW("grouped_bf16", deconv_bf16_grouped_dx_refusal, deconv_bf16_dx_panels, deconv_bf16_dx_emit),
    {FRAMES_ROW, .refuses = deconv_frames_dx_refusal, .cost = deconv_cost, .prepack = &deconv_dx_panels,
     .workspace = deconv_frames_dx_workspace, .emit = deconv_frames_dx_emit},
    DECONV_ROW("direct_nhwc", deconv_dx_direct_refusal, &deconv_dx_panels, deconv_dx_emit),
    DECONV_ROW("grouped_nhwc", deconv_dx_grouped_refusal, &deconv_dx_panels, deconv_dx_emit),
    DECONV_ROW("depthwise_nhwc", deconv_dx_depthwise_refusal, &deconv_dx_panels, deconv_dx_emit),
    {0},
};

static const Op deconv_dx = {
    .name = "deconv.dx",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dx_in,
    .out = correlate_dx_out,
    .plain = deconv_dx_plain,
    .variants = deconv_dx_variants,
};

const Variant deconv_dweight_variants[] = {
    DECONV_DWEIGHT_ROW("direct_nhwc", deconv_dweight_direct_refusal),
    DECONV_DWEIGHT_ROW("grouped_nhwc", deconv_dweight_grouped_refusal),
    DWEIGHT_PAIRS_ROW("direct_bf16", deconv_bf16_dweight_refusal, deconv_bf16_dweight_emit),
    DWEIGHT_PAIRS_ROW("grouped_bf16", deconv_bf16_grouped_dweight_refusal, deconv_bf16_dweight_emit),
    DECONV_ROW("depthwise_nhwc", deconv_dweight_depthwise_refusal, NULL, deconv_depthwise_dweight_emit),
    {0},
};

static const Op deconv_dweight = {
    .name = "deconv.dweight",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = correlate_dweight_in,
    .out = correlate_dweight_out,
    .plain = deconv_dweight_plain,
    .variants = deconv_dweight_variants,
};

const Variant deconv_dbias_variants[] = {
    {.name = "pixels",
     .layouts = IN_NHWC,
     .dtypes = OF_F32 | OF_BF16,
     .traits = DECONV_TRAITS,
     .emit = correlate_bias_emit,
     .kernel = "channels"},
    {.name = "simd", .layouts = IN_NCHW, .traits = DECONV_TRAITS, .emit = correlate_bias_emit, .kernel = "channels"},
    {0},
};

static const Op deconv_dbias = {
    .name = "deconv.dbias",
    .class = OP_INTERNAL,
    .in = correlate_dbias_in,
    .out = correlate_dbias_out,
    .plain = correlate_bias_plain,
    .variants = deconv_dbias_variants,
};

static void deconv_grad(Backward *b, const Node *n)
{
    correlate_grad(b, n, &(CorrelateGradients){&deconv_dx, &deconv_dweight, &deconv_dbias});
}

const Variant deconv_variants[] = {
    DECONV_BF16_ROW("direct_bf16", deconv_bf16_refusal, deconv_bf16_panels, deconv_bf16_emit),
    DECONV_BF16_ROW("grouped_bf16", deconv_bf16_grouped_refusal, deconv_bf16_panels, deconv_bf16_emit),
    {FRAMES_ROW, .refuses = deconv_frames_refusal, .cost = deconv_cost, .prepack = &deconv_panels,
     .workspace = deconv_frames_workspace, .emit = deconv_frames_emit},
    DECONV_ROW("direct_nhwc", deconv_direct_refusal, &deconv_panels, deconv_emit),
    DECONV_ROW("grouped_nhwc", deconv_grouped_refusal, &deconv_panels, deconv_emit),
    DECONV_ROW("depthwise_nhwc", deconv_depthwise_refusal, &deconv_panels, deconv_emit),
    {0},
};

const Op op_deconv = {
    .name = "deconv",
    .summary = "transposed convolution over an image",
    .formula = "y[o][i*stride + u*dilation - pad][j*stride + v*dilation - pad] = bias[o] + sum weight[c][o][u][v] * "
               "x[c][i][j]",
    .class = OP_LAYER,
    .traits = OP_WEIGHTED,
    .attrs = deconv_attrs,
    .attrs_size = sizeof(DeconvAttrs),
    .in = correlate_in,
    .out = correlate_out,
    .shape = deconv_shape,
    .params = deconv_params,
    .window = deconv_window,
    .macs = deconv_macs,
    .flops = deconv_flops,
    .grad = deconv_grad,
    .plain = deconv_plain,
    .variants = deconv_variants,
};
