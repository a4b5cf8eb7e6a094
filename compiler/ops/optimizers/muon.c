/*
 * muon: momentum whose matrix is made orthogonal (Jordan et al., "Muon: An optimizer for
 * hidden layers in neural networks", 2024), PyTorch's Muon.
 *
 *   b ← momentum · b + (1 − momentum) · gradient
 *   u = b, or with nesterov (1 − momentum) · gradient + momentum · b
 *   w ← w − lr · weight_decay · w − lr · sqrt(max(1, rows / columns)) · orthogonal(u)
 *
 * orthogonal(u) is about U Vᵀ of the singular value decomposition u = U S Vᵀ, by ns_steps
 * of Newton and Schulz's iteration with Jordan's coefficients, from X = u / (‖u‖ + 1e-7):
 *
 *   A = X Xᵀ;   X ← 3.4445 X + (−4.775 A + 2.0315 A²) X
 *
 * with the transposed matrix where there are more rows than columns.  A convolution's weight
 * is a matrix of one row per output.  Vectors (biases, norms) have no such form: they take
 * AdamW's step with beta1 = 0.9, beta2 = 0.95, eps = 1e-10, as in the published code.
 *
 * b is the state momentum_buffer; of vectors there are exp_avg and exp_avg_sq.
 */
#include <math.h>

#include "ops/shared/optimizer.h"

typedef struct MuonAttrs {
    double lr, weight_decay, momentum;
    bool nesterov;
    int64_t ns_steps;
} MuonAttrs;

static const Attr muon_attrs[] = {
    {"lr", ATTR_REAL, offsetof(MuonAttrs, lr), "1e-3", 0, OPTIMIZER_MAX, NULL},
    {"weight_decay", ATTR_REAL, offsetof(MuonAttrs, weight_decay), "0.1", 0, OPTIMIZER_MAX, NULL},
    {"momentum", ATTR_REAL, offsetof(MuonAttrs, momentum), "0.95", 0, OPTIMIZER_BETA_MAX, NULL},
    {"nesterov", ATTR_BOOL, offsetof(MuonAttrs, nesterov), "yes", 0, 0, NULL},
    {"ns_steps", ATTR_INT, offsetof(MuonAttrs, ns_steps), "5", 1, 100, NULL},
    {0},
};

static const char *const muon_out[] = {"work", NULL};

static bool is_matrix(const Node *n) { return n->in[1]->shape.rank > 1; }

static int64_t rows_of_weight(const Node *n) { return n->in[1]->shape.dim[0]; }

static int64_t columns_of_weight(const Node *n) { return shape_count(n->in[1]->shape) / rows_of_weight(n); }

static int64_t shorter_side(const Node *n)
{
    return rows_of_weight(n) < columns_of_weight(n) ? rows_of_weight(n) : columns_of_weight(n);
}

/* work: X and the next X, of the weight's size, A and the polynomial of A. */
static bool muon_shape(Graph *g, Node *n)
{
    int64_t side = shorter_side(n);
    if (is_matrix(n))
        node_out_as(g, n, g->real, false, shape_vector(2 * shape_count(n->in[1]->shape) + 2 * side * side));
    return true;
}

static void muon_states(Graph *g, Node *n)
{
    if (is_matrix(n)) {
        node_state(g, n, "momentum_buffer", 0);
        return;
    }
    node_state(g, n, "exp_avg", 0);
    node_state(g, n, "exp_avg_sq", 0);
}

static void put_vector_step(Writer *w, const Node *n)
{
    const MuonAttrs *a = n->attrs;
    AdamAttrs adam = {.lr = a->lr, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-10};
    Node vector = *n;
    vector.attrs = &adam;
    writer_bind_real(w, "shrink", a->weight_decay);
    adam_step(w, &vector, 0, a->weight_decay != 0 ? "param[k] -= $lr * $shrink * param[k];" : NULL);
}

/* x = u as [side][length]; element k of the weight is element $place of x. */
static void put_momentum_matrix(Writer *w, const Node *n)
{
    const MuonAttrs *a = n->attrs;
    optimizer_bind_beta(w, "momentum", "rest", a->momentum);
    writer_put(w, "$real squares = 0;");
    optimizer_open(w, n, 0);
    writer_put(w, "momentum_buffer[k] = $momentum * momentum_buffer[k] + $rest * g;");
    writer_put(w, a->nesterov ? "const $real u = $rest * g + $momentum * momentum_buffer[k];"
                              : "const $real u = momentum_buffer[k];");
    writer_put(w, "squares += u * u;\n"
                  "x[$place] = u;\n");
    optimizer_close(w);
    writer_bind_real(w, "tiny", 1e-7);
    writer_put(w, "const $real norm = $sqrt(squares) + $tiny;\n"
                  "for ($int k = 0; k < $elements; k++) {\n"
                  "    x[k] /= norm;\n"
                  "}\n");
}

