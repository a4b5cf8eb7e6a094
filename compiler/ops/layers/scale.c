/*
 * scale: y[c] = by[c] · x[c], with constants of the net's text, per channel of an
 * image or per feature of a vector.
 *
 * One number serves all channels.
 *
 *   dx[c] = by[c] · dy[c]
 */
#include <math.h>

#include "ops/shared/constants.h"
#include "ops/shared/elementwise.h"

typedef struct ScaleAttrs {
    Reals by;
} ScaleAttrs;

static const Attr scale_attrs[] = {
    {"by", ATTR_REALS, offsetof(ScaleAttrs, by), NULL, 0, 0, NULL},
    {0},
};

static bool scale_shape(Graph *g, Node *n)
{
    const ScaleAttrs *a = n->attrs;
    return constants_fit(g, n, "by", &a->by) && elementwise_shape(g, n);
}

static void scale_plain(Writer *w, const Node *n)
{
    const ScaleAttrs *a = n->attrs;
    constants_of_channel(w, "by", &a->by);
    if (a->by.count == 1) {
        elementwise_forward(w, n, "$by * $x");
    } else {
        constants_loop(w, n, "y[k] = $by * x[k];");
    }
}

static void scale_grad_plain(Writer *w, const Node *n)
{
    const ScaleAttrs *a = n->attrs;
    constants_of_channel(w, "by", &a->by);
    if (a->by.count == 1) {
        elementwise_backward(w, n, "$by * $dy");
    } else {
        constants_loop(w, n, "dx[k] = $by * dy[k];");
    }
}

static const Op scale_gradient = {
    .name = "scale.grad",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .attrs_size = sizeof(ScaleAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .plain = scale_grad_plain,
};

static void scale_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &scale_gradient); }

static double scale_slope(const Node *n)
{
    const ScaleAttrs *a = n->attrs;
    double most = 0;
    for (int i = 0; i < a->by.count; i++) most = fmax(most, fabs(a->by.at[i]));
    return most;
}

const Op op_scale = {
    .name = "scale",
    .summary = "multiplies by a constant, or by one per channel",
    .formula = "y[c] = by[c] * x[c]",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = scale_attrs,
    .attrs_size = sizeof(ScaleAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = scale_shape,
    .slope = scale_slope,
    .grad = scale_grad,
    .plain = scale_plain,
};
