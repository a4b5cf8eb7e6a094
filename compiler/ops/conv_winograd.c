/*
 * conv's forms with fewer multiplications: Winograd's F(m x m, r x r), for r = 3 with
 * m = 4 and 2, and for r = 5 with m = 2.
 * The kernels are runtime/kernels/winograd.h and winograd_weights.h.
 *
 * A form is a set of operators; which of them serves a node, if any, is a matter of
 * shapes and batch.
 */
#include <math.h>

#include "ops/conv.h"
#include "ops/region.h"

enum { SLOTS = 8, BLOCK_TILES = 24, BLOCK_SMALL = 48, BLOCK_OUTPUTS = 128, PANEL = 16, ZEROS = 1024 };

static int64_t round_to(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

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
static bool fits(const Correlation *c, int r)
{
    for (int axis = 0; axis < 2; axis++) {
        const Slide *s = &c->slide[axis];
        if (s->k != r || s->stride != 1 || s->dilation != 1 || s->before >= r) return false;
    }
    return c->groups == 1 && correlate_served(c);
}

/* ---- F(m x m, r x r): which of them is the operators' form ---- */

typedef struct Tile {
    int m, r;
    double transforms; /* what those of a tile and channel cost, in multiplications: measured */
} Tile;

enum { TILE_2_3, TILE_4_3, TILE_2_5, TILES };

static const Tile tiles[TILES] = {{2, 3, 100}, {4, 3, 300}, {2, 5, 600}};

static const Tile *tile_of(const Node *n) { return &tiles[n->op->form]; }
static int edge_of(const Tile *t) { return t->m + t->r - 1; }
static int frequencies(const Tile *t) { return edge_of(t) * edge_of(t); }

static int64_t work_size(const Node *n)
{
    Products p = products_of(n);
    int64_t outputs = round_to(p.outputs, PANEL), block = edge_of(tile_of(n)) == 4 ? BLOCK_SMALL : BLOCK_TILES;
    return SLOTS * frequencies(tile_of(n)) * block * (p.channels + (outputs < BLOCK_OUTPUTS ? outputs : BLOCK_OUTPUTS));
}

static bool panels_of(Graph *g, Node *n, int64_t outputs, int64_t channels)
{
    int64_t count = frequencies(tile_of(n)) * round_to(outputs, PANEL) * channels;
    node_out_as(g, n, DTYPE_REAL, false, shape_vector(count));
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
static bool call(Writer *w, const Node *n, const Correlation *c, const char *text)
{
    writer_bind_int(w, "m", tile_of(n)->m);
    return correlate_call(w, c, text);
}

static bool panels_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    return call(w, n, &c, "nn_winograd_panels(&size, $m, 0, weight, panels, $t, $T);");
}

static bool back_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_origin(n);
    return call(w, n, &c, "nn_winograd_panels(&size, $m, 1, weight, panels, $t, $T);");
}

static bool forward_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_forward(n);
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    return n->layout == LAYOUT_NHWC && call(w, n, &c, "nn_winograd(&size, $m, x, weight, $bias, 0, y, work, $t, $T);");
}

static bool fused_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_forward(n);
    conv_bind_tail(w, n);
    return n->layout == LAYOUT_NHWC &&
           call(w, n, &c, "nn_winograd(&size, $m, x, weight, $bias, &tail, y, work, $t, $T);");
}

/* A convolution of dy with the kernels turned, and padded by what the kernel does not
 * reach: k - 1 - pad. */
static bool dx_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_dx(n), back = c;
    back.large = c.small;
    back.small = c.large;
    back.large_step = c.small_step;
    back.small_step = c.large_step;
    for (int axis = 0; axis < 2; axis++) back.slide[axis].before = tile_of(n)->r - 1 - c.slide[axis].before;
    return n->layout == LAYOUT_NHWC && call(w, n, &back, "nn_winograd(&size, $m, dy, weight, 0, 0, dx, work, $t, $T);");
}

static const char *const y_out[] = {"y", "work", NULL};
static const char *const dx_out[] = {"dx", "work", NULL};
static const char *const dweight_out[] = {"dweight", "work", NULL};

#define PACK_OP(NAME, SHAPE, FAST, F)                                                                           \
    {                                                                                                           \
        .name = NAME, .class = OP_INTERNAL, .in = correlate_pack_in, .out = correlate_pack_out, .shape = SHAPE, \
        .flops = region_no_flops, .fast = FAST, .kernel = "conv", .form = F                                     \
    }

#define PRODUCT_OP(NAME, MACS, IN, OUT, FAST, LAST, PACK, F)                                                   \
    {                                                                                                          \
        .name = NAME, .class = OP_INTERNAL, .traits = OP_STRIDED_CHANNELS, .macs = MACS, .in = IN, .out = OUT, \
        .fast = FAST, .kernel = "conv", .last = LAST, .pack = PACK, .work = work_size, .form = F               \
    }

typedef struct Form {
    Op panels, back, forward, fused, dx;
} Form;

