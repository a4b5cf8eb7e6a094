/*
 * average: sum = sum / batches, in place: the mean of the gradients that several batches have
 * added.  See accumulate and autodiff/program_sums.c.
 */
#include "graph/graph.h"

static const char *const average_in[] = {"sum", "batches", NULL};

static bool average_shape(Graph *g, Node *n)
{
    (void)g, (void)n;
    return true;
}

static void average_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_put(w, "for ($int k = 0; k < $elements; k++) {\n"
                  "    sum[k] /= batches[0];\n"
                  "}\n");
}

static void average_emit(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_put(w, "nn_average($elements, batches, sum, $t, $T);");
}

static const Variant average_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = average_emit, .kernel = "gradients"}, {0}};

const Op op_average = {
    .name = "average",
    .summary = "the mean of the gradients of several batches",
    .formula = "sum = sum / batches",
    .class = OP_INTERNAL,
    .traits = OP_SPLITTABLE,
    .in = average_in,
    .mutates = 1,
    .shape = average_shape,
    .plain = average_plain,
    .variants = average_variants,
};
