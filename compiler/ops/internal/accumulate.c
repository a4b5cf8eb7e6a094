/*
 * accumulate: sum += gradient.  What a batch in micro-batches keeps from one to the next
 * (gradient accumulation): the sums of its parameters' gradients and of its losses.
 */
#include <assert.h>

#include "graph/graph.h"

static const char *const accumulate_in[] = {"gradient", "sum", NULL};

static bool accumulate_shape(Graph *g, Node *n)
{
    (void)g;
    assert(shape_count(n->in[0]->shape) == shape_count(n->in[1]->shape));
    return true;
}

static void accumulate_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_put(w, "for ($int k = 0; k < $elements; k++) {\n"
                  "    sum[k] += gradient[k];\n"
                  "}\n");
}

static void accumulate_emit(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_put(w, "nn_accumulate($elements, gradient, sum, $t, $T);");
}

static const Variant accumulate_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = accumulate_emit, .kernel = "gradients"}, {0}};

const Op op_accumulate = {
    .name = "accumulate",
    .summary = "the sum of the gradients of micro-batches",
    .formula = "sum = sum + gradient",
    .class = OP_INTERNAL,
    .traits = OP_SPLITTABLE,
    .in = accumulate_in,
    .mutates = 2,
    .shape = accumulate_shape,
    .plain = accumulate_plain,
    .variants = accumulate_variants,
};
