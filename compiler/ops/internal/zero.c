/* zero: a sum before anything was added to it.  See accumulate. */
#include "autodiff/training.h"

static const char *const zero_out[] = {"sum", NULL};

static bool zero_shape(Graph *g, Node *n)
{
    node_out_as(g, n, g->real, false, ((const ZeroAttrs *)n->attrs)->shape);
    return true;
}

static void zero_plain(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "for ($int k = 0; k < $elements; k++) {\n"
                  "    sum[k] = 0;\n"
                  "}\n");
}

static void zero_emit(Writer *w, const Node *n)
{
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "nn_clear($elements, sum, $t, $T);");
}

static const Variant zero_variants[] = {{.name = "simd", .layouts = IN_NCHW, .emit = zero_emit, .kernel = "gradients"},
                                        {0}};

const Op op_zero = {
    .name = "zero",
    .summary = "a sum of nothing",
    .formula = "sum = 0",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(ZeroAttrs),
    .out = zero_out,
    .shape = zero_shape,
    .plain = zero_plain,
    .variants = zero_variants,
};
