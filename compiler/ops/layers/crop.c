/*
 * crop: cuts rows and columns off the border, y[c][i][j] = x[c][i + top][j + left].
 *
 *   x: [N][C][H][W]   y: [N][C][H − top − bottom][W − left − right]
 *
 * The gradient is dy in its place and 0 in what was cut off.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"
#include "ops/shared/window.h"

typedef struct CropAttrs {
    Pad sides;
} CropAttrs;

static const Attr crop_attrs[] = {
    {"sides", ATTR_BOX, offsetof(CropAttrs, sides), NULL, 0, 1e6, NULL},
    {0},
};

static bool side_remains(Graph *g, const Node *n, const char *what, int64_t size, int64_t before, int64_t after)
{
    if (before + after < size) return true;
    diag_error(g->compilation, n->span, "crop: the output %s would be %lld - %lld - %lld = %lld; it must be 1 or more",
               what, (long long)size, (long long)before, (long long)after, (long long)(size - before - after));
    return false;
}

static bool crop_shape(Graph *g, Node *n)
{
    const Pad *s = &((const CropAttrs *)n->attrs)->sides;
    if (!window_takes_image(g, n)) return false;
    Shape in = node_shape_in(n);
    bool fits = side_remains(g, n, "height", in.dim[1], s->top, s->bottom);
    if (!side_remains(g, n, "width", in.dim[2], s->left, s->right) || !fits) return false;
    node_out(g, n, shape_image(in.dim[0], in.dim[1] - s->top - s->bottom, in.dim[2] - s->left - s->right));
    return true;
}

static void crop_window(const Node *n, int axis, Window *window)
{
    const CropAttrs *a = n->attrs;
    window->pad = (double)-(axis == 0 ? a->sides.top : a->sides.left);
}

static void crop_plain(Writer *w, const Node *n)
{
    const CropAttrs *a = n->attrs;
    region_take(w, "y", "x", node_shape_out(n), &a->sides);
}

static void crop_emit(Writer *w, const Node *n)
{
    const CropAttrs *a = n->attrs;
    region_take_emit(w, n, &a->sides);
}

static void crop_grad_plain(Writer *w, const Node *n)
{
    const CropAttrs *a = n->attrs;
    region_place(w, "dx", "dy", node_shape_out(n), node_shape_in(n), &a->sides, 0);
}

static void crop_grad_emit(Writer *w, const Node *n)
{
    const CropAttrs *a = n->attrs;
    region_place_emit(w, n, &a->sides, 0);
}

static const Variant crop_gradient_variants[] = {{.name = "simd",
                                                  .layouts = IN_NCHW | IN_NHWC,
                                                  .traits = VARIANT_ANY_BATCH,
                                                  .emit = crop_grad_emit,
                                                  .kernel = "crop"},
                                                 {0}};

static const Op crop_gradient = {
    .name = "crop.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(CropAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .flops = region_no_flops,
    .plain = crop_grad_plain,
    .variants = crop_gradient_variants,
};

static void crop_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &crop_gradient); }

static const Variant crop_variants[] = {
    {.name = "simd", .layouts = IN_NCHW | IN_NHWC, .traits = VARIANT_ANY_BATCH, .emit = crop_emit, .kernel = "crop"},
    {0}};

const Op op_crop = {
    .name = "crop",
    .summary = "cuts rows and columns off the border",
    .formula = "y[c][i][j] = x[c][i + top][j + left]",
    .class = OP_LAYER,
    .attrs = crop_attrs,
    .attrs_size = sizeof(CropAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = crop_shape,
    .window = crop_window,
    .flops = region_no_flops,
    .grad = crop_grad,
    .plain = crop_plain,
    .quantize = quantized_movement,
    .variants = crop_variants,
};
