/*
 * batchnorm: each channel is brought to mean 0 and variance 1, PyTorch's
 * BatchNorm1d and BatchNorm2d (Ioffe and Szegedy 2015).
 *
 *   inference   y = (x − running_mean[c]) / sqrt(running_var[c] + eps) · weight[c] + bias[c]
 *   training    the same with the mean and the biased variance of the channel over
 *               the batch and the image, M = N·H·W values; and then
 *               running ← (1 − momentum) · running + momentum · batch, with the
 *               variance times M / (M − 1); momentum=none is 1 / the number of steps so
 *               far, the cumulative average, and that number is one more buffer,
 *               num_batches_tracked
 *
 *   x, y: [N][C][H][W] or [N][C]   all others: [C]
 *
 *   with x̂ = (x − mean)·inv:   dbias = Σ dy;   dweight = Σ dy·x̂
 *   dx = weight · inv · (dy − dbias/M − x̂ · dweight/M)
 *
 * A frozen one is in its inference form while the rest of the net trains, as after
 * PyTorch's eval(): its statistics stay, and dx = dy · weight / sqrt(running_var + eps).
 *
 * Backward keeps mean and inv = 1/sqrt(var + eps) of each channel and x; y can be had
 * again from them, without a second step of the running statistics.  The
 * two sums are one node, since dx needs both.  The sums are taken in two levels,
 * over an image and over the batch.
 *
 * Without affine parameters the arrays have other names, so that form is a
 * record of its own under the same name; the shape rule chooses it.  So are the training
 * forms that write one buffer more; these have no kernel.
 */
#include "ops/layers/batchnorm.h"

#include "autodiff/backward.h"
#include "ops/shared/quantized.h"

static const Attr batchnorm_attrs[] = {
    {"eps", ATTR_REAL, offsetof(BatchnormAttrs, eps), "1e-5", 0, 1e9, NULL},
    {"momentum", ATTR_REAL, offsetof(BatchnormAttrs, momentum), "0.1", 0, 1, attr_or_none},
    {"affine", ATTR_BOOL, offsetof(BatchnormAttrs, affine), "yes", 0, 0, NULL},
    {0},
};

static const char *const affine_in[] = {"x", "weight", "bias", "running_mean", "running_var", "num_batches_tracked",
                                        NULL};
static const char *const bare_in[] = {"x", "running_mean", "running_var", "num_batches_tracked", NULL};
static const char *const batchnorm_out[] = {"y", NULL};
static const char *const training_out[] = {"y", "mean", "inv", NULL};
static const char *const statistics_in[] = {"x", "running_mean", "running_var", NULL};
static const char *const statistics_out[] = {"mean", "inv", NULL};
static const char *const sums_in[] = {"dy", "x", "mean", "inv", NULL};
static const char *const sums_out[] = {"dweight", "dbias", NULL};
static const char *const dx_in[] = {"dy", "x", "mean", "inv", "dweight", "dbias", "weight", NULL};
static const char *const dx_out[] = {"dx", NULL};

/* with the statistics that the first time left */
static const char *const again_in[] = {"x", "weight", "bias", "mean", "inv", NULL};
static const char *const bare_again_in[] = {"x", "mean", "inv", NULL};

static const Op batchnorm_bare, cumulative_affine, cumulative_bare;

static bool batchnorm_shape(Graph *g, Node *n)
{
    if (!batchnorm_is_affine(n)) n->op = &batchnorm_bare;
    node_out(g, n, node_shape_in(n));
    return true;
}

static bool training_shape(Graph *g, Node *n)
{
    Shape in = node_shape_in(n), channels = shape_vector(in.dim[0]);
    if (batchnorm_is_cumulative(n)) n->op = batchnorm_is_affine(n) ? &cumulative_affine : &cumulative_bare;
    if (g->batch * shape_count(in) == in.dim[0]) {
        const char *shape = shape_text(g->compilation->arena, in);
        diag_warning(g->compilation, n->span,
                     "batchnorm cannot train here: a batch of 1 with an input of %s gives one value per channel, which "
                     "normalises to 0",
                     shape);
    }
    node_out(g, n, in);
    node_out_as(g, n, g->real, false, channels);
    node_out_as(g, n, g->real, false, channels);
    return true;
}

