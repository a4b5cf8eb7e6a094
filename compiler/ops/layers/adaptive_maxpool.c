/*
 * adaptive_maxpool: the largest element of each of h×w parts, PyTorch's AdaptiveMaxPool2d.
 *
 *   y[c][i][j] = max of x[c] over rows floor(i·H/h) … ceil((i + 1)·H/h) − 1, columns likewise
 *   dx[c][row][col] = Σ dy[c][i][j] over the parts whose maximum it is
 *
 * Parts overlap where h does not divide H; h may be larger than H.  NaN and equal
 * elements as ops/shared/pool_regions.c says.
 */
#include "ops/shared/pool_regions.h"
#include "ops/shared/quantized.h"

typedef struct AdaptiveMaxpoolAttrs {
    Pair out;
} AdaptiveMaxpoolAttrs;

static const Attr adaptive_maxpool_attrs[] = {
    {"out", ATTR_PAIR, offsetof(AdaptiveMaxpoolAttrs, out), NULL, 1, WINDOW_MAX, NULL},
    {0},
};

static bool adaptive_maxpool_shape(Graph *g, Node *n)
{
    const AdaptiveMaxpoolAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    node_out(g, n, shape_image(node_shape_in(n).dim[0], a->out.h, a->out.w));
    return true;
}

static void adaptive_maxpool_window(const Node *n, int axis, Window *window)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_field(&regions[axis], window);
}

static int64_t adaptive_maxpool_flops(const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    return window_cost(shape_count(node_shape_out(n)),
                       pool_regions_reach(&regions[0]) * pool_regions_reach(&regions[1]));
}

static void adaptive_maxpool_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum(w, n, regions);
}

static void adaptive_maxpool_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum_emit(w, n, regions);
}

static bool adaptive_maxpool_training_shape(Graph *g, Node *n)
{
    if (!adaptive_maxpool_shape(g, n)) return false;
    pool_regions_argmax(g, n);
    return true;
}

static void adaptive_maxpool_training_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum_training(w, n, regions);
}

static void adaptive_maxpool_training_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum_training_emit(w, n, regions);
}

static const Variant adaptive_maxpool_training_variants[] = {{.name = "simd",
                                                              .layouts = IN_NCHW | IN_NHWC,
                                                              .traits = VARIANT_ANY_BATCH,
                                                              .refuses = pool_regions_refusal,
                                                              .emit = adaptive_maxpool_training_emit,
                                                              .kernel = "pool"},
                                                             {0}};

static const Op adaptive_maxpool_training = {
    .name = "adaptive_maxpool.training",
    .class = OP_INTERNAL,
    .attrs = adaptive_maxpool_attrs,
    .attrs_size = sizeof(AdaptiveMaxpoolAttrs),
    .in = pool_regions_in,
    .out = pool_regions_training_out,
    .shape = adaptive_maxpool_training_shape,
    .window = adaptive_maxpool_window,
    .flops = adaptive_maxpool_flops,
    .grad = pool_regions_maximum_grad,
    .plain = adaptive_maxpool_training_plain,
    .variants = adaptive_maxpool_training_variants,
};

static const Variant adaptive_maxpool_variants[] = {{.name = "simd",
                                                     .layouts = IN_NCHW | IN_NHWC,
                                                     .traits = VARIANT_ANY_BATCH,
                                                     .refuses = pool_regions_refusal,
                                                     .emit = adaptive_maxpool_emit,
                                                     .kernel = "pool"},
                                                    {0}};

const Op op_adaptive_maxpool = {
    .name = "adaptive_maxpool",
    .summary = "maximum of each part of an image cut into a fixed number",
    .formula = "y[c][i][j] = max of x[c][floor(i*H/h) .. ceil((i+1)*H/h)-1][floor(j*W/w) .. ceil((j+1)*W/w)-1]",
    .class = OP_LAYER,
    .attrs = adaptive_maxpool_attrs,
    .attrs_size = sizeof(AdaptiveMaxpoolAttrs),
    .in = pool_regions_in,
    .out = pool_regions_out,
    .shape = adaptive_maxpool_shape,
    .window = adaptive_maxpool_window,
    .flops = adaptive_maxpool_flops,
    .training = &adaptive_maxpool_training,
    .plain = adaptive_maxpool_plain,
    .quantize = quantized_movement,
    .variants = adaptive_maxpool_variants,
};
