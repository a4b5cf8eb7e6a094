/*
 * shift: y[c] = x[c] + by[c], with constants of the net's text, per channel of an
 * image or per feature of a vector.
 *
 * One number serves all channels.  The gradient is dy itself: no node computes it.
 */
#include "autodiff/backward.h"
#include "ops/shared/constants.h"
#include "ops/shared/elementwise.h"

typedef struct ShiftAttrs {
    Reals by;
} ShiftAttrs;

static const Attr shift_attrs[] = {
    {"by", ATTR_REALS, offsetof(ShiftAttrs, by), NULL, 0, 0, NULL},
    {0},
};

static bool shift_shape(Graph *g, Node *n)
{
    const ShiftAttrs *a = n->attrs;
    return constants_fit(g, n, "by", &a->by) && elementwise_shape(g, n);
}

static void shift_plain(Writer *w, const Node *n)
{
    const ShiftAttrs *a = n->attrs;
    constants_of_channel(w, "by", &a->by);
    if (a->by.count == 1) {
        elementwise_forward(w, n, "$x + $by");
    } else {
        constants_loop(w, n, "y[k] = x[k] + $by;");
    }
}

static void shift_grad(Backward *b, const Node *n)
{
    if (backward_wants(b, n->in[0])) backward_give(b, n->in[0], backward_of(b, n->out[0]));
}

const Op op_shift = {
    .name = "shift",
    .summary = "adds a constant, or one per channel",
    .formula = "y[c] = x[c] + by[c]",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = shift_attrs,
    .attrs_size = sizeof(ShiftAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = shift_shape,
    .slope = slope_one,
    .grad = shift_grad,
    .plain = shift_plain,
};
