/*
 * slice: part of the value along one axis, as Python's x[begin:end:step].
 *
 *   x: [N][outer][size][inner]   y: [N][outer][count][inner],  count = ceil((end − begin) / step)
 *   y[o][i][k] = x[o][begin + i · step][k]
 *
 * axis 0 is channels or features, 1 rows, 2 columns.  A negative axis, begin or end counts from the
 * end, and what is beyond the size is the size.  The gradient is dy in its place and 0
 * elsewhere.
 */
#include "ops/shared/axis.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"

typedef struct PartAttrs {
    int64_t axis, begin, end, step;
} PartAttrs;

static const Attr slice_attrs[] = {
    {"axis", ATTR_INT, offsetof(PartAttrs, axis), NULL, -MAX_RANK, MAX_RANK - 1, NULL},
    {"begin", ATTR_INT, offsetof(PartAttrs, begin), NULL, -1e9, 1e9, NULL},
    {"end", ATTR_INT, offsetof(PartAttrs, end), "none", -1e9, 1e9, attr_or_none},
    {"step", ATTR_INT, offsetof(PartAttrs, step), "1", 1, 1e9, NULL},
    {0},
};

/* An index as Python counts: 0 … size; the end may be left out. */
static int64_t python_index(int64_t index, int64_t size)
{
    if (index == ATTR_NONE) return size;
    if (index < 0) index += size;
    return index < 0 ? 0 : index > size ? size : index;
}

static int64_t slice_begin(const Node *n, Shape whole)
{
    const PartAttrs *a = n->attrs;
    return python_index(a->begin, whole.dim[a->axis]);
}

static bool slice_shape(Graph *g, Node *n)
{
    PartAttrs *a = n->attrs;
    Shape in = node_shape_in(n), out = in;
    const char *text = shape_text(g->compilation->arena, in);
    if (!axis_resolve(g, n, &a->axis)) return false;
    int64_t size = in.dim[a->axis], length = python_index(a->end, size) - slice_begin(n, in);
    out.dim[a->axis] = (length + a->step - 1) / a->step;
    if (length < 1) {
        diag_error(g->compilation, n->span, "slice: nothing is left of axis %lld of %s from %lld to %lld",
                   (long long)a->axis, text, (long long)slice_begin(n, in), (long long)python_index(a->end, size));
        return false;
    }
    node_out(g, n, out);
    return true;
}

static void slice_window(const Node *n, int axis, Window *window)
{
    const PartAttrs *a = n->attrs;
    if (a->axis != field_axis(node_shape_in(n), axis)) return;
    window->stride = (double)a->step;
    window->pad = (double)-slice_begin(n, node_shape_in(n));
}

/* The line about $part, an element of the part, and $whole, its element of the whole. */
static void put_slice(Writer *w, const Node *n, Shape whole, Shape part, const char *line)
{
    const PartAttrs *a = n->attrs;
    int64_t inner = 1;
    for (int axis = (int)a->axis + 1; axis < whole.rank; axis++) inner *= whole.dim[axis];
    writer_bind_int(w, "outer", shape_count(part) / inner / part.dim[a->axis]);
    writer_bind_int(w, "count", part.dim[a->axis]);
    writer_bind_int(w, "inner", inner);
    writer_put(w, "for ($int o = 0; o < $N * $outer; o++) {\n"
                  "    for ($int i = 0; i < $count; i++) {\n"
                  "        for ($int k = 0; k < $inner; k++) {\n");
    writer_bind(w, "part", "(o * %lld + i) * %lld + k", (long long)part.dim[a->axis], (long long)inner);
    writer_bind(w, "whole", "(o * %lld + %lld + i * %lld) * %lld + k", (long long)whole.dim[a->axis],
                (long long)slice_begin(n, whole), (long long)a->step, (long long)inner);
    writer_put(w, line);
    writer_put(w, "        }\n"
                  "    }\n"
                  "}\n");
}

static void part_plain(Writer *w, const Node *n)
{
    put_slice(w, n, node_shape_in(n), node_shape_out(n), "y[$part] = x[$whole];");
}

static void slice_grad_plain(Writer *w, const Node *n)
{
    region_zero(w, "dx", node_shape_out(n));
    put_slice(w, n, node_shape_out(n), node_shape_in(n), "dx[$whole] = dy[$part];");
}

/* ---- fast form: runtime/kernels/movement/crop.h ------------------------------ */

static const char *slice_refusal(const Node *n)
{
    return ((const PartAttrs *)n->attrs)->step == 1 ? NULL : "the step is not 1";
}

/* A sample is an image of a row for each index before the axis: the part is some of its columns. */
static void bind_columns(Writer *w, const Node *n, Shape whole, Shape part)
{
    const PartAttrs *a = n->attrs;
    const ShapeParts of_whole = shape_parts(whole, (int)a->axis), of_part = shape_parts(part, (int)a->axis);
    const int64_t inner = of_whole.inner;
    const int64_t region[] = {1,
                              of_part.outer,
                              of_part.size * inner,
                              of_whole.outer,
                              of_whole.size * inner,
                              0,
                              slice_begin(n, whole) * inner};
    writer_bind_fields(w, "region", "c h w H W top left", region);
    writer_put(w, "static const nn_crop_box size = {$region};");
}

static void slice_copy_emit(Writer *w, const Node *n)
{
    bind_columns(w, n, node_shape_in(n), node_shape_out(n));
    writer_put(w, "nn_crop(&size, $N, x, y, $t, $T);");
}

static void slice_grad_emit(Writer *w, const Node *n)
{
    bind_columns(w, n, node_shape_out(n), node_shape_in(n));
    writer_put(w, "nn_pad(&size, $N, dy, dx, 0, $t, $T);");
}

static const Variant slice_gradient_variants[] = {{.name = "simd",
                                                   .layouts = IN_NCHW,
                                                   .traits = VARIANT_ANY_BATCH,
                                                   .refuses = slice_refusal,
                                                   .emit = slice_grad_emit,
                                                   .kernel = "crop"},
                                                  {0}};

static const Variant slice_variants[] = {{.name = "simd",
                                          .layouts = IN_NCHW,
                                          .traits = VARIANT_ANY_BATCH,
                                          .refuses = slice_refusal,
                                          .emit = slice_copy_emit,
                                          .kernel = "crop"},
                                         {0}};

static const Op slice_gradient = {
    .name = "slice.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(PartAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .flops = region_no_flops,
    .plain = slice_grad_plain,
    .variants = slice_gradient_variants,
};

static void slice_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &slice_gradient); }

const Op op_slice = {
    .name = "slice",
    .summary = "part of the value along one axis",
    .formula = "y = x[begin:end:step] along the axis",
    .class = OP_LAYER,
    .attrs = slice_attrs,
    .attrs_size = sizeof(PartAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = slice_shape,
    .window = slice_window,
    .flops = region_no_flops,
    .grad = slice_grad,
    .plain = part_plain,
    .quantize = quantized_movement,
    .variants = slice_variants,
};
