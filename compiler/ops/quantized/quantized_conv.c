/*
 * quantized_conv: convolution of int8 numbers.
 *
 *   sum = bias[o] + Σ_{c,u,v} weight[o][c][u][v] · (x[c][…] − zero_x), in 32 bits
 *   y[o][i][j] = clamp(sum · factor[o] + zero_y, low, high)
 *
 * weight: int8, −127 … 127, at a scale of its own for each output; bias: int32 at the scale of the
 * sum; factor[o] = scale_x · scale_weight[o] / scale_y.  Padding is the number 0, zero_x.  A batchnorm
 * and relu or another clamp after the layer are in the weights and in low and high.  A batchnorm by
 * itself is a convolution of 1x1 in groups of one channel.
 */
#include "base/writer_device.h"
#include "ops/shared/quantized.h"

static const char *const quantized_conv_in[] = {"x", "qweight", "qbias", NULL};

static CorrelateText quantized_conv_text(Writer *w, const Node *n)
{
    const QuantizedSums *a = n->attrs;
    const int64_t rows = n->in[1]->shape.dim[0];
    const int64_t weight[] = {rows, a->c.large.dim[0] / a->c.groups, a->c.slide[0].k, a->c.slide[1].k};
    writer_bind_array(w, "weight", "qweight", 4, weight);
    quantized_put_factors(w, a->factor, rows, "o");
    quantized_bind_offset(w, "less_zero", -n->in[0]->zero_point);
    quantized_bind_offset(w, "plus_zero", n->out[0]->zero_point);
    writer_bind_int(w, "low", a->low);
    writer_bind_int(w, "high", a->high);
    const bool together = writer_has_dual_products(w) && a->c.groups == 1;
    return (CorrelateText){
        .gather = together
                      ? "@column($c, $row_tap, $col_tap) = (int16_t)(@large($sample, $channel, $row, $col)$less_zero);"
                      : NULL,
        .gathered = "nn_dual_order(column, $depth);",
        .sum = "const int32_t sum = nn_dual_dot(qweight + o * $depth, column, $depth, qbias[o]);",
        .large = "x",
        .small = "y",
        .start = "int32_t sum = qbias[o];",
        .term = n->in[0]->zero_point
                    ? "sum += @weight(o, $c, $row_tap, $col_tap) * (@large($sample, $channel, $row, $col)$less_zero);"
                    : "sum += @weight(o, $c, $row_tap, $col_tap) * @large($sample, $channel, $row, $col);",
        .value = "nn_clamp_int8(nn_rescale(sum, $multiplier, $shift)$plus_zero, $low, $high)"};
}

static void quantized_conv_plain(Writer *w, const Node *n)
{
    const CorrelateText text = quantized_conv_text(w, n);
    correlate_sums(w, &((const QuantizedSums *)n->attrs)->c, &text);
}

static int64_t quantized_conv_macs(const Node *n) { return correlate_macs(&((const QuantizedSums *)n->attrs)->c); }

/* ---- in place ---------------------------------------------------------- */

static bool quantized_conv_in_place_shape(Graph *g, Node *n)
{
    correlate_in_place_shape(g, n, &((const QuantizedSums *)n->attrs)->c);
    return true;
}

static void quantized_conv_in_place_plain(Writer *w, const Node *n)
{
    const CorrelateText text = quantized_conv_text(w, n);
    correlate_in_place(w, &((const QuantizedSums *)n->attrs)->c, &text);
}

static const Op op_quantized_conv_in_place = {
    .name = "quantized_conv.in_place",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE | OP_SHRINKS_INPLACE,
    .in = quantized_conv_in,
    .out = correlate_in_place_out,
    .shape = quantized_conv_in_place_shape,
    .macs = quantized_conv_macs,
    .plain = quantized_conv_in_place_plain,
};

static const Op *quantized_conv_in_place(const Node *n, int64_t batch)
{
    return correlate_is_in_place(&((const QuantizedSums *)n->attrs)->c, batch) ? &op_quantized_conv_in_place : NULL;
}

