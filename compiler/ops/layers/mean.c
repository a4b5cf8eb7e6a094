/*
 * mean: y = (x0 + x1 + …) / branches; dimensions of 1 are stretched.
 *
 *   dx_i = dy / branches, summed over the dimensions along which x_i was stretched
 */
#include <stdio.h>

#include "ops/shared/combine.h"

static void mean_plain(Writer *w, const Node *n)
{
    char last[32];
    snprintf(last, sizeof last, "value / %d", n->in_count);
    combine_values(w, n, "value += $x;", last);
}

static int64_t mean_flops(const Node *n) { return n->in_count * shape_count(node_shape_out(n)); }

static void mean_grad(Backward *b, const Node *n)
{
    for (int i = 0; i < n->in_count; i++) combine_give_share(b, n, i, 1.0 / n->in_count);
}

const Op op_mean = {
    .name = "mean",
    .summary = "mean of the branches; dimensions of 1 are stretched",
    .formula = "y = (x0 + x1 + ...) / branches",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = combine_shape,
    .window = combine_window,
    .flops = mean_flops,
    .grad = mean_grad,
    .plain = mean_plain,
};
