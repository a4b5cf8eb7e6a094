/*
 * simulate: the numbers that a value's int8 form stands for, in floats.
 *
 *   q = min(max(round(x / scale), −128 − zero), 127 − zero), ties away from zero;   y = scale · q
 *   dx = dy where round(x / scale) is within these bounds, 0 elsewhere (straight-through estimator)
 *   dscale = Σ dy · (q − x / scale within the bounds, q beyond them): the errors of each sample, and their sum
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
#include <string.h>

#include "autodiff/backward.h"
#include "ops/shared/elementwise.h"
#include "quantize/simulate.h"

static const char *const simulate_in[] = {"x", "scale", "zero_point", "unit", NULL};
static const char *const gradients_in[] = {"dy", "x", "scale", "zero_point", "unit", NULL};
static const char *const errors_out[] = {"errors", NULL};
static const char *const errors_in[] = {"errors", NULL};
static const char *const dscale_out[] = {"dscale", NULL};

/* A value as rows with a unit each. */
typedef struct Rows {
    bool sums;                  /* else it is one row without a unit */
    int64_t rows, inner, outer; /* [outer][rows][inner] */
} Rows;

/* `first`: the place of x among the inputs. */
static Rows unit_rows_of(const Node *n, int first)
{
    const SimulateAttrs *a = n->attrs;
    const int64_t elements = shape_count(n->in[first]->shape);
    if (!node_has(n, first + 3)) return (Rows){false, 1, elements, 1};
    const int64_t rows = shape_count(n->in[first + 3]->shape), inner = a->rows_last ? 1 : elements / rows;
    return (Rows){true, rows, inner, elements / (rows * inner)};
}

