/*
 * upsample: an image enlarged by whole factors, PyTorch's Upsample with
 * align_corners=False.
 *
 *   x: [N][C][H][W]   y: [N][C][s·H][s·W] (each axis has a scale s of its own)
 *   nearest:   y[i] = x[floor(i / s)]
 *   bilinear:  along each axis, the place of i in the input is p = max(0, (i + ½)/s − ½);
 *              y = (1 − f)·x[i0] + f·x[i1], i0 = floor(p), f = p − i0, i1 = min(i0 + 1, H − 1)
 *
 * p is kept as the integer 2s·p = max(0, 2i + 1 − s), so that i0 and f are exact.
 * The gradient gives dy back to the places it was read from, by the same weights.
 */
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"
#include "ops/shared/window.h"

typedef enum UpsampleMode { UPSAMPLE_NEAREST, UPSAMPLE_BILINEAR } UpsampleMode;

typedef struct UpsampleAttrs {
    Pair scale;
    int mode; /* UpsampleMode */
} UpsampleAttrs;

static const char *const upsample_modes[] = {"nearest", "bilinear", NULL};

static const Attr upsample_attrs[] = {
    {"scale", ATTR_PAIR, offsetof(UpsampleAttrs, scale), NULL, 1, WINDOW_MAX, NULL},
    {"mode", ATTR_SYMBOL, offsetof(UpsampleAttrs, mode), "nearest", 0, 0, upsample_modes},
    {0},
};

static bool upsample_shape(Graph *g, Node *n)
{
    const UpsampleAttrs *a = n->attrs;
    if (!window_takes_image(g, n)) return false;
    Shape in = node_shape_in(n);
    node_out(g, n, shape_image(in.dim[0], in.dim[1] * a->scale.h, in.dim[2] * a->scale.w));
    return true;
}

/* The window's centre is where the middle of output u lies in the input,
 * (u + ½)/s − ½. */
static void upsample_window(const Node *n, int axis, Window *window)
{
    const UpsampleAttrs *a = n->attrs;
    double scale = (double)(axis == 0 ? a->scale.h : a->scale.w);
    bool two = a->mode == UPSAMPLE_BILINEAR && scale > 1;
    window->size = two ? 2 : 1;
    window->stride = 1 / scale;
    window->pad = 0.5 - 0.5 / scale + (window->size - 1) / 2;
    window->uneven = scale > 1; /* nearest: ⌊u/s⌋; bilinear: less than 1 from the centre */
    window->before = two ? window->pad + 0.5 - 1e-6 : (scale - 1) / scale;
    window->after = two ? 1.5 - window->pad - 1e-6 : 0;
}

/* nearest 0; bilinear: three interpolations of two products and a sum */
static int64_t upsample_flops(const Node *n)
{
    const UpsampleAttrs *a = n->attrs;
    return a->mode == UPSAMPLE_BILINEAR ? 9 * shape_count(node_shape_out(n)) : 0;
}

static void bind_upsample_sizes(Writer *w, Shape image, Pair scale)
{
    writer_bind_int(w, "C", image.dim[0]);
    writer_bind_int(w, "H", image.dim[1]);
    writer_bind_int(w, "W", image.dim[2]);
    writer_bind_int(w, "sh", scale.h);
    writer_bind_int(w, "sw", scale.w);
}

static void put_axis(Writer *w, const char *row, const char *index, const char *weight, int64_t size, int64_t scale)
{
    writer_bind(w, "row", "%s", row);
    writer_bind(w, "index", "%s", index);
    writer_bind(w, "weight", "%s", weight);
    writer_bind(w, "low", "%s0", index);
    writer_bind(w, "high", "%s1", index);
    writer_bind_int(w, "last", size - 1);
    writer_bind_int(w, "shift", scale - 1);
    writer_bind_int(w, "parts", 2 * scale);
    writer_put(w, "const $int $row = 2 * $index > $shift ? 2 * $index - $shift : 0;\n"
                  "const $int $low = $row / $parts;\n"
                  "const $int $high = $low < $last ? $low + 1 : $low;\n"
                  "const $real $weight = ($real)($row % $parts) / $parts;\n");
}

/* All output elements (i, j), with i0, i1 and j0, j1 of the input and the weights
 * a of i1 and b of j1. */
