/*
 * softmax: y[c] = exp(x[c]) / Σ_k exp(x[k]) along an axis: 0, the default, is
 * channels or features; −1 is the last.
 *
 *   dx[c] = y[c] · (dy[c] − Σ_k dy[k] · y[k])
 *
 * The output is enough for the gradient.
 */
#include "ops/shared/axis.h"
#include "ops/shared/channels.h"
#include "ops/shared/elementwise.h"

static const Op softmax_along;

/* Along another axis than that of the classes the results are no probabilities of classes. */
static bool softmax_shape(Graph *g, Node *n)
{
    AxisAttrs *a = n->attrs;
    if (!axis_resolve(g, n, &a->axis)) return false;
    if (a->axis != 0) n->op = &softmax_along;
    return elementwise_shape(g, n);
}

static void softmax_plain(Writer *w, const Node *n)
{
    Shape s = axis_bind(w, n);
    channels_array(w, "y", s);
    channels_bind(w, s);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {");
    channels_open(w, s);
    channels_top(w, "x", s);
    channels_array(w, "x", s);
    writer_put(w, "$real sum = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    @y(n, c, $p) = $exp(@x(n, c, $p) - top);\n"
                  "    sum += @y(n, c, $p);\n"
                  "}\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    @y(n, c, $p) /= sum;\n"
                  "}\n");
    channels_close(w, s);
    writer_put(w, "}");
}

static void softmax_emit(Writer *w, const Node *n)
{
    channels_put_size(w, "$N$outer", axis_bind(w, n), n->layout);
    writer_put(w, "nn_softmax(&size, x, y, $t, $T);");
}

static int64_t softmax_flops(const Node *n) { return elementwise_cost(n, 5); /* compare, subtract, exp, add, divide */ }

static void softmax_grad_plain(Writer *w, const Node *n)
{
    Shape s = axis_bind(w, n);
    channels_array(w, "dy", s);
    channels_array(w, "y", s);
    channels_array(w, "dx", s);
    channels_bind(w, s);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {");
    channels_open(w, s);
    writer_put(w, "$real mean = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    mean += @dy(n, c, $p) * @y(n, c, $p);\n"
                  "}\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    @dx(n, c, $p) = @y(n, c, $p) * (@dy(n, c, $p) - mean);\n"
                  "}\n");
    channels_close(w, s);
    writer_put(w, "}");
}

static void softmax_grad_emit(Writer *w, const Node *n)
{
    channels_put_size(w, "$N$outer", axis_bind(w, n), n->layout);
    writer_put(w, "nn_softmax_grad(&size, dy, y, dx, $t, $T);");
}

static const Variant softmax_gradient_variants[] = {{.name = "simd",
                                                     .layouts = IN_NCHW | IN_NCHW16N,
                                                     .traits = VARIANT_ANY_BATCH,
                                                     .emit = softmax_grad_emit,
                                                     .kernel = "softmax"},
                                                    {0}};

static const Op softmax_gradient = {
    .name = "softmax.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = softmax_grad_plain,
    .variants = softmax_gradient_variants,
};

static void softmax_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &softmax_gradient); }

static const Variant softmax_variants[] = {{.name = "simd",
                                            .layouts = IN_NCHW | IN_NCHW16N,
                                            .traits = VARIANT_ANY_BATCH,
                                            .emit = softmax_emit,
                                            .kernel = "softmax"},
                                           {0}};

static const Op softmax_along = {
    .name = "softmax",
    .summary = "probabilities from scores, along an axis",
    .formula = "y[c] = exp(x[c]) / sum_k exp(x[k])",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = axis_attrs,
    .attrs_size = sizeof(AxisAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = softmax_shape,
    .window = axis_window,
    .flops = softmax_flops,
    .grad = softmax_grad,
    .plain = softmax_plain,
    .variants = softmax_variants,
};

const Op op_softmax = {
    .name = "softmax",
    .summary = "probabilities from scores, along an axis",
    .formula = "y[c] = exp(x[c]) / sum_k exp(x[k])",
    .class = OP_LAYER,
    .meaning = OUTPUT_PROBABILITIES,
    .traits = OP_INPLACE | OP_OUTPUTS_PROBABILITIES,
    .attrs = axis_attrs,
    .attrs_size = sizeof(AxisAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = softmax_shape,
    .window = axis_window,
    .flops = softmax_flops,
    .grad = softmax_grad,
    .plain = softmax_plain,
    .variants = softmax_variants,
};