/* ---- fast form --------------------------------------------------------- */

static const char *quantized_conv_refusal(const Node *n)
{
    const Correlation *c = &((const QuantizedSums *)n->attrs)->c;
    const int64_t joined = nn_int8_joined(c->groups, c->small.dim[0] / c->groups);
    if (nn_int8_depth(c->large.dim[0] / c->groups * joined, c->slide[0].k, c->slide[1].k) > NN_INT8_MAX_DEPTH)
        return "an output has too many products";
    return correlate_refusal(c);
}

static void quantized_conv_emit(Writer *w, const Node *n)
{
    writer_bind(w, "outer", "%s", "");
    quantized_call(w, n, &((const QuantizedSums *)n->attrs)->c);
}

static const char *quantized_depthwise_refusal(const Node *n)
{
    const Correlation *c = &((const QuantizedSums *)n->attrs)->c;
    const int64_t channels = c->large.dim[0];
    if (c->groups != channels || c->small.dim[0] != channels) return "its groups are not one channel each";
    if (nn_int8_quads(c->slide[0].k, c->slide[1].k) > NN_INT8_QUADS) return "too many taps";
    return correlate_refusal(c);
}

static void quantized_depthwise_emit(Writer *w, const Node *n)
{
    writer_bind(w, "outer", "%s", "");
    quantized_depthwise_call(w, n, &((const QuantizedSums *)n->attrs)->c);
}

static const char *quantized_grouped_refusal(const Node *n)
{
    const Correlation *c = &((const QuantizedSums *)n->attrs)->c;
    const int64_t channels = c->large.dim[0] / c->groups, outputs = c->small.dim[0] / c->groups;
    return nn_int8_grouped_serves(c->groups, channels, outputs, c->slide[0].k, c->slide[1].k)
               ? correlate_refusal(c)
               : "its groups are not 2, 4 or 8 channels each";
}

static void quantized_grouped_emit(Writer *w, const Node *n)
{
    writer_bind(w, "outer", "%s", "");
    quantized_grouped_call(w, n, &((const QuantizedSums *)n->attrs)->c);
}

static const Variant quantized_conv_variants[] = {
    {.name = "im2col_nhwc",
     .layouts = IN_NHWC,
     .dtypes = OF_I8,
     .traits = VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES,
     .epilogues = WITH_ADD,
     .refuses = quantized_conv_refusal,
     .cost = quantized_cost,
     .prepack = &quantized_panels,
     .emit = quantized_conv_emit,
     .kernel = "quantized_conv"},
    {.name = "depthwise_nhwc",
     .layouts = IN_NHWC,
     .dtypes = OF_I8,
     .traits = VARIANT_STRIDED_CHANNELS | VARIANT_SEQUENCES,
     .refuses = quantized_depthwise_refusal,
     .cost = quantized_depthwise_cost,
     .prepack = &quantized_depthwise_panels,
     .emit = quantized_depthwise_emit,
     .kernel = "quantized_depthwise"},
    {.name = "grouped_nhwc",
     .layouts = IN_NHWC,
     .dtypes = OF_I8,
     .traits = VARIANT_SEQUENCES,
     .refuses = quantized_grouped_refusal,
     .cost = quantized_grouped_cost,
     .prepack = &quantized_grouped_panels,
     .emit = quantized_grouped_emit,
     .kernel = "quantized_grouped"},
    {0},
};

/* ---- the operator ------------------------------------------------------ */

const Op op_quantized_conv = {
    .name = "quantized_conv",
    .summary = "convolution of int8",
    .formula = "y[o][i][j] = factor[o] * (bias[o] + sum_{c,u,v} weight[o][c][u][v] * (x[c][..][..] - zero))",
    .class = OP_INTERNAL,
    .in = quantized_conv_in,
    .out = correlate_out,
    .macs = quantized_conv_macs,
    .in_place = quantized_conv_in_place,
    .plain = quantized_conv_plain,
    .variants = quantized_conv_variants,
};
