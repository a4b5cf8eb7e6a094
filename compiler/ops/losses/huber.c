/*
 * huber: L = mean over samples and elements of d² / 2 for |d| ≤ delta, and of
 * delta · (|d| − delta / 2) beyond, with d = s − t (Huber 1964).
 *
 * ds = d, limited to −delta … delta, / elements.
 */
#include "ops/shared/losses.h"

typedef struct HuberAttrs {
    double delta;
} HuberAttrs;

static const Attr huber_attrs[] = {
    {"delta", ATTR_REAL, offsetof(HuberAttrs, delta), "1", 0, 0, NULL},
    {0},
};

static bool huber_shape(Graph *g, Node *n)
{
    const HuberAttrs *a = n->attrs;
    if (a->delta <= 0) {
        diag_error(g->compilation, n->span, "huber: delta is %g; it must be above 0", a->delta);
        return false;
    }
    return loss_values_shape(g, n);
}

static void bind_delta(Writer *w, const Node *n)
{
    const HuberAttrs *a = n->attrs;
    writer_bind_real(w, "delta", a->delta);
    writer_bind_real(w, "half_delta", a->delta / 2);
}

static void huber_plain(Writer *w, const Node *n)
{
    bind_delta(w, n);
    loss_values(w, n,
                "const $real d = $fabs($s - $t);\n"
                "total += d <= $delta ? d * d / 2 : $delta * (d - $half_delta);\n");
}

static int64_t huber_flops(const Node *n) { return loss_cost(n, 5); }

static void huber_grad_plain(Writer *w, const Node *n)
{
    bind_delta(w, n);
    loss_values_gradient(w, n,
                         "const $real d = $s - $t;\n"
                         "$ds = part * (d < -$delta ? -$delta : d > $delta ? $delta : d);\n");
}

static const Op huber_gradient = {
    .name = "huber.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = loss_in,
    .out = loss_gradient_out,
    .plain = huber_grad_plain,
};

static void huber_grad(Backward *b, const Node *n) { loss_grad(b, n, &huber_gradient); }

const Op op_huber = {
    .name = "huber",
    .summary = "squared near 0, absolute beyond delta",
    .formula = "L = mean(|d| <= delta ? d^2 / 2 : delta * (|d| - delta / 2)), d = s - t",
    .class = OP_LOSS,
    .uses = USES_COUNT,
    .attrs = huber_attrs,
    .attrs_size = sizeof(HuberAttrs),
    .in = loss_in,
    .out = loss_out,
    .shape = huber_shape,
    .flops = huber_flops,
    .grad = huber_grad,
    .plain = huber_plain,
};
