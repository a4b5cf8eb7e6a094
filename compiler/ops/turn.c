/*
 * turn: an image with its channels last becomes planar, or the other way round;
 * node->last says which the result is.  Put in by passes/layout.c.
 *
 *   x: [N][C][H][W], y: [N][H][W][C], or the reverse
 */
#include "ops/elementwise.h"
#include "ops/region.h"

static bool turn_fast(Writer *w, const Node *n)
{
    Shape s = node_shape_in(n);
    writer_bind_int(w, "rows", n->last ? s.dim[0] : s.dim[1] * s.dim[2]);
    writer_bind_int(w, "columns", n->last ? s.dim[1] * s.dim[2] : s.dim[0]);
    writer_put(w, "nn_turn($N, $rows, $columns, x, y, $t, $T);");
    return true;
}

const Op op_turn = {
    .name = "turn",
    .summary = "an image with its channels last, or planar again",
    .formula = "y[i][j][c] = x[c][i][j]",
    .class = OP_INTERNAL,
    .traits = OP_FAST_SAMPLES,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .flops = region_no_flops,
    .fast = turn_fast,
    .kernel = "turn",
};
