/* total: the sum of single numbers: the losses of a net and its heads, and the
 * penalties of its parameters. */
#include "graph/graph.h"

static const char *const total_out[] = {"total", NULL};

static void total_plain(Writer *w, const Node *n)
{
    writer_put(w, "$real sum = 0;");
    for (int i = 0; i < n->in_count; i++) {
        writer_bind_int(w, "i", i);
        writer_put(w, "sum += x$i[0];");
    }
    writer_put(w, "total[0] = sum;");
}

static bool total_shape(Graph *g, Node *n)
{
    node_out_as(g, n, g->real, false, shape_vector(1));
    return true;
}

const Op op_total = {
    .name = "total",
    .summary = "sum of losses and penalties",
    .formula = "total = sum_i x_i",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC,
    .out = total_out,
    .shape = total_shape,
    .plain = total_plain,
};
