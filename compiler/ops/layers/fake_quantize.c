/*
 * fake_quantize: the number that an integer stands for, in floats; PyTorch's
 * fake_quantize_per_tensor_affine, ONNX's QuantizeLinear and DequantizeLinear one after the other.
 *
 *   q = min(max(round(x / scale) + zero, low), high), ties to the even number
 *   y = scale · (q − zero)
 *   dx = dy where low ≤ round(x / scale) + zero ≤ high, 0 elsewhere: the straight-through estimator
 *        (Bengio et al., Estimating or Propagating Gradients Through Stochastic Neurons, 2013)
 *
 * NaN passes through; its gradient is 0.
 */
#include "ops/shared/elementwise.h"

typedef struct FakeQuantizeAttrs {
    double scale;
    int64_t zero, low, high;
} FakeQuantizeAttrs;

static const Attr fake_quantize_attrs[] = {
    {"scale", ATTR_REAL, offsetof(FakeQuantizeAttrs, scale), NULL, 1e-30, 1e30, NULL},
    {"zero", ATTR_INT, offsetof(FakeQuantizeAttrs, zero), "0", -32768, 65535, NULL},
    {"low", ATTR_INT, offsetof(FakeQuantizeAttrs, low), "-128", -32768, 65535, NULL},
    {"high", ATTR_INT, offsetof(FakeQuantizeAttrs, high), "127", -32768, 65535, NULL},
    {0},
};

static bool fake_quantize_shape(Graph *g, Node *n)
{
    const FakeQuantizeAttrs *a = n->attrs;
    if (a->low < a->high && a->low <= a->zero && a->zero <= a->high) return elementwise_shape(g, n);
    diag_error(g->compilation, n->span, "fake_quantize: zero=%lld is not between low=%lld and high=%lld",
               (long long)a->zero, (long long)a->low, (long long)a->high);
    return false;
}

/* Of the distance from zero: it needs no sum that could round. */
static void fake_quantize_bind(Writer *w, const Node *n)
{
    const FakeQuantizeAttrs *a = n->attrs;
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

static void fake_quantize_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &fake_quantize_gradient); }

static int64_t fake_quantize_flops(const Node *n) { return elementwise_cost(n, 8); }

const Op op_fake_quantize = {
    .name = "fake_quantize",
    .summary = "the numbers that integers stand for, in floats",
    .formula = "y = scale * (min(max(round(x / scale) + zero, low), high) - zero)",
    .class = OP_LAYER,
    .traits = OP_INPLACE | OP_OWN_GRADIENT,
    .attrs = fake_quantize_attrs,
    .attrs_size = sizeof(FakeQuantizeAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = fake_quantize_shape,
    .slope = slope_one,
    .flops = fake_quantize_flops,
    .grad = fake_quantize_grad,
    .plain = fake_quantize_plain,
};
