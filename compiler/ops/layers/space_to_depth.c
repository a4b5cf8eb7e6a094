/* space_to_depth: blocks of pixels become channels, PyTorch's PixelUnshuffle; see ops/shared/blocks.h. */
#include "ops/shared/blocks.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"
#include "ops/shared/window.h"

static bool space_to_depth_shape(Graph *g, Node *n)
{
    const BlockAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    Shape in = node_shape_in(n);
    int64_t r = a->block;
    if (in.dim[1] % r || in.dim[2] % r) {
        diag_error(g->compilation, n->span,
                   "space_to_depth: %lld x %lld pixels cannot be divided into blocks of %lld x %lld",
                   (long long)in.dim[1], (long long)in.dim[2], (long long)r, (long long)r);
        return false;
    }
    node_out(g, n, shape_image(in.dim[0] * r * r, in.dim[1] / r, in.dim[2] / r));
    return true;
}

/* Over all channels an output sees its block. */
static void space_to_depth_window(const Node *n, int axis, Window *window)
{
    (void)axis;
    window->size = window->stride = (double)((const BlockAttrs *)n->attrs)->block;
}

static const Op space_to_depth_gradient = {
    .name = "space_to_depth.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(BlockAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .flops = region_no_flops,
    .plain = blocks_to_wide,
};

static void space_to_depth_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &space_to_depth_gradient); }

const Op op_space_to_depth = {
    .name = "space_to_depth",
    .summary = "blocks of pixels become channels",
    .formula = "y[(c*r + u)*r + v][i][j] = x[c][i*r + u][j*r + v], r the block",
    .class = OP_LAYER,
    .attrs = block_attrs,
    .attrs_size = sizeof(BlockAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = space_to_depth_shape,
    .window = space_to_depth_window,
    .flops = region_no_flops,
    .grad = space_to_depth_grad,
    .plain = blocks_to_deep,
    .quantize = quantized_movement,
};
