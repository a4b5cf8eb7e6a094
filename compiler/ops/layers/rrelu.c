/*
 * rrelu: y = x for x > 0, slope · x otherwise, the slope drawn uniformly from
 * lower … upper for every element (Xu et al., Empirical Evaluation of Rectified
 * Activations, 2015).
 *
 * That is the training form, which keeps the slopes it drew (1 where x > 0):
 * dx = slope · dy.  Inference uses the mean slope.
 */
#include <math.h>

#include "ops/shared/elementwise.h"

typedef struct RreluAttrs {
    double lower, upper;
} RreluAttrs;

static const Attr rrelu_attrs[] = {
    {"lower", ATTR_REAL, offsetof(RreluAttrs, lower), "0.125", 0, 0, NULL},
    {"upper", ATTR_REAL, offsetof(RreluAttrs, upper), "0.3333333333333333", 0, 0, NULL},
    {0},
};

static const char *const rrelu_training_out[] = {"y", "slope", NULL};
static const char *const rrelu_gradient_in[] = {"dy", "slope", NULL};

static bool rrelu_shape(Graph *g, Node *n)
{
    const RreluAttrs *a = n->attrs;
    if (a->lower > a->upper) {
        diag_error(g->compilation, n->span, "rrelu: lower is %g and upper is %g; lower must not be above upper",
                   a->lower, a->upper);
        return false;
    }
    return elementwise_shape(g, n);
}

static void rrelu_plain(Writer *w, const Node *n)
{
    const RreluAttrs *a = n->attrs;
    writer_bind_real(w, "mean", (a->lower + a->upper) / 2);
    elementwise_forward(w, n, "$x > 0 ? $x : $mean * $x");
}

static void rrelu_emit(Writer *w, const Node *n)
{
    const RreluAttrs *a = n->attrs;
    writer_bind_real(w, "mean", (a->lower + a->upper) / 2);
    elementwise_emit(w, n, "nn_leaky_relu", "$mean, ");
}

static int64_t rrelu_flops(const Node *n) { return elementwise_cost(n, 2); }

/* ---- training ---------------------------------------------------------- */

static bool rrelu_training_shape(Graph *g, Node *n)
{
    node_out(g, n, n->in[0]->shape);
    node_out(g, n, n->in[0]->shape);
    return true;
}

static void rrelu_training_plain(Writer *w, const Node *n)
{
    const RreluAttrs *a = n->attrs;
    writer_bind_real(w, "lower", a->lower);
    writer_bind_real(w, "range", a->upper - a->lower);
    elementwise_lines(w, n,
                      "@slope(k) = $x <= 0 ? $lower + $range * $uniform($seed, k) : 1;\n"
                      "$y = @slope(k) * $x;\n");
}

static void rrelu_training_emit(Writer *w, const Node *n)
{
    const RreluAttrs *a = n->attrs;
    writer_bind_real(w, "lower", a->lower);
    writer_bind_real(w, "range", a->upper - a->lower);
    elementwise_emit_params(w, n, "nn_rrelu",
                            "const nn_rrelu_params params = {.lower = $lower, .range = $range, .seed = $seed};");
}

static void rrelu_grad_plain(Writer *w, const Node *n) { elementwise_backward(w, n, "@slope(k) * $dy"); }

static void rrelu_grad_emit(Writer *w, const Node *n) { elementwise_emit(w, n, "nn_rrelu_grad", ""); }

static const Variant rrelu_gradient_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .traits = VARIANT_ANY_BATCH, .emit = rrelu_grad_emit, .kernel = "dropout"},
    {0}};

static const Op rrelu_gradient = {
    .name = "rrelu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = rrelu_gradient_in,
    .out = gradient_out,
    .plain = rrelu_grad_plain,
    .variants = rrelu_gradient_variants,
};

static void rrelu_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &rrelu_gradient); }

static const Variant rrelu_training_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = rrelu_training_emit, .kernel = "dropout"}, {0}};

static const Op rrelu_training = {
    .name = "rrelu.training",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .uses = USES_SEED,
    .attrs = rrelu_attrs,
    .attrs_size = sizeof(RreluAttrs),
    .in = elementwise_in,
    .out = rrelu_training_out,
    .shape = rrelu_training_shape,
    .flops = rrelu_flops,
    .grad = rrelu_grad,
    .plain = rrelu_training_plain,
    .variants = rrelu_training_variants,
};

static const Variant rrelu_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .traits = VARIANT_ANY_BATCH, .emit = rrelu_emit, .kernel = "piecewise"}, {0}};

static double rrelu_slope(const Node *n)
{
    const RreluAttrs *a = n->attrs;
    return fmax(1, fmax(fabs(a->lower), fabs(a->upper)));
}

const Op op_rrelu = {
    .name = "rrelu",
    .summary = "rectified linear unit with a random slope below 0",
    .formula = "y = x > 0 ? x : slope * x, slope ~ U(lower, upper)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = rrelu_attrs,
    .attrs_size = sizeof(RreluAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = rrelu_shape,
    .slope = rrelu_slope,
    .flops = rrelu_flops,
    .training = &rrelu_training,
    .plain = rrelu_plain,
    .variants = rrelu_variants,
};
