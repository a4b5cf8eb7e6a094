/*
 * global_avgpool: the average of each channel.
 *
 *   y[c][0][0] = mean_{row,col} x[c][row][col]
 *   dx[c][row][col] = dy[c][0][0] / (H·W)
 *
 * An adaptive pool with one part.
 */
#include "ops/shared/quantized.h"

static bool global_avgpool_shape(Graph *g, Node *n)
{
    if (!window_takes_image(g, n)) return false;
    node_out(g, n, shape_image(node_shape_in(n).dim[0], 1, 1));
    return true;
}

static void global_avgpool_window(const Node *n, int axis, Window *window)
{
    (void)n, (void)axis;
    window->whole = true;
}

static int64_t global_avgpool_flops(const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    return window_cost(shape_count(node_shape_out(n)),
                       pool_regions_reach(&regions[0]) * pool_regions_reach(&regions[1]));
}

static void global_avgpool_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_average(w, n, regions);
}

static void global_avgpool_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_average_emit(w, n, regions);
}

static void global_avgpool_dx_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_out(n), node_shape_in(n));
    pool_regions_average_gradient(w, n, regions);
}

static void global_avgpool_dx_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_out(n), node_shape_in(n));
    pool_regions_average_gradient_emit(w, n, regions);
}

static const Variant global_avgpool_dx_variants[] = {POOL_ROWS(IN_NCHW, pool_regions_refusal, global_avgpool_dx_emit),
                                                     {0}};

static const Op global_avgpool_dx = {
    .name = "global_avgpool.dx",
    .class = OP_INTERNAL,
    .in = pool_regions_gradient_in,
    .out = pool_regions_gradient_out,
    .plain = global_avgpool_dx_plain,
    .variants = global_avgpool_dx_variants,
};

static void global_avgpool_grad(Backward *b, const Node *n) { pool_regions_average_grad(b, n, &global_avgpool_dx); }

static const Variant global_avgpool_variants[] = {POOL_ROWS(IN_NCHW, pool_regions_refusal, global_avgpool_emit), {0}};

static bool global_avgpool_quantize(Quantizer *q, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    return quantized_average(q, n, regions, true);
}

const Op op_global_avgpool = {
    .name = "global_avgpool",
    .summary = "average of each channel",
    .formula = "y[c] = mean_{i,j} x[c][i][j]",
    .class = OP_LAYER,
    .in = pool_regions_in,
    .out = pool_regions_out,
    .shape = global_avgpool_shape,
    .window = global_avgpool_window,
    .flops = global_avgpool_flops,
    .grad = global_avgpool_grad,
    .plain = global_avgpool_plain,
    .quantize = global_avgpool_quantize,
    .variants = global_avgpool_variants,
};
