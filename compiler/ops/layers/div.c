/*
 * div: y = x0 / x1; dimensions of 1 are stretched.
 *
 *   dx0 = dy / x1,  dx1 = −dy · (x0 / x1) / x1,
 *
 * summed over the dimensions along which they were stretched.
 */
#include "autodiff/backward.h"
#include "ops/shared/combine.h"

static void div_plain(Writer *w, const Node *n) { combine_fold(w, n, "/"); }

/* The only branch after dy is the divisor. */
static void over_divisor(Writer *w, const Node *n)
{
    (void)n;
    writer_put(w, "value /= $x0;");
}

static void div_dx0_plain(Writer *w, const Node *n) { combine_gradient(w, n, over_divisor); }

static const Op div_dx0 = {
    .name = "div.dx0",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_INPLACE,
    .in = combine_dx_in,
    .out = combine_dx_out,
    .plain = div_dx0_plain,
};

static void of_divisor(Writer *w, const Node *n)
{
    (void)n;
    writer_put(w, "value *= -($x0 / $x1) / $x1;");
}

static void div_dx1_plain(Writer *w, const Node *n) { combine_gradient(w, n, of_divisor); }

static const Op div_dx1 = {
    .name = "div.dx1",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_INPLACE,
    .in = combine_dx_in,
    .out = combine_dx_out,
    .plain = div_dx1_plain,
};

static void div_grad(Backward *b, const Node *n)
{
    if (backward_wants(b, n->in[0])) combine_give(b, n, 0, &div_dx0, false);
    if (backward_wants(b, n->in[1])) combine_give(b, n, 1, &div_dx1, true);
}

const Op op_div = {
    .name = "div",
    .summary = "the first branch divided by the second; dimensions of 1 are stretched",
    .formula = "y = x0 / x1",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = combine_two_shape,
    .window = combine_window,
    .flops = combine_flops,
    .grad = div_grad,
    .plain = div_plain,
};