/* In the loop over k: what x[k] is rounded to. */
static void put_whole(Writer *w, const SimulateAttrs *a, bool sums)
{
    writer_bind(w, "from", "%s", a->integers ? "zero" : "0");
    writer_put(w, "const $real ratio = x[k] / step;\n");
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

/* The loops over samples and the elements of each, with `begin` and `end` around those of a sample; `body` sees
 * `whole` and `ratio` of element k. */
static void put_samples(Writer *w, const Node *n, int first, const char *const text[3])
{
    const Rows v = unit_rows_of(n, first);
    writer_bind_int(w, "rows", v.rows * v.outer);
    writer_bind_int(w, "inner", v.inner);
    writer_put(w, "const $real step = scale[0], zero = zero_point[0], low = -128 - zero, high = 127 - zero;\n"
                  "const $real half = ($real)0.5;\n"
                  "for ($int n = 0; n < $N; n++) {\n");
    writer_put(w, text[0]);
    writer_put(w, v.sums ? "for ($int r = 0; r < $rows; r++) {\n"
                           "$real fine = 1;\n"
                         : "");
    if (v.outer > 1)
        writer_bind(w, "row", "r %% %lld", (long long)v.rows);
    else
        writer_bind(w, "row", "%s", "r");
    if (v.sums) writer_put(w, "while (unit[$row] / step * fine < half && fine < 16384) { fine *= 2; }\n");
    writer_put(w, v.sums ? "for ($int k = (n * $rows + r) * $inner; k < (n * $rows + r + 1) * $inner; k++) {\n"
                         : "for ($int k = n * $inner; k < (n + 1) * $inner; k++) {\n");
    put_whole(w, n->attrs, v.sums);
    writer_put(w, text[1]);
    writer_put(w, v.sums ? "}\n}\n" : "}\n");
    writer_put(w, text[2]);
    writer_put(w, "}\n");
}

static void simulate_plain(Writer *w, const Node *n)
{
    static const char *const text[] = {"", "y[k] = step * (whole < low ? low : whole > high ? high : whole);\n", ""};
    put_samples(w, n, 0, text);
}

static void simulate_dx_plain(Writer *w, const Node *n)
{
    static const char *const text[] = {"", "dx[k] = whole >= low && whole <= high ? dy[k] : 0;\n", ""};
    put_samples(w, n, 1, text);
}

/* The sums are kept in double precision: a value may have more elements than single precision counts. */
static void simulate_errors_plain(Writer *w, const Node *n)
{
    static const char *const text[] = {
        "double sum = 0;\n", "sum += (double)(dy[k] * (whole < low ? low : whole > high ? high : whole - ratio));\n",
        "errors[n] = ($real)sum;\n"};
    put_samples(w, n, 1, text);
}

static void simulate_dscale_plain(Writer *w, const Node *n)
{
    (void)n;
    writer_put(w, "double sum = 0;\n"
                  "for ($int n = 0; n < $N; n++) {\n"
                  "    sum += (double)errors[n];\n"
                  "}\n"
                  "dscale[0] = ($real)sum;\n");
}

/* ---- fast form: runtime/kernels/quantized/simulated_values.h ---------------------------------------------- */

static bool has_rows_behind_others(const Node *n)
{
    const int first = strcmp(n->op->in[0], "dy") == 0;
    return node_has(n, first + 3) && ((const SimulateAttrs *)n->attrs)->rows_last && n->in[first]->shape.rank > 1;
}

static const char *rows_refusal(const Node *n)
{
    return has_rows_behind_others(n) ? "the rows are those of a sequence" : NULL;
}

static void put_call(Writer *w, const Node *n, int first, const char *call)
{
    const SimulateAttrs *a = n->attrs;
    const Rows v = unit_rows_of(n, first);
    const bool blocked = n->layout == LAYOUT_NCHW16N;
    writer_bind_int(w, "c", v.rows);
    writer_bind_int(w, "p", v.inner * v.outer);
    writer_bind_int(w, "last", v.sums && !blocked && (a->rows_last || n->layout == LAYOUT_NHWC));
    writer_bind_int(w, "lanes", blocked ? BATCH_BLOCK : 1);
    writer_bind_int(w, "averages", a->averages ? (a->integers ? 2 : 1) : 0);
    writer_bind(w, "unit", "%s", v.sums ? "unit" : "NULL");
    writer_put(w, "static const nn_simulated d = {.c = $c, .p = $p, .last = $last, .lanes = $lanes, "
                  ".averages = $averages};\n");
    writer_put(w, call);
}

static void simulate_emit(Writer *w, const Node *n)
{
    put_call(w, n, 0,
             "const nn_simulated_args args = {.x = x, .scale = scale, .zero = zero_point, .unit = $unit, .y = y};\n"
             "nn_simulate(&d, $N, &args, $t, $T);");
}

static void simulate_dx_emit(Writer *w, const Node *n)
{
    put_call(w, n, 1,
             "const nn_simulated_args args = {.dy = dy, .x = x, .scale = scale, .zero = zero_point, .unit = $unit, "
             ".y = dx};\n"
             "nn_simulate_dx(&d, $N, &args, $t, $T);");
}

static void simulate_errors_emit(Writer *w, const Node *n)
{
    put_call(w, n, 1,
             "const nn_simulated_args args = {.dy = dy, .x = x, .scale = scale, .zero = zero_point, .unit = $unit, "
             ".y = errors};\n"
             "nn_simulate_errors(&d, $N, &args, $t, $T);");
}

/* The rows of a sequence's dense layer are there in NCHW alone. */
#define SIMULATE_ROWS(EMIT)             \
    {.name = "simd",                    \
     .layouts = IN_ANY_LAYOUT,          \
     .traits = VARIANT_ANY_BATCH,       \
     .refuses = rows_refusal,           \
     .emit = EMIT,                      \
     .kernel = "simulated_values"},     \
        {.name = "sequence",            \
         .layouts = IN_NCHW,            \
         .traits = VARIANT_ANY_BATCH,   \
         .emit = EMIT,                  \
         .kernel = "simulated_values"}, \
    {                                   \
        0                               \
    }

static const Variant simulate_variants[] = {SIMULATE_ROWS(simulate_emit)};
static const Variant simulate_dx_variants[] = {SIMULATE_ROWS(simulate_dx_emit)};
static const Variant simulate_errors_variants[] = {SIMULATE_ROWS(simulate_errors_emit)};

/* ---- gradients ------------------------------------------------------------------------------------------- */

static const Op simulate_dx = {
    .name = "simulate.dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = gradients_in,
    .out = gradient_out,
    .plain = simulate_dx_plain,
    .variants = simulate_dx_variants,
};

/* Of each sample, so that threads can divide them. */
static const Op simulate_errors = {
    .name = "simulate.errors",
    .class = OP_INTERNAL,
    .in = gradients_in,
    .out = errors_out,
    .plain = simulate_errors_plain,
    .variants = simulate_errors_variants,
};

static const Op simulate_dscale = {
    .name = "simulate.dscale",
    .class = OP_INTERNAL,
    .in = errors_in,
    .out = dscale_out,
    .plain = simulate_dscale_plain,
};

static void give_dscale(Backward *b, const Node *n)
{
    Graph *g = backward_graph(b);
    if (!backward_wants(b, n->in[1])) return;
    Node *errors = backward_node(b, &simulate_errors, n);
    node_in(g, errors, backward_of(b, n->out[0]));
    for (int i = 0; i < n->in_count; i++) node_in(g, errors, n->in[i]);
    node_out(g, errors, shape_vector(1));
    Node *sum = backward_node(b, &simulate_dscale, n);
    node_in(g, sum, errors->out[0]);
    backward_give(b, n->in[1], node_out_as(g, sum, g->real, false, n->in[1]->shape));
}

static void simulate_grad(Backward *b, const Node *n)
{
    give_dscale(b, n);
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
    .variants = simulate_variants,
};
