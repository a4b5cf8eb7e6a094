/*
 * simulate_bias: the numbers that the int32 bias of a layer in int8 stands for, in floats.
 *
 *   y[r] = unit[r] · round(bias[r] / unit[r]);   dbias = dy
 */
#include "autodiff/backward.h"
#include "graph/graph.h"
#include "ops/shared/elementwise.h"

static const char *const bias_in[] = {"bias", "unit", NULL};
static const char *const bias_out[] = {"y", NULL};

/* Of a weight of 0 nothing is left to round. */
static void bias_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "count", shape_count(n->out[0]->shape));
    writer_put(w, "for ($int r = 0; r < $count; r++) {\n"
                  "    const $real half = ($real)0.5, ratio = unit[r] > 0 ? bias[r] / unit[r] : 0;\n"
                  "    const $real whole = ratio < 0 ? -$floor(half - ratio) : $floor(ratio + half);\n"
                  "    y[r] = unit[r] > 0 ? unit[r] * whole : bias[r];\n"
                  "}\n");
}

static void bias_grad(Backward *b, const Node *n)
{
    if (backward_wants(b, n->in[0])) backward_give(b, n->in[0], backward_of(b, n->out[0]));
}

const Op op_simulate_bias = {
    .name = "simulate_bias",
    .summary = "the numbers that an int32 bias stands for",
    .formula = "y = unit[r] * round(bias[r] / unit[r])",
    .class = OP_INTERNAL,
    .traits = OP_OWN_GRADIENT,
    .in = bias_in,
    .out = bias_out,
    .shape = model_value_shape,
    .grad = bias_grad,
    .plain = bias_plain,
};
