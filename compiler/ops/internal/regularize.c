/*
 * regularize: the penalty l1 · Σ|w| + l2 · Σw² of one parameter, and its gradient
 * on top of the loss's.
 *
 *   gradient += l1 · sign(w) + 2 · l2 · w,  sign(0) = 0
 *
 * This is the penalty as one writes it into a PyTorch loss, l2 * w.pow(2).sum();
 * an optimizer's weight_decay λ adds λ · w to the gradient and nothing to the
 * loss, and so equals l2 = λ/2.  The sum is kept in double precision: in single
 * it stops growing after some ten million equal terms.
 */
#include "graph/graph.h"
#include "autodiff/training.h"

static const char *const regularize_in[] = {"gradient", "param", NULL};
static const char *const regularize_out[] = {"regularized", "penalty", NULL};

static bool regularize_shape(Graph *g, Node *n)
{
    node_out_as(g, n, g->real, false, node_shape_in(n));
    node_out_as(g, n, g->real, false, shape_vector(1));
    return true;
}

static void put_l1(Writer *w, double l1)
{
    writer_bind_real(w, "l1", l1);
    writer_put(w, "slope += $l1 * ($real)((v > 0) - (v < 0));\n"
                  "sum += $l1 * $fabs(v);\n");
}

static void put_l2(Writer *w, double l2)
{
    writer_bind_real(w, "l2", l2);
    writer_bind_real(w, "twice", 2 * l2);
    writer_put(w, "slope += $twice * v;\n"
                  "sum += $l2 * v * v;\n");
}

static void regularize_plain(Writer *w, const Node *n)
{
    const RegularizeAttrs *a = n->attrs;
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_put(w, "double sum = 0;\n"
                  "for ($int k = 0; k < $elements; k++) {\n"
                  "    const $real v = param[k];\n"
                  "    $real slope = gradient[k];\n");
    if (a->l1 != 0) put_l1(w, a->l1);
    if (a->l2 != 0) put_l2(w, a->l2);
    writer_put(w, "    regularized[k] = slope;\n"
                  "}\n"
                  "penalty[0] = ($real)sum;\n");
}

static void regularize_emit(Writer *w, const Node *n)
{
    const RegularizeAttrs *a = n->attrs;
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_bind_real(w, "l1", a->l1);
    writer_bind_real(w, "l2", a->l2);
    /* No static: the C compiler finds only this way that l1 and l2 are the same in all calls. */
    writer_put(w, "const nn_penalty rule = {.count = $elements, .l1 = $l1, .l2 = $l2};\n"
                  "nn_regularize(&rule, gradient, param, regularized, penalty, $t, $T);");
}

static const Variant regularize_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = regularize_emit, .kernel = "gradients"}, {0}};

const Op op_regularize = {
    .name = "regularize",
    .summary = "penalty of a parameter, and its gradient",
    .formula = "gradient += l1 * sign(w) + 2 * l2 * w; penalty = sum(l1 * |w| + l2 * w^2)",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .attrs_size = sizeof(RegularizeAttrs),
    .in = regularize_in,
    .out = regularize_out,
    .shape = regularize_shape,
    .plain = regularize_plain,
    .variants = regularize_variants,
};