static void batchnorm_params(Graph *g, Node *n)
{
    Shape channels = shape_vector(node_shape_in(n).dim[0]);
    if (batchnorm_is_affine(n)) {
        node_param(g, n, "weight", channels, init_constant(1))->regularized = false;
        node_param(g, n, "bias", channels, init_constant(0))->regularized = false;
    }
    node_buffer(g, n, "running_mean", channels, init_constant(0));
    node_buffer(g, n, "running_var", channels, init_constant(1));
    if (batchnorm_is_cumulative(n)) node_buffer(g, n, "num_batches_tracked", (Shape){0}, init_constant(0));
}

/* At inference one multiplication and one addition per element. */
static int64_t batchnorm_flops(const Node *n) { return 2 * shape_count(node_shape_in(n)); }

/* ---- loops ------------------------------------------------------------ */

/* Elements per channel and sample. */
static int64_t plane(const Node *n) { return shape_count(node_shape_in(n)) / node_shape_in(n).dim[0]; }

void batchnorm_bind_sizes(Writer *w, const Node *n)
{
    const BatchnormAttrs *a = n->attrs;
    long long channels = node_shape_in(n).dim[0], elements = plane(n);
    writer_bind_int(w, "C", channels);
    writer_bind_int(w, "P", elements);
    writer_bind(w, "at", elements == 1 ? "n * %lld + c" : "(n * %lld + c) * %lld + k", channels, elements);
    writer_bind_real(w, "eps", a->eps);
    if (batchnorm_is_cumulative(n)) {
        writer_bind(w, "momentum", "momentum");
        writer_bind(w, "keep", "(1 - momentum)");
    } else {
        writer_bind_real(w, "momentum", a->momentum);
        writer_bind_real(w, "keep", 1 - a->momentum);
    }
}

/* The count of a cumulative average is of no use at inference. */
static void ignore_count(Writer *w, const Node *n)
{
    if (batchnorm_is_cumulative(n)) writer_put(w, "(void)num_batches_tracked;");
}

/* The loops over the batch and the elements of channel c. */
static void put_each(Writer *w, const Node *n, const char *statement)
{
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int inner = norm_loop(w, plane(n));
    writer_put(w, statement);
    writer_put(w, inner ? "}\n}" : "}");
}

static void batchnorm_plain(Writer *w, const Node *n)
{
    batchnorm_bind_sizes(w, n);
    ignore_count(w, n);
    writer_put(w, "for ($int c = 0; c < $C; c++) {");
    if (batchnorm_is_affine(n)) {
        writer_put(w, "const $real scale = weight[c] / $sqrt(running_var[c] + $eps);\n"
                      "const $real shift = bias[c] - running_mean[c] * scale;\n");
    } else {
        writer_put(w, "const $real scale = 1 / $sqrt(running_var[c] + $eps);\n"
                      "const $real shift = -running_mean[c] * scale;\n");
    }
    put_each(w, n, "y[$at] = x[$at] * scale + shift;");
    writer_put(w, "}");
}

NormLoops batchnorm_loops(const Node *n) { return (NormLoops){"n", "$N", plane(n)}; }

/* Declares count, the values of a channel: M. */
static void batchnorm_put_count(Writer *w, const Node *n)
{
    writer_put(w, plane(n) == 1 ? "const $int count = $N;" : "const $int count = $N * $P;");
}

/* Of a channel with this average and scale. */
static void put_training(Writer *w, const Node *n)
{
    put_each(w, n,
             batchnorm_is_affine(n) ? "y[$at] = (x[$at] - average) * scale * weight[c] + bias[c];"
                                    : "y[$at] = (x[$at] - average) * scale;");
}

void batchnorm_put_momentum(Writer *w, const Node *n)
{
    if (batchnorm_is_cumulative(n))
        writer_put(w, "num_batches_tracked[0] += 1;\n"
                      "const $real momentum = 1 / num_batches_tracked[0];\n");
}

