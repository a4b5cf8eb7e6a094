/*
 * elu: y = x for x > 0, alpha · (exp(x) − 1) otherwise (Clevert, Unterthiner and
 * Hochreiter 2016).
 *
 *   dx = dy for x > 0, dy · alpha · exp(x) = dy · (y + alpha) otherwise
 *
 * With alpha ≥ 0 the output's sign is the input's and the output is enough; with
 * a negative alpha the gradient takes the input.  NaN passes through, and makes the
 * gradient NaN.
 *
 * With trained=yes alpha is the start of a parameter `weight`, one per channel
 * (feature, of a vector), which is trained:
 *
 *   dx = dy for x > 0, dy · weight[c] · exp(x) otherwise
 *   dweight[c] = Σ over x ≤ 0 of dy · (exp(x) − 1)
 */
#include <math.h>

#include "autodiff/backward.h"
#include "ops/shared/channels.h"
#include "ops/shared/elementwise.h"

typedef struct EluAttrs {
    double alpha;
    bool trained;
} EluAttrs;

static const Attr elu_attrs[] = {
    {"alpha", ATTR_REAL, offsetof(EluAttrs, alpha), "1", 0, 0, NULL},
    {"trained", ATTR_BOOL, offsetof(EluAttrs, trained), "no", 0, 0, NULL},
    {0},
};

static const char *const elu_in[] = {"x", "weight", NULL};
static const char *const elu_dx_in[] = {"dy", "x", "weight", NULL};
static const char *const elu_dweight_in[] = {"dy", "x", NULL};
static const char *const elu_dweight_out[] = {"dweight", NULL};

static bool elu_is_trained(const Node *n) { return ((const EluAttrs *)n->attrs)->trained; }

static const char *elu_refuses(const Node *n) { return elu_is_trained(n) ? "alpha is trained" : NULL; }

static void elu_params(Graph *g, Node *n)
{
    const EluAttrs *a = n->attrs;
    if (!a->trained) return;
    node_param(g, n, "weight", shape_vector(channels_of(node_shape_in(n))), init_constant(a->alpha))->regularized =
        false;
}

static void bind_alpha(Writer *w, const Node *n)
{
    const EluAttrs *a = n->attrs;
    writer_bind_real(w, "alpha", a->alpha);
}

/* The lines of a template about element k of channel c. */
static void elu_channels(Writer *w, const Node *n, const char *lines)
{
    writer_bind_int(w, "C", channels_of(node_shape_in(n)));
    writer_bind_int(w, "P", places_of(node_shape_in(n)));
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int c = 0; c < $C; c++) {\n"
                  "        for ($int k = (n * $C + c) * $P; k < (n * $C + c + 1) * $P; k++) {\n");
    writer_put(w, lines);
    writer_put(w, "        }\n"
                  "    }\n"
                  "}\n");
}

static void elu_plain(Writer *w, const Node *n)
{
    if (elu_is_trained(n)) {
        elu_channels(w, n, "y[k] = x[k] <= 0 ? weight[c] * $expm1(x[k]) : x[k];");
        return;
    }
    bind_alpha(w, n);
    elementwise_forward(w, n, "$x <= 0 ? $alpha * $expm1($x) : $x");
}

static void elu_emit(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_emit_params(w, n, "nn_elu", "static const nn_elu_params params = {.above = 1, .below = $alpha};");
}

static int64_t elu_flops(const Node *n) { return elementwise_cost(n, 3); }

static void elu_grad_y_plain(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_backward(w, n, "$y > 0 ? $dy : $dy * ($y + $alpha)");
}

static void elu_grad_y_emit(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_emit_params(w, n, "nn_elu_grad", "static const nn_elu_params params = {.above = 1, .below = $alpha};");
}

static void elu_grad_x_plain(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_backward(w, n, "$x > 0 ? $dy : $dy * $alpha * $exp($x)");
}

