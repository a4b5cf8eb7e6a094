/*
 * dense: y[o] = b[o] + Σ_i W[o][i] · x[i], PyTorch's Linear.
 *
 *   x: [N][I]   weight: [O][I]   bias: [O]   y: [N][O]
 *
 * Of a sequence [L][I] each row is a sample of its own: y is [L][O], and N stands for N·L below.
 *
 *   dx[i] = Σ_o W[o][i] · dy[o];  dW[o][i] = Σ_n dy[n][o] · x[n][i];  db[o] = Σ_n dy[n][o]
 */
#include "ops/layers/dense.h"

#include "autodiff/backward.h"
#include "ops/shared/axis.h"
#include "ops/shared/channels.h"
#include "ops/shared/quantized.h"

typedef struct DenseAttrs {
    int64_t out;
    bool bias;
    Init init, bias_init;
} DenseAttrs;

static const Attr dense_attrs[] = {
    {"out", ATTR_INT, offsetof(DenseAttrs, out), NULL, 1, 1e9, NULL},
    {"bias", ATTR_BOOL, offsetof(DenseAttrs, bias), "yes", 0, 0, NULL},
    {"init", ATTR_INIT, offsetof(DenseAttrs, init), "he_normal", 0, 0, NULL},
    {"bias_init", ATTR_INIT, offsetof(DenseAttrs, bias_init), "default", 0, 0, NULL},
    {0},
};

static const char *const dense_in[] = {"x", "weight", "bias", NULL};
static const char *const dense_out[] = {"y", NULL};
static const char *const dense_dx_in[] = {"dy", "weight", NULL};
static const char *const dense_dx_out[] = {"dx", NULL};
static const char *const dense_dw_in[] = {"x", "dy", NULL};
static const char *const dense_dw_out[] = {"dweight", NULL};
static const char *const dense_db_in[] = {"dy", NULL};
static const char *const dense_db_out[] = {"dbias", NULL};

static bool dense_shape(Graph *g, Node *n)
{
    const DenseAttrs *a = n->attrs;
    Shape shape = node_shape_in(n);
    if (shape.rank > 2) {
        Compilation *c = g->compilation;
        diag_error(c, n->span, "dense takes a vector F or a sequence LxD, but its input is %s; put `flatten` before it",
                   shape_kind_text(c->arena, shape));
        return false;
    }
    shape.dim[shape.rank - 1] = a->out;
    node_out(g, n, shape);
    return true;
}

static void dense_params(Graph *g, Node *n)
{
    const DenseAttrs *a = n->attrs;
    int64_t in = features_of(node_shape_in(n));
    const Init init = init_with_fans(a->init, in, a->out);
    node_param(g, n, "weight", (Shape){2, {a->out, in}}, init);
    if (!a->bias) return;
    node_param(g, n, "bias", shape_vector(a->out), init_of_bias(a->bias_init, init));
}

static int64_t dense_macs(const Node *n) { return shape_count(node_shape_in(n)) * features_of(node_shape_out(n)); }

static int64_t dense_flops(const Node *n)
{
    return 2 * dense_macs(n) + (node_has(n, 2) ? shape_count(node_shape_out(n)) : 0);
}

static void dense_window(const Node *n, int axis, Window *window)
{
    (void)n, (void)axis;
    window->whole = true;
}

/* Binds $I, $O and $outer, and the names of the arrays as [N$outer][…], of a node whose shapes are x and y. */
static void bind_dense_sizes(Writer *w, Shape x, Shape y)
{
    axis_bind_outer(w, rows_of(y));
    writer_bind_int(w, "I", features_of(x));
    writer_bind_int(w, "O", features_of(y));
}

static void bind_dense_rows(Writer *w, const char *name, Shape s)
{
    writer_bind_array(w, name, name, 2, (const int64_t[]){1, features_of(s)}); /* no index needs the first */
}

static void dense_plain(Writer *w, const Node *n)
{
    bind_dense_sizes(w, node_shape_in(n), node_shape_out(n));
    bind_dense_rows(w, "x", node_shape_in(n));
    bind_dense_rows(w, "y", node_shape_out(n));
    writer_bind(w, "start", "%s", node_has(n, 2) ? "bias[o]" : "0");
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {\n"
                  "    for ($int o = 0; o < $O; o++) {\n"
                  "        $real sum = $start;\n"
                  "        for ($int i = 0; i < $I; i++) {\n"
                  "            sum += @weight(o, i) * @x(n, i);\n"
                  "        }\n"
                  "        @y(n, o) = sum;\n"
                  "    }\n"
                  "}\n");
}

