/* copy: y = x.  Puts a value into memory of its own where a view of the caller's
 * input would be the caller's output, or into its place among the channels of a larger
 * image. */
#include "ops/shared/elementwise.h"

static void copy_plain(Writer *w, const Node *n) { elementwise_forward(w, n, "$x"); }

static void copy_emit(Writer *w, const Node *n)
{
    Shape s = node_shape_out(n);
    int64_t rows = n->layout == LAYOUT_NHWC ? s.dim[1] * s.dim[2] : 1;
    writer_bind_int(w, "rows", rows);
    writer_bind_int(w, "elements", shape_count(s) / rows);
    writer_bind_int(w, "x_step", n->layout == LAYOUT_NHWC ? tensor_pixel_stride(n->in[0]) : shape_count(s));
    writer_bind_int(w, "y_step", n->layout == LAYOUT_NHWC ? tensor_pixel_stride(n->out[0]) : shape_count(s));
    writer_put(w, "static const nn_row_copy size = {.length = $elements, .x_step = $x_step, .y_step = $y_step};");
    writer_bind(w, "copy", variant_is_of_bf16(n) ? "nn_copy_rows_bf16" : "nn_copy_rows");
    writer_put(w, n->layout == LAYOUT_NHWC ? "$copy(&size, (long)$N * $rows, x, y, $t, $T);"
                                           : "$copy(&size, $N, x, y, $t, $T);");
}

static const Variant copy_variants[] = {{.name = "simd",
                                         .layouts = IN_ANY_LAYOUT,
                                         .dtypes = OF_F32 | OF_BF16,
                                         .traits = VARIANT_ANY_BATCH | VARIANT_STRIDED_CHANNELS,
                                         .emit = copy_emit,
                                         .kernel = "combine"},
                                        {0}};

const Op op_copy = {
    .name = "copy",
    .summary = "the same values in other memory",
    .formula = "y = x",
    .class = OP_INTERNAL,
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .plain = copy_plain,
    .variants = copy_variants,
};
