/*
 * conv's forms with fewer multiplications: Winograd's F(m x m, r x r), for r = 3 with
 * m = 4 and 2, and for r = 5 with m = 2.
 * The kernels are runtime/kernels/conv/winograd.h and winograd_weights.h; those of pairs of bf16 are in
 * conv_winograd_pairs.c.
 *
 * Each is a row of conv's tables; whether it is taken is a matter of shapes and batch.
 */
#include "ops/layers/conv.h"
#include "ops/shared/region.h"

#include <math.h>

/* Channels and outputs as the kernel sees them: the gradient of the input goes from
 * the layer's outputs to its channels. */
typedef struct Products {
    int64_t channels, outputs, height, width; /* of the result */
} Products;

static Products products_of(const Node *n)
{
    Shape in = node_shape_in(n), out = node_shape_out(n);
    return (Products){in.dim[0], out.dim[0], out.dim[1], out.dim[2]};
}

/* r x r, step 1, and nothing else. */
static const char *window_refusal(const Correlation *c, int r)
{
    for (int axis = 0; axis < 2; axis++) {
        const Slide *s = &c->slide[axis];
        if (s->k != r) return r == 3 ? "the kernel is not 3x3" : "the kernel is not 5x5";
        if (s->stride != 1 || s->dilation != 1) return "it has a stride or a dilation";
        if (s->before >= r) return "the padding is as large as the kernel";
    }
    return c->groups > 1 ? "it has groups" : correlate_refusal(c);
}

/* ---- F(m x m, r x r) ---- */

typedef struct Tile {
    int m, r;
} Tile;

static const Tile tiles[WINOGRAD_FORMS] = {{2, 3}, {4, 3}, {2, 5}};

static const Tile *tile_of(const Node *n) { return &tiles[n->variant->form]; }
static int edge_of(const Tile *t) { return t->m + t->r - 1; }
static int frequencies(const Tile *t) { return edge_of(t) * edge_of(t); }

int64_t winograd_workspace(const Node *n)
{
    Products p = products_of(n);
    return nn_winograd_work(edge_of(tile_of(n)), p.channels, p.outputs);
}

static bool panels_of(Graph *g, Node *n, int64_t outputs, int64_t channels)
{
    int64_t count = nn_winograd_packed(edge_of(tile_of(n)), outputs, channels);
    node_out_as(g, n, g->real, false, shape_vector(count));
    return true;
}

static bool panels_shape(Graph *g, Node *n)
{
    Correlation c = conv_of_origin(n);
    return panels_of(g, n, c.small.dim[0], c.large.dim[0]);
}

/* For the gradient of the input: what is an output of the layer is a channel here. */
static bool back_shape(Graph *g, Node *n)
{
    Correlation c = conv_of_origin(n);
    return panels_of(g, n, c.large.dim[0], c.small.dim[0]);
}

/* Binds $m, for a text with it. */
static void call(Writer *w, const Node *n, const Correlation *c, const char *text)
{
    writer_bind_int(w, "m", tile_of(n)->m);
    correlate_call(w, c, text);
}

static void panels_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    call(w, n, &c,
         n->in[0]->dtype == DTYPE_BF16 ? "nn_winograd_panels_widened(&size, $m, weight, panels, $t, $T);"
                                       : "nn_winograd_panels(&size, $m, 0, weight, panels, $t, $T);");
}

static bool panels_w16_shape(Graph *g, Node *n)
{
    const Correlation c = conv_of_origin(n);
    const int64_t count = nn_winograd_packed_w16(edge_of(tile_of(n)), c.small.dim[0], c.large.dim[0]);
    node_out_as(g, n, DTYPE_I16, false, shape_vector(count));
    return true;
}

static void panels_w16_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_origin(n);
    call(w, n, &c, "nn_winograd_panels_w16(&size, $m, weight, panels, $t, $T);");
}

static void back_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    call(w, n, &c, "nn_winograd_panels(&size, $m, 1, weight, panels, $t, $T);");
}

static void emit_as(Writer *w, const Node *n, const char *format)
{
    Correlation c = conv_of_forward(n);
    conv_bind_epilogue(w, n);
    writer_bind(w, "format", "%s", format);
    call(w, n, &c,
         "const nn_conv_args args = {.x = x, .panels = weight, .bias = $bias, .epilogue = $epilogue, .y = y, .work "
         "= work};\n"
         "nn_winograd$format(&size, $m, &args, $t, $T);");
}

/* Of the images; panels are of floats. */
static const char *images_format(const Node *n) { return variant_takes_bf16(n) ? "_bf16" : ""; }

void winograd_emit(Writer *w, const Node *n) { emit_as(w, n, images_format(n)); }
void winograd_w16_emit(Writer *w, const Node *n) { emit_as(w, n, "_w16"); }