static void dense_dx_plain(Writer *w, const Node *n)
{
    bind_dense_sizes(w, node_shape_out(n), node_shape_in(n));
    bind_dense_rows(w, "dy", node_shape_in(n));
    bind_dense_rows(w, "dx", node_shape_out(n));
    writer_put(w, "for ($int n = 0; n < $N$outer; n++) {\n"
                  "    for ($int i = 0; i < $I; i++) {\n"
                  "        @dx(n, i) = 0;\n"
                  "    }\n"
                  "    for ($int o = 0; o < $O; o++) {\n"
                  "        const $real d = @dy(n, o);\n"
                  "        for ($int i = 0; i < $I; i++) {\n"
                  "            @dx(n, i) += d * @weight(o, i);\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

static void dense_dw_plain(Writer *w, const Node *n)
{
    bind_dense_sizes(w, n->in[0]->shape, n->in[1]->shape);
    bind_dense_rows(w, "x", n->in[0]->shape);
    bind_dense_rows(w, "dy", n->in[1]->shape);
    writer_put(w, "for ($int o = 0; o < $O; o++) {\n"
                  "    for ($int i = 0; i < $I; i++) {\n"
                  "        @dweight(o, i) = 0;\n"
                  "    }\n"
                  "    for ($int n = 0; n < $N$outer; n++) {\n"
                  "        const $real d = @dy(n, o);\n"
                  "        for ($int i = 0; i < $I; i++) {\n"
                  "            @dweight(o, i) += d * @x(n, i);\n"
                  "        }\n"
                  "    }\n"
                  "}\n");
}

static void dense_db_plain(Writer *w, const Node *n)
{
    bind_dense_sizes(w, n->in[0]->shape, n->in[0]->shape);
    bind_dense_rows(w, "dy", n->in[0]->shape);
    writer_put(w, "for ($int o = 0; o < $O; o++) {\n"
                  "    $real sum = 0;\n"
                  "    for ($int n = 0; n < $N$outer; n++) {\n"
                  "        sum += @dy(n, o);\n"
                  "    }\n"
                  "    dbias[o] = sum;\n"
                  "}\n");
}

/* ---- the terms of the sums above --------------------------------------------------- */

static int64_t dense_terms(const Node *n, int64_t batch, int64_t k, Term *terms, int64_t most)
{
    (void)batch;
    const int64_t inputs = features_of(node_shape_in(n)), outputs = features_of(node_shape_out(n));
    const int64_t row = k / outputs, o = k % outputs, bias = node_has(n, 2);
    if (bias && most > 0) terms[0] = (Term){{2, -1}, {o, 0}};
    for (int64_t i = 0; i < inputs && bias + i < most; i++)
        terms[bias + i] = (Term){{1, 0}, {o * inputs + i, row * inputs + i}};
    return bias + inputs;
}

static int64_t dense_dx_terms(const Node *n, int64_t batch, int64_t k, Term *terms, int64_t most)
{
    (void)batch;
    const int64_t outputs = features_of(node_shape_in(n)), inputs = features_of(node_shape_out(n));
    for (int64_t o = 0; o < outputs && o < most; o++)
        terms[o] = (Term){{0, 1}, {k / inputs * outputs + o, o * inputs + k % inputs}};
    return outputs;
}

/* The rows of a sequence are added up as the samples are. */
static int64_t dense_dw_terms(const Node *n, int64_t batch, int64_t k, Term *terms, int64_t most)
{
    const int64_t inputs = features_of(n->in[0]->shape), outputs = features_of(n->in[1]->shape);
    const int64_t rows = batch * rows_of(n->in[1]->shape);
    for (int64_t row = 0; row < rows && row < most; row++)
        terms[row] = (Term){{1, 0}, {row * outputs + k / inputs, row * inputs + k % inputs}};
    return rows;
}

static int64_t dense_db_terms(const Node *n, int64_t batch, int64_t k, Term *terms, int64_t most)
{
    const int64_t outputs = features_of(n->in[0]->shape);
    const int64_t rows = batch * rows_of(n->in[0]->shape);
    for (int64_t row = 0; row < rows && row < most; row++) terms[row] = (Term){{0, -1}, {row * outputs + k, 0}};
    return rows;
}

/* ---- fast form: runtime/kernels/dense/dense.h ------------------------------------ */

static void call_dense(Writer *w, Shape x, Shape y, const char *call)
{
    bind_dense_sizes(w, x, y);
    writer_put(w, "static const nn_dense size = {.n = $N$outer, .i = $I, .o = $O};");
    writer_put(w, call);
}

/* Of a row for weights in bf16: in f32 they are rounded as they are read. */
static const char *dense_format(const Node *n)
{
    if (n->in[1]->dtype == DTYPE_BF16) return "_bf16";
    return n->variant->weights ? "_rounded" : "";
}

static void dense_emit(Writer *w, const Node *n)
{
    writer_bind(w, "format", dense_format(n));
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    call_dense(w, node_shape_in(n), node_shape_out(n), "nn_dense_forward$format(&size, x, weight, $bias, y, $t, $T);");
}

static void dense_dx_emit(Writer *w, const Node *n)
{
    writer_bind(w, "format", dense_format(n));
    call_dense(w, node_shape_out(n), node_shape_in(n), "nn_dense_dx$format(&size, dy, weight, dx, $t, $T);");
}

static void dense_dw_emit(Writer *w, const Node *n)
{
    call_dense(w, n->in[0]->shape, n->in[1]->shape, "nn_dense_dweight(&size, x, dy, dweight, $t, $T);");
}

static void dense_dw_pairs_emit(Writer *w, const Node *n)
{
    bind_dense_sizes(w, n->in[0]->shape, n->in[1]->shape);
    writer_put(w, "static const nn_dense_rows size = {.n = $N$outer, .i = $I, .o = $O, .count = $O};\n"
                  "nn_dense_dweight_pairs(&size, x, dy, dweight, $t, $T);");
}

static void dense_db_emit(Writer *w, const Node *n)
{
    call_dense(w, n->in[0]->shape, n->in[0]->shape, "nn_dense_dbias(&size, dy, dbias, $t, $T);");
}

/* ---- some rows of the weights' gradient: passes/gradient_splitting.c ---------------------- */

typedef struct RowsAttrs {
    int64_t first, count;
} RowsAttrs;

/* Those of the whole gradient, bit by bit. */
static void dense_rows_emit(Writer *w, const Node *n)
{
    const RowsAttrs *a = n->attrs;
    writer_bind(w, "products", n->variant->traits & VARIANT_BF16_PRODUCTS ? "pairs" : "rows");
    bind_dense_sizes(w, n->in[0]->shape, n->in[1]->shape);
    writer_bind_int(w, "first", a->first);
    writer_bind_int(w, "count", a->count);
    writer_put(
        w, "static const nn_dense_rows size = {.n = $N$outer, .i = $I, .o = $O, .first = $first, .count = $count};\n"
           "nn_dense_dweight_$products(&size, x, dy, dweight, $t, $T);");
}

static void dense_outer_rows(Writer *w, const Node *n)
{
    bind_dense_sizes(w, n->in[0]->shape, n->in[1]->shape);
    writer_put(w, "const nn_dense_rows size = {.n = $N$outer, .i = $I, .o = $O, .first = first, .count = count};\n"
                  "nn_dense_dweight_rows(&size, left, right, rows, $t, $T);");
}

static int64_t dense_rows_macs(const Node *n)
{
    return shape_count(node_shape_in(n)) * ((const RowsAttrs *)n->attrs)->count;
}

static const Variant dense_rows_variants[] = {
    {.name = "gemm", .layouts = IN_NCHW, .emit = dense_rows_emit, .kernel = "dense"},
    {.name = "gemm_pairs",
     .layouts = IN_NCHW,
     .dtypes = OF_BF16,
     .targets = ON_AVX512BF16,
     .traits = VARIANT_BF16_PRODUCTS,
     .emit = dense_rows_emit,
     .kernel = "dense_bf16"},
    {0},
};

static const Op dense_dw_rows = {
    .name = "dense.dw_rows",
    .class = OP_INTERNAL,
    .macs = dense_rows_macs,
    .in = dense_dw_in,
    .out = dense_dw_out,
    .variants = dense_rows_variants,
    .outer_rows = dense_outer_rows,
};

static Node *dense_rows(Graph *g, const Node *n, int64_t first, int64_t count)
{
    RowsAttrs *a = arena_alloc(g->compilation->arena, sizeof *a);
    *a = (RowsAttrs){first, count};
    Node *part = graph_node(g, &dense_dw_rows, a, n->name, n->span);
    part->origin = n->origin;
    for (int i = 0; i < n->in_count; i++) node_in(g, part, n->in[i]);
    part->data_count = n->data_count;
    part->variant = &dense_rows_variants[n->variant && n->variant->traits & VARIANT_BF16_PRODUCTS];
    node_out_as(g, part, g->real, false, (Shape){2, {count, n->out[0]->shape.dim[1]}});
    return part;
}

/* ---- batch-blocked: runtime/kernels/conv/batch_blocked.h ------------------------------- */

static void dense_blocked_emit(Writer *w, const Node *n)
{
    bind_dense_sizes(w, node_shape_in(n), node_shape_out(n));
    writer_bind(w, "bias", node_has(n, 2) ? "bias" : "0");
    writer_put(w, "nn_blocked_dense($N / 16, $I, $O, x, weight, $bias, y);");
}

static void dense_dx_blocked_emit(Writer *w, const Node *n)
{
    bind_dense_sizes(w, node_shape_out(n), node_shape_in(n));
    writer_put(w, "nn_blocked_dense_dx($N / 16, $I, $O, dy, weight, dx);");
}

static void dense_db_blocked_emit(Writer *w, const Node *n)
{
    channels_put_size(w, "$N", n->in[0]->shape, LAYOUT_NCHW16N);
    writer_put(w, "nn_channel_sums(&size, 0, dy, dbias, $t, $T);");
}

/* ---- the tables ---------------------------------------------------------------- */

/* A product of forward's dot products, each of which ends in a sum of lanes, and of dx's tiles, for which rows of the
 * weights are copied, in those of packed weights: measured with AVX-512 for 96 to 4096 features (60 to 95 and 105 to
 * 145 of 200 GFLOP/s).  Of few rows, reading the weights takes as long. */
static const double DOT_PRODUCT = 2.2, TILE_PRODUCT = 1.25;
enum { FEW_ROWS = 4 };

double dense_macs_of(const Node *n, const CostModel *m) { return (double)(node_macs(n) * m->batch); }

static double dense_cost(const Node *n, const CostModel *m)
{
    const bool few = m->batch * rows_of(node_shape_in(n)) < FEW_ROWS;
    return (few ? 1 : DOT_PRODUCT) * dense_macs_of(n, m);
}

static double dense_dx_cost(const Node *n, const CostModel *m) { return TILE_PRODUCT * dense_macs_of(n, m); }

static double dense_blocked_cost(const Node *n, const CostModel *m)
{
    return m->machine->blocked_product * dense_macs_of(n, m);
}

/* Rows up to which reading weights takes longer than rounding them, which is done once for NN_DOT_SAMPLES rows. */
enum { MOST_ROUNDED_ROWS = 32 };

static bool dense_rounds_weights(const Node *n, int64_t batch)
{
    return batch * rows_of(node_shape_in(n)) <= MOST_ROUNDED_ROWS;
}

/* As they are packed. */
static bool dense_dx_rounds_weights(const Node *n, int64_t batch)
{
    (void)n, (void)batch;
    return true;
}

static const char *dense_blocked_refusal(const Node *n)
{
    return node_shape_in(n).rank > 1 ? "its input is a sequence" : NULL;
}

static const Variant dense_variants[] = {
    DENSE_PAIRS_ROW,
    DENSE_BF16_ROW,
    DENSE_W16_ROW,
    DENSE_DIRECT_ROW,
    {.name = "gemm_bf16",
     .layouts = IN_NCHW,
     .weights = OF_BF16,
     .cost = dense_cost,
     .rounds_weights = dense_rounds_weights,
     .emit = dense_emit,
     .kernel = "dense_bf16"},
    {.name = "gemm", .layouts = IN_NCHW, .cost = dense_cost, .emit = dense_emit, .kernel = "dense"},
    {.name = "batch_blocked",
     .layouts = IN_NCHW16N,
     .traits = VARIANT_ANY_BATCH,
     .refuses = dense_blocked_refusal,
     .cost = dense_blocked_cost,
     .emit = dense_blocked_emit,
     .kernel = "batch_blocked"},
    {0},
};

static const Variant dense_dx_variants[] = {
    DENSE_DX_PAIRS_ROW,
    DENSE_DX_BF16_ROW,
    DENSE_DX_DIRECT_ROW,
    {.name = "gemm_bf16",
     .layouts = IN_NCHW,
     .weights = OF_BF16,
     .cost = dense_dx_cost,
     .rounds_weights = dense_dx_rounds_weights,
     .emit = dense_dx_emit,
     .kernel = "dense_bf16"},
    {.name = "gemm", .layouts = IN_NCHW, .cost = dense_dx_cost, .emit = dense_dx_emit, .kernel = "dense"},
    {.name = "batch_blocked",
     .layouts = IN_NCHW16N,
     .traits = VARIANT_ANY_BATCH,
     .refuses = dense_blocked_refusal,
     .cost = dense_blocked_cost,
     .emit = dense_dx_blocked_emit,
     .kernel = "batch_blocked"},
    {0},
};

static const Variant dense_dw_variants[] = {
    {.name = "gemm", .layouts = IN_NCHW, .cost = dense_macs_of, .emit = dense_dw_emit, .kernel = "dense"},
    {.name = "gemm_pairs",
     .layouts = IN_NCHW,
     .dtypes = OF_BF16,
     .targets = ON_AVX512BF16,
     .traits = VARIANT_BF16_PRODUCTS,
     .refuses = dense_bf16_dw_refusal,
     .cost = dense_bf16_dw_cost,
     .emit = dense_dw_pairs_emit,
     .kernel = "dense_bf16"},
    {0},
};

static const Variant dense_db_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = dense_db_emit, .kernel = "dense"},
    {.name = "batch_blocked",
     .layouts = IN_NCHW16N,
     .refuses = dense_blocked_refusal,
     .emit = dense_db_blocked_emit,
     .kernel = "channels"},
    {0},
};