static void put_statistics(Writer *w, const Node *n, bool and_y)
{
    batchnorm_bind_sizes(w, n);
    batchnorm_put_count(w, n);
    batchnorm_put_momentum(w, n);
    writer_put(w, "for ($int c = 0; c < $C; c++) {");
    norm_moments(w, batchnorm_loops(n), "count");
    writer_put(w, "const $real scale = 1 / $sqrt(variance + $eps);");
    if (and_y) put_training(w, n);
    writer_put(w,
               "mean[c] = average;\n"
               "inv[c] = scale;\n"
               "running_mean[c] = $keep * running_mean[c] + $momentum * average;\n"
               "running_var[c] = $keep * running_var[c] + $momentum * variance * count / (count > 1 ? count - 1 : 1);\n"
               "}\n");
}

static void training_plain(Writer *w, const Node *n) { put_statistics(w, n, true); }
static void statistics_plain(Writer *w, const Node *n) { put_statistics(w, n, false); }

static void again_plain(Writer *w, const Node *n)
{
    batchnorm_bind_sizes(w, n);
    writer_put(w, "for ($int c = 0; c < $C; c++) {\n"
                  "const $real average = mean[c], scale = inv[c];\n");
    put_training(w, n);
    writer_put(w, "}");
}

static void sums_plain(Writer *w, const Node *n)
{
    batchnorm_bind_sizes(w, n);
    writer_put(w, "for ($int c = 0; c < $C; c++) {");
    norm_sum(w, "sum", batchnorm_loops(n), NULL, "dy[$at]");
    norm_sum(w, "along", batchnorm_loops(n), NULL, "dy[$at] * (x[$at] - mean[c])");
    writer_put(w, "dweight[c] = along * inv[c];\n"
                  "dbias[c] = sum;\n"
                  "}\n");
}

static void dx_plain(Writer *w, const Node *n)
{
    batchnorm_bind_sizes(w, n);
    batchnorm_put_count(w, n);
    writer_put(w, "for ($int c = 0; c < $C; c++) {");
    writer_put(w, batchnorm_is_affine(n) ? "const $real scale = weight[c] * inv[c];" : "const $real scale = inv[c];");
    writer_put(w, "const $real offset = dbias[c] / count;\n"
                  "const $real slope = dweight[c] * inv[c] / count;\n");
    put_each(w, n, "dx[$at] = scale * (dy[$at] - offset - (x[$at] - mean[c]) * slope);");
    writer_put(w, "}");
}

/* ---- fast form: runtime/kernels/norm/batchnorm.h --------------------------- */

/* Channels last, each pixel is as a sample of single values. */
void batchnorm_call(Writer *w, const Node *n, const Tensor *x, const Tensor *y, const Tensor *dx, const char *call)
{
    batchnorm_bind_sizes(w, n);
    if (batchnorm_is_cumulative(n)) writer_bind(w, "momentum", "0"); /* these kernels do not average */
    writer_bind(w, "weight", batchnorm_is_affine(n) ? "weight" : "0");
    writer_bind(w, "bias", batchnorm_is_affine(n) ? "bias" : "0");
    writer_put(w, n->layout == LAYOUT_NHWC ? "const long rows = (long)$N * $P;" : "const long rows = $N;");
    if (n->layout == LAYOUT_NHWC) writer_bind_int(w, "P", 1);
    writer_bind(w, "format", !n->chunk && x->dtype == DTYPE_BF16 ? "_bf16" : "");
    bool relu = n->epilogue && n->epilogue->relu;
    writer_bind_int(w, "relu", relu);
    writer_bind(w, "residual", n->epilogue && n->epilogue->add ? "residual" : "0");
    writer_bind(w, "mask_weight", relu && batchnorm_is_affine(n) ? "weight" : "0");
    writer_bind(w, "mask_bias", relu && batchnorm_is_affine(n) ? "bias" : "0");
    writer_bind_int(w, "x_step", tensor_pixel_stride(x));
    writer_bind_int(w, "y_step", tensor_pixel_stride(y));
    writer_bind_int(w, "dx_step", dx ? tensor_pixel_stride(dx) : 0);
    writer_put(w,
               "static const nn_batchnorm size = {.c = $C, .p = $P, .eps = $eps, .momentum = $momentum, .relu = $relu, "
               ".x_step = $x_step, .y_step = $y_step, .dx_step = $dx_step};");
    writer_put(w, call);
}

