/*
 * global_maxpool: the largest element of each channel.
 *
 *   y[c][0][0] = max_{row,col} x[c][row][col]
 *   dx[c] is dy[c][0][0] where the maximum was found and 0 elsewhere
 *
 * An adaptive pool with one part.  NaN and equal elements as ops/shared/pool_regions.c says.
 */
#include "ops/shared/pool_regions.h"
#include "ops/shared/quantized.h"

static bool global_maxpool_shape(Graph *g, Node *n)
{
    if (!window_takes_image(g, n)) return false;
    node_out(g, n, shape_image(node_shape_in(n).dim[0], 1, 1));
    return true;
}

static void global_maxpool_window(const Node *n, int axis, Window *window)
{
    (void)n, (void)axis;
    window->whole = true;
}

static int64_t global_maxpool_flops(const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    return window_cost(shape_count(node_shape_out(n)),
                       pool_regions_reach(&regions[0]) * pool_regions_reach(&regions[1]));
}

static void global_maxpool_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum(w, n, regions);
}

static void global_maxpool_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum_emit(w, n, regions);
}

static bool global_maxpool_training_shape(Graph *g, Node *n)
{
    if (!global_maxpool_shape(g, n)) return false;
    pool_regions_argmax(g, n);
    return true;
}

static void global_maxpool_training_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum_training(w, n, regions);
}

static void global_maxpool_training_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum_training_emit(w, n, regions);
}

static const Variant global_maxpool_training_variants[] = {{.name = "simd",
                                                            .layouts = IN_NCHW | IN_NHWC,
                                                            .traits = VARIANT_ANY_BATCH,
                                                            .refuses = pool_regions_refusal,
                                                            .emit = global_maxpool_training_emit,
                                                            .kernel = "pool"},
                                                           {0}};

static const Op global_maxpool_training = {
    .name = "global_maxpool.training",
    .class = OP_INTERNAL,
    .in = pool_regions_in,
    .out = pool_regions_training_out,
    .shape = global_maxpool_training_shape,
    .window = global_maxpool_window,
    .flops = global_maxpool_flops,
    .grad = pool_regions_maximum_grad,
    .plain = global_maxpool_training_plain,
    .variants = global_maxpool_training_variants,
};

static const Variant global_maxpool_variants[] = {{.name = "simd",
                                                   .layouts = IN_NCHW | IN_NHWC,
                                                   .traits = VARIANT_ANY_BATCH,
                                                   .refuses = pool_regions_refusal,
                                                   .emit = global_maxpool_emit,
                                                   .kernel = "pool"},
                                                  {0}};

const Op op_global_maxpool = {
    .name = "global_maxpool",
    .summary = "maximum of each channel",
    .formula = "y[c] = max_{i,j} x[c][i][j]",
    .class = OP_LAYER,
    .in = pool_regions_in,
    .out = pool_regions_out,
    .shape = global_maxpool_shape,
    .window = global_maxpool_window,
    .flops = global_maxpool_flops,
    .training = &global_maxpool_training,
    .plain = global_maxpool_plain,
    .quantize = quantized_movement,
    .variants = global_maxpool_variants,
};
