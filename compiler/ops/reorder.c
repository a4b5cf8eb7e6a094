/*
 * turn: an image with its channels last becomes planar, or the other way round;
 * node->layout says which the result is.  Put in by passes/layout.c.
 *
 *   x: [N][C][H][W], y: [N][H][W][C], or the reverse
 *
 * Or blocks of 16 samples become samples last, where that is LAYOUT_NCHW16N, or planar again.
 * Put in by passes/batch_blocking.c.
 *
 *   x: [N / 16][16][E], y: [N / 16][E][16], or the reverse
 */
#include "ops/elementwise.h"
#include "ops/region.h"

static bool blocks_fast(Writer *w, const Node *n)
{
    int64_t elements = shape_count(node_shape_in(n));
    writer_bind_int(w, "rows", n->layout == LAYOUT_NCHW16N ? BATCH_BLOCK : elements);
    writer_bind_int(w, "columns", n->layout == LAYOUT_NCHW16N ? elements : BATCH_BLOCK);
    writer_put(w, "nn_turn($N / 16, $rows, $columns, x, y, $t, $T);");
    return true;
}

static bool reorder_fast(Writer *w, const Node *n)
{
    if (n->layout == LAYOUT_NCHW16N || n->in[0]->layout == LAYOUT_NCHW16N) return blocks_fast(w, n);
    Shape s = node_shape_in(n);
    writer_bind_int(w, "rows", n->layout == LAYOUT_NHWC ? s.dim[0] : s.dim[1] * s.dim[2]);
    writer_bind_int(w, "columns", n->layout == LAYOUT_NHWC ? s.dim[1] * s.dim[2] : s.dim[0]);
    writer_put(w, "nn_turn($N, $rows, $columns, x, y, $t, $T);");
    return true;
}

const Op op_reorder = {
    .name = "reorder",
    .summary = "an image with its channels last, or planar again",
    .formula = "y[i][j][c] = x[c][i][j]",
    .class = OP_INTERNAL,
    .traits = OP_FAST_SAMPLES,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .flops = region_no_flops,
    .fast = reorder_fast,
    .kernel = "turn",
};