static void batchnorm_emit(Writer *w, const Node *n)
{
    ignore_count(w, n);
    batchnorm_call(w, n, n->in[0], n->out[0], NULL,
                   "const nn_batchnorm_infer_args args = {.x = x, .weight = $weight, .bias = $bias, "
                   ".running_mean = running_mean, .running_var = running_var, .y = y};\n"
                   "nn_batchnorm_infer$format(&size, rows, &args, $t, $T);");
}

static void training_emit(Writer *w, const Node *n)
{
    batchnorm_call(
        w, n, n->in[0], n->out[0], NULL,
        "const nn_batchnorm_train_args args = {.x = x, .weight = $weight, .bias = $bias, .residual = $residual, "
        ".running_mean = running_mean, .running_var = running_var, .y = y, .mean = mean, .inv = inv};\n"
        "nn_batchnorm_train$format(&size, rows, &args, $t, $T);");
}

static void statistics_emit(Writer *w, const Node *n)
{
    batchnorm_call(w, n, n->in[0], n->in[0], NULL,
                   "const nn_batchnorm_train_args args = {.x = x, .running_mean = running_mean, "
                   ".running_var = running_var, .mean = mean, .inv = inv};\n"
                   "nn_batchnorm_train$format(&size, rows, &args, $t, $T);");
}

static void again_emit(Writer *w, const Node *n)
{
    batchnorm_call(w, n, n->in[0], n->out[0], NULL,
                   "const nn_batchnorm_recompute_args args = {.x = x, .weight = $weight, .bias = $bias, "
                   ".residual = $residual, .mean = mean, .inv = inv, .y = y};\n"
                   "nn_batchnorm_recompute$format(&size, rows, &args, $t, $T);");
}

static void sums_emit(Writer *w, const Node *n)
{
    batchnorm_call(w, n, n->in[1], n->in[0], NULL,
                   "const nn_batchnorm_sums_args args = {.dy = dy, .x = x, .mean = mean, .inv = inv, "
                   ".weight = $mask_weight, .bias = $mask_bias, .dweight = dweight, .dbias = dbias};\n"
                   "nn_batchnorm_sums$format(&size, rows, &args, $t, $T);");
}

static void dx_emit(Writer *w, const Node *n)
{
    batchnorm_call(w, n, n->in[1], n->in[0], n->out[0],
                   "const nn_batchnorm_dx_args args = {.dy = dy, .x = x, .mean = mean, .inv = inv, .dweight = dweight, "
                   ".dbias = dbias, .weight = $weight, .bias = $mask_bias, .residual = $residual, .dx = dx};\n"
                   "nn_batchnorm_dx$format(&size, rows, &args, $t, $T);");
}

/* With one value per channel and sample, NCHW and NHWC are the same. */
const char *batchnorm_pixels_refusal(const Node *n) { return plane(n) > 1 ? "it has more than one pixel" : NULL; }

/* relu's argument is had again from x: of the sums by weight and bias, of dx by the bias,
 * since it has the weight anyway. */
static void mask_sums(GraphRewriter *r, Node *n)
{
    if (!batchnorm_is_affine(n)) return;
    rewriter_add_input_named(r, n, n->origin->in[1], "weight");
    rewriter_add_input_named(r, n, n->origin->in[2], "bias");
}

static void mask_dx(GraphRewriter *r, Node *n)
{
    if (batchnorm_is_affine(n)) rewriter_add_input_named(r, n, n->origin->in[2], "bias");
}

static const Variant infer_variants[] = {
    BATCHNORM_ROWS(OF_F32 | OF_BF16, VARIANT_ANY_BATCH | VARIANT_STRIDED_CHANNELS, WITH_RELU, NULL, batchnorm_emit)};
static const Variant statistics_variants[] = {
    BATCHNORM_ROWS(OF_F32 | OF_BF16, VARIANT_STRIDED_CHANNELS, 0, NULL, statistics_emit)};