/* ---- the operators ------------------------------------------------------------ */

static const Op dense_dx = {
    .name = "dense.dx",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = dense_dx_in,
    .out = dense_dx_out,
    .terms = dense_dx_terms,
    .plain = dense_dx_plain,
    .variants = dense_dx_variants,
};
static const Op dense_dw = {
    .name = "dense.dw",
    .class = OP_INTERNAL,
    .macs = node_macs_of_origin,
    .in = dense_dw_in,
    .out = dense_dw_out,
    .terms = dense_dw_terms,
    .plain = dense_dw_plain,
    .variants = dense_dw_variants,
    .rows = dense_rows,
    .outer_rows = dense_outer_rows,
};
static const Op dense_db = {
    .name = "dense.db",
    .class = OP_INTERNAL,
    .in = dense_db_in,
    .out = dense_db_out,
    .terms = dense_db_terms,
    .plain = dense_db_plain,
    .variants = dense_db_variants,
};

static void dense_grad(Backward *b, const Node *n)
{
    Graph *g = backward_graph(b);
    Tensor *dy = backward_of(b, n->out[0]);
    if (backward_wants(b, n->in[0])) {
        Node *d = backward_node(b, &dense_dx, n);
        node_in(g, d, dy);
        node_in(g, d, n->in[1]);
        backward_give(b, n->in[0], node_out(g, d, n->in[0]->shape));
    }
    if (backward_wants(b, n->in[1])) {
        Node *d = backward_node(b, &dense_dw, n);
        node_in(g, d, n->in[0]);
        node_in(g, d, dy);
        backward_give(b, n->in[1], node_out_as(g, d, g->real, false, n->in[1]->shape));
    }
    if (node_has(n, 2) && backward_wants(b, n->in[2])) {
        Node *d = backward_node(b, &dense_db, n);
        node_in(g, d, dy);
        backward_give(b, n->in[2], node_out_as(g, d, g->real, false, n->in[2]->shape));
    }
}

