/*
 * concat: the branches one after the other, along an axis: 0, the default, is channels or
 * features.
 *
 *   x0: [N][outer][S0][inner]   x1: [N][outer][S1][inner]   …   y: [N][outer][S0 + S1 + …][inner]
 *
 * Of one row, an index of N and outer, each branch is a run of consecutive numbers in y, so that
 * every branch is one copy; along the channels of NHWC images, of one pixel.  The gradient of a
 * branch is its slice of dy.
 */
#include "autodiff/backward.h"
#include "ops/shared/axis.h"
#include "ops/shared/combine.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"

typedef struct SliceAttrs {
    int64_t axis;
    int64_t start; /* in elements of a row */
} SliceAttrs;

static bool joins(Shape a, Shape b, int64_t axis)
{
    if (a.rank == b.rank) a.dim[axis] = b.dim[axis];
    return shape_equal(a, b);
}

static bool concat_shape(Graph *g, Node *n)
{
    AxisAttrs *a = n->attrs;
    if (!axis_resolve(g, n, &a->axis)) return false;
    Shape out = node_shape_in(n);
    for (int i = 1; i < n->in_count; i++) {
        if (!joins(n->in[i]->shape, out, a->axis)) {
            combine_disagree(
                g, n, i, "all must have as many axes and, but for the one that they are joined along, the same sizes");
            return false;
        }
        out.dim[a->axis] += n->in[i]->shape.dim[a->axis];
    }
    node_out(g, n, out);
    return true;
}

/* Joined along rows or columns, places of the result are no longer those of the branches. */
/* Runs of consecutive elements that a sample's part of a value is made of: one for each index before
 * the axis, or in NHWC each pixel. */
static int64_t runs_of(const Node *n, Shape s, int64_t axis)
{
    return n->layout == LAYOUT_NHWC ? s.dim[1] * s.dim[2] : shape_parts(s, (int)axis).outer;
}

/* Binds $at to "n * 128 + 64 + k", element k of the slice that begins at `start`. */
static void bind_at(Writer *w, int64_t elements, int64_t start)
{
    if (start == 0) {
        writer_bind(w, "at", "n * %lld + k", (long long)elements);
    } else {
        writer_bind(w, "at", "n * %lld + %lld + k", (long long)elements, (long long)start);
    }
}

static void concat_plain(Writer *w, const Node *n)
{
    const AxisAttrs *a = n->attrs;
    Shape out = node_shape_out(n);
    int64_t start = 0, rows = runs_of(n, out, a->axis);
    axis_bind_outer(w, rows);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {");
    for (int i = 0; i < n->in_count; i++) {
        int64_t elements = shape_count(n->in[i]->shape) / rows;
        writer_bind_int(w, "i", i);
        writer_bind_int(w, "elements", elements);
        bind_at(w, shape_count(out) / rows, start);
        writer_put(w, "for ($int k = 0; k < $elements; k++) {\n"
                      "    y[$at] = x$i[n * $elements + k];\n"
                      "}\n");
        start += elements;
    }
    writer_put(w, "}");
}

/* Of images that lie channels last: `start` counts elements of a sample. */
static int64_t slice_channel(const Node *n)
{
    const SliceAttrs *a = n->attrs;
    Shape s = node_shape_in(n);
    return a->start / (s.dim[1] * s.dim[2]);
}

static void bind_copy(Writer *w, const Node *n)
{
    writer_bind(w, "copy", variant_is_of_bf16(n) ? "nn_copy_rows_bf16" : "nn_copy_rows");
}

static void concat_emit(Writer *w, const Node *n)
{
    const AxisAttrs *a = n->attrs;
    int64_t start = 0, rows = runs_of(n, node_shape_out(n), a->axis);
    bool pixels = n->layout == LAYOUT_NHWC;
    bind_copy(w, n);
    writer_bind_int(w, "y_step", pixels ? tensor_pixel_stride(n->out[0]) : shape_count(node_shape_out(n)) / rows);
    for (int i = 0; i < n->in_count; i++) {
        int64_t elements = shape_count(n->in[i]->shape) / rows;
        writer_bind_int(w, "i", i);
        writer_bind_int(w, "elements", elements);
        writer_bind_int(w, "x_step", pixels ? tensor_pixel_stride(n->in[i]) : elements);
        writer_put(w, "static const nn_row_copy size$i = {.length = $elements, .x_step = $x_step, .y_step = $y_step};");
        writer_bind_int(w, "rows", rows);
        writer_bind_int(w, "start", start);
        writer_put(w, start ? "$copy(&size$i, (long)$N * $rows, x$i, y + $start, $t, $T);"
                            : "$copy(&size$i, (long)$N * $rows, x$i, y, $t, $T);");
        start += elements;
    }
}

static void slice_plain(Writer *w, const Node *n)
{
    const SliceAttrs *a = n->attrs;
    int64_t rows = runs_of(n, node_shape_out(n), a->axis);
    axis_bind_outer(w, rows);
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)) / rows);
    bind_at(w, shape_count(node_shape_in(n)) / rows, a->start);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {\n"
                  "    for ($int k = 0; k < $elements; k++) {\n"
                  "        dx[n * $elements + k] = dy[$at];\n"
                  "    }\n"
                  "}\n");
}

