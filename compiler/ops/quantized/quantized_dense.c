/*
 * quantized_dense: y[o] = clamp(factor[o] · (bias[o] + Σ_i weight[o][i] · (x[i] − zero_x)) + zero_y),
 * the sum in 32 bits; the rest as in quantized_conv.c.  Of a sequence, each row.
 */
#include "base/writer_device.h"
#include "ops/shared/axis.h"
#include "ops/shared/quantized.h"

static const char *const quantized_dense_in[] = {"x", "qweight", "qbias", NULL};
static const char *const quantized_dense_out[] = {"y", NULL};

static void quantized_dense_plain(Writer *w, const Node *n)
{
    const QuantizedSums *a = n->attrs;
    const Shape weight = n->in[1]->shape;
    const int64_t x[] = {1, weight.dim[1]}, y[] = {1, weight.dim[0]}; /* no index needs the first */
    axis_bind_outer(w, shape_count(node_shape_out(n)) / weight.dim[0]);
    writer_bind_array(w, "x", "x", 2, x);
    writer_bind_array(w, "y", "y", 2, y);
    writer_bind_int(w, "I", weight.dim[1]);
    writer_bind_int(w, "O", weight.dim[0]);
    quantized_put_factors(w, a->factor, weight.dim[0], "o");
    quantized_bind_offset(w, "less_zero", -n->in[0]->zero_point);
    quantized_bind_offset(w, "plus_zero", n->out[0]->zero_point);
    writer_bind_int(w, "low", a->low);
    writer_bind_int(w, "high", a->high);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {\n"
                  "    for ($int o = 0; o < $O; o++) {\n");
    if (writer_has_dual_products(w)) {
        writer_bind_int(w, "zero", n->in[0]->zero_point);
        writer_put(w, "const int32_t sum = nn_dual_dot_bytes(qweight + o * $I, x + n * $I, $I, $zero, qbias[o]);");
    } else {
        writer_put(w, "int32_t sum = qbias[o];\n"
                      "for ($int i = 0; i < $I; i++) {\n"
                      "    sum += @qweight(o, i) * (@x(n, i)$less_zero);\n"
                      "}\n");
    }
    writer_put(w, "        @y(n, o) = nn_clamp_int8(nn_rescale(sum, $multiplier, $shift)$plus_zero, $low, $high);\n"
                  "    }\n"
                  "}\n");
}

static int64_t quantized_dense_macs(const Node *n)
{
    const Shape y = node_shape_out(n);
    return shape_count(node_shape_in(n)) * y.dim[y.rank - 1];
}

/* Samples, and rows of a sequence, are images of one pixel. */
static void quantized_dense_emit(Writer *w, const Node *n)
{
    const Slide one = {.large = 1, .small = 1, .k = 1, .stride = 1, .dilation = 1};
    const Shape x = node_shape_in(n), y = node_shape_out(n); /* the weight is packed */
    const int64_t inputs = x.dim[x.rank - 1], outputs = y.dim[y.rank - 1];
    const Correlation c = {
        .slide = {one, one}, .large = shape_image(inputs, 1, 1), .small = shape_image(outputs, 1, 1), .groups = 1};
    axis_bind_outer(w, shape_count(y) / outputs);
    quantized_call(w, n, &c);
}

static const Variant quantized_dense_variants[] = {
    {.name = "panels",
     .layouts = IN_NCHW,
     .dtypes = OF_I8,
     .cost = quantized_cost,
     .prepack = &quantized_panels,
     .emit = quantized_dense_emit,
     .kernel = "quantized_conv"},
    {0},
};

const Op op_quantized_dense = {
    .name = "quantized_dense",
    .summary = "fully connected layer of int8",
    .formula = "y[o] = factor[o] * (bias[o] + sum_i weight[o][i] * (x[i] - zero))",
    .class = OP_INTERNAL,
    .in = quantized_dense_in,
    .out = quantized_dense_out,
    .macs = quantized_dense_macs,
    .plain = quantized_dense_plain,
    .variants = quantized_dense_variants,
};