static bool dense_quantize(Quantizer *q, const Node *n)
{
    Graph *g = quantizer_graph(q);
    if (features_of(node_shape_in(n)) > QUANTIZED_PRODUCTS) return false;
    QuantizedSums *a = arena_alloc(g->compilation->arena, sizeof *a);
    WeightRequest r = {.of = n,
                       .from = n->in[1],
                       .from_bias = node_has(n, 2) ? n->in[2] : NULL,
                       .shape = n->in[1]->shape,
                       .x = quantizer_int8(q, n->in[0])};
    const Followers f = quantizer_followers(q, n, node_shape_out(n).rank == 1);
    Node *made = quantizer_node(q, op_find("quantized_dense", OP_INTERNAL), a, n);
    node_in(g, made, (Tensor *)r.x);
    made->data_count = 1;
    r.affine = f.affine;
    r.y = quantizer_result(q, made, f.value);
    r.value = f.value;
    a->factor = quantizer_weights(q, made, &r);
    quantizer_levels(&f, r.y, &a->low, &a->high);
    return true;
}

const Op op_dense = {
    .name = "dense",
    .summary = "fully connected layer, of a vector or each row of a sequence",
    .formula = "y[o] = bias[o] + sum_i weight[o][i] * x[i]",
    .class = OP_LAYER,
    .traits = OP_WEIGHTED,
    .attrs = dense_attrs,
    .attrs_size = sizeof(DenseAttrs),
    .in = dense_in,
    .out = dense_out,
    .shape = dense_shape,
    .params = dense_params,
    .window = dense_window,
    .macs = dense_macs,
    .flops = dense_flops,
    .grad = dense_grad,
    .terms = dense_terms,
    .plain = dense_plain,
    .quantize = dense_quantize,
    .variants = dense_variants,
};
