/*
 * quantized_concat: int8 branches one after the other, each brought to the scale of the result as
 * TensorFlow Lite's QUANTIZE does between two scales:
 *
 *   y = clamp((x_i − zero_i) · (scale_i / scale_y) + zero_y, −128, 127)
 */
#include "ops/shared/axis.h"
#include "ops/shared/combine.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"

static void put_branch(Writer *w, const Node *n, int i, int64_t start)
{
    const AxisAttrs *a = n->attrs;
    const Tensor *x = n->in[i], *y = n->out[0];
    const int64_t rows = shape_parts(y->shape, (int)a->axis).outer, elements = shape_count(x->shape) / rows;
    const bool same = x->scale == y->scale && x->zero_point == y->zero_point;
    writer_bind_int(w, "branch", i);
    writer_bind_int(w, "elements", elements);
    writer_bind_int(w, "row", shape_count(y->shape) / rows);
    writer_bind_int(w, "start", start);
    quantized_bind_factor(w, multiplier_of(x->scale / y->scale));
    quantized_bind_offset(w, "less_zero", -x->zero_point);
    quantized_bind_offset(w, "plus_zero", y->zero_point);
    writer_put(w, "for ($int k = 0; k < $elements; k++) {");
    writer_put(w, same ? "y[n * $row + $start + k] = x$branch[n * $elements + k];"
                       : "y[n * $row + $start + k] = nn_clamp_int8(nn_rescale(x$branch[n * $elements + k]$less_zero, "
                         "$multiplier, $shift)$plus_zero, -128, 127);");
    writer_put(w, "}");
}

static void quantized_concat_plain(Writer *w, const Node *n)
{
    const AxisAttrs *a = n->attrs;
    int64_t start = 0, rows = shape_parts(node_shape_out(n), (int)a->axis).outer;
    axis_bind_outer(w, rows);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {");
    for (int i = 0; i < n->in_count; i++) {
        put_branch(w, n, i, start);
        start += shape_count(n->in[i]->shape) / rows;
    }
    writer_put(w, "}");
}

static void call_branch(Writer *w, const Node *n, int i, int64_t start)
{
    const Tensor *x = n->in[i], *y = n->out[0];
    writer_bind_int(w, "branch", i);
    writer_bind_int(w, "pixels", shape_count(x->shape) / x->shape.dim[0]);
    writer_bind_int(w, "columns", x->shape.dim[0]);
    writer_bind_int(w, "step", tensor_pixel_stride(x));
    writer_bind_int(w, "stride", tensor_pixel_stride(y));
    writer_bind_int(w, "start", start);
    writer_bind_int(w, "same", x->scale == y->scale && x->zero_point == y->zero_point);
    writer_bind_int(w, "out_zero", y->zero_point);
    writer_bind_int(w, "zero", x->zero_point);
    quantized_bind_factor(w, multiplier_of(x->scale / y->scale));
    writer_put(w, "const nn_int8_part part$branch = {.rows = (long)$N * $pixels, .columns = $columns, .step = $step, "
                  ".stride = $stride, .same = $same, .out_zero = $out_zero, .factor = {$zero, $multiplier, $shift}};\n"
                  "nn_int8_join(&part$branch, x$branch, y + $start, $t, $T);");
}

/* Of channels, NHWC. */
static void quantized_concat_emit(Writer *w, const Node *n)
{
    int64_t start = 0;
    for (int i = 0; i < n->in_count; i++) {
        call_branch(w, n, i, start);
        start += n->in[i]->shape.dim[0];
    }
}

static const char *quantized_concat_refusal(const Node *n)
{
    return ((const AxisAttrs *)n->attrs)->axis ? "it joins no channels" : NULL;
}

static const Variant quantized_concat_variants[] = {
    {.name = "nhwc",
     .layouts = IN_NHWC,
     .dtypes = OF_I8,
     .traits = VARIANT_ANY_BATCH | VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES,
     .refuses = quantized_concat_refusal,
     .emit = quantized_concat_emit,
     .kernel = "quantized_map"},
    {0}};

/* One branch by itself, in its place (passes/concat_elimination.c). */
const Op op_quantized_branch = {
    .name = "quantized_branch",
    .summary = "an int8 branch in the place where it is joined",
    .formula = "y = x",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC,
    .out = combine_out,
    .flops = region_no_flops,
    .plain = quantized_concat_plain,
    .variants = quantized_concat_variants,
};

const Op op_quantized_concat = {
    .name = "quantized_concat",
    .summary = "int8 branches joined along an axis",
    .formula = "y = [x0, x1, ...]",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_CONCAT,
    .out = combine_out,
    .flops = region_no_flops,
    .plain = quantized_concat_plain,
    .variants = quantized_concat_variants,
};

bool quantized_join(Quantizer *q, const Node *n)
{
    Graph *g = quantizer_graph(q);
    Tensor **branch = arena_alloc(g->compilation->arena, (size_t)n->in_count * sizeof *branch);
    for (int i = 0; i < n->in_count; i++) branch[i] = quantizer_int8(q, n->in[i]);
    Node *made = quantizer_node(q, &op_quantized_concat, n->attrs, n);
    for (int i = 0; i < n->in_count; i++) node_in(g, made, branch[i]);
    made->data_count = n->in_count;
    quantizer_result(q, made, n->out[0]);
    return true;
}
