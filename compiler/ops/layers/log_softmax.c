/*
 * log_softmax: y[c] = x[c] − log Σ_k exp(x[k]) along an axis: 0, the default, is
 * channels or features; −1 is the last.
 *
 *   dx[c] = dy[c] − exp(y[c]) · Σ_k dy[k]
 *
 * The output is enough for the gradient.
 */
#include "ops/shared/axis.h"
#include "ops/shared/channels.h"
#include "ops/shared/elementwise.h"

static const Op log_softmax_along;

/* Along another axis than that of the classes the results are no probabilities of classes. */
static bool log_softmax_shape(Graph *g, Node *n)
{
    AxisAttrs *a = n->attrs;
    if (!axis_resolve(g, n, &a->axis)) return false;
    if (a->axis != 0) n->op = &log_softmax_along;
    return elementwise_shape(g, n);
}

static void log_softmax_plain(Writer *w, const Node *n)
{
    Shape s = axis_bind(w, n);
    channels_bind(w, s);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {");
    channels_open(w, s);
    channels_top(w, "x", s);
    channels_log_sum(w, "x", s);
    channels_array(w, "x", s);
    channels_array(w, "y", s);
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    @y(n, c, $p) = @x(n, c, $p) - top - log_sum;\n"
                  "}\n");
    channels_close(w, s);
    writer_put(w, "}");
}

static void log_softmax_emit(Writer *w, const Node *n)
{
    channels_put_size(w, "$N$outer", axis_bind(w, n), n->layout);
    writer_put(w, "nn_log_softmax(&size, x, y, $t, $T);");
}

static int64_t log_softmax_flops(const Node *n)
{
    return elementwise_cost(n, 6); /* compare, subtract, exp, add, subtract twice */
}

static void log_softmax_grad_plain(Writer *w, const Node *n)
{
    Shape s = axis_bind(w, n);
    channels_array(w, "dy", s);
    channels_array(w, "y", s);
    channels_array(w, "dx", s);
    channels_bind(w, s);
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {");
    channels_open(w, s);
    writer_put(w, "$real sum = 0;\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    sum += @dy(n, c, $p);\n"
                  "}\n"
                  "for ($int c = 0; c < $C; c++) {\n"
                  "    @dx(n, c, $p) = @dy(n, c, $p) - $exp(@y(n, c, $p)) * sum;\n"
                  "}\n");
    channels_close(w, s);
    writer_put(w, "}");
}

static void log_softmax_grad_emit(Writer *w, const Node *n)
{
    channels_put_size(w, "$N$outer", axis_bind(w, n), n->layout);
    writer_put(w, "nn_log_softmax_grad(&size, dy, y, dx, $t, $T);");
}

static const Variant log_softmax_gradient_variants[] = {{.name = "simd",
                                                         .layouts = IN_NCHW | IN_NCHW16N,
                                                         .traits = VARIANT_ANY_BATCH,
                                                         .emit = log_softmax_grad_emit,
                                                         .kernel = "softmax"},
                                                        {0}};

static const Op log_softmax_gradient = {
    .name = "log_softmax.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = log_softmax_grad_plain,
    .variants = log_softmax_gradient_variants,
};

static void log_softmax_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &log_softmax_gradient); }

static const Variant log_softmax_variants[] = {{.name = "simd",
                                                .layouts = IN_NCHW | IN_NCHW16N,
                                                .traits = VARIANT_ANY_BATCH,
                                                .emit = log_softmax_emit,
                                                .kernel = "softmax"},
                                               {0}};

static const Op log_softmax_along = {
    .name = "log_softmax",
    .summary = "logarithm of the probabilities, along an axis",
    .formula = "y[c] = x[c] - log(sum_k exp(x[k]))",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = axis_attrs,
    .attrs_size = sizeof(AxisAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = log_softmax_shape,
    .window = axis_window,
    .flops = log_softmax_flops,
    .grad = log_softmax_grad,
    .plain = log_softmax_plain,
    .variants = log_softmax_variants,
};

const Op op_log_softmax = {
    .name = "log_softmax",
    .summary = "logarithm of the probabilities, along an axis",
    .formula = "y[c] = x[c] - log(sum_k exp(x[k]))",
    .class = OP_LAYER,
    .meaning = OUTPUT_LOGARITHMS,
    .traits = OP_INPLACE | OP_OUTPUTS_PROBABILITIES,
    .attrs = axis_attrs,
    .attrs_size = sizeof(AxisAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = log_softmax_shape,
    .window = axis_window,
    .flops = log_softmax_flops,
    .grad = log_softmax_grad,
    .plain = log_softmax_plain,
    .variants = log_softmax_variants,
};
