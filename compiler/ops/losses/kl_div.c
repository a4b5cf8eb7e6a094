/*
 * kl_div: the Kullback–Leibler divergence of the net's distribution from the target's,
 * PyTorch's KLDivLoss: the scores are logarithms of probabilities, the target has
 * probabilities.
 *
 *   L = Σ t · (log t − s) / (samples · elements),   with reduction=batchmean / samples
 *   ds = −t / (samples · elements), or −t / samples
 *
 * A t of 0 adds −0 · s.  The divergence itself is batchmean; the default is PyTorch's.
 */
#include "ops/shared/losses.h"

typedef struct KlDivAttrs {
    int reduction;
} KlDivAttrs;

enum { REDUCTION_MEAN, REDUCTION_BATCHMEAN };

static const char *const kl_div_reductions[] = {"mean", "batchmean", NULL};

static const Attr kl_div_attrs[] = {
    {"reduction", ATTR_SYMBOL, offsetof(KlDivAttrs, reduction), "mean", 0, 0, kl_div_reductions},
    {0},
};

/* $times: what makes the mean over elements a sum, "10 * ", or nothing. */
static void bind_times(Writer *w, const Node *n)
{
    const KlDivAttrs *a = n->attrs;
    long long elements = (long long)shape_count(node_shape_in(n));
    if (a->reduction == REDUCTION_MEAN || elements == 1) {
        writer_bind(w, "times", "%s", "");
    } else {
        writer_bind(w, "times", "%lld * ", elements);
    }
}

static void kl_div_plain(Writer *w, const Node *n)
{
    bind_times(w, n);
    loss_values(w, n, "total += $times(($t == 0 ? 0 : $t * $log($t)) - $t * $s);");
}

static int64_t kl_div_flops(const Node *n) { return loss_cost(n, 4); }

static void kl_div_grad_plain(Writer *w, const Node *n)
{
    bind_times(w, n);
    loss_values_gradient(w, n, "$ds = -part * $times$t;");
}

/* The scores themselves are not read. */
static const char *const kl_div_gradient_in[] = {"target", NULL};

static const Op kl_div_gradient = {
    .name = "kl_div.grad",
    .class = OP_INTERNAL,
    .in = kl_div_gradient_in,
    .out = loss_gradient_out,
    .plain = kl_div_grad_plain,
};

static void kl_div_grad(Backward *b, const Node *n) { loss_grad(b, n, &kl_div_gradient); }

const Op op_kl_div = {
    .name = "kl_div",
    .summary = "divergence of probabilities from log_softmax's",
    .formula = "L = mean(t * (log(t) - s))",
    .class = OP_LOSS,
    .uses = USES_COUNT,
    .attrs = kl_div_attrs,
    .attrs_size = sizeof(KlDivAttrs),
    .in = loss_in,
    .out = loss_out,
    .shape = loss_values_shape,
    .flops = kl_div_flops,
    .grad = kl_div_grad,
    .plain = kl_div_plain,
};
