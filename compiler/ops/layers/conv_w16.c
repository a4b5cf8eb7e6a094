/*
 * conv's row for weights stored in bf16 and images of floats, of one group or of large ones: panels are
 * the weights as they are, which runtime/kernels/conv/conv_direct.h widens where it reads them.
 */
#include "ops/layers/conv.h"
#include "ops/shared/region.h"

const char *conv_w16_refusal(const Node *n)
{
    const Correlation c = conv_of_forward(n);
    if (c.groups > 1 && c.large.dim[0] / c.groups < NN_PANEL) return "its groups have few channels";
    return correlate_refusal(&c);
}

double conv_w16_cost(const Node *n, const CostModel *m)
{
    const Correlation c = conv_of_forward(n);
    return correlate_w16_cost(&c, c.small, m);
}

static bool conv_w16_panels_shape(Graph *g, Node *n)
{
    const Correlation c = conv_of_origin(n);
    const int64_t count =
        nn_conv_packed(c.groups, c.small.dim[0] / c.groups, c.large.dim[0] / c.groups, c.slide[0].k * c.slide[1].k);
    node_out_as(g, n, DTYPE_BF16, false, shape_vector(count));
    return true;
}

static void conv_w16_panels_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_origin(n);
    correlate_call(w, &c, "nn_conv_panels_w16(&size, weight, panels, $t, $T);");
}

static const Variant w16_panels_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .dtypes = OF_BF16, .emit = conv_w16_panels_emit, .kernel = "conv"},
    {0},
};

const Op conv_w16_panels = {
    .name = "conv.panels_w16",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = conv_w16_panels_shape,
    .flops = region_no_flops,
    .variants = w16_panels_variants,
};

void conv_w16_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_forward(n);
    conv_bind_epilogue(w, n);
    correlate_call(
        w, &c,
        "const nn_conv_args args = {.x = x, .panels = weight, .bias = $bias, .epilogue = $epilogue, .y = y};\n"
        "nn_conv_forward_w16(&size, &args, $t, $T);");
}
