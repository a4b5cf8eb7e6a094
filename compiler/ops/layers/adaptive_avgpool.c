/*
 * adaptive_avgpool: the average of each of h×w parts, PyTorch's AdaptiveAvgPool2d.
 *
 *   y[c][i][j] = mean of x[c] over rows floor(i·H/h) … ceil((i + 1)·H/h) − 1, columns likewise
 *   dx[c][row][col] = Σ dy[c][i][j] / count over the parts that hold (row, col)
 *
 * Parts overlap where h does not divide H; h may be larger than H.
 */
#include "ops/shared/cells.h"

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
    Cells cells[2];
    cells_adaptive(cells, node_shape_in(n), node_shape_out(n));
    cells_field(&cells[axis], window);
}

static int64_t adaptive_avgpool_flops(const Node *n)
{
    Cells cells[2];
    cells_adaptive(cells, node_shape_in(n), node_shape_out(n));
    return window_cost(shape_count(node_shape_out(n)), cells_reach(&cells[0]) * cells_reach(&cells[1]));
}

static void adaptive_avgpool_plain(Writer *w, const Node *n)
{
    Cells cells[2];
    cells_adaptive(cells, node_shape_in(n), node_shape_out(n));
    cells_average(w, n, cells);
}

static void adaptive_avgpool_emit(Writer *w, const Node *n)
{
    Cells cells[2];
    cells_adaptive(cells, node_shape_in(n), node_shape_out(n));
    cells_average_emit(w, n, cells);
}

static void adaptive_avgpool_dx_plain(Writer *w, const Node *n)
{
    Cells cells[2];
    cells_adaptive(cells, node_shape_out(n), node_shape_in(n));
    cells_average_gradient(w, n, cells);
}

static void adaptive_avgpool_dx_emit(Writer *w, const Node *n)
{
    Cells cells[2];
    cells_adaptive(cells, node_shape_out(n), node_shape_in(n));
    cells_average_gradient_emit(w, n, cells);
}

static const Variant adaptive_avgpool_dx_variants[] = {{.name = "simd",
                                                        .layouts = IN_NCHW | IN_NHWC,
                                                        .traits = VARIANT_ANY_BATCH,
                                                        .refuses = cells_refusal,
                                                        .emit = adaptive_avgpool_dx_emit,
                                                        .kernel = "pool"},
                                                       {0}};

static const Op adaptive_avgpool_dx = {
    .name = "adaptive_avgpool.dx",
    .class = OP_INTERNAL,
    .in = cells_gradient_in,
    .out = cells_gradient_out,
    .plain = adaptive_avgpool_dx_plain,
    .variants = adaptive_avgpool_dx_variants,
};

static void adaptive_avgpool_grad(Backward *b, const Node *n) { cells_average_grad(b, n, &adaptive_avgpool_dx); }

static const Variant adaptive_avgpool_variants[] = {{.name = "simd",
                                                     .layouts = IN_NCHW | IN_NHWC,
                                                     .traits = VARIANT_ANY_BATCH,
                                                     .refuses = cells_refusal,
                                                     .emit = adaptive_avgpool_emit,
                                                     .kernel = "pool"},
                                                    {0}};

const Op op_adaptive_avgpool = {
    .name = "adaptive_avgpool",
    .summary = "average of each part of an image cut into a fixed number",
    .formula = "y[c][i][j] = mean of x[c][floor(i*H/h) .. ceil((i+1)*H/h)-1][floor(j*W/w) .. ceil((j+1)*W/w)-1]",
    .class = OP_LAYER,
    .attrs = adaptive_avgpool_attrs,
    .attrs_size = sizeof(AdaptiveAvgpoolAttrs),
    .in = cells_in,
    .out = cells_out,
    .shape = adaptive_avgpool_shape,
    .window = adaptive_avgpool_window,
    .flops = adaptive_avgpool_flops,
    .grad = adaptive_avgpool_grad,
    .plain = adaptive_avgpool_plain,
    .variants = adaptive_avgpool_variants,
};
