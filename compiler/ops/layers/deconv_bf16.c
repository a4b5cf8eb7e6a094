/*
 * deconv's rows for images in bf16: the kernels of conv's (conv_bf16.c), forward for backward.
 */
#include "ops/layers/deconv.h"
#include "ops/shared/region.h"

const char *deconv_bf16_refusal(const Node *n) { return correlate_pairs_refusal(n, deconv_of_forward(n)); }
const char *deconv_bf16_dx_refusal(const Node *n) { return correlate_pairs_refusal(n, deconv_of_dx(n)); }

const char *deconv_bf16_grouped_refusal(const Node *n)
{
    return correlate_grouped_pairs_refusal(n, deconv_of_forward(n));
}

const char *deconv_bf16_grouped_dx_refusal(const Node *n)
{
    return correlate_grouped_pairs_refusal(n, deconv_of_dx(n));
}

const char *deconv_bf16_dweight_refusal(const Node *n)
{
    return correlate_dweight_direct_refusal(n, deconv_of_dweight(n));
}

const char *deconv_bf16_grouped_dweight_refusal(const Node *n)
{
    return correlate_dweight_grouped_refusal(n, deconv_of_dweight(n));
}

double deconv_bf16_cost(const Node *n, const CostModel *m)
{
    return m->machine->bf16_product * (double)(node_macs(n) * m->batch);
}

/* ---- weights ------------------------------------------------------------------------ */

static bool deconv_pair_panels_shape(Graph *g, Node *n)
{
    const Correlation c = deconv_of_origin(n);
    return correlate_pair_panels_shape(g, n, &c, true);
}

static bool deconv_pair_dx_panels_shape(Graph *g, Node *n)
{
    const Correlation c = deconv_of_origin(n);
    return correlate_pair_panels_shape(g, n, &c, false);
}

static void deconv_pair_panels_emit(Writer *w, const Node *n)
{
    const Correlation c = deconv_of_origin(n);
    correlate_pair_panels_emit(w, n, &c, true);
}

static void deconv_pair_dx_panels_emit(Writer *w, const Node *n)
{
    const Correlation c = deconv_of_origin(n);
    correlate_pair_panels_emit(w, n, &c, false);
}

static const Variant panels_variants[] = {
    PAIR_PANELS_ROW(deconv_pair_panels_emit),
    {0},
};
static const Variant dx_panels_variants[] = {
    PAIR_PANELS_ROW(deconv_pair_dx_panels_emit),
    {0},
};

const Op deconv_bf16_panels = {
    .name = "deconv.panels_bf16",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = deconv_pair_panels_shape,
    .flops = region_no_flops,
    .variants = panels_variants,
};
const Op deconv_bf16_dx_panels = {
    .name = "deconv.panels_dx_bf16",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = deconv_pair_dx_panels_shape,
    .flops = region_no_flops,
    .variants = dx_panels_variants,
};

/* ---- calls -------------------------------------------------------------------------- */

void deconv_bf16_emit(Writer *w, const Node *n)
{
    const Correlation c = deconv_of_forward(n);
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    writer_bind_int(w, "half", tensor_is_bf16_value(n->out[0]));
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = x, .panels = weight, .bias = $bias, .y = y, .half = $half};\n"
                   "nn_conv_backward_data_bf16(&size, &args, $t, $T);");
}

void deconv_bf16_dx_emit(Writer *w, const Node *n)
{
    const Correlation c = deconv_of_dx(n);
    writer_bind_int(w, "half", tensor_is_bf16_value(n->out[0]));
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = dy, .panels = weight, .y = dx, .half = $half};\n"
                   "nn_conv_forward_bf16(&size, &args, $t, $T);");
}

void deconv_bf16_dweight_emit(Writer *w, const Node *n)
{
    const Correlation c = deconv_of_dweight(n);
    correlate_call(w, &c, "nn_conv_wgrad_pairs(&size, dy, x, dweight, $t, $T);");
}

/* ---- blocks in frames of floats ---------------------------------------------------------- */

const char *deconv_frames_refusal(const Node *n)
{
    return correlate_frames_refusal(n, deconv_of_forward(n), CORRELATE_LARGE);
}

const char *deconv_frames_dx_refusal(const Node *n)
{
    return correlate_frames_refusal(n, deconv_of_dx(n), CORRELATE_SMALL);
}

int64_t deconv_frames_workspace(const Node *n)
{
    return correlate_frames_workspace(deconv_of_forward(n), CORRELATE_LARGE);
}

int64_t deconv_frames_dx_workspace(const Node *n)
{
    return correlate_frames_workspace(deconv_of_dx(n), CORRELATE_SMALL);
}

void deconv_frames_emit(Writer *w, const Node *n)
{
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    writer_bind(w, "epilogue", "0");
    writer_bind(w, "x", "x");
    writer_bind(w, "y", "y");
    correlate_frames_call(w, n, deconv_of_forward(n), CORRELATE_LARGE);
}

void deconv_frames_dx_emit(Writer *w, const Node *n) { correlate_frames_dx(w, n, deconv_of_dx(n), CORRELATE_SMALL); }
