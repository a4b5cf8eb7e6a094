/*
 * fake_quantize: the number that an integer stands for, in floats; PyTorch's
 * fake_quantize_per_tensor_affine, ONNX's QuantizeLinear and DequantizeLinear one after the other.
 *
 *   q = min(max(round(x / scale) + zero, low), high), ties to the even number
 *   y = scale · (q − zero)
 *   dx = dy where low ≤ round(x / scale) + zero ≤ high, 0 elsewhere: the straight-through estimator
 *        (Bengio et al., Estimating or Propagating Gradients Through Stochastic Neurons, 2013)
 *
 * With learned=yes the scale is a parameter (Esser et al., Learned Step Size Quantization, ICLR 2020;
 * PyTorch's _fake_quantize_learnable_per_tensor_affine, whose zero point is learned as well):
 *
 *   dscale = grad_factor · Σ dy · (round(x / scale) − x / scale inside the bounds, low − zero or
 *            high − zero beyond them)
 *
 * grad_factor of 0 is LSQ's, 1 / √(elements of a sample · (high − zero)).  A scale is learned as any
 * other parameter: nothing keeps it from 0 but a small learning rate.
 *
 * NaN passes through; its gradient is 0.
 */
#include <math.h>

#include "autodiff/backward.h"
#include "ops/shared/elementwise.h"

typedef struct FakeQuantizeAttrs {
    double scale;
    int64_t zero, low, high;
    bool learned;
    double grad_factor;
} FakeQuantizeAttrs;

static const Attr fake_quantize_attrs[] = {
    {"scale", ATTR_REAL, offsetof(FakeQuantizeAttrs, scale), NULL, 1e-30, 1e30, NULL},
    {"zero", ATTR_INT, offsetof(FakeQuantizeAttrs, zero), "0", -32768, 65535, NULL},
    {"low", ATTR_INT, offsetof(FakeQuantizeAttrs, low), "-128", -32768, 65535, NULL},
    {"high", ATTR_INT, offsetof(FakeQuantizeAttrs, high), "127", -32768, 65535, NULL},
    {"learned", ATTR_BOOL, offsetof(FakeQuantizeAttrs, learned), "no", 0, 0, NULL},
    {"grad_factor", ATTR_REAL, offsetof(FakeQuantizeAttrs, grad_factor), "0", 0, 1e30, NULL},
    {0},
};

static bool fake_quantize_shape(Graph *g, Node *n)
{
    const FakeQuantizeAttrs *a = n->attrs;
    if (a->low < a->high && (!a->learned || a->zero < a->high) && a->low <= a->zero && a->zero <= a->high)
        return elementwise_shape(g, n);
    diag_error(g->compilation, n->span, "fake_quantize: zero=%lld is not between low=%lld and high=%lld",
               (long long)a->zero, (long long)a->low, (long long)a->high);
    return false;
}

static void fake_quantize_params(Graph *g, Node *n)
{
    const FakeQuantizeAttrs *a = n->attrs;
    if (a->learned) node_param(g, n, "scale", shape_vector(1), init_constant(a->scale));
}

/* Of the distance from zero: it needs no sum that could round. */
static void fake_quantize_bind(Writer *w, const Node *n)
{
    const FakeQuantizeAttrs *a = n->attrs;
    if (a->learned)
        writer_bind(w, "step", "%s", "scale[0]");
    else
        writer_bind_real(w, "step", a->scale);
    writer_bind_int(w, "low", a->low - a->zero);
    writer_bind_int(w, "high", a->high - a->zero);
}

#define NEAREST                                                                                         \
    "const $real ratio = $x / $step, below = $floor(ratio), rest = ratio - below, half = ($real)0.5;\n" \
    "const $real whole = rest > half || (rest == half && below != 2 * $floor(below / 2)) ? below + 1 : below;\n"

