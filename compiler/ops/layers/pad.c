/*
 * pad: rows and columns more around an image.
 *
 *   x: [N][C][H][W]   y: [N][C][H + top + bottom][W + left + right]
 *   y[c][i][j] = x[c][s(i − top)][s(j − left)]
 *
 * What s makes of an index beyond the border, and so what stands there:
 *
 *   zeros      0 0 | a b c | 0 0     or `value` for the zeros
 *   reflect    c b | a b c | b a     at most size − 1 beyond
 *   replicate  a a | a b c | c c
 *   circular   b c | a b c | a b     at most size beyond
 *
 * The gradient adds dy to the place that it was read from.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/region.h"
#include "ops/shared/window.h"

typedef struct PadAttrs {
    Pad sides;
    int mode; /* PadMode */
    double value;
} PadAttrs;

static const Attr pad_attrs[] = {
    {"sides", ATTR_BOX, offsetof(PadAttrs, sides), NULL, 0, 1e6, NULL},
    {"mode", ATTR_SYMBOL, offsetof(PadAttrs, mode), "zeros", 0, 0, window_pad_modes},
    {"value", ATTR_REAL, offsetof(PadAttrs, value), "0", 0, 0, NULL},
    {0},
};

/* Padding is a window of one element. */
static void pad_slides(Slide slide[2], const PadAttrs *a, Shape in, Shape out)
{
    WindowSpec spec = {.k = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .pad = a->sides};
    window_slides(slide, spec, in, out);
}

static bool pad_shape(Graph *g, Node *n)
{
    const PadAttrs *a = n->attrs;
    const Pad *s = &a->sides;
    if (!window_takes_image(g, n)) return false;
    if (a->value != 0 && a->mode != PAD_MODE_ZEROS) {
        diag_error(g->compilation, n->span, "pad: value=%g has no meaning with mode=%s; only mode=zeros uses it",
                   a->value, window_pad_modes[a->mode]);
        return false;
    }
    Shape in = node_shape_in(n), out = in;
    out.dim[1] += s->top + s->bottom;
    out.dim[2] += s->left + s->right;
    Slide slide[2];
    pad_slides(slide, a, in, out);
    if (!window_padding_fits(g, n, slide, (PadMode)a->mode)) return false;
    node_out(g, n, out);
    return true;
}

static void pad_window(const Node *n, int axis, Window *window)
{
    const PadAttrs *a = n->attrs;
    window->pad = (double)(axis == 0 ? a->sides.top : a->sides.left);
}

/* Over all places (i, j) of the larger image, which show (row, col) of the smaller. */
static void put_shown(Writer *w, const PadAttrs *a, Shape small, Shape large, const char *line)
{
    Slide slide[2];
    pad_slides(slide, a, small, large);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int braces = 1 + window_loop(w, "c", large.dim[0], false);
    braces += window_loop(w, "i", large.dim[1], false);
    window_index(w, 0, &slide[0], (PadMode)a->mode);
    braces += window_loop(w, "j", large.dim[2], false);
    window_index(w, 1, &slide[1], (PadMode)a->mode);
    writer_put(w, line);
    window_close(w, braces);
}

static void pad_plain(Writer *w, const Node *n)
{
    const PadAttrs *a = n->attrs;
    Shape in = node_shape_in(n), out = node_shape_out(n);
    if (a->mode == PAD_MODE_ZEROS) {
        region_place(w, "y", "x", out, in, a->sides.top, a->sides.left, a->value);
    } else {
        put_shown(w, a, in, out, "@y(n, $c, $i, $j) = @x(n, $c, $row, $col);");
    }
}

static void pad_emit(Writer *w, const Node *n)
{
    const PadAttrs *a = n->attrs;
    region_place_emit(w, n, a->sides.top, a->sides.left, a->value);
}

static const char *pad_refusal(const Node *n)
{
    return ((const PadAttrs *)n->attrs)->mode == PAD_MODE_ZEROS ? NULL : "the mode is not zeros";
}

static void pad_grad_plain(Writer *w, const Node *n)
{
    const PadAttrs *a = n->attrs;
    Shape large = node_shape_in(n), small = node_shape_out(n);
    if (a->mode == PAD_MODE_ZEROS) {
        region_take(w, "dx", "dy", small, a->sides.top, a->sides.left);
        return;
    }
    region_fill(w, "dx", small, "0");
    put_shown(w, a, small, large, "@dx(n, $c, $row, $col) += @dy(n, $c, $i, $j);");
}

static void pad_grad_emit(Writer *w, const Node *n)
{
    const PadAttrs *a = n->attrs;
    region_take_emit(w, n, a->sides.top, a->sides.left);
}

static const Variant pad_gradient_variants[] = {{.name = "simd",
                                                 .layouts = IN_NCHW | IN_NHWC,
                                                 .traits = VARIANT_ANY_BATCH,
                                                 .refuses = pad_refusal,
                                                 .emit = pad_grad_emit,
                                                 .kernel = "crop"},
                                                {0}};

static const Op pad_gradient = {
    .name = "pad.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(PadAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .plain = pad_grad_plain,
    .variants = pad_gradient_variants,
};

static void pad_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &pad_gradient); }

static const Variant pad_variants[] = {{.name = "simd",
                                        .layouts = IN_NCHW | IN_NHWC,
                                        .traits = VARIANT_ANY_BATCH,
                                        .refuses = pad_refusal,
                                        .emit = pad_emit,
                                        .kernel = "crop"},
                                       {0}};

const Op op_pad = {
    .name = "pad",
    .summary = "rows and columns more around an image",
    .formula = "y[c][i][j] = x[c][s(i - top)][s(j - left)]",
    .class = OP_LAYER,
    .attrs = pad_attrs,
    .attrs_size = sizeof(PadAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = pad_shape,
    .window = pad_window,
    .flops = region_no_flops,
    .grad = pad_grad,
    .plain = pad_plain,
    .variants = pad_variants,
};
