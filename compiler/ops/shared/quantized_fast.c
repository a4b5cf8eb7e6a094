/* How sums of int8 products are computed in the fast form: packed weights, and the call. */
#include "ops/shared/quantized.h"

#include <stdlib.h>

#include "ops/shared/region.h"

/* ---- weights ----------------------------------------------------------------------------------- */

static int64_t depth_of_row(Shape weight) { return shape_count(weight) / weight.dim[0]; }

/* [o][c][kh][kw], [o][c][kw] or [o][c]. */
static int64_t columns_of_taps(Shape weight) { return weight.rank > 2 ? weight.dim[weight.rank - 1] : 1; }
static int64_t rows_of_taps(Shape weight) { return depth_of_row(weight) / weight.dim[1] / columns_of_taps(weight); }

/* A convolution's groups, and of those how many are computed as one.  A fully connected layer has one. */
static int64_t weight_groups(const Node *n)
{
    const int64_t groups = ((const QuantizedSums *)n->attrs)->c.groups;
    return groups ? groups : 1;
}

static int64_t joined_groups(int64_t groups, int64_t outputs) { return nn_int8_joined(groups, outputs / groups); }

static bool int8_panels_shape(Graph *g, Node *n)
{
    const Shape weight = n->in[0]->shape;
    const int64_t groups = weight_groups(n), joined = joined_groups(groups, weight.dim[0]), computed = groups / joined;
    const int64_t depth = nn_int8_depth(joined * weight.dim[1], rows_of_taps(weight), columns_of_taps(weight));
    node_out_as(g, n, DTYPE_I8, false, shape_vector(computed * nn_int8_packed(weight.dim[0] / computed, depth)));
    return true;
}

static void put_packing(Writer *w, const Node *n, int64_t joined, const char *kernel)
{
    const Shape weight = n->in[0]->shape;
    const int64_t groups = weight_groups(n);
    const int64_t size[] = {
        groups, joined, weight.dim[0] / groups, weight.dim[1], rows_of_taps(weight), columns_of_taps(weight)};
    writer_bind_fields(w, "size", "groups joined o c kh kw", size);
    writer_bind(w, "kernel", "%s", kernel);
    writer_put(w, "static const nn_int8_weights size = {$size};\n"
                  "$kernel(&size, weight, panels, $t, $T);");
}

static void int8_panels_emit(Writer *w, const Node *n)
{
    put_packing(w, n, joined_groups(weight_groups(n), n->in[0]->shape.dim[0]), "nn_int8_panels");
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

/* Groups of 2 channels are joined in pairs. */
static int64_t paired_groups(Shape weight) { return weight.dim[1] == 2 ? 2 : 1; }

static bool int8_grouped_shape(Graph *g, Node *n)
{
    const Shape weight = n->in[0]->shape;
    const int64_t width = paired_groups(weight) * weight.dim[1], panels = (weight.dim[0] + NN_PANEL - 1) / NN_PANEL;
    node_out_as(
        g, n, DTYPE_I8, false,
        shape_vector(panels * nn_int8_grouped_panel_bytes(width, rows_of_taps(weight), columns_of_taps(weight))));
    return true;
}

static void int8_grouped_emit(Writer *w, const Node *n)
{
    put_packing(w, n, paired_groups(n->in[0]->shape), "nn_int8_grouped_panels");
}

static const Variant int8_grouped_variants[] = {
    {.name = "bytes", .layouts = IN_NCHW, .dtypes = OF_I8, .emit = int8_grouped_emit, .kernel = "quantized_grouped"},
    {0},
};

const Op quantized_grouped_panels = {
    .name = "quantized.grouped_panels",
    .class = OP_INTERNAL,
    .in = correlate_pack_in,
    .out = correlate_pack_out,
    .shape = int8_grouped_shape,
    .flops = region_no_flops,
    .variants = int8_grouped_variants,
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

/* What the layer itself makes, before its epilogue. */
static const Tensor *result_before_sum(const Node *n)
{
    const Epilogue *e = n->epilogue;
    return e ? e->sum->in[e->term] : n->out[0];
}

static void call_in_groups(Writer *w, const Node *n, const Correlation *c, int64_t groups, const char *kernel)
{
    const QuantizedSums *a = n->attrs;
    const bool pixels = n->layout == LAYOUT_NHWC; /* else one to an image */
    const int64_t *large = c->large.dim, *small = c->small.dim;
    const bool any_factor = put_factors(w, a->factor, small[0]);
    const Tensor *y = result_before_sum(n);
    const Slide *h = &c->slide[0], *v = &c->slide[1];
    if (n->epilogue) quantized_put_add(w, n->epilogue->sum, n->epilogue->term);
    const int64_t size[] = {groups,
                            large[0] / groups,
                            large[1],
                            large[2],
                            small[0] / groups,
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
                            pixels ? tensor_pixel_stride(n->in[0]) : 0,
                            pixels ? tensor_pixel_stride(n->out[0]) : 0,
                            n->in[0]->zero_point,
                            y->zero_point,
                            a->low,
                            a->high,
                            any_factor,
                            quantized_floats_serve(a->factor, small[0], y->zero_point, a->low, a->high)};
    writer_bind_fields(
        w, "size",
        "groups c h w o oh ow kh kw sh sw dh dw top left c_step o_step zero out_zero low high any_factor by_floats",
        size);
    writer_bind(w, "kernel", "%s", kernel);
    writer_bind(w, "sum", "%s", n->epilogue ? ", .add = &add, .branch = branch, .residual = residual" : "");
    writer_put(w, "static const nn_int8_conv size = {.n = $N$outer, $size};\n"
                  "const nn_int8_conv_args args = {.x = x, .panels = qweight, .bias = qbias,\n"
                  "    .multiplier = multiplier, .shift = shift, .y = y$sum};\n"
                  "$kernel(&size, &args, $t, $T);");
}

void quantized_call(Writer *w, const Node *n, const Correlation *c)
{
    call_in_groups(w, n, c, c->groups / joined_groups(c->groups, c->small.dim[0]), "nn_int8_forward");
}

void quantized_depthwise_call(Writer *w, const Node *n, const Correlation *c)
{
    call_in_groups(w, n, c, 1, "nn_int8_depthwise");
}

void quantized_grouped_call(Writer *w, const Node *n, const Correlation *c)
{
    call_in_groups(w, n, c, c->groups, "nn_int8_grouped");
}

/* As many as a direct convolution of floats, whose vectors are full. */
double quantized_depthwise_cost(const Node *n, const CostModel *m) { return (double)(node_macs(n) * m->batch); }

/* No product is for nothing, but what they read is copied for each output. */
double quantized_grouped_cost(const Node *n, const CostModel *m) { return (double)(node_macs(n) * m->batch) / 3; }

/* A quarter: as many bytes as floats, four times as many in a vector.  Products of joined groups with one
 * another are computed, too. */
double quantized_cost(const Node *n, const CostModel *m)
{
    const Correlation *c = &((const QuantizedSums *)n->attrs)->c;
    const int64_t joined = c->groups > 1 ? joined_groups(c->groups, c->small.dim[0]) : 1;
    return (double)(node_macs(n) * m->batch * joined) / 4;
}
