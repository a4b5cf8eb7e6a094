/*
 * conv's rows of Winograd's F(2 x 2, 3 x 3) for images and weights in bf16, with products of pairs:
 * runtime/kernels/conv/winograd_pairs.h and winograd_wgrad_pairs.h.  docs/precision.md says how they round.
 */
#include "ops/layers/conv.h"
#include "ops/shared/region.h"

enum { TILE = 2, FREQUENCIES = 16 };

const char *winograd_pairs_refusal(const Node *n)
{
    const char *in_f32 = variant_input_in_f32(n);
    return in_f32 ? in_f32 : winograd_refusal_3(n);
}

const char *winograd_pairs_dx_refusal(const Node *n)
{
    const char *in_f32 = variant_input_in_f32(n);
    return in_f32 ? in_f32 : winograd_dx_refusal_3(n);
}

static int64_t input_channels(const Node *n) { return node_shape_in(n).dim[0]; }
static int64_t result_channels(const Node *n) { return node_shape_out(n).dim[0]; }

int64_t winograd_pairs_workspace(const Node *n) { return nn_winograd_pair_work(input_channels(n), result_channels(n)); }

/* As the other forms' (conv_winograd.c), in products of pairs, which reach the rate of direct convolution's; making
 * transformed weights takes half as long as in floats. */
double winograd_pairs_cost(const Node *n, const CostModel *model)
{
    const MachineCosts *m = model->machine;
    const double channels = (double)input_channels(n), outputs = (double)result_channels(n);
    const double tiles = winograd_tile_count(n, TILE, model);
    const double reading = model->constant_weights ? m->weight_read : m->weight_pack;
    const double products = FREQUENCIES * channels * outputs * (tiles + reading);
    return m->bf16_product * (products + m->tile_pairs * tiles * (channels + outputs));
}

/* ---- weights ------------------------------------------------------------------------ */

static bool pair_panels_of(Graph *g, Node *n, int64_t outputs, int64_t channels)
{
    node_out_as(g, n, DTYPE_BF16, false, shape_vector(nn_winograd_packed_pairs(outputs, channels)));
    return true;
}

static bool pair_panels_shape(Graph *g, Node *n)
{
    const Correlation c = conv_of_origin(n);
    return pair_panels_of(g, n, c.small.dim[0], c.large.dim[0]);
}

static bool pair_panels_back_shape(Graph *g, Node *n)
{
    const Correlation c = conv_of_origin(n);
    return pair_panels_of(g, n, c.large.dim[0], c.small.dim[0]);
}

static void emit_panels(Writer *w, const Node *n, int back)
{
    const Correlation c = conv_of_origin(n);
    writer_bind(w, "format", n->in[0]->dtype == DTYPE_BF16 ? "bf16" : "rounded");
    writer_bind_int(w, "back", back);
    correlate_call(w, &c, "nn_winograd_panels_$format(&size, $back, weight, panels, $t, $T);");
}

static void pair_panels_emit(Writer *w, const Node *n) { emit_panels(w, n, 0); }
static void pair_panels_back_emit(Writer *w, const Node *n) { emit_panels(w, n, 1); }

static const Variant pair_panels_variants[] = {
    PAIR_PANELS_ROW(pair_panels_emit),
    {0},
};
static const Variant pair_panels_back_variants[] = {
    PAIR_PANELS_ROW(pair_panels_back_emit),
    {0},
};

const Op winograd_pairs_panels = {
    .name = "conv.winograd_panels_bf16",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = pair_panels_shape,
    .flops = region_no_flops,
    .variants = pair_panels_variants,
};
const Op winograd_pairs_panels_back = {
    .name = "conv.winograd_panels_back_bf16",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = pair_panels_back_shape,
    .flops = region_no_flops,
    .variants = pair_panels_back_variants,
};

/* ---- calls -------------------------------------------------------------------------- */

void winograd_pairs_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_forward(n);
    conv_bind_bf16_epilogue(w, n);
    correlate_call(w, &c,
                   "const nn_conv_args args = {.x = x, .panels = weight, .bias = $bias, .epilogue = $epilogue, .y = "
                   "y, .work = work, .half = $half};\n"
                   "nn_winograd_pairs(&size, &args, $t, $T);");
}

void winograd_pairs_dx_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_dx(n), back = winograd_back(&c);
    writer_bind_int(w, "half", tensor_is_bf16_value(n->out[0]));
    correlate_call(w, &back,
                   "const nn_conv_args args = {.x = dy, .panels = weight, .y = dx, .work = work, .half = $half};\n"
                   "nn_winograd_pairs(&size, &args, $t, $T);");
}

/* ---- of the weights' gradient -------------------------------------------------------- */

/* Beside products, inputs and gradients of outputs are transformed anew for each unit of the others, and a kernel's
 * sums are transformed back and stored. */
double winograd_pairs_dweight_cost(const Node *n, const CostModel *model)
{
    const MachineCosts *m = model->machine;
    const Correlation c = conv_of_dweight(n);
    const int64_t channels = c.large.dim[0], outputs = c.small.dim[0], h = c.small.dim[1], w = c.small.dim[2];
    const double pairs = (double)(channels * outputs);
    const double tiles = (double)(model->batch * nn_round_up(h, TILE) * nn_round_up(w, TILE)) / (TILE * TILE);
    const int64_t blocks = div_round_up(channels, NN_WINOGRAD_WGRAD_PAIR_CHANNELS);
    const int64_t across = div_round_up(outputs, NN_WINOGRAD_WGRAD_PAIR_PANELS * NN_PANEL);
    return m->bf16_product * (FREQUENCIES * pairs * tiles + m->wgrad_pairs_kernel * pairs +
                              m->wgrad_pairs_tile * tiles * (double)(channels * across + outputs * blocks));
}

int64_t winograd_pairs_dweight_workspace(const Node *n)
{
    const Correlation c = conv_of_dweight(n);
    return nn_winograd_wgrad_pairs_work(c.large.dim[0], c.small.dim[0]);
}

void winograd_pairs_dweight_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_dweight(n);
    correlate_call(w, &c, "nn_winograd_wgrad_pairs(&size, x, dy, dweight, work, $t, $T);");
}