static void slice_emit(Writer *w, const Node *n)
{
    const SliceAttrs *a = n->attrs;
    int64_t rows = runs_of(n, node_shape_out(n), a->axis);
    bool pixels = n->layout == LAYOUT_NHWC;
    int64_t elements = shape_count(node_shape_out(n)) / rows, all = shape_count(node_shape_in(n)) / rows;
    writer_bind_int(w, "rows", rows);
    writer_bind_int(w, "elements", elements);
    writer_bind_int(w, "x_step", pixels ? tensor_pixel_stride(n->in[0]) : all);
    writer_bind_int(w, "y_step", pixels ? tensor_pixel_stride(n->out[0]) : elements);
    writer_bind_int(w, "start", pixels ? slice_channel(n) : a->start);
    writer_put(w, "static const nn_row_copy size = {.length = $elements, .x_step = $x_step, .y_step = $y_step};");
    bind_copy(w, n);
    writer_put(w, "$copy(&size, (long)$N * $rows, dy + $start, dx, $t, $T);");
}

/* SliceAttrs begin as AxisAttrs do. */
static const char *concat_pixels_refusal(const Node *n)
{
    return tensor_is_image(n->in[0]) && *(const int64_t *)n->attrs == 0 ? NULL : "it is not along the channels";
}

#define CONCAT_ROWS(EMIT)                                        \
    {.name = "simd",                                             \
     .layouts = IN_NCHW,                                         \
     .dtypes = OF_F32 | OF_BF16,                                 \
     .traits = VARIANT_ANY_BATCH,                                \
     .emit = EMIT,                                               \
     .kernel = "combine"},                                       \
        {.name = "pixels",                                       \
         .layouts = IN_NHWC,                                     \
         .dtypes = OF_F32 | OF_BF16,                             \
         .traits = VARIANT_ANY_BATCH | VARIANT_STRIDED_CHANNELS, \
         .refuses = concat_pixels_refusal,                       \
         .emit = EMIT,                                           \
         .kernel = "combine"},                                   \
    {                                                            \
        0                                                        \
    }

static const Variant concat_slice_variants[] = {CONCAT_ROWS(slice_emit)};

static const Op concat_slice = {
    .name = "concat.dx",
    .class = OP_INTERNAL,
    .traits = OP_SLICE,
    .channel = slice_channel,
    .attrs_size = sizeof(SliceAttrs),
    .in = combine_dx_in,
    .out = combine_dx_out,
    .flops = region_no_flops,
    .plain = slice_plain,
    .variants = concat_slice_variants,
};

static void concat_grad(Backward *b, const Node *n)
{
    Graph *g = backward_graph(b);
    Tensor *dy = backward_of(b, n->out[0]);
    const AxisAttrs *along = n->attrs;
    int64_t start = 0, rows = shape_parts(node_shape_out(n), (int)along->axis).outer;
    for (int i = 0; i < n->in_count; i++) {
        Tensor *x = n->in[i];
        if (backward_wants(b, x)) {
            SliceAttrs *a = arena_alloc(g->compilation->arena, sizeof *a);
            *a = (SliceAttrs){along->axis, start};
            Node *d = backward_node(b, &concat_slice, n);
            d->attrs = a;
            node_in(g, d, dy);
            backward_give(b, x, node_out(g, d, x->shape));
        }
        start += shape_count(x->shape) / rows;
    }
}

static const Variant concat_variants[] = {CONCAT_ROWS(concat_emit)};

const Op op_concat = {
    .name = "concat",
    .summary = "the branches joined along an axis",
    .formula = "y = [x0, x1, ...]",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_CONCAT,
    .attrs = axis_attrs,
    .attrs_size = sizeof(AxisAttrs),
    .out = combine_out,
    .shape = concat_shape,
    .window = axis_window,
    .flops = region_no_flops,
    .grad = concat_grad,
    .plain = concat_plain,
    .quantize = quantized_join,
    .variants = concat_variants,
};
