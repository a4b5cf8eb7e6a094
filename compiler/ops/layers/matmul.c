/*
 * matmul: the product of two branches as matrices over their last two axes, PyTorch's matmul.
 *
 *   x0: [N][lead][M][K]   x1: [N][lead][K][P]   y: [N][lead][M][P]
 *   y[i][j] = Σ_k x0[i][k] · x1[k][j]
 *
 *   dx0[i][k] = Σ_j dy[i][j] · x1[k][j];   dx1[k][j] = Σ_i x0[i][k] · dy[i][j]
 *
 * The leading axes, none to two, are the same or 1; where a branch is stretched along one, its
 * gradient is the sum over it.  The kernels are those of dense, with x1 for the weights.
 */
#include <stdio.h>

#include "autodiff/backward.h"
#include "ops/shared/combine.h"
#include "ops/shared/region.h"

static const char *const matmul_dx0_in[] = {"dy", "x1", NULL};
static const char *const matmul_dx1_in[] = {"dy", "x0", NULL};

static int64_t rows_in(Shape s) { return s.dim[s.rank - 2]; }
static int64_t columns_in(Shape s) { return s.dim[s.rank - 1]; }

/* The leading axes of the product, or false where they do not fit. */
static bool join_leading(Shape *a, Shape b)
{
    if (a->rank != b.rank) return false;
    for (int axis = 0; axis < a->rank - 2; axis++) {
        if (a->dim[axis] == 1) a->dim[axis] = b.dim[axis];
        if (a->dim[axis] != b.dim[axis] && b.dim[axis] != 1) return false;
    }
    return true;
}

static bool matmul_shape(Graph *g, Node *n)
{
    if (n->in_count != 2) {
        diag_error(g->compilation, n->span, "matmul takes two branches, not %d", n->in_count);
        return false;
    }
    Shape a = n->in[0]->shape, b = n->in[1]->shape, out = a;
    if (a.rank < 2 || b.rank < 2) {
        combine_disagree(g, n, 1, "matrices have two axes or more; `reshape` makes a row 1xF of a vector");
        return false;
    }
    if (columns_in(a) != rows_in(b) || !join_leading(&out, b)) {
        combine_disagree(g, n, 1,
                         "the last axis of the first must be as long as the last but one of the second, and the axes "
                         "before these the same, or 1");
        return false;
    }
    out.dim[out.rank - 1] = columns_in(b);
    node_out(g, n, out);
    return true;
}

static void matmul_window(const Node *n, int axis, Window *window)
{
    (void)n, (void)axis;
    window->whole = true;
}

/* Of y, x0 and x1: a node of the product or of one of its gradients has two of them as inputs. */
typedef struct Factors {
    Shape y, x0, x1;
} Factors;

static Factors factors_of(const Node *n)
{
    const Node *product = n->origin;
    return (Factors){product->out[0]->shape, product->in[0]->shape, product->in[1]->shape};
}

static int64_t matmul_macs(const Node *n)
{
    Factors f = factors_of(n);
    return shape_count(f.y) * columns_in(f.x0);
}

/* ---- plain form --------------------------------------------------------------- */

/* Binds $NAME to the offset of the matrix (n, a, b) of a value, without the axes along which it is
 * stretched. */
static void bind_matrix(Writer *w, const char *name, Shape s)
{
    static const char *const index[] = {"a", "b"};
    char text[160];
    int length = snprintf(text, sizeof text, "n * %lld", (long long)shape_count(s));
    Shape strides = shape_strides(s);
    for (int axis = 0; axis < s.rank - 2; axis++)
        if (s.dim[axis] > 1)
            length += snprintf(text + length, sizeof text - (size_t)length, " + %s * %lld", index[axis],
                               (long long)strides.dim[axis]);
    writer_bind(w, name, "%s", text);
}

/* The lines for each index (i, k) of x0, inside the loops over the matrices; $y, $x0 and $x1 are their offsets. */
static void put_matmul(Writer *w, const Node *n, const char *lines)
{
    Factors f = factors_of(n);
    int braces = 3;
    bind_matrix(w, "y", f.y);
    bind_matrix(w, "x0", f.x0);
    bind_matrix(w, "x1", f.x1);
    writer_bind_int(w, "M", rows_in(f.x0));
    writer_bind_int(w, "K", columns_in(f.x0));
    writer_bind_int(w, "P", columns_in(f.x1));
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    for (int axis = 0; axis < f.y.rank - 2; axis++) {
        writer_bind_int(w, "size", f.y.dim[axis]);
        writer_put(w, axis == 0 ? "for ($int a = 0; a < $size; a++) {" : "for ($int b = 0; b < $size; b++) {");
        braces++;
    }
    writer_put(w, "for ($int i = 0; i < $M; i++) {\n"
                  "for ($int k = 0; k < $K; k++) {\n");
    writer_put(w, lines);
    while (braces-- > 0) writer_put(w, "}");
}

static void matmul_plain(Writer *w, const Node *n)
{
    region_zero(w, "y", node_shape_out(n));
    put_matmul(w, n,
               "const $real factor = x0[$x0 + i * $K + k];\n"
               "for ($int j = 0; j < $P; j++) {\n"
               "    y[$y + i * $P + j] += factor * x1[$x1 + k * $P + j];\n"
               "}\n");
}

