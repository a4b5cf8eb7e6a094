/*
 * roipool: the largest elements of the h×w parts of one fixed region.
 *
 *   y[c][i][j] = max of x[c] over the rows top + floor(i·region/h) … top + ceil((i + 1)·region/h) − 1, columns likewise
 *   dx[c][row][col] = Σ dy[c][i][j] over the parts whose maximum it is; 0 outside the region
 *
 * Girshick, Fast R-CNN, 2015, with the region [y, x, h, w] in pixels of the input
 * and known when compiling; it must lie inside the image.
 */
#include "ops/shared/pool_regions.h"

typedef struct RoipoolAttrs {
    Pair out;
    Pad region; /* top, left; bottom is the height and right the width */
} RoipoolAttrs;

static const Attr roipool_attrs[] = {
    {"out", ATTR_PAIR, offsetof(RoipoolAttrs, out), NULL, 1, WINDOW_MAX, NULL},
    {"region", ATTR_BOX, offsetof(RoipoolAttrs, region), NULL, 0, 1e9, NULL},
    {0},
};

static void roipool_cells(PoolRegions regions[2], const Node *n, Shape large, Shape small)
{
    const RoipoolAttrs *a = n->attrs;
    regions[0] = pool_regions_parts(large.dim[1], small.dim[1], a->region.top, a->region.bottom);
    regions[1] = pool_regions_parts(large.dim[2], small.dim[2], a->region.left, a->region.right);
}

static bool roipool_region_inside(Graph *g, Node *n, int axis, int64_t origin, int64_t size)
{
    int64_t in = node_shape_in(n).dim[1 + axis];
    if (size >= 1 && origin >= 0 && origin + size <= in) return true;
    const char *what = axis == 0 ? "rows" : "columns";
    diag_error(g->compilation, n->span,
               "roipool: the region takes %lld %s from %lld on, but the input has the %s 0 to %lld", (long long)size,
               what, (long long)origin, what, (long long)(in - 1));
    return false;
}

static bool roipool_shape(Graph *g, Node *n)
{
    const RoipoolAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    bool inside = roipool_region_inside(g, n, 0, a->region.top, a->region.bottom);
    inside = roipool_region_inside(g, n, 1, a->region.left, a->region.right) && inside;
    if (inside) node_out(g, n, shape_image(node_shape_in(n).dim[0], a->out.h, a->out.w));
    return inside;
}

static void roipool_window(const Node *n, int axis, Window *window)
{
    PoolRegions regions[2];
    roipool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    pool_regions_field(&regions[axis], window);
}

static int64_t roipool_flops(const Node *n)
{
    PoolRegions regions[2];
    roipool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    return window_cost(shape_count(node_shape_out(n)),
                       pool_regions_reach(&regions[0]) * pool_regions_reach(&regions[1]));
}

static void roipool_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    roipool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum(w, n, regions);
}

static void roipool_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    roipool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum_emit(w, n, regions);
}

static bool roipool_training_shape(Graph *g, Node *n)
{
    if (!roipool_shape(g, n)) return false;
    pool_regions_argmax(g, n);
    return true;
}

static void roipool_training_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    roipool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum_training(w, n, regions);
}

static void roipool_training_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    roipool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    pool_regions_maximum_training_emit(w, n, regions);
}

static const Variant roipool_training_variants[] = {{.name = "simd",
                                                     .layouts = IN_NCHW | IN_NHWC,
                                                     .traits = VARIANT_ANY_BATCH,
                                                     .refuses = pool_regions_refusal,
                                                     .emit = roipool_training_emit,
                                                     .kernel = "pool"},
                                                    {0}};

static const Op roipool_training = {
    .name = "roipool.training",
    .class = OP_INTERNAL,
    .attrs = roipool_attrs,
    .attrs_size = sizeof(RoipoolAttrs),
    .in = pool_regions_in,
    .out = pool_regions_training_out,
    .shape = roipool_training_shape,
    .window = roipool_window,
    .flops = roipool_flops,
    .grad = pool_regions_maximum_grad,
    .plain = roipool_training_plain,
    .variants = roipool_training_variants,
};

static const Variant roipool_variants[] = {{.name = "simd",
                                            .layouts = IN_NCHW | IN_NHWC,
                                            .traits = VARIANT_ANY_BATCH,
                                            .refuses = pool_regions_refusal,
                                            .emit = roipool_emit,
                                            .kernel = "pool"},
                                           {0}};

const Op op_roipool = {
    .name = "roipool",
    .summary = "maximum of each part of a fixed region of an image",
    .formula = "y[c][i][j] = max of part (i, j) of x[c] inside the region [y, x, h, w]",
    .class = OP_LAYER,
    .attrs = roipool_attrs,
    .attrs_size = sizeof(RoipoolAttrs),
    .in = pool_regions_in,
    .out = pool_regions_out,
    .shape = roipool_shape,
    .window = roipool_window,
    .flops = roipool_flops,
    .training = &roipool_training,
    .plain = roipool_plain,
    .variants = roipool_variants,
};
