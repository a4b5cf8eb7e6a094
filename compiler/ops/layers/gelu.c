/*
 * gelu: y = x · Φ(x), Φ the distribution function of the normal distribution
 * (Hendrycks and Gimpel 2016).
 *
 *   none:  Φ(x) = (1 + erf(x / √2)) / 2;  dx = dy · (Φ(x) + x · exp(−x²/2) / √(2π))
 *   tanh:  Φ(x) ≈ (1 + t) / 2,  t = tanh(√(2/π) · (x + 0.044715 x³))
 *          dx = dy · ((1 + t) / 2 + x · (1 − t²) / 2 · √(2/π) · (1 + 3 · 0.044715 x²))
 *
 * The function is not monotonic, so the gradient needs the input.
 */
#include "ops/shared/elementwise.h"

typedef struct GeluAttrs {
    int approximate;
} GeluAttrs;

enum { GELU_EXACT, GELU_TANH };

static const char *const gelu_forms[] = {"none", "tanh", NULL};

static const Attr gelu_attrs[] = {
    {"approximate", ATTR_SYMBOL, offsetof(GeluAttrs, approximate), "none", 0, 0, gelu_forms},
    {0},
};

static bool uses_tanh(const Node *n)
{
    const GeluAttrs *a = n->attrs;
    return a->approximate == GELU_TANH;
}

static void bind_constants(Writer *w)
{
    writer_bind_real(w, "root_half", 0.70710678118654752440);      /* 1 / √2 */
    writer_bind_real(w, "normal", 0.39894228040143267794);         /* 1 / √(2π) */
    writer_bind_real(w, "root_2_over_pi", 0.79788456080286535588); /* √(2/π) */
    writer_bind_real(w, "cubic", 0.044715);
    writer_bind_real(w, "cubic3", 3 * 0.044715);
}

static void gelu_plain(Writer *w, const Node *n)
{
    bind_constants(w);
    if (uses_tanh(n)) {
        elementwise_lines(w, n,
                          "const $real t = $tanh($root_2_over_pi * ($x + $cubic * $x * $x * $x));\n"
                          "$y = $x * (1 + t) / 2;\n");
    } else {
        elementwise_forward(w, n, "$x * (1 + $erf($root_half * $x)) / 2");
    }
}

static void gelu_emit(Writer *w, const Node *n)
{
    elementwise_emit(w, n, uses_tanh(n) ? "nn_gelu_tanh" : "nn_gelu", "");
}

static int64_t gelu_flops(const Node *n) { return elementwise_cost(n, uses_tanh(n) ? 9 : 5); }

static void gelu_grad_plain(Writer *w, const Node *n)
{
    bind_constants(w);
    if (uses_tanh(n)) {
        elementwise_lines(w, n,
                          "const $real square = $x * $x;\n"
                          "const $real t = $tanh($root_2_over_pi * ($x + $cubic * square * $x));\n"
                          "const $real slope = (1 - t * t) * $root_2_over_pi * (1 + $cubic3 * square);\n"
                          "$dx = $dy * (1 + t + $x * slope) / 2;\n");
    } else {
        elementwise_lines(w, n,
                          "const $real share = (1 + $erf($root_half * $x)) / 2;\n"
                          "const $real density = $normal * $exp(-$x * $x / 2);\n"
                          "$dx = $dy * (share + $x * density);\n");
    }
}

static void gelu_grad_emit(Writer *w, const Node *n)
{
    elementwise_emit(w, n, uses_tanh(n) ? "nn_gelu_tanh_grad" : "nn_gelu_grad", "");
}

static const Variant gelu_gradient_variants[] = {{.name = "simd",
                                                  .layouts = IN_ANY_LAYOUT,
                                                  .dtypes = OF_F32 | OF_BF16,
                                                  .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                                  .emit = gelu_grad_emit,
                                                  .kernel = "activation"},
                                                 {0}};

static const Op gelu_gradient = {
    .name = "gelu.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradient_in_x,
    .out = gradient_out,
    .plain = gelu_grad_plain,
    .variants = gelu_gradient_variants,
};

static void gelu_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &gelu_gradient); }

static const Variant gelu_variants[] = {{.name = "simd",
                                         .layouts = IN_ANY_LAYOUT,
                                         .dtypes = OF_F32 | OF_BF16,
                                         .traits = VARIANT_ANY_BATCH | VARIANT_SEQUENCES,
                                         .emit = gelu_emit,
                                         .kernel = "activation"},
                                        {0}};

/* At √2, and near it. */
static double gelu_slope(const Node *n) { return uses_tanh(n) ? 1.1289930686587717 : 1.1289041451851545; }

const Op op_gelu = {
    .name = "gelu",
    .summary = "Gaussian error linear unit",
    .formula = "y = x * (1 + erf(x / sqrt(2))) / 2",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = gelu_attrs,
    .attrs_size = sizeof(GeluAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = gelu_slope,
    .flops = gelu_flops,
    .grad = gelu_grad,
    .plain = gelu_plain,
    .variants = gelu_variants,
};
