/*
 * scale_rows: a weight or a bias with a batchnorm folded into it, y[r][…] = scale[r] · weight[r][…] + shift[r];
 * a weight has no shift.
 *
 *   dweight[r][…] = scale[r] · dy[r][…];   dscale[r] = Σ dy[r][…] · weight[r][…];   dshift = dy
 */
#include "autodiff/backward.h"
#include "graph/graph.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/weight_rows.h"

static const char *const rows_in[] = {"weight", "scale", "shift", NULL};
static const char *const rows_out[] = {"y", NULL};
static const char *const dweight_in[] = {"dy", "scale", NULL};
static const char *const dscale_in[] = {"dy", "weight", NULL};
static const char *const dweight_out[] = {"dweight", NULL};
static const char *const dscale_out[] = {"dscale", NULL};

#define EACH_ROW                           \
    "for ($int r = 0; r < $rows; r++) {\n" \
    "    for ($int k = r * $columns; k < (r + 1) * $columns; k++) {\n"

static void rows_plain(Writer *w, const Node *n)
{
    weight_rows_bind(w, n->in[0]);
    writer_put(w, node_has(n, 2) ? EACH_ROW "        y[k] = scale[r] * weight[k] + shift[r];\n    }\n}\n"
                                 : EACH_ROW "        y[k] = scale[r] * weight[k];\n    }\n}\n");
}

static void rows_dweight_plain(Writer *w, const Node *n)
{
    weight_rows_bind(w, n->out[0]);
    writer_put(w, EACH_ROW "        dweight[k] = scale[r] * dy[k];\n    }\n}\n");
}

static void rows_dscale_plain(Writer *w, const Node *n)
{
    weight_rows_bind(w, n->in[1]);
    writer_put(w, "for ($int r = 0; r < $rows; r++) {\n"
                  "    $real sum = 0;\n"
                  "    for ($int k = r * $columns; k < (r + 1) * $columns; k++) {\n"
                  "        sum += dy[k] * weight[k];\n"
                  "    }\n"
                  "    dscale[r] = sum;\n"
                  "}\n");
}

/* ---- fast form: runtime/kernels/quantized/simulated_weights.h ---------------------------------------- */

static void rows_emit(Writer *w, const Node *n)
{
    weight_rows_call(w, n->in[0],
                     node_has(n, 2) ? "nn_scale_rows(&d, weight, scale, shift, y, $t, $T);"
                                    : "nn_scale_rows(&d, weight, scale, NULL, y, $t, $T);");
}

static void rows_dweight_emit(Writer *w, const Node *n)
{
    weight_rows_call(w, n->out[0], "nn_scale_rows(&d, dy, scale, NULL, dweight, $t, $T);");
}

static void rows_dscale_emit(Writer *w, const Node *n)
{
    weight_rows_call(w, n->in[1], "nn_rows_dscale(&d, dy, weight, dscale, $t, $T);");
}

static const Variant rows_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = rows_emit, .kernel = "simulated_weights"}, {0}};
static const Variant rows_dweight_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = rows_dweight_emit, .kernel = "simulated_weights"}, {0}};
static const Variant rows_dscale_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = rows_dscale_emit, .kernel = "simulated_weights"}, {0}};

/* ---- gradients ------------------------------------------------------------------------------------------- */

static const Op rows_dweight = {
    .name = "scale_rows.dweight",
    .class = OP_INTERNAL,
    .in = dweight_in,
    .out = dweight_out,
    .plain = rows_dweight_plain,
    .variants = rows_dweight_variants,
};

static const Op rows_dscale = {
    .name = "scale_rows.dscale",
    .class = OP_INTERNAL,
    .in = dscale_in,
    .out = dscale_out,
    .plain = rows_dscale_plain,
    .variants = rows_dscale_variants,
};

static void rows_grad(Backward *b, const Node *n)
{
    backward_give_by(b, &rows_dscale, n, 1, 1, &n->in[0]);
    if (node_has(n, 2) && backward_wants(b, n->in[2])) backward_give(b, n->in[2], backward_of(b, n->out[0]));
    backward_give_by(b, &rows_dweight, n, 0, 1, &n->in[1]);
}

const Op op_scale_rows = {
    .name = "scale_rows",
    .summary = "a weight or a bias with a batchnorm folded into it",
    .formula = "y = scale[r] * weight + shift[r]",
    .class = OP_INTERNAL,
    .in = rows_in,
    .out = rows_out,
    .shape = model_value_shape,
    .grad = rows_grad,
    .plain = rows_plain,
    .variants = rows_variants,
};
