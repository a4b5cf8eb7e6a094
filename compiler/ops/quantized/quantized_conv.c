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
#include "ops/shared/quantized.h"

static const char *const quantized_conv_in[] = {"x", "qweight", "qbias", NULL};

static void quantized_conv_plain(Writer *w, const Node *n)
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
    correlate_sums(w, &a->c,
                   &(CorrelateText){.large = "x",
                                    .small = "y",
                                    .start = "int32_t sum = qbias[o];",
                                    .term = n->in[0]->zero_point
                                                ? "sum += @weight(o, $c, $row_tap, $col_tap) * (@large(n, $channel, "
                                                  "$row, $col)$less_zero);"
                                                : "sum += @weight(o, $c, $row_tap, $col_tap) * @large(n, $channel, "
                                                  "$row, $col);",
                                    .end = "@small(n, o, $i, $j) = nn_clamp_int8(nn_rescale(sum, $multiplier, "
                                           "$shift)$plus_zero, $low, $high);"});
}

static int64_t quantized_conv_macs(const Node *n) { return correlate_macs(&((const QuantizedSums *)n->attrs)->c); }

const Op op_quantized_conv = {
    .name = "quantized_conv",
    .summary = "convolution of int8",
    .formula = "y[o][i][j] = factor[o] * (bias[o] + sum_{c,u,v} weight[o][c][u][v] * (x[c][..][..] - zero))",
    .class = OP_INTERNAL,
    .in = quantized_conv_in,
    .out = correlate_out,
    .macs = quantized_conv_macs,
    .plain = quantized_conv_plain,
};
