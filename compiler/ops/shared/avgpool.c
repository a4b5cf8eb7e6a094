/*
 * Averages of sliding windows, of images and of sequences: what avgpool.c and avgpool1d.c share.
 *
 *   y[c][i][j] = (1 / count) Σ_{u,v} x[c][i·stride + u − pad][j·stride + v − pad]
 *   dx[c][row][col] = Σ dy[c][i][j] / count over the windows that hold (row, col)
 */
#include "ops/shared/avgpool.h"

#include "ops/shared/quantized.h"

const Attr avgpool_attrs[] = {
    {"k", ATTR_PAIR, offsetof(AvgpoolAttrs, k), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_PAIR, offsetof(AvgpoolAttrs, stride), "k", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(AvgpoolAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"ceil", ATTR_BOOL, offsetof(AvgpoolAttrs, ceil), "no", 0, 0, NULL},
    {"count_pad", ATTR_BOOL, offsetof(AvgpoolAttrs, count_pad), "yes", 0, 0, NULL},
    {"divisor_override", ATTR_INT, offsetof(AvgpoolAttrs, divisor_override), "none", 1, 1e9, attr_or_none},
    {0},
};

/* Of a sequence, as an image of one row. */
const Attr avgpool1d_attrs[] = {
    {"k", ATTR_INT, offsetof(AvgpoolAttrs, k.w), NULL, 1, WINDOW_MAX, NULL},
    {"stride", ATTR_INT, offsetof(AvgpoolAttrs, stride.w), "k", 1, WINDOW_MAX, NULL},
    {"pad", ATTR_PAD, offsetof(AvgpoolAttrs, pad), "0", 0, WINDOW_MAX, NULL},
    {"ceil", ATTR_BOOL, offsetof(AvgpoolAttrs, ceil), "no", 0, 0, NULL},
    {"count_pad", ATTR_BOOL, offsetof(AvgpoolAttrs, count_pad), "yes", 0, 0, NULL},
    {"divisor_override", ATTR_INT, offsetof(AvgpoolAttrs, divisor_override), "none", 1, 1e9, attr_or_none},
    {0},
};

static WindowSpec avgpool_spec(const AvgpoolAttrs *a) { return (WindowSpec){a->k, a->stride, {1, 1}, a->pad}; }

static void avgpool_cells(PoolRegions regions[2], const Node *n, Shape large, Shape small)
{
    const AvgpoolAttrs *a = n->attrs;
    Slide s[2];
    window_slides(s, avgpool_spec(a), large, small);
    for (int axis = 0; axis < 2; axis++) regions[axis] = pool_regions_window(s[axis], a->count_pad);
    if (a->divisor_override != ATTR_NONE) pool_regions_set_divisor(regions, a->divisor_override);
}

bool avgpool_shape(Graph *g, Node *n)
{
    AvgpoolAttrs *a = n->attrs;
    return window_pool_shape(g, n, avgpool_spec(a), &a->pad, a->ceil);
}

bool avgpool1d_shape(Graph *g, Node *n)
{
    AvgpoolAttrs *a = n->attrs;
    a->k.h = a->stride.h = 1;
    return window_takes_sequence(g, n, &a->pad) && window_pool_size(g, n, avgpool_spec(a), &a->pad, a->ceil);
}

void avgpool_window(const Node *n, int axis, Window *window)
{
    Slide s[2];
    window_slides(s, avgpool_spec(n->attrs), node_shape_in(n), node_shape_out(n));
    window_field(&s[axis], window);
}

int64_t avgpool_flops(const Node *n)
{
    const AvgpoolAttrs *a = n->attrs;
    return window_cost(shape_count(node_shape_out(n)), a->k.h * a->k.w);
}

void avgpool_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    avgpool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    pool_regions_average(w, n, regions);
}

void avgpool_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    avgpool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    pool_regions_average_emit(w, n, regions);
}

static void avgpool_dx_plain(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    avgpool_cells(regions, n, node_shape_out(n), node_shape_in(n));
    pool_regions_average_gradient(w, n, regions);
}

static void avgpool_dx_emit(Writer *w, const Node *n)
{
    PoolRegions regions[2];
    avgpool_cells(regions, n, node_shape_out(n), node_shape_in(n));
    pool_regions_average_gradient_emit(w, n, regions);
}

static const Variant avgpool_dx_variants[] = {
    POOL_ROWS(IN_NCHW, pool_regions_refusal, avgpool_dx_emit),
    {0},
};

static const Op avgpool_dx = {
    .name = "avgpool.dx",
    .class = OP_INTERNAL,
    .in = pool_regions_gradient_in,
    .out = pool_regions_gradient_out,
    .plain = avgpool_dx_plain,
    .variants = avgpool_dx_variants,
};

void avgpool_grad(Backward *b, const Node *n) { pool_regions_average_grad(b, n, &avgpool_dx); }

bool avgpool_quantize(Quantizer *q, const Node *n)
{
    PoolRegions regions[2];
    avgpool_cells(regions, n, node_shape_in(n), node_shape_out(n));
    return quantized_average(q, n, regions, false);
}