static void matmul_dx0_plain(Writer *w, const Node *n)
{
    region_zero(w, "dx", node_shape_out(n));
    put_matmul(w, n,
               "$real sum = 0;\n"
               "for ($int j = 0; j < $P; j++) {\n"
               "    sum += dy[$y + i * $P + j] * x1[$x1 + k * $P + j];\n"
               "}\n"
               "dx[$x0 + i * $K + k] += sum;\n");
}

static void matmul_dx1_plain(Writer *w, const Node *n)
{
    region_zero(w, "dx", node_shape_out(n));
    put_matmul(w, n,
               "const $real factor = x0[$x0 + i * $K + k];\n"
               "for ($int j = 0; j < $P; j++) {\n"
               "    dx[$x1 + k * $P + j] += factor * dy[$y + i * $P + j];\n"
               "}\n");
}

/* ---- fast form: runtime/kernels/dense/dense.h ----------------------------------- */

static const char *matmul_refusal(const Node *n)
{
    Factors f = factors_of(n);
    int64_t leading = shape_count(f.y) / rows_in(f.y) / columns_in(f.y);
    bool even = shape_count(f.x0) == leading * rows_in(f.x0) * columns_in(f.x0) &&
                shape_count(f.x1) == leading * rows_in(f.x1) * columns_in(f.x1);
    return even ? NULL : "a branch is stretched";
}

/* All matrices one after the other, each by all threads. */
static void call_matmul(Writer *w, const Node *n, const char *call)
{
    Factors f = factors_of(n);
    writer_bind_int(w, "M", rows_in(f.x0));
    writer_bind_int(w, "K", columns_in(f.x0));
    writer_bind_int(w, "P", columns_in(f.x1));
    writer_bind_int(w, "y", rows_in(f.y) * columns_in(f.y));
    writer_bind_int(w, "x0", rows_in(f.x0) * columns_in(f.x0));
    writer_bind_int(w, "x1", rows_in(f.x1) * columns_in(f.x1));
    writer_bind_int(w, "matrices", shape_count(f.y) / rows_in(f.y) / columns_in(f.y));
    writer_put(w, "static const nn_dense size = {.n = $M, .i = $P, .o = $K};\n"
                  "for (long k = 0; k < (long)$N * $matrices; k++) {\n");
    writer_put(w, call);
    writer_put(w, "}");
}

static void matmul_emit(Writer *w, const Node *n)
{
    call_matmul(w, n, "nn_dense_dx(&size, x0 + k * $x0, x1 + k * $x1, y + k * $y, $t, $T);");
}

static void matmul_dx0_emit(Writer *w, const Node *n)
{
    call_matmul(w, n, "nn_dense_forward(&size, dy + k * $y, x1 + k * $x1, 0, dx + k * $x0, $t, $T);");
}

static void matmul_dx1_emit(Writer *w, const Node *n)
{
    call_matmul(w, n, "nn_dense_dweight(&size, dy + k * $y, x0 + k * $x0, dx + k * $x1, $t, $T);");
}

static double matmul_cost(const Node *n, const CostModel *m) { return (double)(matmul_macs(n) * m->batch); }

#define MATMUL_ROWS(EMIT)         \
    {.name = "gemm",              \
     .layouts = IN_NCHW,          \
     .traits = VARIANT_ANY_BATCH, \
     .refuses = matmul_refusal,   \
     .cost = matmul_cost,         \
     .emit = EMIT,                \
     .kernel = "dense"},          \
    {                             \
        0                         \
    }

static const Variant matmul_variants[] = {MATMUL_ROWS(matmul_emit)};
static const Variant matmul_dx0_variants[] = {MATMUL_ROWS(matmul_dx0_emit)};
static const Variant matmul_dx1_variants[] = {MATMUL_ROWS(matmul_dx1_emit)};

/* ---- the operators ---------------------------------------------------------------- */

static const Op matmul_dx0 = {
    .name = "matmul.dx0",
    .class = OP_INTERNAL,
    .macs = matmul_macs,
    .in = matmul_dx0_in,
    .out = combine_dx_out,
    .plain = matmul_dx0_plain,
    .variants = matmul_dx0_variants,
};

static const Op matmul_dx1 = {
    .name = "matmul.dx1",
    .class = OP_INTERNAL,
    .macs = matmul_macs,
    .in = matmul_dx1_in,
    .out = combine_dx_out,
    .plain = matmul_dx1_plain,
    .variants = matmul_dx1_variants,
};

static void matmul_grad(Backward *b, const Node *n)
{
    if (backward_wants(b, n->in[0])) combine_give(b, n, 0, &matmul_dx0, false);
    if (backward_wants(b, n->in[1])) combine_give(b, n, 1, &matmul_dx1, false);
}

const Op op_matmul = {
    .name = "matmul",
    .summary = "the product of two branches as matrices, over the last two axes",
    .formula = "y[i][j] = sum_k x0[i][k] * x1[k][j]",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC,
    .out = combine_out,
    .shape = matmul_shape,
    .window = matmul_window,
    .macs = matmul_macs,
    .grad = matmul_grad,
    .plain = matmul_plain,
    .variants = matmul_variants,
};
