/*
 * pad: channels, rows and columns more around an image.
 *
 *   x: [N][C][H][W]   y: [N][front + C + back][top + H + bottom][left + W + right]
 *   y[c][i][j] = x[s(c − front)][s(i − top)][s(j − left)]
 *
 * What s makes of an index beyond the border, and so what stands there:
 *
 *   zeros      0 0 | a b c | 0 0
 *   constant   v v | a b c | v v     v is `value`
 *   reflect    c b | a b c | b a     at most size − 1 beyond
 *   replicate  a a | a b c | c c
 *   circular   b c | a b c | a b     at most size beyond
 *   symmetric  b a | a b c | c b     at most size beyond
 *   odd        2a − c, 2a − b | a b c | 2c − b, 2c − a     at most size − 1 beyond
 *
 * The gradient adds dy to the place that it was read from.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/region.h"
#include "ops/shared/taps.h"
#include "ops/shared/window.h"

typedef struct PadAttrs {
    Pad sides;
    int mode; /* PadBorder */
    double value;
    Pair channels; /* front, back */
} PadAttrs;

static const Attr pad_attrs[] = {
    {"sides", ATTR_BOX, offsetof(PadAttrs, sides), NULL, 0, 1e6, NULL},
    {"mode", ATTR_SYMBOL, offsetof(PadAttrs, mode), "zeros", 0, 0, window_borders},
    {"value", ATTR_REAL, offsetof(PadAttrs, value), "0", 0, 0, NULL},
    {"channels", ATTR_PAIR, offsetof(PadAttrs, channels), "0", 0, 1e6, NULL},
    {0},
};

static int64_t pad_before(const PadAttrs *a, int axis)
{
    return axis == 0 ? a->channels.h : axis == 1 ? a->sides.top : a->sides.left;
}

static int64_t pad_after(const PadAttrs *a, int axis)
{
    return axis == 0 ? a->channels.w : axis == 1 ? a->sides.bottom : a->sides.right;
}

static bool fills(const PadAttrs *a) { return a->mode == BORDER_ZEROS || a->mode == BORDER_CONSTANT; }

/* ---- shapes ------------------------------------------------------------------- */

/* Elements beyond a border of `size` elements that the mode can make. */
static int64_t most_beyond(const PadAttrs *a, int64_t size)
{
    switch ((PadBorder)a->mode) {
    case BORDER_REFLECT:
    case BORDER_ODD: return size - 1;
    case BORDER_CIRCULAR:
    case BORDER_SYMMETRIC: return size;
    default: return INT64_MAX;
    }
}

static bool pad_fits(Graph *g, const Node *n, Shape in)
{
    static const char *const names[] = {"number of channels", "height", "width"};
    const PadAttrs *a = n->attrs;
    for (int axis = 0; axis < 3; axis++) {
        int64_t most = most_beyond(a, in.dim[axis]), before = pad_before(a, axis), after = pad_after(a, axis);
        if (before <= most && after <= most) continue;
        diag_error(g->compilation, n->span,
                   "pad: %s padding of %lld and %lld, but an input %s of %lld allows at most %lld",
                   window_borders[a->mode], (long long)before, (long long)after, names[axis], (long long)in.dim[axis],
                   (long long)most);
        return false;
    }
    return true;
}

static bool pad_shape(Graph *g, Node *n)
{
    const PadAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    if (a->value != 0 && !fills(a)) {
        diag_error(g->compilation, n->span, "pad: value=%g has no meaning with mode=%s; only mode=constant uses it",
                   a->value, window_borders[a->mode]);
        return false;
    }
    Shape in = node_shape_in(n), out = in;
    for (int axis = 0; axis < 3; axis++) out.dim[axis] += pad_before(a, axis) + pad_after(a, axis);
    if (!pad_fits(g, n, in)) return false;
    node_out(g, n, out);
    return true;
}

static void pad_window(const Node *n, int axis, Window *window)
{
    window->pad = (double)pad_before(n->attrs, axis + 1);
}

/* ---- what is beyond the border ---------------------------------------------------- */

typedef struct Padding {
    const PadAttrs *attrs;
    Shape image;
} Padding;

/* Of two taps: 2 · edge − mirrored; inside twice a half, which is exact. */
static Taps odd_taps(int64_t i, int64_t size)
{
    const int64_t last = size - 1;
    if (i < 0) return (Taps){{0, -i}, {2, -1}};
    if (i > last) return (Taps){{last, 2 * last - i}, {2, -1}};
    return (Taps){{i, i}, {0.5, 0.5}};
}

static Taps pad_taps(const void *self, int axis, int64_t index)
{
    const Padding *p = self;
    const int64_t size = p->image.dim[axis], last = size - 1;
    int64_t i = index - pad_before(p->attrs, axis);
    const bool beyond = i < 0 || i > last;
    switch ((PadBorder)p->attrs->mode) {
    case BORDER_ODD: return odd_taps(i, size);
    case BORDER_REFLECT: i = !beyond ? i : i < 0 ? -i : 2 * last - i; break;
    case BORDER_REPLICATE: i = !beyond ? i : i < 0 ? 0 : last; break;
    case BORDER_CIRCULAR: i = (i + size) % size; break;
    case BORDER_SYMMETRIC: i = !beyond ? i : i < 0 ? -1 - i : 2 * last + 1 - i; break;
    default: break;
    }
    return (Taps){{i}, {1}};
}

