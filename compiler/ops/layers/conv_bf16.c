/*
 * conv's rows for images in bf16.  Of weights in bf16, products are those of an instruction that adds them
 * up in floats: runtime/kernels/conv/conv_bf16.h, wgrad_bf16.h.  Those of weights in floats are the kernels
 * of conv_grouped.h and conv_depthwise.h, which compute with floats.  docs/precision.md says how they round.
 */
#include "ops/layers/conv.h"
#include "ops/shared/region.h"

const char *conv_bf16_refusal(const Node *n) { return correlate_pairs_refusal(n, conv_of_forward(n)); }
const char *conv_bf16_dx_refusal(const Node *n) { return correlate_pairs_refusal(n, conv_of_dx(n)); }
const char *conv_bf16_grouped_refusal(const Node *n) { return correlate_grouped_pairs_refusal(n, conv_of_forward(n)); }
const char *conv_bf16_grouped_dx_refusal(const Node *n) { return correlate_grouped_pairs_refusal(n, conv_of_dx(n)); }

const char *conv_bf16_dweight_refusal(const Node *n) { return correlate_dweight_direct_refusal(n, conv_of_dweight(n)); }

const char *conv_bf16_grouped_dweight_refusal(const Node *n)
{
    return correlate_dweight_grouped_refusal(n, conv_of_dweight(n));
}

/* Twice as many products in the same time, of half as many bytes. */
double conv_bf16_cost(const Node *n, const CostModel *m)
{
    Correlation c = conv_of_forward(n);
    return m->machine->bf16_product * correlate_direct_cost(&c, c.small, m);
}

double conv_bf16_dx_cost(const Node *n, const CostModel *m)
{
    Correlation c = conv_of_dx(n);
    return m->machine->bf16_product * correlate_direct_cost(&c, c.large, m);
}

/* ---- weights ------------------------------------------------------------------------ */

static bool conv_pair_panels_shape(Graph *g, Node *n)
{
    const Correlation c = conv_of_origin(n);
    return correlate_pair_panels_shape(g, n, &c, false);
}

static bool conv_pair_panels_back_shape(Graph *g, Node *n)
{
    const Correlation c = conv_of_origin(n);
    return correlate_pair_panels_shape(g, n, &c, true);
}

static void conv_pair_panels_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    correlate_pair_panels_emit(w, n, &c, false);
}

static void conv_pair_panels_back_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    correlate_pair_panels_emit(w, n, &c, true);
}

static const Variant panels_variants[] = {
    PAIR_PANELS_ROW(conv_pair_panels_emit),
    {0},
};
static const Variant panels_back_variants[] = {
    PAIR_PANELS_ROW(conv_pair_panels_back_emit),
    {0},
};

const Op conv_bf16_panels = {
    .name = "conv.panels_bf16",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = conv_pair_panels_shape,
    .flops = region_no_flops,
    .variants = panels_variants,
};
const Op conv_bf16_panels_back = {
    .name = "conv.panels_back_bf16",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = conv_pair_panels_back_shape,
    .flops = region_no_flops,
    .variants = panels_back_variants,
};

/* ---- calls -------------------------------------------------------------------------- */

/* What an epilogue adds: the only value of samples besides the first input. */
static const Tensor *bf16_residual(const Node *n)
{
    for (int i = 1; i < n->in_count; i++)
        if (n->in[i]->batched) return n->in[i];
    return NULL;
}

void conv_bind_bf16_epilogue(Writer *w, const Node *n)
{
    const Epilogue *e = n->epilogue;
    writer_bind(w, "bias", ((const ConvAttrs *)n->attrs)->bias ? "bias" : "0");
    writer_bind_int(w, "half", tensor_is_bf16_value(n->out[0]));
    writer_bind(w, "epilogue", e ? "&epilogue" : "0");
    if (!e) return;
    writer_bind(w, "scale", e->affine ? "scale" : "0");
    writer_bind(w, "shift", e->affine ? "shift" : "0");
    writer_bind(w, "residual", e->add ? "residual" : "0");
    writer_bind_int(w, "residual_half", e->add && tensor_is_bf16_value(bf16_residual(n)));
    writer_bind_int(w, "relu", e->relu);
    writer_put(w, "const nn_epilogue epilogue = {.scale = $scale, .shift = $shift, .residual = $residual, "
                  ".residual_half = $residual_half, .relu = $relu};");
}

void conv_bf16_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_forward(n);
    conv_bind_bf16_epilogue(w, n);
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = x, .panels = weight, .bias = $bias, .epilogue = $epilogue, .y = "
                   "y, .half = $half};\n"
                   "nn_conv_forward_bf16(&size, &args, $t, $T);");
}

void conv_bf16_dx_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_dx(n);
    writer_bind_int(w, "half", tensor_is_bf16_value(n->out[0]));
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = dy, .panels = weight, .y = dx, .half = $half};\n"
                   "nn_conv_backward_data_bf16(&size, &args, $t, $T);");
}

