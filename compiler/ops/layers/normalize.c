/*
 * normalize: y[c] = (x[c] − mean[c]) / std[c] with given constants, per channel
 * of an image or per feature of a vector.
 *
 * One number serves all channels.  The constants are the net's text, not
 * parameters: they stand as literals in the code and not in the weights file.
 *
 *   dx[c] = dy[c] / std[c]
 */
#include "ops/shared/channels.h"
#include "ops/shared/constants.h"
#include "ops/shared/elementwise.h"

typedef struct NormalizeAttrs {
    Reals mean, std;
} NormalizeAttrs;

static const Attr normalize_attrs[] = {
    {"mean", ATTR_REALS, offsetof(NormalizeAttrs, mean), NULL, 0, 0, NULL},
    {"std", ATTR_REALS, offsetof(NormalizeAttrs, std), NULL, 0, 0, NULL},
    {0},
};

static bool normalize_shape(Graph *g, Node *n)
{
    const NormalizeAttrs *a = n->attrs;
    bool fits = constants_fit(g, n, "mean", &a->mean);
    if (!constants_fit(g, n, "std", &a->std) || !fits) return false;
    for (int i = 0; i < a->std.count; i++) {
        if (a->std.at[i] > 0) continue;
        diag_error(g->compilation, n->span, "normalize: std[%d] is %g; it must be above 0", i, a->std.at[i]);
        return false;
    }
    node_out(g, n, node_shape_in(n));
    return true;
}

static void normalize_plain(Writer *w, const Node *n)
{
    const NormalizeAttrs *a = n->attrs;
    constants_of_channel(w, "mean", &a->mean);
    constants_of_channel(w, "std", &a->std);
    constants_loop(w, n, "y[k] = (x[k] - $mean) / $std;");
}

static void normalize_grad_plain(Writer *w, const Node *n)
{
    const NormalizeAttrs *a = n->attrs;
    constants_of_channel(w, "std", &a->std);
    constants_loop(w, n, "dx[k] = dy[k] / $std;");
}

/* ---- fast form: runtime/kernels/reduction/channels.h ----------------------------- */

/* With one number each all elements are one channel, in either layout. */
static void call_normalize(Writer *w, const Node *n, int channels, const char *call)
{
    Shape s = {2, {channels, shape_count(node_shape_in(n)) / channels}};
    channels_put_size(w, "$N", s, channels > 1 ? n->layout : LAYOUT_NCHW);
    writer_put(w, call);
}

static void normalize_emit(Writer *w, const Node *n)
{
    const NormalizeAttrs *a = n->attrs;
    int channels = a->mean.count > a->std.count ? a->mean.count : a->std.count;
    constants_fill(w, "mean", &a->mean, channels);
    constants_fill(w, "std", &a->std, channels);
    call_normalize(w, n, channels, "nn_normalize(&size, x, mean, std, y, $t, $T);");
}

static void normalize_grad_emit(Writer *w, const Node *n)
{
    const NormalizeAttrs *a = n->attrs;
    constants_put(w, "std", &a->std);
    call_normalize(w, n, a->std.count, "nn_normalize(&size, dy, 0, std, dx, $t, $T);");
}

static int64_t normalize_flops(const Node *n) { return 2 * shape_count(node_shape_out(n)); }

static const Variant normalize_gradient_variants[] = {{.name = "simd",
                                                       .layouts = IN_NCHW | IN_NHWC,
                                                       .traits = VARIANT_ANY_BATCH,
                                                       .emit = normalize_grad_emit,
                                                       .kernel = "channels"},
                                                      {0}};

static const Op normalize_gradient = {
    .name = "normalize.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .attrs_size = sizeof(NormalizeAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .plain = normalize_grad_plain,
    .variants = normalize_gradient_variants,
};

static void normalize_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &normalize_gradient); }

static const Variant normalize_variants[] = {{.name = "simd",
                                              .layouts = IN_NCHW | IN_NHWC,
                                              .traits = VARIANT_ANY_BATCH,
                                              .emit = normalize_emit,
                                              .kernel = "channels"},
                                             {0}};

const Op op_normalize = {
    .name = "normalize",
    .summary = "subtracts a mean and divides by a deviation, constants per channel",
    .formula = "y[c] = (x[c] - mean[c]) / std[c]",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = normalize_attrs,
    .attrs_size = sizeof(NormalizeAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = normalize_shape,
    .flops = normalize_flops,
    .grad = normalize_grad,
    .plain = normalize_plain,
    .variants = normalize_variants,
};
