/*
 * bce: binary cross entropy of probabilities s against targets t in 0 … 1:
 * L = −mean of t · log(s) + (1 − t) · log(1 − s), over samples and elements.
 *
 * As in PyTorch, a logarithm counts as −100 at least, and the gradient
 * (s − t) / (s · (1 − s)) has a divisor of 1e-12 at least.  Comparisons are such
 * that NaN passes through.
 */
#include "ops/shared/losses.h"

static void bce_plain(Writer *w, const Node *n)
{
    loss_values(w, n,
                "const $real yes = $log($s);\n"
                "const $real no = $log1p(-$s);\n"
                "total -= $t * (yes < -100 ? -100 : yes) + (1 - $t) * (no < -100 ? -100 : no);\n");
}

static int64_t bce_flops(const Node *n) { return loss_cost(n, 9); }

static void bce_grad_plain(Writer *w, const Node *n)
{
    writer_bind_real(w, "least", 1e-12);
    loss_values_gradient(w, n,
                         "const $real spread = $s * (1 - $s);\n"
                         "$ds = part * ($s - $t) / (spread < $least ? $least : spread);\n");
}

static const Op bce_gradient = {
    .name = "bce.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = loss_in,
    .out = loss_gradient_out,
    .plain = bce_grad_plain,
};

static void bce_grad(Backward *b, const Node *n) { loss_grad(b, n, &bce_gradient); }

const Op op_bce = {
    .name = "bce",
    .summary = "binary cross entropy of probabilities",
    .formula = "L = -mean(t * log(s) + (1 - t) * log(1 - s))",
    .class = OP_LOSS,
    .meaning = OUTPUT_EACH,
    .uses = USES_COUNT,
    .in = loss_in,
    .out = loss_out,
    .shape = loss_values_shape,
    .flops = bce_flops,
    .grad = bce_grad,
    .plain = bce_plain,
};