static const Variant again_variants[] = {
    BATCHNORM_ROWS(OF_F32 | OF_BF16, VARIANT_STRIDED_CHANNELS, WITH_ADD | WITH_RELU, NULL, again_emit)};
static const Variant sums_variants[] = {
    BATCHNORM_ROWS(OF_F32 | OF_BF16, VARIANT_STRIDED_CHANNELS, WITH_RELU, mask_sums, sums_emit)};
static const Variant dx_variants[] = {
    BATCHNORM_ROWS(OF_F32 | OF_BF16, VARIANT_STRIDED_CHANNELS, WITH_ADD | WITH_RELU, mask_dx, dx_emit)};

/* ---- a second time ------------------------------------------------------ */

static const Op again_op = {
    .name = "batchnorm.again",
    .class = OP_INTERNAL,
    .attrs = batchnorm_attrs,
    .attrs_size = sizeof(BatchnormAttrs),
    .in = again_in,
    .out = batchnorm_out,
    .flops = batchnorm_flops,
    .plain = again_plain,
    .variants = again_variants,
};

/* The output from the mean and the inverse deviation that the node has found. */
Node *batchnorm_again(Graph *g, const Node *n)
{
    int params = batchnorm_is_affine(n) ? 2 : 0,
        residual = 1 + params + (batchnorm_is_cumulative(n) ? 3 : 2); /* x, weight and bias, buffers */
    Node *again = graph_node(g, &again_op, n->attrs, n->name, n->span);
    for (int i = 0; i <= params; i++) node_in(g, again, n->in[i]);
    node_in(g, again, n->out[1]);
    node_in(g, again, n->out[2]);
    again->in_names = batchnorm_is_affine(n) ? again_in : bare_again_in;
    if (node_has(n, residual)) node_in_named(g, again, n->in[residual], "residual");
    again->data_count = 1;
    again->epilogue = n->epilogue;
    node_out_as(g, again, n->out[0]->dtype, true, node_shape_in(n));
    return again;
}

/* ---- the statistics by themselves ----------------------------------------- */

static const Op batchnorm_statistics = {
    .name = "batchnorm.statistics",
    .class = OP_INTERNAL,
    .traits = OP_BATCH_COUPLED,
    .in = statistics_in,
    .out = statistics_out,
    .mutates = 3u << 1,
    .plain = statistics_plain,
    .variants = statistics_variants,
};

/* Threads share the statistics by channels, and what follows from them by rows, each of which is in one
 * place in memory: by channels two threads would write to neighbouring cache lines. */
static void split_training(GraphRewriter *r, Node *n)
{
    const int buffers = batchnorm_is_affine(n) ? 3 : 1; /* after x, weight and bias */
    Node *statistics = rewriter_node(r, n, &batchnorm_statistics, n->attrs, n->name, n->span);
    rewriter_add_input(r, statistics, n->in[0]);
    for (int i = 0; i < 2; i++) rewriter_add_input(r, statistics, n->in[buffers + i]);
    statistics->origin = n->origin;
    statistics->data_count = 1;
    node_set_layout(statistics, n->layout);
    Node *again = batchnorm_again(rewriter_graph(r), n);
    again->origin = n->origin;
    node_set_layout(again, n->layout);
    rewriter_move_before(r, again, n);
    for (int i = 1; i <= 2; i++) rewriter_use_instead(r, n->out[i], rewriter_clone_output(r, statistics, n->out[i]));
    rewriter_replace(r, n, again);
}

static const Variant training_variants[] = {
    BATCHNORM_FEATURES(OF_F32 | OF_BF16, VARIANT_STRIDED_CHANNELS, WITH_ADD | WITH_RELU, NULL, training_emit),
    BATCHNORM_PLANES(VARIANT_STRIDED_CHANNELS, training_emit),
    {BATCHNORM_FIELDS("pixels", IN_NHWC, OF_F32 | OF_BF16, NULL, VARIANT_STRIDED_CHANNELS, WITH_ADD | WITH_RELU, NULL,
                      training_emit),
     .split = split_training},
    {0},
};

/* ---- gradients -------------------------------------------------------- */