static void elu_grad_x_emit(Writer *w, const Node *n)
{
    bind_alpha(w, n);
    elementwise_emit(w, n, "nn_elu_grad_x", "$alpha, ");
}

static const Variant elu_gradient_y_variants[] = {{.name = "simd",
                                                   .layouts = IN_ANY_LAYOUT,
                                                   .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                   .emit = elu_grad_y_emit,
                                                   .kernel = "activation"},
                                                  {0}};

static const Op elu_gradient_y = {
    .name = "elu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_y,
    .out = gradient_out,
    .plain = elu_grad_y_plain,
    .variants = elu_gradient_y_variants,
};

static const Variant elu_gradient_x_variants[] = {{.name = "simd",
                                                   .layouts = IN_ANY_LAYOUT,
                                                   .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                   .emit = elu_grad_x_emit,
                                                   .kernel = "activation"},
                                                  {0}};

static const Op elu_gradient_x = {
    .name = "elu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = elu_grad_x_plain,
    .variants = elu_gradient_x_variants,
};

/* ---- a trained alpha --------------------------------------------------- */

static void elu_trained_dx_plain(Writer *w, const Node *n)
{
    elu_channels(w, n, "dx[k] = x[k] > 0 ? dy[k] : dy[k] * weight[c] * $exp(x[k]);");
}

static const Op elu_trained_dx = {
    .name = "elu.dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = elu_dx_in,
    .out = gradient_out,
    .plain = elu_trained_dx_plain,
};

static void elu_trained_dweight_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "C", channels_of(n->in[1]->shape));
    writer_bind_int(w, "P", places_of(n->in[1]->shape));
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    $real sum = 0;\n"
                  "    for ($int n = 0; n < $N; n++) {\n"
                  "        for ($int k = (n * $C + c) * $P; k < (n * $C + c + 1) * $P; k++) {\n"
                  "            sum += x[k] > 0 ? 0 : dy[k] * $expm1(x[k]);\n"
                  "        }\n"
                  "    }\n"
                  "    dweight[c] = sum;\n"
                  "}\n");
}

static const Op elu_trained_dweight = {
    .name = "elu.dweight",
    .class = OP_INTERNAL,
    .in = elu_dweight_in,
    .out = elu_dweight_out,
    .plain = elu_trained_dweight_plain,
};

static void elu_trained_grad(Backward *b, const Node *n)
{
    elementwise_grad(b, n, &elu_trained_dx);
    if (!backward_wants(b, n->in[1])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &elu_trained_dweight, n);
    node_in(g, d, backward_of(b, n->out[0]));
    node_in(g, d, n->in[0]);
    backward_give(b, n->in[1], node_out_as(g, d, g->real, false, n->in[1]->shape));
}

static void elu_grad(Backward *b, const Node *n)
{
    const EluAttrs *a = n->attrs;
    if (a->trained) {
        elu_trained_grad(b, n);
        return;
    }
    elementwise_grad(b, n, a->alpha >= 0 ? &elu_gradient_y : &elu_gradient_x);
}

static const Variant elu_variants[] = {{.name = "simd",
                                        .layouts = IN_ANY_LAYOUT,
                                        .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                        .refuses = elu_refuses,
                                        .emit = elu_emit,
                                        .kernel = "activation"},
                                       {0}};

static double elu_slope(const Node *n)
{
    const EluAttrs *a = n->attrs;
    return a->trained ? INFINITY : fmax(1, fabs(a->alpha));
}

const Op op_elu = {
    .name = "elu",
    .summary = "exponential linear unit",
    .formula = "y = x > 0 ? x : alpha * (exp(x) - 1)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = elu_attrs,
    .attrs_size = sizeof(EluAttrs),
    .in = elu_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = elu_slope,
    .params = elu_params,
    .flops = elu_flops,
    .grad = elu_grad,
    .plain = elu_plain,
    .variants = elu_variants,
};