static void fake_quantize_plain(Writer *w, const Node *n)
{
    fake_quantize_bind(w, n);
    elementwise_lines(w, n, NEAREST "$y = $step * (whole < $low ? $low : whole > $high ? $high : whole);\n");
}

static void fake_quantize_grad_plain(Writer *w, const Node *n)
{
    fake_quantize_bind(w, n);
    elementwise_lines(w, n, NEAREST "$dx = whole >= $low && whole <= $high ? $dy : 0;\n");
}

static const Op fake_quantize_gradient = {
    .name = "fake_quantize.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = fake_quantize_grad_plain,
};

/* ---- a learned scale ---------------------------------------------------------------------------- */

static const char *const learned_in[] = {"x", "scale", NULL};
static const char *const learned_dx_in[] = {"dy", "x", "scale", NULL};
static const char *const learned_dscale_in[] = {"dy", "x", "scale", NULL};
static const char *const learned_dscale_out[] = {"dscale", NULL};

static const Op fake_quantize_learned_gradient = {
    .name = "fake_quantize.dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = learned_dx_in,
    .out = gradient_out,
    .plain = fake_quantize_grad_plain,
};

static double grad_factor_of(const Node *n)
{
    const FakeQuantizeAttrs *a = n->attrs;
    const double count = (double)shape_count(n->in[1]->shape);
    return a->grad_factor > 0 ? a->grad_factor : 1 / sqrt(count * (double)(a->high - a->zero));
}

/* The sums of each sample by themselves, so that the error does not grow with the batch. */
static void fake_quantize_dscale_plain(Writer *w, const Node *n)
{
    fake_quantize_bind(w, n);
    writer_bind_real(w, "factor", grad_factor_of(n));
    writer_bind_int(w, "elements", shape_count(n->in[1]->shape));
    writer_bind(w, "x", "%s", "x[k]");
    writer_put(w, "$real total = 0;\n"
                  "for ($int n = 0, k = 0; n < $N; n++) {\n"
                  "    $real sum = 0;\n"
                  "    for ($int i = 0; i < $elements; i++, k++) {\n" NEAREST
                  "        const $real error = whole < $low ? $low : whole > $high ? $high : whole - ratio;\n"
                  "        sum += dy[k] * error;\n"
                  "    }\n"
                  "    total += sum;\n"
                  "}\n"
                  "dscale[0] = $factor * total;\n");
}

static const Op fake_quantize_dscale = {
    .name = "fake_quantize.dscale",
    .class = OP_INTERNAL,
    .in = learned_dscale_in,
    .out = learned_dscale_out,
    .plain = fake_quantize_dscale_plain,
};

static void fake_quantize_grad(Backward *b, const Node *n)
{
    const bool learned = ((const FakeQuantizeAttrs *)n->attrs)->learned;
    elementwise_grad(b, n, learned ? &fake_quantize_learned_gradient : &fake_quantize_gradient);
    if (!learned || !backward_wants(b, n->in[1])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &fake_quantize_dscale, n);
    node_in(g, d, backward_of(b, n->out[0]));
    node_in(g, d, n->in[0]);
    node_in(g, d, n->in[1]);
    backward_give(b, n->in[1], node_out_as(g, d, g->real, false, n->in[1]->shape));
}

static int64_t fake_quantize_flops(const Node *n) { return elementwise_cost(n, 8); }

const Op op_fake_quantize = {
    .name = "fake_quantize",
    .summary = "the numbers that integers stand for, in floats",
    .formula = "y = scale * (min(max(round(x / scale) + zero, low), high) - zero)",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_OWN_GRADIENT,
    .attrs = fake_quantize_attrs,
    .attrs_size = sizeof(FakeQuantizeAttrs),
    .in = learned_in,
    .out = elementwise_out,
    .shape = fake_quantize_shape,
    .params = fake_quantize_params,
    .slope = slope_one,
    .flops = fake_quantize_flops,
    .grad = fake_quantize_grad,
    .plain = fake_quantize_plain,
};