/* Padded by what the kernel does not reach: r - 1 - pad. */
Correlation winograd_back(const Correlation *c)
{
    Correlation back = *c;
    back.large = c->small;
    back.small = c->large;
    back.large_step = c->small_step;
    back.small_step = c->large_step;
    for (int axis = 0; axis < 2; axis++) back.slide[axis].before = c->slide[axis].k - 1 - c->slide[axis].before;
    return back;
}

void winograd_dx_emit(Writer *w, const Node *n)
{
    const Correlation c = conv_of_dx(n), back = winograd_back(&c);
    writer_bind(w, "format", "%s", images_format(n));
    call(w, n, &back,
         "const nn_conv_args args = {.x = dy, .panels = weight, .y = dx, .work = work};\n"
         "nn_winograd$format(&size, $m, &args, $t, $T);");
}

#define PANELS_ROW(F, EMIT, DTYPES)                                                                     \
    {                                                                                                   \
        .name = "simd", .layouts = IN_NCHW, .dtypes = DTYPES, .form = F, .emit = EMIT, .kernel = "conv" \
    }
#define PANELS_ROWS(EMIT, DTYPES)                                                           \
    {                                                                                       \
        {PANELS_ROW(WINOGRAD_2_3, EMIT, DTYPES)}, {PANELS_ROW(WINOGRAD_4_3, EMIT, DTYPES)}, \
        {                                                                                   \
            PANELS_ROW(WINOGRAD_2_5, EMIT, DTYPES)                                          \
        }                                                                                   \
    }

static const Variant panels_variants[WINOGRAD_FORMS][2] = PANELS_ROWS(panels_emit, OF_F32 | OF_BF16);
static const Variant back_variants[WINOGRAD_FORMS][2] = PANELS_ROWS(back_emit, OF_F32);
static const Variant w16_variants[WINOGRAD_FORMS][2] = PANELS_ROWS(panels_w16_emit, OF_BF16);

#define PANELS_OP(NAME, SHAPE, VARIANTS)                                                                        \
    {                                                                                                           \
        .name = NAME, .class = OP_INTERNAL, .in = correlate_pack_in, .out = correlate_pack_out, .shape = SHAPE, \
        .flops = region_no_flops, .variants = VARIANTS                                                          \
    }

const Op winograd_panels[WINOGRAD_FORMS] = {
    PANELS_OP("conv.winograd_panels", panels_shape, panels_variants[WINOGRAD_2_3]),
    PANELS_OP("conv.winograd_panels", panels_shape, panels_variants[WINOGRAD_4_3]),
    PANELS_OP("conv.winograd_panels", panels_shape, panels_variants[WINOGRAD_2_5]),
};
const Op winograd_panels_back[WINOGRAD_FORMS] = {
    PANELS_OP("conv.winograd_panels_back", back_shape, back_variants[WINOGRAD_2_3]),
    PANELS_OP("conv.winograd_panels_back", back_shape, back_variants[WINOGRAD_4_3]),
    PANELS_OP("conv.winograd_panels_back", back_shape, back_variants[WINOGRAD_2_5]),
};
const Op winograd_panels_w16[WINOGRAD_FORMS] = {
    PANELS_OP("conv.winograd_panels_w16", panels_w16_shape, w16_variants[WINOGRAD_2_3]),
    PANELS_OP("conv.winograd_panels_w16", panels_w16_shape, w16_variants[WINOGRAD_4_3]),
    PANELS_OP("conv.winograd_panels_w16", panels_w16_shape, w16_variants[WINOGRAD_2_5]),
};

static const char few_channels[] = "fewer than 16 channels or outputs"; /* NN_PANEL */

static const char *winograd_refusal(const Node *n, const Correlation *c, int r)
{
    Products p = products_of(n);
    if (p.channels < NN_PANEL || p.outputs < NN_PANEL) return few_channels;
    return p.channels > NN_ZEROS ? "too many channels" : window_refusal(c, r);
}

static const char *forward_refusal(const Node *n, int r)
{
    Correlation c = conv_of_forward(n);
    return winograd_refusal(n, &c, r);
}

static const char *dx_refusal(const Node *n, int r)
{
    Correlation c = conv_of_dx(n);
    return winograd_refusal(n, &c, r);
}

const char *winograd_refusal_3(const Node *n) { return forward_refusal(n, 3); }
const char *winograd_refusal_5(const Node *n) { return forward_refusal(n, 5); }
const char *winograd_dx_refusal_3(const Node *n) { return dx_refusal(n, 3); }
const char *winograd_dx_refusal_5(const Node *n) { return dx_refusal(n, 5); }

