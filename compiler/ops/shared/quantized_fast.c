/* How sums of int8 products are computed in the fast form: packed weights, and the call. */
#include "ops/shared/quantized.h"

#include <stdlib.h>

#include "ops/shared/region.h"

/* ---- weights ----------------------------------------------------------------------------------- */

static int64_t depth_of_row(Shape weight) { return shape_count(weight) / weight.dim[0]; }

/* [o][c][kh][kw], [o][c][kw] or [o][c]. */
static int64_t columns_of_taps(Shape weight) { return weight.rank > 2 ? weight.dim[weight.rank - 1] : 1; }
static int64_t rows_of_taps(Shape weight) { return depth_of_row(weight) / weight.dim[1] / columns_of_taps(weight); }

static bool int8_panels_shape(Graph *g, Node *n)
{
    const Shape weight = n->in[0]->shape;
    const int64_t depth = nn_int8_depth(weight.dim[1], rows_of_taps(weight), columns_of_taps(weight));
    node_out_as(g, n, DTYPE_I8, false, shape_vector(nn_int8_packed(weight.dim[0], depth)));
    return true;
}

static void int8_panels_emit(Writer *w, const Node *n)
{
    const Shape weight = n->in[0]->shape;
    const int64_t size[] = {weight.dim[0], weight.dim[1], rows_of_taps(weight), columns_of_taps(weight)};
    writer_bind_fields(w, "size", "o c kh kw", size);
    writer_put(w, "static const nn_int8_weights size = {$size};\n"
                  "nn_int8_panels(&size, weight, panels, $t, $T);");
}

static const Variant int8_panels_variants[] = {
    {.name = "bytes", .layouts = IN_NCHW, .dtypes = OF_I8, .emit = int8_panels_emit, .kernel = "quantized_conv"},
    {0},
};

const Op quantized_panels = {
    .name = "quantized.panels",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = int8_panels_shape,
    .flops = region_no_flops,
    .variants = int8_panels_variants,
};

static bool int8_depthwise_shape(Graph *g, Node *n)
{
    const Shape weight = n->in[0]->shape;
    const int64_t kw = weight.dim[weight.rank - 1];
    node_out_as(g, n, DTYPE_I8, false,
                shape_vector(nn_int8_depthwise_packed(weight.dim[0], depth_of_row(weight) / kw, kw)));
    return true;
}

static void int8_depthwise_emit(Writer *w, const Node *n)
{
    const Shape weight = n->in[0]->shape;
    writer_bind_int(w, "rows", weight.dim[0]);
    writer_bind_int(w, "kw", weight.dim[weight.rank - 1]);
    writer_bind_int(w, "kh", depth_of_row(weight) / weight.dim[weight.rank - 1]);
    writer_put(w, "nn_int8_depthwise_panels($rows, $kh, $kw, weight, panels, $t, $T);");
}

static const Variant int8_depthwise_variants[] = {{.name = "bytes",
                                                   .layouts = IN_NCHW,
                                                   .dtypes = OF_I8,
                                                   .emit = int8_depthwise_emit,
                                                   .kernel = "quantized_depthwise"},
                                                  {0}};

const Op quantized_depthwise_panels = {
    .name = "quantized.depthwise_panels",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = int8_depthwise_shape,
    .flops = region_no_flops,
    .variants = int8_depthwise_variants,
};

/* ---- the call ------------------------------------------------------------------------------------ */

/* Declares the tables; returns whether some factor is not one of nn_quant_rescale.  One of 0 is, at any
 * shift. */
static bool put_factors(Writer *w, const Multiplier *factor, int64_t count)
{
    if (count < 1) return false;
    Multiplier *taken = calloc((size_t)count, sizeof *taken);
    bool any = false;
    if (!taken) abort();
    for (int64_t i = 0; i < count; i++) {
        taken[i] = factor[i].value ? factor[i] : (Multiplier){0, -1};
        any = any || taken[i].shift >= 0 || taken[i].value < 0;
    }
    quantized_put_factor_tables(w, taken, count);
    free(taken);
    return any;
}

void quantized_call(Writer *w, const Node *n, const Correlation *c, const char *kernel)
{
    const QuantizedSums *a = n->attrs;
    const int64_t *large = c->large.dim, *small = c->small.dim;
    const bool any_factor = put_factors(w, a->factor, small[0]);
    const Slide *h = &c->slide[0], *v = &c->slide[1];
    const int64_t size[] = {large[0],
                            large[1],
                            large[2],
                            small[0],
                            small[1],
                            small[2],
                            h->k,
                            v->k,
                            h->stride,
                            v->stride,
                            h->dilation,
                            v->dilation,
                            h->before,
                            v->before,
                            n->in[0]->zero_point,
                            n->out[0]->zero_point,
                            a->low,
                            a->high,
                            any_factor};
    writer_bind_fields(w, "size", "c h w o oh ow kh kw sh sw dh dw top left zero out_zero low high any_factor", size);
    writer_bind(w, "kernel", "%s", kernel);
    writer_put(w, "static const nn_int8_conv size = {.n = $N$outer, $size};\n"
                  "const nn_int8_conv_args args = {\n"
                  "    .x = x, .panels = qweight, .bias = qbias, .multiplier = multiplier, .shift = shift, .y = y};\n"
                  "$kernel(&size, &args, $t, $T);");
}

/* As many as a direct convolution of floats, whose vectors are full. */
double quantized_depthwise_cost(const Node *n, const CostModel *m) { return (double)(node_macs(n) * m->batch); }

/* A quarter: as many bytes as floats, four times as many in a vector. */
double quantized_cost(const Node *n, const CostModel *m) { return (double)(node_macs(n) * m->batch) / 4; }
