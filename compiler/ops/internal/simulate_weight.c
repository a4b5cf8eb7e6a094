/*
 * simulate_weight: the numbers that the int8 form of a weight stands for, in floats, with a scale for each row.
 *
 *   q = min(max(round(weight / scale[r]), −127), 127), ties away from zero;   y = scale[r] · q
 *
 * The gradients are those of simulate.
 */
#include "autodiff/backward.h"
#include "graph/graph.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/weight_rows.h"

static const char *const weight_in[] = {"weight", "scale", NULL};
static const char *const weight_out[] = {"y", NULL};
static const char *const gradients_in[] = {"dy", "weight", "scale", NULL};
static const char *const dweight_out[] = {"dweight", NULL};
static const char *const dscale_out[] = {"dscale", NULL};

#define ROWS                               \
    "for ($int r = 0; r < $rows; r++) {\n" \
    "    const $real step = scale[r], half = ($real)0.5;\n"
#define COLUMNS                                                        \
    "    for ($int k = r * $columns; k < (r + 1) * $columns; k++) {\n" \
    "        const $real ratio = weight[k] / step;\n"                  \
    "        const $real whole = ratio < 0 ? -$floor(half - ratio) : $floor(ratio + half);\n"

static void weight_plain(Writer *w, const Node *n)
{
    weight_rows_bind(w, n->in[0]);
    writer_put(w, ROWS COLUMNS "        y[k] = step * (whole < -127 ? -127 : whole > 127 ? 127 : whole);\n"
                               "    }\n"
                               "}\n");
}

static void weight_dweight_plain(Writer *w, const Node *n)
{
    weight_rows_bind(w, n->in[1]);
    writer_put(w, ROWS COLUMNS "        dweight[k] = whole >= -127 && whole <= 127 ? dy[k] : 0;\n"
                               "    }\n"
                               "}\n");
}

static void weight_dscale_plain(Writer *w, const Node *n)
{
    weight_rows_bind(w, n->in[1]);
    writer_put(w, ROWS "    $real sum = 0;\n" COLUMNS
                       "        sum += dy[k] * (whole < -127 ? -127 : whole > 127 ? 127 : whole - ratio);\n"
                       "    }\n"
                       "    dscale[r] = sum;\n"
                       "}\n");
}

/* ---- fast form: runtime/kernels/quantized/simulated_weights.h ---------------------------------------- */

static void weight_emit(Writer *w, const Node *n)
{
    weight_rows_call(w, n->in[0], "nn_simulate_weight(&d, weight, scale, y, $t, $T);");
}

static void weight_dweight_emit(Writer *w, const Node *n)
{
    weight_rows_call(w, n->in[1], "nn_simulate_weight_dweight(&d, dy, weight, scale, dweight, $t, $T);");
}

static void weight_dscale_emit(Writer *w, const Node *n)
{
    weight_rows_call(w, n->in[1], "nn_simulate_weight_dscale(&d, dy, weight, scale, dscale, $t, $T);");
}

static const Variant weight_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = weight_emit, .kernel = "simulated_weights"}, {0}};
static const Variant weight_dweight_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = weight_dweight_emit, .kernel = "simulated_weights"}, {0}};
static const Variant weight_dscale_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = weight_dscale_emit, .kernel = "simulated_weights"}, {0}};

/* ---- gradients ------------------------------------------------------------------------------------------- */

static const Op weight_dweight = {
    .name = "simulate_weight.dweight",
    .class = OP_INTERNAL,
    .in = gradients_in,
    .out = dweight_out,
    .plain = weight_dweight_plain,
    .variants = weight_dweight_variants,
};

static const Op weight_dscale = {
    .name = "simulate_weight.dscale",
    .class = OP_INTERNAL,
    .in = gradients_in,
    .out = dscale_out,
    .plain = weight_dscale_plain,
    .variants = weight_dscale_variants,
};

static void weight_grad(Backward *b, const Node *n)
{
    backward_give_by(b, &weight_dscale, n, 1, 2, n->in);
    backward_give_by(b, &weight_dweight, n, 0, 2, n->in);
}

const Op op_simulate_weight = {
    .name = "simulate_weight",
    .summary = "the numbers that the int8 form of a weight stands for",
    .formula = "y = scale[r] * min(max(round(weight / scale[r]), -127), 127)",
    .class = OP_INTERNAL,
    .traits = OP_OWN_GRADIENT,
    .in = weight_in,
    .out = weight_out,
    .shape = model_value_shape,
    .grad = weight_grad,
    .plain = weight_plain,
    .variants = weight_variants,
};
