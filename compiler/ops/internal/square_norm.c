/*
 * square_norm: the sum of the squares of one parameter's gradient; clip_norm puts
 * those of all parameters together.  The sum is kept in double precision, since a
 * large layer has more elements than single precision can count.
 */
#include "graph/graph.h"

static const char *const norm_in[] = {"gradient", NULL};
static const char *const norm_out[] = {"squares", NULL};

static bool square_norm_shape(Graph *g, Node *n)
{
    node_out_as(g, n, g->real, false, shape_vector(1));
    return true;
}

static void square_norm_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_put(w, "double sum = 0;\n"
                  "for ($int k = 0; k < $elements; k++) {\n"
                  "    sum += (double)gradient[k] * gradient[k];\n"
                  "}\n"
                  "squares[0] = ($real)sum;\n");
}

static void square_norm_emit(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_put(w, "nn_square_norm($elements, gradient, squares, $t, $T);");
}

static const Variant square_norm_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = square_norm_emit, .kernel = "gradients"}, {0}};

const Op op_square_norm = {
    .name = "square_norm",
    .summary = "sum of the squares of a gradient",
    .formula = "squares = sum(gradient^2)",
    .class = OP_INTERNAL,
    .in = norm_in,
    .out = norm_out,
    .shape = square_norm_shape,
    .plain = square_norm_plain,
    .variants = square_norm_variants,
};
