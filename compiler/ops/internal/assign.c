/*
 * assign: sum = gradient.  What a chunk of a batch leaves to be added to that of others, in the place of a sum that
 * nothing else adds to (autodiff/program_sums.c).
 */
#include <assert.h>

#include "graph/graph.h"

static const char *const assign_in[] = {"gradient", "sum", NULL};

static bool assign_shape(Graph *g, Node *n)
{
    (void)g;
    assert(shape_count(n->in[0]->shape) == shape_count(n->in[1]->shape));
    return true;
}

static void assign_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_put(w, "for ($int k = 0; k < $elements; k++) {\n"
                  "    sum[k] = gradient[k];\n"
                  "}\n");
}

static void assign_emit(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_put(w, "nn_assign($elements, gradient, sum, $t, $T);");
}

static const Variant assign_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = assign_emit, .kernel = "gradients"}, {0}};

const Op op_assign = {
    .name = "assign",
    .summary = "a gradient as the only part of a sum",
    .formula = "sum = gradient",
    .class = OP_INTERNAL,
    .traits = OP_SPLITTABLE,
    .in = assign_in,
    .mutates = 2,
    .shape = assign_shape,
    .plain = assign_plain,
    .variants = assign_variants,
};
