/*
 * quantized_average: averages of regions of int8 images.
 *
 *   at a scale of its own:   y = clamp(Σ (x − zero_x) · (scale_x / (scale_y · count)) + zero_y)
 *   at that of its input:    y = Σ x / count to nearest, ties away from zero, as TensorFlow Lite's
 *                            AVERAGE_POOL_2D has it; padding that counts is the number 0
 */
#include "ops/shared/quantized.h"

/* The sum is of numbers less their zero. */
static bool is_shifted(const QuantizedScale *a)
{
    return !a->divides || a->regions[0].padding_counts || a->regions[1].padding_counts;
}

static void quantized_average_plain(Writer *w, const Node *n)
{
    const QuantizedScale *a = n->attrs;
    window_alias(w, "x", "x", node_shape_in(n));
    window_alias(w, "y", "y", node_shape_out(n));
    quantized_bind_offset(w, "less_zero", -n->in[0]->zero_point);
    quantized_bind_offset(w, "plus_zero", n->out[0]->zero_point);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = 1 + pool_regions_open(w, a->regions, node_shape_in(n).dim[0]);
    writer_put(w, "int32_t sum = 0;");
    const bool shifted = is_shifted(a);
    int inner = pool_regions_inside(w, a->regions);
    writer_put(w, shifted ? "sum += @x(n, $c, $row, $col)$less_zero;" : "sum += @x(n, $c, $row, $col);");
    window_close(w, inner);
    if (a->divides) {
        pool_regions_bind_count(w, a->regions);
        if (!shifted) writer_bind(w, "plus_zero", "%s", "");
        writer_put(w, "const int32_t count = $count;\n"
                      "sum = (sum + (sum > 0 ? count / 2 : -(count / 2))) / count$plus_zero;\n"
                      "@y(n, $c, $i, $j) = nn_clamp_int8(sum, -128, 127);");
    } else {
        quantized_bind_factor(w, a->factor);
        writer_put(w, "@y(n, $c, $i, $j) = nn_clamp_int8(nn_rescale(sum, $multiplier, $shift)$plus_zero, -128, 127);");
    }
    window_close(w, outer);
}

static void quantized_average_emit(Writer *w, const Node *n)
{
    const QuantizedScale *a = n->attrs;
    writer_bind_int(w, "divides", a->divides);
    writer_bind_int(w, "zero", is_shifted(a) ? n->in[0]->zero_point : 0);
    writer_bind_int(w, "out_zero", is_shifted(a) ? n->out[0]->zero_point : 0);
    quantized_bind_factor(w, a->factor);
    pool_regions_put_size(w, n, a->regions);
    writer_put(w,
               "static const nn_int8_average average = {\n"
               "    .divides = $divides, .zero = $zero, .out_zero = $out_zero, .factor = {0, $multiplier, $shift}};\n"
               "nn_int8_avgpool(&size, &average, $N, x, y, $t, $T);");
}

static const Variant quantized_average_variants[] = {{.name = "nhwc",
                                                      .layouts = IN_NHWC,
                                                      .dtypes = OF_I8,
                                                      .traits = VARIANT_ANY_BATCH,
                                                      .refuses = pool_regions_refusal,
                                                      .emit = quantized_average_emit,
                                                      .kernel = "quantized_average"},
                                                     {0}};

const Op op_quantized_average = {
    .name = "quantized_average",
    .summary = "averages of regions of int8 images",
    .formula = "y[c][i][j] = mean_{u,v} x[c][..][..]",
    .class = OP_INTERNAL,
    .in = pool_regions_in,
    .out = pool_regions_out,
    .plain = quantized_average_plain,
    .variants = quantized_average_variants,
};