static void pad_axes(TapsAxis axes[3], const Padding *p)
{
    for (int axis = 0; axis < 3; axis++) {
        const int64_t more = pad_before(p->attrs, axis) + pad_after(p->attrs, axis);
        const int count = p->attrs->mode == BORDER_ODD && more ? 2 : 1;
        axes[axis] = (TapsAxis){p->image.dim[axis] + more, count, more ? pad_taps : NULL};
    }
}

/* ---- plain form --------------------------------------------------------------- */

/* The line for each element (c, i, j) of the image, whose place in the larger one is ($channel, $row, $column). */
static void put_placed(Writer *w, const PadAttrs *a, Shape image, const char *line)
{
    static const char *const index[] = {"c", "i", "j"};
    writer_bind(w, "channel", "c + %lld", (long long)a->channels.h);
    writer_bind(w, "row", "i + %lld", (long long)a->sides.top);
    writer_bind(w, "column", "j + %lld", (long long)a->sides.left);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    for (int axis = 0; axis < 3; axis++) {
        writer_bind(w, "index", "%s", index[axis]);
        writer_bind_int(w, "size", image.dim[axis]);
        writer_put(w, "for ($int $index = 0; $index < $size; $index++) {");
    }
    writer_put(w, line);
    writer_put(w, "}\n}\n}\n}\n");
}

static void put_filled(Writer *w, const PadAttrs *a, Shape in, Shape out)
{
    writer_bind_int(w, "elements", shape_count(out));
    writer_bind_real(w, "value", a->value);
    writer_put(w, "for ($int k = 0; k < $N * $elements; k++) {\n"
                  "    y[k] = $value;\n"
                  "}\n");
    put_placed(w, a, in, "@y(n, $channel, $row, $column) = @x(n, c, i, j);");
}

static bool pads_channels(const PadAttrs *a) { return a->channels.h + a->channels.w > 0; }

static void pad_plain(Writer *w, const Node *n)
{
    const PadAttrs *a = n->attrs;
    const Padding p = {a, node_shape_in(n)};
    TapsAxis axes[3];
    if (fills(a) && pads_channels(a)) {
        put_filled(w, a, p.image, node_shape_out(n));
    } else if (fills(a)) {
        region_place(w, "y", "x", node_shape_out(n), p.image, &a->sides, a->value);
    } else {
        pad_axes(axes, &p);
        taps_forward(w, axes, &p);
    }
}

static void pad_emit(Writer *w, const Node *n)
{
    const PadAttrs *a = n->attrs;
    region_place_emit(w, n, &a->sides, a->value);
}

static const char *pad_refusal(const Node *n)
{
    const PadAttrs *a = n->attrs;
    if (pads_channels(a)) return "it pads channels";
    return fills(a) ? NULL : "the mode is not zeros";
}

/* Of the modes that read the image once more. */
static void pad_taps_emit(Writer *w, const Node *n)
{
    const Padding p = {n->attrs, node_shape_in(n)};
    TapsAxis axes[3];
    pad_axes(axes, &p);
    taps_forward_emit(w, axes, &p, p.image);
}

static void pad_taps_grad_emit(Writer *w, const Node *n)
{
    const Padding p = {n->attrs, node_shape_out(n)};
    TapsAxis axes[3];
    pad_axes(axes, &p);
    taps_gradient_emit(w, axes, &p, p.image);
}

static const char *taps_mode_refusal(const Node *n) { return fills(n->attrs) ? "the mode is zeros" : NULL; }

static const char *pad_taps_refusal(const Node *n)
{
    const char *mode = taps_mode_refusal(n);
    return mode ? mode : taps_refusal(node_shape_in(n));
}

static const char *pad_taps_grad_refusal(const Node *n)
{
    const char *mode = taps_mode_refusal(n);
    return mode ? mode : taps_refusal(node_shape_out(n));
}

static void pad_grad_plain(Writer *w, const Node *n)
{
    const PadAttrs *a = n->attrs;
    const Padding p = {a, node_shape_out(n)};
    TapsAxis axes[3];
    if (fills(a) && pads_channels(a)) {
        put_placed(w, a, p.image, "@dx(n, c, i, j) = @dy(n, $channel, $row, $column);");
    } else if (fills(a)) {
        region_take(w, "dx", "dy", p.image, &a->sides);
    } else {
        pad_axes(axes, &p);
        taps_gradient(w, axes, &p, p.image);
    }
}

static void pad_grad_emit(Writer *w, const Node *n)
{
    const PadAttrs *a = n->attrs;
    region_take_emit(w, n, &a->sides);
}

static const Variant pad_gradient_variants[] = {{.name = "simd",
                                                 .layouts = IN_NCHW | IN_NHWC,
                                                 .traits = VARIANT_ANY_BATCH,
                                                 .refuses = pad_refusal,
                                                 .emit = pad_grad_emit,
                                                 .kernel = "crop"},
                                                {.name = "taps",
                                                 .layouts = IN_NCHW,
                                                 .traits = VARIANT_ANY_BATCH,
                                                 .refuses = pad_taps_grad_refusal,
                                                 .emit = pad_taps_grad_emit,
                                                 .kernel = "taps"},
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
                                       {.name = "taps",
                                        .layouts = IN_NCHW,
                                        .traits = VARIANT_ANY_BATCH,
                                        .refuses = pad_taps_refusal,
                                        .emit = pad_taps_emit,
                                        .kernel = "taps"},
                                       {0}};

const Op op_pad = {
    .name = "pad",
    .summary = "channels, rows and columns more around an image",
    .formula = "y[c][i][j] = x[s(c - front)][s(i - top)][s(j - left)]",
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