static void put_bilinear(Writer *w, Shape small, Shape large, Pair scale, const char *lines)
{
    bind_upsample_sizes(w, large, scale);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n"
                  "        for ($int i = 0; i < $H; i++) {\n");
    put_axis(w, "row", "i", "a", small.dim[1], scale.h);
    writer_put(w, "for ($int j = 0; j < $W; j++) {");
    put_axis(w, "col", "j", "b", small.dim[2], scale.w);
    writer_put(w, lines);
    writer_put(w, "            }\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

static void put_nearest(Writer *w, Shape large, Pair scale)
{
    bind_upsample_sizes(w, large, scale);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n"
                  "        for ($int i = 0; i < $H; i++) {\n"
                  "            for ($int j = 0; j < $W; j++) {\n"
                  "                @y(n, c, i, j) = @x(n, c, i / $sh, j / $sw);\n"
                  "            }\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

static void call_upsample(Writer *w, const Node *n, Shape small, const char *kernel)
{
    const UpsampleAttrs *a = n->attrs;
    bind_upsample_sizes(w, small, a->scale);
    writer_bind(w, "kernel", "%s", kernel);
    writer_put(w, "static const nn_upsample size = {.c = $C, .h = $H, .w = $W, .sh = $sh, .sw = $sw};");
    region_call(w, n, "$kernel(&size, $N, $from, $to, $t, $T);");
}

static void upsample_plain(Writer *w, const Node *n)
{
    const UpsampleAttrs *a = n->attrs;
    Shape in = node_shape_in(n), out = node_shape_out(n);
    if (a->mode == UPSAMPLE_NEAREST) {
        put_nearest(w, out, a->scale);
    } else {
        put_bilinear(w, in, out, a->scale,
                     "const $real upper = (1 - b) * @x(n, c, i0, j0) + b * @x(n, c, i0, j1);\n"
                     "const $real lower = (1 - b) * @x(n, c, i1, j0) + b * @x(n, c, i1, j1);\n"
                     "@y(n, c, i, j) = (1 - a) * upper + a * lower;\n");
    }
}

static void upsample_emit(Writer *w, const Node *n)
{
    const UpsampleAttrs *a = n->attrs;
    const char *nearest = n->layout == LAYOUT_NHWC ? "nn_upsample_nearest_nhwc" : "nn_upsample_nearest";
    call_upsample(w, n, node_shape_in(n), a->mode == UPSAMPLE_NEAREST ? nearest : "nn_upsample_bilinear");
}

static bool upsample_is_nearest(const Node *n) { return ((const UpsampleAttrs *)n->attrs)->mode == UPSAMPLE_NEAREST; }

static const char *nearest_refusal(const Node *n) { return upsample_is_nearest(n) ? NULL : "the mode is bilinear"; }
static const char *bilinear_refusal(const Node *n) { return upsample_is_nearest(n) ? "the mode is nearest" : NULL; }

static void put_nearest_gradient(Writer *w, Shape small, Pair scale)
{
    bind_upsample_sizes(w, small, scale);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n"
                  "        for ($int i = 0; i < $H; i++) {\n"
                  "            for ($int j = 0; j < $W; j++) {\n"
                  "                $real sum = 0;\n"
                  "                for ($int u = 0; u < $sh; u++) {\n"
                  "                    for ($int v = 0; v < $sw; v++) {\n"
                  "                        sum += @dy(n, c, i * $sh + u, j * $sw + v);\n"
                  "                    }\n"
                  "                }\n"
                  "                @dx(n, c, i, j) = sum;\n"
                  "            }\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

static void upsample_grad_plain(Writer *w, const Node *n)
{
    const UpsampleAttrs *a = n->attrs;
    Shape large = node_shape_in(n), small = node_shape_out(n);
    if (a->mode == UPSAMPLE_NEAREST) {
        put_nearest_gradient(w, small, a->scale);
        return;
    }
    region_fill(w, "dx", small, "0");
    put_bilinear(w, small, large, a->scale,
                 "const $real upper = (1 - a) * @dy(n, c, i, j);\n"
                 "const $real lower = a * @dy(n, c, i, j);\n"
                 "@dx(n, c, i0, j0) += (1 - b) * upper;\n"
                 "@dx(n, c, i0, j1) += b * upper;\n"
                 "@dx(n, c, i1, j0) += (1 - b) * lower;\n"
                 "@dx(n, c, i1, j1) += b * lower;\n");
}

static void upsample_grad_emit(Writer *w, const Node *n)
{
    const UpsampleAttrs *a = n->attrs;
    const char *nearest = n->layout == LAYOUT_NHWC ? "nn_upsample_nearest_nhwc_dx" : "nn_upsample_nearest_dx";
    call_upsample(w, n, node_shape_out(n), a->mode == UPSAMPLE_NEAREST ? nearest : "nn_upsample_bilinear_dx");
}

#define UPSAMPLE_ROWS(EMIT)           \
    {.name = "nearest",               \
     .layouts = IN_NCHW | IN_NHWC,    \
     .traits = VARIANT_ANY_BATCH,     \
     .refuses = nearest_refusal,      \
     .emit = EMIT,                    \
     .kernel = "upsample"},           \
        {.name = "bilinear",          \
         .layouts = IN_NCHW,          \
         .traits = VARIANT_ANY_BATCH, \
         .refuses = bilinear_refusal, \
         .emit = EMIT,                \
         .kernel = "upsample"},       \
    {                                 \
        0                             \
    }

static const Variant upsample_gradient_variants[] = {UPSAMPLE_ROWS(upsample_grad_emit)};

static const Op upsample_gradient = {
    .name = "upsample.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(UpsampleAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .plain = upsample_grad_plain,
    .variants = upsample_gradient_variants,
};

static void upsample_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &upsample_gradient); }

static const Variant upsample_variants[] = {UPSAMPLE_ROWS(upsample_emit)};

static bool upsample_quantize(Quantizer *q, const Node *n)
{
    const UpsampleAttrs *a = n->attrs;
    return a->mode == UPSAMPLE_NEAREST && quantized_movement(q, n);
}

const Op op_upsample = {
    .name = "upsample",
    .summary = "an image enlarged by whole factors",
    .formula = "nearest: y[i] = x[floor(i / scale)]; bilinear: between the nearest two",
    .class = OP_LAYER,
    .attrs = upsample_attrs,
    .attrs_size = sizeof(UpsampleAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = upsample_shape,
    .window = upsample_window,
    .flops = upsample_flops,
    .grad = upsample_grad,
    .plain = upsample_plain,
    .quantize = upsample_quantize,
    .variants = upsample_variants,
};
