/*
 * nll: L = −mean of s[t], the logarithm of the probability that a net ending in
 * log_softmax gives to the sample's class t.
 *
 *   ds[t] = −1 / samples, 0 elsewhere
 */
#include "ops/shared/losses.h"

typedef struct NllAttrs {
    int64_t ignore_index;
} NllAttrs;

static const Attr nll_attrs[] = {
    {"ignore_index", ATTR_INT, offsetof(NllAttrs, ignore_index), "-100", INT32_MIN, INT32_MAX, NULL},
    {0},
};

static LossTarget nll_target(const void *attrs, Shape scores)
{
    const NllAttrs *a = attrs;
    LossTarget target = loss_classes_target(attrs, scores);
    target.ignored = a->ignore_index;
    return target;
}

static void nll_plain(Writer *w, const Node *n)
{
    loss_classes_open(w, n, "1");
    writer_put(w, "total -= @scores(n, t, $p);");
    loss_classes_close(w, n);
}

static int64_t nll_flops(const Node *n)
{
    (void)n;
    return 1;
}

static void nll_grad_plain(Writer *w, const Node *n)
{
    loss_classes_open_gradient(w, n, "1");
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "    @dscores(n, c, $p) = c == t ? -part : 0;\n"
                  "}\n");
    loss_classes_close_gradient(w, n);
}

/* The scores themselves are not read. */
static const char *const nll_gradient_in[] = {"target", "targets", NULL};

static const Op nll_gradient = {
    .name = "nll.grad",
    .class = OP_INTERNAL,
    .in = nll_gradient_in,
    .out = loss_gradient_out,
    .plain = nll_grad_plain,
};

static void nll_grad(Backward *b, const Node *n) { loss_grad(b, n, &nll_gradient); }

const Op op_nll = {
    .name = "nll",
    .summary = "negative log likelihood, after log_softmax",
    .formula = "L = -mean(s[t])",
    .class = OP_LOSS,
    .meaning = OUTPUT_LOGARITHMS,
    .target = nll_target,
    .uses = USES_COUNT,
    .attrs = nll_attrs,
    .attrs_size = sizeof(NllAttrs),
    .in = loss_in,
    .out = loss_out,
    .shape = loss_classes_shape,
    .flops = nll_flops,
    .grad = nll_grad,
    .plain = nll_plain,
};
