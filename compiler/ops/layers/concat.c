/*
 * concat: the branches one after the other, along channels or features.
 *
 *   x0: [N][C0][H][W]   x1: [N][C1][H][W]   …   y: [N][C0 + C1 + …][H][W]
 *
 * Of one sample each branch is a run of consecutive numbers in y, so that every
 * branch is one copy; of one pixel where the channels come last.  The gradient of
 * a branch is its slice of dy.
 */
#include "autodiff/backward.h"
#include "ops/shared/combine.h"
#include "ops/shared/region.h"

typedef struct SliceAttrs {
    int64_t start; /* in elements of a sample */
} SliceAttrs;

static bool joins(Shape a, Shape b)
{
    a.dim[0] = b.dim[0];
    return shape_equal(a, b);
}

static bool concat_shape(Graph *g, Node *n)
{
    Shape out = node_shape_in(n);
    for (int i = 1; i < n->in_count; i++) {
        if (!joins(n->in[i]->shape, out)) {
            combine_disagree(g, n, i,
                             "height and width must be the same, and either all are images or all are vectors");
            return false;
        }
        out.dim[0] += n->in[i]->shape.dim[0];
    }
    node_out(g, n, out);
    return true;
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
    int64_t start = 0;
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    for (int i = 0; i < n->in_count; i++) {
        int64_t elements = shape_count(n->in[i]->shape);
        writer_bind_int(w, "i", i);
        writer_bind_int(w, "elements", elements);
        bind_at(w, shape_count(node_shape_out(n)), start);
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

/* Rows of consecutive elements that a sample's part of an image is made of: one, or with
 * the channels last one at each pixel. */
static int64_t rows_of(const Node *n)
{
    Shape s = node_shape_in(n);
    return n->layout == LAYOUT_NHWC ? s.dim[1] * s.dim[2] : 1;
}

static void concat_emit(Writer *w, const Node *n)
{
    int64_t start = 0, rows = rows_of(n);
    writer_bind_int(w, "rows", rows);
    writer_bind_int(w, "all",
                    n->layout == LAYOUT_NHWC ? tensor_pixel_stride(n->out[0]) : shape_count(node_shape_out(n)));
    for (int i = 0; i < n->in_count; i++) {
        int64_t elements = shape_count(n->in[i]->shape) / rows;
        writer_bind_int(w, "i", i);
        writer_bind_int(w, "elements", elements);
        writer_bind_int(w, "step", n->layout == LAYOUT_NHWC ? tensor_pixel_stride(n->in[i]) : elements);
        writer_bind_int(w, "start", start);
        writer_put(w, start ? "nn_copy_rows((long)$N * $rows, $elements, x$i, $step, y + $start, $all, $t, $T);"
                            : "nn_copy_rows((long)$N * $rows, $elements, x$i, $step, y, $all, $t, $T);");
        start += elements;
    }
}

static void slice_plain(Writer *w, const Node *n)
{
    const SliceAttrs *a = n->attrs;
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    bind_at(w, shape_count(node_shape_in(n)), a->start);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int k = 0; k < $elements; k++) {\n"
                  "        dx[n * $elements + k] = dy[$at];\n"
                  "    }\n"
                  "}\n");
}

static void slice_emit(Writer *w, const Node *n)
{
    const SliceAttrs *a = n->attrs;
    int64_t rows = rows_of(n);
    writer_bind_int(w, "rows", rows);
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)) / rows);
    writer_bind_int(w, "all", n->layout == LAYOUT_NHWC ? tensor_pixel_stride(n->in[0]) : shape_count(node_shape_in(n)));
    writer_bind_int(w, "step",
                    n->layout == LAYOUT_NHWC ? tensor_pixel_stride(n->out[0]) : shape_count(node_shape_out(n)));
    writer_bind_int(w, "start", a->start / rows);
    writer_put(w, "nn_copy_rows((long)$N * $rows, $elements, dy + $start, $all, dx, $step, $t, $T);");
}

static const Variant concat_slice_variants[] = {{.name = "simd",
                                                 .layouts = IN_NCHW | IN_NHWC,
                                                 .traits = VARIANT_ANY_BATCH | VARIANT_STRIDED_CHANNELS,
                                                 .emit = slice_emit,
                                                 .kernel = "combine"},
                                                {0}};

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
    int64_t start = 0;
    for (int i = 0; i < n->in_count; i++) {
        Tensor *x = n->in[i];
        if (backward_wants(b, x)) {
            SliceAttrs *a = arena_alloc(g->compilation->arena, sizeof *a);
            a->start = start;
            Node *d = backward_node(b, &concat_slice, n);
            d->attrs = a;
            node_in(g, d, dy);
            backward_give(b, x, node_out(g, d, x->shape));
        }
        start += shape_count(x->shape);
    }
}

static const Variant concat_variants[] = {{.name = "simd",
                                           .layouts = IN_NCHW | IN_NHWC,
                                           .traits = VARIANT_ANY_BATCH | VARIANT_STRIDED_CHANNELS,
                                           .emit = concat_emit,
                                           .kernel = "combine"},
                                          {0}};

const Op op_concat = {
    .name = "concat",
    .summary = "the branches joined along channels or features",
    .formula = "y = [x0, x1, ...]",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_CONCAT,
    .out = combine_out,
    .shape = concat_shape,
    .flops = region_no_flops,
    .grad = concat_grad,
    .plain = concat_plain,
    .variants = concat_variants,
};
