/*
 * simulate: the numbers that a value's int8 form stands for, in floats.
 *
 *   q = min(max(round(x / scale), −128 − zero), 127 − zero), ties away from zero;   y = scale · q
 *   dx = dy where round(x / scale) is within these bounds, 0 elsewhere (straight-through estimator)
 *   dscale = Σ dy · (q − x / scale within the bounds, q beyond them)
 *
 * A sum of integers, each of which stands for unit[r], is rounded twice, as gemmlowp's multiplication in fixed
 * point does it: first to a multiple of 2^−k, where 2^k · unit[r] / scale is between 1/2 and 1.  One of 2^(k+1)
 * numbers is another one by that.
 *
 * Halfway cases are frequent where integers are averaged, and floats know them no better than to some digits: what is
 * nearer to one than 1/4096 of a step is taken for one there.  Averages without padding round them away from
 * the 0 of −128 … 127.
 *
 * NaN passes through; its gradient is 0.
 */
#include "autodiff/backward.h"
#include "ops/shared/elementwise.h"
#include "quantize/simulate.h"

static const char *const simulate_in[] = {"x", "scale", "zero_point", "unit", NULL};
static const char *const gradients_in[] = {"dy", "x", "scale", "zero_point", "unit", NULL};
static const char *const dscale_out[] = {"dscale", NULL};

/* Opens three loops, the inner one over a row's elements k, with `whole` and `ratio` of each.  `first`: the
 * place of x among the inputs. */
static void open_rows(Writer *w, const Node *n, int first, const char *begin)
{
    const SimulateAttrs *a = n->attrs;
    const bool sums = node_has(n, first + 3);
    const int64_t elements = shape_count(n->in[first]->shape), rows = sums ? shape_count(n->in[first + 3]->shape) : 1;
    const int64_t inner = sums && a->rows_last ? 1 : elements / rows;
    writer_bind_int(w, "rows", rows);
    writer_bind_int(w, "inner", inner);
    writer_bind_int(w, "outer", elements / (rows * inner));
    writer_bind(w, "from", "%s", a->integers ? "zero" : "0");
    writer_put(w, "const $real step = scale[0], zero = zero_point[0], low = -128 - zero, high = 127 - zero;\n"
                  "const $real half = ($real)0.5;\n");
    writer_put(w, begin);
    writer_put(w, "for ($int n = 0; n < $N * $outer; n++) {\n"
                  "for ($int r = 0; r < $rows; r++) {\n");
    if (sums)
        writer_put(w, "$real fine = 1;\n"
                      "while (unit[r] / step * fine < half && fine < 16384) { fine *= 2; }\n");
    writer_put(w, "for ($int k = (n * $rows + r) * $inner; k < (n * $rows + r + 1) * $inner; k++) {\n"
                  "const $real ratio = x[k] / step;\n");
    if (sums)
        writer_put(w, "const $real place = $floor(ratio * fine + half) / fine;\n");
    else if (a->averages)
        writer_put(w, "const $real place = $floor((ratio + $from) * 2048 + half) / 2048;\n");
    else
        writer_put(w, "const $real place = ratio;\n");
    writer_put(w, a->averages
                      ? "const $real whole = (place < 0 ? -$floor(half - place) : $floor(place + half)) - $from;\n"
                      : "const $real whole = place < 0 ? -$floor(half - place) : $floor(place + half);\n");
}

static void simulate_plain(Writer *w, const Node *n)
{
    open_rows(w, n, 0, "");
    writer_put(w, "y[k] = step * (whole < low ? low : whole > high ? high : whole);\n}\n}\n}\n");
}

static void simulate_dx_plain(Writer *w, const Node *n)
{
    open_rows(w, n, 1, "");
    writer_put(w, "dx[k] = whole >= low && whole <= high ? dy[k] : 0;\n}\n}\n}\n");
}

/* The sums are kept in double precision: a value has more elements in a batch than single precision counts. */
static void simulate_dscale_plain(Writer *w, const Node *n)
{
    open_rows(w, n, 1, "double sum = 0;\n");
    writer_put(w, "sum += (double)(dy[k] * (whole < low ? low : whole > high ? high : whole - ratio));\n"
                  "}\n}\n}\n"
                  "dscale[0] = ($real)sum;\n");
}

static const Op simulate_dx = {
    .name = "simulate.dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradients_in,
    .out = gradient_out,
    .plain = simulate_dx_plain,
};

static const Op simulate_dscale = {
    .name = "simulate.dscale",
    .class = OP_INTERNAL,
    .in = gradients_in,
    .out = dscale_out,
    .plain = simulate_dscale_plain,
};

static void simulate_grad(Backward *b, const Node *n)
{
    backward_give_by(b, &simulate_dscale, n, 1, n->in_count, n->in);
    backward_give_by(b, &simulate_dx, n, 0, n->in_count, n->in);
}

static int64_t simulate_flops(const Node *n) { return elementwise_cost(n, 8); }

const Op op_simulate = {
    .name = "simulate",
    .summary = "the numbers that the int8 form of a value stands for",
    .formula = "y = scale * min(max(round(x / scale), -128 - zero_point), 127 - zero_point)",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE | OP_OWN_GRADIENT,
    .in = simulate_in,
    .out = elementwise_out,
    .shape = elementwise_shape,
    .slope = slope_one,
    .flops = simulate_flops,
    .grad = simulate_grad,
    .plain = simulate_plain,
};