#define FORM(F)                                                                                                        \
    {                                                                                                                  \
        .panels = PACK_OP("conv.winograd_panels", panels_shape, panels_fast, F),                                       \
        .back = PACK_OP("conv.winograd_panels_back", back_shape, back_fast, F),                                        \
        .forward =                                                                                                     \
            PRODUCT_OP("conv.winograd", conv_macs, correlate_in, y_out, forward_fast, conv_last, &forms[F].panels, F), \
        .fused = PRODUCT_OP("conv.fused_winograd", conv_macs, correlate_in, y_out, fused_fast, conv_last,              \
                            &forms[F].panels, F),                                                                      \
        .dx = PRODUCT_OP("conv.dx_winograd", node_macs_of_origin, correlate_dx_in, dx_out, dx_fast, conv_dx_last,      \
                         &forms[F].back, F)                                                                            \
    }

static const Form forms[TILES] = {FORM(TILE_2_3), FORM(TILE_4_3), FORM(TILE_2_5)};

/* What reading a weight costs in multiplications, where the weights of all layers fit no
 * cache, and what making and reading it costs: measured. */
enum { READING = 12, MAKING = 25 };

/* In multiplications: e^2 a tile, channel and output; reading the transformed weights, or
 * where they are not prepacked, making them, costs as much as some tiles; and so does the
 * transforming of inputs and outputs. */
static double cost(const Products *p, const Tile *tile, int64_t batch, bool constant_weights)
{
    const int m = tile->m;
    double pairs = (double)p->channels * (double)p->outputs;
    double count = (double)(batch * round_to(p->height, m) * round_to(p->width, m)) / (m * m);
    double transforms = tile->transforms * count * (double)(p->channels + p->outputs);
    return frequencies(tile) * pairs * (count + (constant_weights ? READING : MAKING)) + transforms;
}

/* The form that pays, or NULL. */
static const Form *best(const Node *n, const Correlation *c, int64_t batch, bool constant_weights)
{
    Products p = products_of(n);
    if (p.channels < PANEL || p.outputs < PANEL || p.channels > ZEROS) return NULL;
    const double outputs = (double)(batch * p.height * p.width), pairs = (double)p.channels * (double)p.outputs;
    const Form *form = NULL;
    double least = INFINITY;
    for (int i = 0; i < TILES; i++) {
        const Tile *tile = &tiles[i];
        if (!fits(c, tile->r)) continue;
        const double work = cost(&p, tile, batch, constant_weights);
        const double direct = tile->r * tile->r * pairs * (outputs + (constant_weights ? READING : 0));
        if (work < least && work <= 0.9 * direct) form = &forms[i], least = work;
    }
    return form;
}

const Op *conv_winograd(const Node *n, int64_t batch, bool constant_weights)
{
    Correlation c = conv_of_forward(n);
    const Form *form = best(n, &c, batch, constant_weights);
    return !form ? NULL : n->epilogue ? &form->fused : &form->forward;
}

const Op *conv_winograd_dx(const Node *n, int64_t batch, bool constant_weights)
{
    Correlation c = conv_of_dx(n);
    const Form *form = best(n, &c, batch, constant_weights);
    return form ? &form->dx : NULL;
}

/* ---- of the weights' gradient: runtime/kernels/winograd_weights.h ---- */

enum { TILE = 4, FREQUENCIES = 36, SUM_TILES = 32, SUM_CHANNELS = 48, SUM_OUTPUTS = 64 };

/* As above, but inputs and outputs are transformed anew for each unit of channels and
 * outputs. */
static bool sums_pay(const Correlation *c, int64_t batch)
{
    int64_t channels = c->large.dim[0], outputs = c->small.dim[0], h = c->small.dim[1], w = c->small.dim[2];
    if (!fits(c, 3) || channels < PANEL || outputs < PANEL) return false;
    double pairs = (double)channels * (double)outputs;
    double tiles = (double)(batch * round_to(h, TILE) * round_to(w, TILE)) / (TILE * TILE);
    double blocks = (double)(round_to(channels, SUM_CHANNELS) / SUM_CHANNELS);
    double across = (double)(round_to(outputs, SUM_OUTPUTS) / SUM_OUTPUTS);
    double transforms = 300 * tiles * ((double)channels * across + (double)outputs * blocks);
    return 1.3 * FREQUENCIES * pairs * tiles + transforms < 0.8 * 9 * pairs * (double)(batch * h * w);
}

static int64_t sums_work(const Node *n)
{
    (void)n;
    return SLOTS * FREQUENCIES * (SUM_CHANNELS * SUM_OUTPUTS + SUM_TILES * (SUM_CHANNELS + SUM_OUTPUTS));
}

static bool sums_fast(Writer *w, const Node *n)
{
    Correlation c = conv_of_dweight(n);
    return n->layout == LAYOUT_NHWC &&
           correlate_call(w, &c, "nn_winograd_weights(&size, x, dy, dweight, work, $t, $T);");
}

static const Op dweight_4 = {
    .name = "conv.dweight_winograd",
    .class = OP_INTERNAL,
    .traits = OP_STRIDED_CHANNELS,
    .macs = node_macs_of_origin,
    .in = correlate_dweight_in,
    .out = dweight_out,
    .fast = sums_fast,
    .kernel = "conv",
    .last = conv_dweight_last,
    .work = sums_work,
};

const Op *conv_winograd_dweight(const Node *n, int64_t batch, bool constant_weights)
{
    (void)constant_weights;
    Correlation c = conv_of_dweight(n);
    return sums_pay(&c, batch) ? &dweight_4 : NULL;
}
