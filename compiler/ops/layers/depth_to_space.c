/* depth_to_space: blocks of channels become blocks of pixels, PyTorch's PixelShuffle; see ops/shared/blocks.h. */
#include "ops/shared/blocks.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"
#include "ops/shared/window.h"

static bool depth_to_space_shape(Graph *g, Node *n)
{
    const BlockAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    Shape in = node_shape_in(n);
    int64_t r = a->block;
    if (in.dim[0] % (r * r)) {
        diag_error(g->compilation, n->span, "depth_to_space: %lld channels cannot be divided by %lld x %lld",
                   (long long)in.dim[0], (long long)r, (long long)r);
        return false;
    }
    node_out(g, n, shape_image(in.dim[0] / (r * r), in.dim[1] * r, in.dim[2] * r));
    return true;
}

/* Output u is of pixel floor(u / r). */
static void depth_to_space_window(const Node *n, int axis, Window *window)
{
    (void)axis;
    double r = (double)((const BlockAttrs *)n->attrs)->block;
    window->stride = 1 / r;
    window->pad = 0.5 - 0.5 / r;
    window->uneven = r > 1;
    window->before = (r - 1) / r;
}

static const Op depth_to_space_gradient = {
    .name = "depth_to_space.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(BlockAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .flops = region_no_flops,
    .plain = blocks_to_deep,
};

static void depth_to_space_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &depth_to_space_gradient); }

const Op op_depth_to_space = {
    .name = "depth_to_space",
    .summary = "channels become blocks of pixels",
    .formula = "y[c][i*r + u][j*r + v] = x[(c*r + u)*r + v][i][j], r the block",
    .class = OP_LAYER,
    .attrs = block_attrs,
    .attrs_size = sizeof(BlockAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = depth_to_space_shape,
    .window = depth_to_space_window,
    .flops = region_no_flops,
    .grad = depth_to_space_grad,
    .plain = blocks_to_wide,
    .quantize = quantized_movement,
};
