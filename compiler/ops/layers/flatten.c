/*
 * flatten: an image as a vector, y[(c · H + i) · W + j] = x[c][i][j].
 *
 * The numbers stay where they are, in the order of C, H, W; a vector stays a
 * vector.  The gradient is dy under the input's shape.
 */
#include "ops/shared/elementwise.h"

static bool flatten_shape(Graph *g, Node *n)
{
    node_out(g, n, shape_vector(shape_count(node_shape_in(n))));
    return true;
}

const Op op_flatten = {
    .name = "flatten",
    .summary = "an image as a vector",
    .formula = "y[(c * H + i) * W + j] = x[c][i][j]",
    .class = OP_LAYER,
    .traits = OP_VIEW,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = flatten_shape,
};