double winograd_tile_count(const Node *n, int m, const CostModel *model)
{
    Products p = products_of(n);
    return (double)(model->batch * nn_round_up(p.height, m) * nn_round_up(p.width, m)) / (m * m);
}

/* e^2 a tile, channel and output; reading the transformed weights, or where they are not
 * prepacked, making them, costs as much as some tiles; and so do the transforms of inputs
 * and outputs. */
static double cost_reading(const Node *n, const Tile *tile, double weights, double transform, const CostModel *model)
{
    Products p = products_of(n);
    double pairs = (double)p.channels * (double)p.outputs, count = winograd_tile_count(n, tile->m, model);
    double transforms = transform * count * (double)(p.channels + p.outputs);
    double rate = model->machine->transform_rate / (tensor_is_bf16_value(n->in[0]) ? model->machine->winograd_bf16 : 1);
    return (frequencies(tile) * pairs * (count + weights) + transforms) / rate;
}

static double cost(const Node *n, const Tile *tile, double transform, const CostModel *model)
{
    const MachineCosts *m = model->machine;
    return cost_reading(n, tile, model->constant_weights ? m->weight_read : m->weight_pack, transform, model);
}

/* Half of the bytes are read, and widened once for each block of tiles. */
static double cost_w16(const Node *n, const Tile *tile, double transform, const CostModel *model)
{
    const double blocks = ceil(winograd_tile_count(n, tile->m, model) / (double)nn_winograd_tiles(edge_of(tile)));
    const double weights = model->machine->weight_read / 2 + blocks * model->machine->weight_widen;
    return cost_reading(n, tile, weights, transform, model);
}

double winograd_cost_2_3(const Node *n, const CostModel *m)
{
    return cost(n, &tiles[WINOGRAD_2_3], m->machine->tile_2_3, m);
}
double winograd_cost_4_3(const Node *n, const CostModel *m)
{
    return cost(n, &tiles[WINOGRAD_4_3], m->machine->tile_4_3, m);
}
double winograd_cost_2_5(const Node *n, const CostModel *m)
{
    return cost(n, &tiles[WINOGRAD_2_5], m->machine->tile_2_5, m);
}

double winograd_cost_2_3_w16(const Node *n, const CostModel *m)
{
    return cost_w16(n, &tiles[WINOGRAD_2_3], m->machine->tile_2_3, m);
}
double winograd_cost_4_3_w16(const Node *n, const CostModel *m)
{
    return cost_w16(n, &tiles[WINOGRAD_4_3], m->machine->tile_4_3, m);
}
double winograd_cost_2_5_w16(const Node *n, const CostModel *m)
{
    return cost_w16(n, &tiles[WINOGRAD_2_5], m->machine->tile_2_5, m);
}

/* ---- of the weights' gradient: runtime/kernels/conv/winograd_wgrad.h ---- */

enum {
    TILE = 4,
    FREQUENCIES = 36,
    SUM_CHANNELS = NN_WINOGRAD_WGRAD_CHANNELS,
    SUM_OUTPUTS = NN_WINOGRAD_WGRAD_PANELS * NN_PANEL
};

const char *winograd_dweight_refusal(const Node *n)
{
    Correlation c = conv_of_dweight(n);
    if (c.large.dim[0] < NN_PANEL || c.small.dim[0] < NN_PANEL) return few_channels;
    return window_refusal(&c, 3);
}

/* As above, but inputs and outputs are transformed anew for each unit of channels and
 * outputs. */
double winograd_dweight_cost(const Node *n, const CostModel *m)
{
    Correlation c = conv_of_dweight(n);
    int64_t channels = c.large.dim[0], outputs = c.small.dim[0], h = c.small.dim[1], w = c.small.dim[2];
    double pairs = (double)channels * (double)outputs;
    double count = (double)(m->batch * nn_round_up(h, TILE) * nn_round_up(w, TILE)) / (TILE * TILE);
    double blocks = (double)(nn_round_up(channels, SUM_CHANNELS) / SUM_CHANNELS);
    double across = (double)(nn_round_up(outputs, SUM_OUTPUTS) / SUM_OUTPUTS);
    double products = m->machine->wgrad_product * FREQUENCIES * pairs * count;
    double transforms = m->machine->wgrad_transform * count * ((double)channels * across + (double)outputs * blocks);
    return (products + transforms) / m->machine->wgrad_rate;
}

int64_t winograd_dweight_workspace(const Node *n)
{
    (void)n;
    return nn_winograd_wgrad_work();
}

void winograd_dweight_emit(Writer *w, const Node *n)
{
    Correlation c = conv_of_dweight(n);
    writer_bind(w, "format", n->in[0]->dtype == DTYPE_BF16 ? "_bf16" : "");
    correlate_call(w, &c, "nn_winograd_wgrad$format(&size, x, dy, dweight, work, $t, $T);");
}
