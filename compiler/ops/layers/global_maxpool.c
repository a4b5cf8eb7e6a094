/*
 * global_maxpool: the largest element of each channel.
 *
 *   y[c][0][0] = max_{row,col} x[c][row][col]
 *   dx[c] is dy[c][0][0] where the maximum was found and 0 elsewhere
 *
 * An adaptive pool with one part.  NaN and equal elements as ops/shared/cells.c says.
 */
#include "ops/shared/cells.h"

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
    Cells cells[2];
    cells_adaptive(cells, node_shape_in(n), node_shape_out(n));
    return window_cost(shape_count(node_shape_out(n)), cells_reach(&cells[0]) * cells_reach(&cells[1]));
}

static void global_maxpool_plain(Writer *w, const Node *n)
{
    Cells cells[2];
    cells_adaptive(cells, node_shape_in(n), node_shape_out(n));
    cells_maximum(w, n, cells);
}

static void global_maxpool_emit(Writer *w, const Node *n)
{
    Cells cells[2];
    cells_adaptive(cells, node_shape_in(n), node_shape_out(n));
    cells_maximum_emit(w, n, cells);
}

static bool global_maxpool_training_shape(Graph *g, Node *n)
{
    if (!global_maxpool_shape(g, n)) return false;
    cells_place(g, n);
    return true;
}

static void global_maxpool_training_plain(Writer *w, const Node *n)
{
    Cells cells[2];
    cells_adaptive(cells, node_shape_in(n), node_shape_out(n));
    cells_maximum_training(w, n, cells);
}

static void global_maxpool_training_emit(Writer *w, const Node *n)
{
    Cells cells[2];
    cells_adaptive(cells, node_shape_in(n), node_shape_out(n));
    cells_maximum_training_emit(w, n, cells);
}

static const Variant global_maxpool_training_variants[] = {{.name = "simd",
                                                            .layouts = IN_NCHW | IN_NHWC,
                                                            .traits = VARIANT_ANY_BATCH,
                                                            .refuses = cells_refusal,
                                                            .emit = global_maxpool_training_emit,
                                                            .kernel = "pool"},
                                                           {0}};

static const Op global_maxpool_training = {
    .name = "global_maxpool.training",
    .class = OP_INTERNAL,
    .in = cells_in,
    .out = cells_training_out,
    .shape = global_maxpool_training_shape,
    .window = global_maxpool_window,
    .flops = global_maxpool_flops,
    .grad = cells_maximum_grad,
    .plain = global_maxpool_training_plain,
    .variants = global_maxpool_training_variants,
};

static const Variant global_maxpool_variants[] = {{.name = "simd",
                                                   .layouts = IN_NCHW | IN_NHWC,
                                                   .traits = VARIANT_ANY_BATCH,
                                                   .refuses = cells_refusal,
                                                   .emit = global_maxpool_emit,
                                                   .kernel = "pool"},
                                                  {0}};

const Op op_global_maxpool = {
    .name = "global_maxpool",
    .summary = "maximum of each channel",
    .formula = "y[c] = max_{i,j} x[c][i][j]",
    .class = OP_LAYER,
    .in = cells_in,
    .out = cells_out,
    .shape = global_maxpool_shape,
    .window = global_maxpool_window,
    .flops = global_maxpool_flops,
    .training = &global_maxpool_training,
    .plain = global_maxpool_plain,
    .variants = global_maxpool_variants,
};