static const Op batchnorm_sums = {
    .name = "batchnorm.sums",
    .class = OP_INTERNAL,
    .traits = OP_BATCH_COUPLED,
    .in = sums_in,
    .out = sums_out,
    .plain = sums_plain,
    .variants = sums_variants,
    .in_chunks = batchnorm_sums_in_chunks,
};
const Op batchnorm_dx = {
    .name = "batchnorm.dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE | OP_BATCH_COUPLED,
    .in = dx_in,
    .out = dx_out,
    .plain = dx_plain,
    .variants = dx_variants,
};

static void training_grad(Backward *b, const Node *n)
{
    Graph *g = backward_graph(b);
    bool wants_weight = batchnorm_is_affine(n) && backward_wants(b, n->in[1]);
    bool wants_bias = batchnorm_is_affine(n) && backward_wants(b, n->in[2]);
    bool wants_x = backward_wants(b, n->in[0]);
    if (!wants_x && !wants_weight && !wants_bias) return;
    Node *sums = norm_gradient_node(b, &batchnorm_sums, n);
    Shape channels = shape_vector(node_shape_in(n).dim[0]);
    Tensor *dweight = node_out_as(g, sums, g->real, false, channels);
    Tensor *dbias = node_out_as(g, sums, g->real, false, channels);
    if (wants_weight) backward_give(b, n->in[1], dweight);
    if (wants_bias) backward_give(b, n->in[2], dbias);
    if (!wants_x) return;
    Node *d = norm_gradient_node(b, &batchnorm_dx, n);
    node_in(g, d, dweight);
    node_in(g, d, dbias);
    if (batchnorm_is_affine(n)) node_in(g, d, n->in[1]);
    backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
}

/* ---- the gradient of the inference form: of a frozen one ------------------- */

static const char *const frozen_in[] = {"dy", "weight", "running_var", NULL};
static const char *const bare_frozen_in[] = {"dy", "running_var", NULL};

static void frozen_plain(Writer *w, const Node *n)
{
    batchnorm_bind_sizes(w, n);
    writer_put(w, "for ($int c = 0; c < $C; c++) {");
    writer_put(w, batchnorm_is_affine(n) ? "const $real scale = weight[c] / $sqrt(running_var[c] + $eps);"
                                         : "const $real scale = 1 / $sqrt(running_var[c] + $eps);");
    put_each(w, n, "dx[$at] = dy[$at] * scale;");
    writer_put(w, "}");
}

/* The same as inference without a mean and a bias. */
static void frozen_emit(Writer *w, const Node *n)
{
    batchnorm_call(w, n, n->in[0], n->out[0], NULL,
                   "const nn_batchnorm_infer_args args = {.x = dy, .weight = $weight, .running_var = running_var, "
                   ".y = dx};\n"
                   "nn_batchnorm_infer(&size, rows, &args, $t, $T);");
}

static const Variant frozen_variants[] = {
    BATCHNORM_ROWS(OF_F32, VARIANT_ANY_BATCH | VARIANT_STRIDED_CHANNELS, 0, NULL, frozen_emit)};

static const Op frozen_affine = {
    .name = "batchnorm.frozen_dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = frozen_in,
    .out = dx_out,
    .plain = frozen_plain,
    .variants = frozen_variants,
};
static const Op frozen_bare = {
    .name = "batchnorm.frozen_dx",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .in = bare_frozen_in,
    .out = dx_out,
    .plain = frozen_plain,
    .variants = frozen_variants,
};

static void frozen_grad(Backward *b, const Node *n)
{
    if (!backward_wants(b, n->in[0])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, batchnorm_is_affine(n) ? &frozen_affine : &frozen_bare, n);
    node_in(g, d, backward_of(b, n->out[0]));
    if (batchnorm_is_affine(n)) node_in(g, d, n->in[1]);
    node_in(g, d, n->in[batchnorm_is_affine(n) ? 4 : 2]);
    backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
}

/* ---- the forms -------------------------------------------------------- */

