/*
 * adaptive_avgpool: the average of each of h×w parts, PyTorch's AdaptiveAvgPool2d.
 *
 *   y[c][i][j] = mean of x[c] over rows floor(i·H/h) … ceil((i + 1)·H/h) − 1, columns likewise
 *   dx[c][row][col] = Σ dy[c][i][j] / count over the parts that hold (row, col)
 *
 * Parts overlap where h does not divide H; h may be larger than H.
 */
#include "ops/shared/pool_regions.h"

typedef struct AdaptiveAvgpoolAttrs {
    Pair out;
} AdaptiveAvgpoolAttrs;

static const Attr adaptive_avgpool_attrs[] = {
    {"out", ATTR_PAIR, offsetof(AdaptiveAvgpoolAttrs, out), NULL, 1, WINDOW_MAX, NULL},
    {0},
};

static bool adaptive_avgpool_shape(Graph *g, Node *n)
{
    const AdaptiveAvgpoolAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    node_out(g, n, shape_image(node_shape_in(n).dim[0], a->out.h, a->out.w));
    return true;
}

static void adaptive_avgpool_window(const Node *n, int axis, Window *window)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_field(&regions[axis], window);
}

static int64_t adaptive_avgpool_flops(const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    return window_cost(shape_count(node_shape_out(n)),
                       pool_regions_reach(&regions[0]) * pool_regions_reach(&regions[1]));
}

static void adaptive_avgpool_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_average(w, n, regions);
}

static void adaptive_avgpool_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_in(n), node_shape_out(n));
    pool_regions_average_emit(w, n, regions);
}

static void adaptive_avgpool_dx_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_out(n), node_shape_in(n));
    pool_regions_average_gradient(w, n, regions);
}

static void adaptive_avgpool_dx_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    pool_regions_adaptive(regions, node_shape_out(n), node_shape_in(n));
    pool_regions_average_gradient_emit(w, n, regions);
}

static const Variant adaptive_avgpool_dx_variants[] = {
    POOL_ROWS(IN_NCHW, pool_regions_refusal, adaptive_avgpool_dx_emit), {0}};

static const Op adaptive_avgpool_dx = {
    .name = "adaptive_avgpool.dx",
    .class = OP_INTERNAL,
    .in = pool_regions_gradient_in,
    .out = pool_regions_gradient_out,
    .plain = adaptive_avgpool_dx_plain,
    .variants = adaptive_avgpool_dx_variants,
};

static void adaptive_avgpool_grad(Backward *b, const Node *n) { pool_regions_average_grad(b, n, &adaptive_avgpool_dx); }

static const Variant adaptive_avgpool_variants[] = {POOL_ROWS(IN_NCHW, pool_regions_refusal, adaptive_avgpool_emit),
                                                    {0}};

const Op op_adaptive_avgpool = {
    .name = "adaptive_avgpool",
    .summary = "average of each part of an image cut into a fixed number",
    .formula = "y[c][i][j] = mean of x[c][floor(i*H/h) .. ceil((i+1)*H/h)-1][floor(j*W/w) .. ceil((j+1)*W/w)-1]",
    .class = OP_LAYER,
    .attrs = adaptive_avgpool_attrs,
    .attrs_size = sizeof(AdaptiveAvgpoolAttrs),
    .in = pool_regions_in,
    .out = pool_regions_out,
    .shape = adaptive_avgpool_shape,
    .window = adaptive_avgpool_window,
    .flops = adaptive_avgpool_flops,
    .grad = adaptive_avgpool_grad,
    .plain = adaptive_avgpool_plain,
    .variants = adaptive_avgpool_variants,
};