/* For all i < side, j < columns: sum of `term` over l < inner, and then `result`. */
static void put_matrix(Writer *w, int64_t columns, int64_t inner, const char *term, const char *result)
{
    writer_bind_int(w, "columns", columns);
    writer_bind_int(w, "inner", inner);
    writer_put(w, "for ($int i = 0; i < $side; i++) {\n"
                  "    for ($int j = 0; j < $columns; j++) {\n"
                  "        $real sum = 0;\n"
                  "        for ($int l = 0; l < $inner; l++) {\n");
    writer_put(w, term);
    writer_put(w, "        }\n");
    writer_put(w, result);
    writer_put(w, "    }\n"
                  "}\n");
}

static void put_iteration(Writer *w, const Node *n)
{
    int64_t side = shorter_side(n), length = shape_count(n->in[1]->shape) / side;
    writer_bind_real(w, "c1", 3.4445);
    writer_bind_real(w, "c3", 4.775);
    writer_bind_real(w, "c5", 2.0315);
    writer_bind_int(w, "steps", ((const MuonAttrs *)n->attrs)->ns_steps);
    writer_put(w, "for ($int step = 0; step < $steps; step++) {");
    put_matrix(w, side, length, "sum += x[i * $length + l] * x[j * $length + l];", "a[i * $side + j] = sum;");
    put_matrix(w, side, side, "sum += a[i * $side + l] * a[l * $side + j];",
               "p[i * $side + j] = $c5 * sum - $c3 * a[i * $side + j];");
    put_matrix(w, length, side, "sum += p[i * $side + l] * x[l * $length + j];",
               "next[i * $length + j] = $c1 * x[i * $length + j] + sum;");
    writer_put(w, "    $real *const before = x;\n"
                  "    x = next;\n"
                  "    next = before;\n"
                  "}\n");
}

static void put_matrix_step(Writer *w, const Node *n)
{
    const MuonAttrs *a = n->attrs;
    int64_t rows = rows_of_weight(n), columns = columns_of_weight(n), side = shorter_side(n);
    writer_bind_int(w, "side", side);
    writer_bind_int(w, "length", rows * columns / side);
    writer_bind(w, "place", "%s", "k");
    if (rows > columns)
        writer_bind(w, "place", "k %% %lld * %lld + k / %lld", (long long)side, (long long)rows, (long long)side);
    writer_bind_int(w, "all", rows * columns);
    writer_bind_int(w, "square", side * side);
    writer_put(w, "(void)$step;\n"
                  "$real *x = work;\n"
                  "$real *next = work + $all;\n"
                  "$real *const a = work + 2 * $all;\n"
                  "$real *const p = a + $square;\n");
    put_momentum_matrix(w, n);
    put_iteration(w, n);
    writer_bind_real(w, "shrink", a->weight_decay);
    writer_bind_real(w, "factor", rows > columns ? sqrt((double)rows / (double)columns) : 1);
    writer_put(w, "for ($int k = 0; k < $elements; k++) {");
    if (a->weight_decay != 0) writer_put(w, "param[k] -= $lr * $shrink * param[k];");
    writer_put(w, "    param[k] -= $lr * $factor * x[$place];\n"
                  "}\n");
}

static void muon_plain(Writer *w, const Node *n) { is_matrix(n) ? put_matrix_step(w, n) : put_vector_step(w, n); }

const Op op_muon = {
    .name = "muon",
    .summary = "momentum whose matrices are made orthogonal",
    .formula = "w -= lr * U V', U S V' the momentum",
    .class = OP_OPTIMIZER,
    .uses = USES_LR | USES_STEP,
    .attrs = muon_attrs,
    .attrs_size = sizeof(MuonAttrs),
    .in = optimizer_in,
    .out = muon_out,
    .mutates = 2 | 4 | 8,
    .shape = muon_shape,
    .states = muon_states,
    .plain = muon_plain,
};