#define BATCHNORM_TRAINING(IN, MUTATES, VARIANTS)                                                                 \
    {                                                                                                             \
        .name = "batchnorm.training", .class = OP_INTERNAL, .traits = OP_BATCH_COUPLED, .attrs = batchnorm_attrs, \
        .attrs_size = sizeof(BatchnormAttrs), .in = IN, .out = training_out, .mutates = MUTATES,                  \
        .shape = training_shape, .flops = batchnorm_flops, .grad = training_grad, .plain = training_plain,        \
        .variants = VARIANTS, .rematerialize = batchnorm_again, .in_chunks = batchnorm_training_in_chunks         \
    }

static const Op training_affine = BATCHNORM_TRAINING(affine_in, 3u << 3, training_variants);
static const Op training_bare = BATCHNORM_TRAINING(bare_in, 3u << 1, training_variants);
static const Op cumulative_affine = BATCHNORM_TRAINING(affine_in, 7u << 3, NULL);
static const Op cumulative_bare = BATCHNORM_TRAINING(bare_in, 7u << 1, NULL);

/* ---- in integers --------------------------------------------------------------- */

static void batchnorm_affine(const Node *n, const float *const *params, double *scale, double *shift)
{
    const BatchnormAttrs *a = n->attrs;
    const float *const *statistics = params + (batchnorm_is_affine(n) ? 2 : 0);
    for (int64_t c = 0; c < node_shape_in(n).dim[0]; c++) {
        const double inverse = 1 / sqrt((double)statistics[1][c] + a->eps);
        scale[c] = batchnorm_is_affine(n) ? (double)params[0][c] * inverse : inverse;
        shift[c] = (batchnorm_is_affine(n) ? (double)params[1][c] : 0) - (double)statistics[0][c] * scale[c];
    }
}

/* Where no layer before it takes it: each channel is a convolution of one pixel. */
static bool batchnorm_quantize(Quantizer *q, const Node *n)
{
    Shape s = node_shape_in(n);
    const Shape image = {3, {s.dim[0], s.rank > 1 ? s.dim[1] : 1, s.rank > 2 ? s.dim[2] : 1}};
    Correlation c = {.large = image, .small = image, .groups = s.dim[0]};
    for (int axis = 0; axis < 2; axis++)
        c.slide[axis] =
            (Slide){.large = image.dim[axis + 1], .small = image.dim[axis + 1], .k = 1, .stride = 1, .dilation = 1};
    return s.rank <= 3 &&
           quantized_correlation(q, n, &c, (WeightRequest){.affine = n, .shape = {4, {s.dim[0], 1, 1, 1}}});
}

static const Op batchnorm_bare = {
    .name = "batchnorm",
    .summary = "normalises each channel over the batch",
    .formula = "y = (x - mean[c]) / sqrt(var[c] + eps)",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = batchnorm_attrs,
    .attrs_size = sizeof(BatchnormAttrs),
    .in = bare_in,
    .out = batchnorm_out,
    .shape = batchnorm_shape,
    .params = batchnorm_params,
    .flops = batchnorm_flops,
    .training = &training_bare,
    .grad = frozen_grad,
    .plain = batchnorm_plain,
    .quantize = batchnorm_quantize,
    .affine = batchnorm_affine,
    .variants = infer_variants,
    .epilogue = EPILOGUE_AFFINE,
    .fold = &batchnorm_fold,
};

const Op op_batchnorm = {
    .name = "batchnorm",
    .summary = "normalises each channel over the batch",
    .formula = "y = (x - mean[c]) / sqrt(var[c] + eps) * weight[c] + bias[c]",
    .class = OP_LAYER,
    .traits = OP_INPLACE,
    .attrs = batchnorm_attrs,
    .attrs_size = sizeof(BatchnormAttrs),
    .in = affine_in,
    .out = batchnorm_out,
    .shape = batchnorm_shape,
    .params = batchnorm_params,
    .flops = batchnorm_flops,
    .training = &training_affine,
    .grad = frozen_grad,
    .plain = batchnorm_plain,
    .quantize = batchnorm_quantize,
    .affine = batchnorm_affine,
    .variants = infer_variants,
    .epilogue = EPILOGUE_AFFINE,
    .fold = &batchnorm_fold,
};
