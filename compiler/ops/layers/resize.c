/*
 * resize: an image in another size, PyTorch's interpolate.
 *
 *   x: [N][C][H][W]   y: [N][C][h][w], h and w given as `size`, or floor(H · scale)
 *
 * Along each axis, with step = H / h, or 1 / scale where that was given, output i lies at the place
 *
 *   p = step · (i + ½) − ½;  with align_corners p = i · (H − 1) / (h − 1)
 *
 *   nearest    x[min(floor(i · step), H − 1)], in single precision as PyTorch has it
 *   bilinear   p, at least 0, between its two neighbours: (1 − f)·x[i0] + f·x[i0 + 1], f = p − i0
 *   bicubic    the four neighbours with Keys' kernel of A = −0.75 (Keys, 1981); what is beyond the
 *              edge is the edge
 *
 * The gradient gives dy back to the places it was read from, by the same weights.
 */
#include <math.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/taps.h"
#include "ops/shared/window.h"

typedef enum ResizeMode { RESIZE_NEAREST, RESIZE_BILINEAR, RESIZE_BICUBIC } ResizeMode;

typedef struct ResizeAttrs {
    Pair size;
    Reals scale; /* one number, or one for each axis */
    int mode;    /* ResizeMode */
    bool align_corners;
} ResizeAttrs;

static const char *const resize_modes[] = {"nearest", "bilinear", "bicubic", NULL};

static const Attr resize_attrs[] = {
    {"size", ATTR_PAIR, offsetof(ResizeAttrs, size), "none", 1, WINDOW_MAX, attr_or_none},
    {"scale", ATTR_REALS, offsetof(ResizeAttrs, scale), "none", 1e-300, WINDOW_MAX, attr_or_none},
    {"mode", ATTR_SYMBOL, offsetof(ResizeAttrs, mode), "nearest", 0, 0, resize_modes},
    {"align_corners", ATTR_BOOL, offsetof(ResizeAttrs, align_corners), "no", 0, 0, NULL},
    {0},
};

/* ---- shapes ------------------------------------------------------------------- */

static double scale_along(const ResizeAttrs *a, int axis) { return a->scale.at[a->scale.count > 1 ? axis : 0]; }

static bool resize_arguments_fit(Graph *g, const Node *n)
{
    const ResizeAttrs *a = n->attrs;
    Compilation *c = g->compilation;
    bool sized = a->size.h > 0, scaled = a->scale.count > 0;
    if (sized == scaled)
        diag_error(c, n->span, "resize takes size=[h, w] or scale=NUMBER%s", sized ? ", not both" : "");
    else if (a->scale.count > 2)
        diag_error(c, n->span, "resize: scale has %d numbers; it takes one, or [vertical, horizontal]", a->scale.count);
    else if (a->align_corners && a->mode == RESIZE_NEAREST)
        diag_error(c, n->span, "resize: align_corners has no meaning with mode=nearest");
    else
        return true;
    return false;
}

static bool resize_shape(Graph *g, Node *n)
{
    const ResizeAttrs *a = n->attrs;
    if (!window_takes_image(g, n) || !resize_arguments_fit(g, n)) return false;
    Shape in = node_shape_in(n), out = in;
    for (int axis = 0; axis < 2; axis++) {
        int64_t *size = &out.dim[axis + 1];
        *size = axis == 0 ? a->size.h : a->size.w;
        if (a->scale.count) *size = (int64_t)floor((double)in.dim[axis + 1] * scale_along(a, axis));
        if (*size > 0) continue;
        diag_error(g->compilation, n->span, "resize: an input %s of %lld times %g is 0; it must be 1 or more",
                   window_axis_name(n, axis), (long long)in.dim[axis + 1], scale_along(a, axis));
        return false;
    }
    node_out(g, n, out);
    return true;
}

/* ---- taps ------------------------------------------------------------------------ */

/* An axis of the larger and the smaller image, whichever is the input. */
typedef struct Resizing {
    const ResizeAttrs *attrs;
    Shape in, out; /* of the forward node */
} Resizing;

static Resizing resizing_of(const Node *n)
{
    return (Resizing){n->attrs, node_shape_in(n->origin), node_shape_out(n->origin)};
}

static double step_along(const Resizing *r, int axis)
{
    double in = (double)r->in.dim[axis], out = (double)r->out.dim[axis];
    if (r->attrs->align_corners) return r->out.dim[axis] > 1 ? (in - 1) / (out - 1) : 0;
    return r->attrs->scale.count ? 1 / scale_along(r->attrs, axis - 1) : in / out;
}

static int64_t inside(int64_t index, int64_t size) { return index < 0 ? 0 : index < size ? index : size - 1; }

static Taps nearest_tap(const Resizing *r, int axis, int64_t i)
{
    const float place = floorf((float)i * (float)step_along(r, axis));
    return (Taps){{inside((int64_t)place, r->in.dim[axis])}, {1}};
}

static Taps linear_taps(double place, int64_t size)
{
    if (place < 0) place = 0;
    const int64_t low = inside((int64_t)place, size);
    const double f = fmin(place - (double)low, 1);
    return (Taps){{low, inside(low + 1, size)}, {1 - f, f}};
}