void conv_bf16_dweight_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_dweight(n);
    correlate_call(w, &c, "nn_conv_wgrad_pairs(&size, x, dy, dweight, $t, $T);");
}

/* ---- blocks in frames of floats ---------------------------------------------------------- */

const char *conv_frames_refusal(const Node *n)
{
    return correlate_frames_refusal(n, conv_of_forward(n), CORRELATE_SMALL);
}

const char *conv_frames_dx_refusal(const Node *n)
{
    return correlate_frames_refusal(n, conv_of_dx(n), CORRELATE_LARGE);
}

int64_t conv_frames_workspace(const Node *n) { return correlate_frames_workspace(conv_of_forward(n), CORRELATE_SMALL); }

int64_t conv_frames_dx_workspace(const Node *n) { return correlate_frames_workspace(conv_of_dx(n), CORRELATE_LARGE); }

void conv_frames_emit(Writer *w, const Node *n)
{
    conv_bind_bf16_epilogue(w, n);
    writer_bind(w, "x", "x");
    writer_bind(w, "y", "y");
    correlate_frames_call(w, n, conv_of_forward(n), CORRELATE_SMALL);
}

void conv_frames_dx_emit(Writer *w, const Node *n) { correlate_frames_dx(w, n, conv_of_dx(n), CORRELATE_LARGE); }

/* ---- weights in floats ------------------------------------------------------------------ */

const char *conv_halves_grouped_refusal(const Node *n) { return correlate_rows_refusal(n, conv_of_forward(n)); }
const char *conv_halves_grouped_dx_refusal(const Node *n) { return correlate_rows_refusal(n, conv_of_dx(n)); }

const char *conv_halves_depthwise_refusal(const Node *n)
{
    return correlate_halves_depthwise_refusal(n, conv_of_forward(n));
}

const char *conv_halves_depthwise_dx_refusal(const Node *n)
{
    return correlate_halves_depthwise_refusal(n, conv_of_dx(n));
}

const char *conv_halves_depthwise_dweight_refusal(const Node *n)
{
    return correlate_dweight_depthwise_refusal(n, conv_of_dweight(n));
}

static bool halves_panels_shape(Graph *g, Node *n)
{
    const Correlation c = conv_of_origin(n);
    return correlate_panels_shape(g, n, &c, false);
}

static bool halves_panels_back_shape(Graph *g, Node *n)
{
    const Correlation c = conv_of_origin(n);
    return correlate_panels_shape(g, n, &c, true);
}

static void halves_panels_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_origin(n);
    correlate_call(w, &c, "nn_grouped_panels_bf16(&size, weight, panels, $t, $T);");
}

static void halves_panels_back_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_origin(n);
    correlate_call(w, &c, "nn_grouped_panels_backward_bf16(&size, weight, panels, $t, $T);");
}

static const Variant halves_panels_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = halves_panels_emit, .kernel = "conv"},
    {0},
};
static const Variant halves_panels_back_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = halves_panels_back_emit, .kernel = "conv"},
    {0},
};

const Op conv_halves_panels = {
    .name = "conv.panels_rows",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = halves_panels_shape,
    .flops = region_no_flops,
    .variants = halves_panels_variants,
};
const Op conv_halves_panels_back = {
    .name = "conv.panels_back_rows",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = halves_panels_back_shape,
    .flops = region_no_flops,
    .variants = halves_panels_back_variants,
};

static void halves_forward_emit(Writer *w, const Node *n, const char *kernel)
{
    const Correlation c = conv_of_forward(n);
    conv_bind_bf16_epilogue(w, n);
    writer_bind(w, "kernel", "%s", kernel);
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = x, .panels = weight, .bias = $bias, .epilogue = $epilogue, .y = "
                   "y, .half = $half};\n"
                   "$kernel(&size, &args, $t, $T);");
}

static void halves_dx_emit(Writer *w, const Node *n, const char *kernel)
{
    const Correlation c = conv_of_dx(n);
    writer_bind_int(w, "half", tensor_is_bf16_value(n->out[0]));
    writer_bind(w, "kernel", "%s", kernel);
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = dy, .panels = weight, .y = dx, .half = $half};\n"
                   "$kernel(&size, &args, $t, $T);");
}

void conv_halves_grouped_emit(Writer *w, const Node *n) { halves_forward_emit(w, n, "nn_grouped_forward_bf16"); }
void conv_halves_depthwise_emit(Writer *w, const Node *n) { halves_forward_emit(w, n, "nn_depthwise_forward_bf16"); }
void conv_halves_grouped_dx_emit(Writer *w, const Node *n) { halves_dx_emit(w, n, "nn_grouped_backward_data_bf16"); }

void conv_halves_depthwise_dx_emit(Writer *w, const Node *n)
{
    halves_dx_emit(w, n, "nn_depthwise_backward_data_bf16");
}

void conv_halves_depthwise_dweight_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_dweight(n);
    correlate_call(w, &c, "nn_depthwise_wgrad_bf16(&size, x, dy, dweight, $t, $T);");
}