/* Keys' kernel at the distance d: up to 1, and from 1 to 2. */
static double keys_near(double d) { return (1.25 * d - 2.25) * d * d + 1; }
static double keys_far(double d) { return ((-0.75 * d + 3.75) * d - 6) * d + 3; }

static Taps cubic_taps(double place, int64_t size)
{
    const int64_t low = (int64_t)floor(place);
    const double f = place - (double)low;
    Taps taps = {{0}, {keys_far(f + 1), keys_near(f), keys_near(1 - f), keys_far(2 - f)}};
    for (int t = 0; t < 4; t++) taps.at[t] = inside(low - 1 + t, size);
    return taps;
}

static Taps resize_taps(const void *self, int axis, int64_t i)
{
    const Resizing *r = self;
    const double step = step_along(r, axis);
    const double place = r->attrs->align_corners ? (double)i * step : step * ((double)i + 0.5) - 0.5;
    switch ((ResizeMode)r->attrs->mode) {
    case RESIZE_NEAREST: return nearest_tap(r, axis, i);
    case RESIZE_BILINEAR: return linear_taps(place, r->in.dim[axis]);
    case RESIZE_BICUBIC: break;
    }
    return cubic_taps(place, r->in.dim[axis]);
}

static int tap_count(const ResizeAttrs *a) { return 1 << a->mode; }

static void resize_axes(TapsAxis axes[3], const Resizing *r)
{
    for (int axis = 0; axis < 3; axis++)
        axes[axis] = axis == 0 ? (TapsAxis){r->out.dim[0], 1, NULL}
                               : (TapsAxis){r->out.dim[axis], tap_count(r->attrs), resize_taps};
}

/* Exactly: how far the taps lie from index · stride. */
static void resize_window(const Node *n, int axis, Window *window)
{
    const Resizing r = resizing_of(n);
    window->stride = step_along(&r, axis + 1);
    window->uneven = true;
    for (int64_t i = 0; i < r.out.dim[axis + 1]; i++) {
        const Taps taps = resize_taps(&r, axis + 1, i);
        for (int t = 0; t < tap_count(r.attrs); t++) {
            const double distance = (double)taps.at[t] - (double)i * window->stride;
            window->after = fmax(window->after, distance);
            window->before = fmax(window->before, -distance);
        }
    }
    window->pad = window->before;
    window->size = window->before + window->after + 1;
}

static int64_t resize_flops(const Node *n)
{
    const int64_t taps = tap_count(n->attrs);
    return taps == 1 ? 0 : 3 * taps * taps * shape_count(node_shape_out(n)); /* two products and a sum each */
}

/* ---- operators ------------------------------------------------------------------- */

static void resize_plain(Writer *w, const Node *n)
{
    const Resizing r = resizing_of(n);
    TapsAxis axes[3];
    resize_axes(axes, &r);
    taps_forward(w, axes, &r);
}

static void resize_grad_plain(Writer *w, const Node *n)
{
    const Resizing r = resizing_of(n);
    TapsAxis axes[3];
    resize_axes(axes, &r);
    taps_gradient(w, axes, &r, r.in);
}

static void resize_emit(Writer *w, const Node *n)
{
    const Resizing r = resizing_of(n);
    TapsAxis axes[3];
    resize_axes(axes, &r);
    taps_forward_emit(w, axes, &r, r.in);
}

static void resize_grad_emit(Writer *w, const Node *n)
{
    const Resizing r = resizing_of(n);
    TapsAxis axes[3];
    resize_axes(axes, &r);
    taps_gradient_emit(w, axes, &r, r.in);
}

static const char *resize_refusal(const Node *n) { return taps_refusal(resizing_of(n).in); }

static const Variant resize_gradient_variants[] = {{.name = "taps",
                                                    .layouts = IN_NCHW,
                                                    .traits = VARIANT_ANY_BATCH,
                                                    .refuses = resize_refusal,
                                                    .emit = resize_grad_emit,
                                                    .kernel = "taps"},
                                                   {0}};

static const Variant resize_variants[] = {{.name = "taps",
                                           .layouts = IN_NCHW,
                                           .traits = VARIANT_ANY_BATCH,
                                           .refuses = resize_refusal,
                                           .emit = resize_emit,
                                           .kernel = "taps"},
                                          {0}};

static const Op resize_gradient = {
    .name = "resize.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(ResizeAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .plain = resize_grad_plain,
    .variants = resize_gradient_variants,
};

static void resize_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &resize_gradient); }

const Op op_resize = {
    .name = "resize",
    .summary = "an image in another size",
    .formula = "y[i] = x at i * H / h: the nearest, or between the nearest two or four",
    .class = OP_LAYER,
    .attrs = resize_attrs,
    .attrs_size = sizeof(ResizeAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = resize_shape,
    .window = resize_window,
    .flops = resize_flops,
    .grad = resize_grad,
    .plain = resize_plain,
    .variants = resize_variants,
};
