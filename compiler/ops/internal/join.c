/*
 * join: the gradients of a net's several inputs as the caller gets them, one
 * after the other, as the inputs lie in x: for inputs of a and b elements
 *
 *   y: [N][a] then [N][b]
 *
 * An input that nothing depends on has no gradient among the node's inputs; its
 * stretch is filled with zeros.  The samples of y do not lie one after another,
 * so threads cannot share them out.
 */
#include "autodiff/training.h"

#include "graph/graph.h"

static const char *const join_out[] = {"y", NULL};

static bool join_shape(Graph *g, Node *n)
{
    const JoinAttrs *a = n->attrs;
    int64_t sum = 0;
    for (int i = 0; i < a->count; i++) sum += a->sizes[i];
    node_out(g, n, shape_vector(sum));
    return true;
}

static void join_plain(Writer *w, const Node *n)
{
    const JoinAttrs *a = n->attrs;
    int64_t before = 0;
    int given = 0;
    for (int i = 0; i < a->count; i++) {
        writer_bind_int(w, "size", a->sizes[i]);
        writer_bind_int(w, "before", before);
        writer_bind(w, "from", "0");
        if (a->given[i]) writer_bind(w, "from", "x%d[k]", given++);
        writer_put(w, "for ($int k = 0; k < $N * $size; k++) {\n"
                      "    y[$N * $before + k] = $from;\n"
                      "}\n");
        before += a->sizes[i];
    }
}

const Op op_join = {
    .name = "join",
    .summary = "the gradients of several inputs, one after the other",
    .formula = "y = x_0, x_1, ...",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_BATCH_COUPLED,
    .attrs_size = sizeof(JoinAttrs),
    .out = join_out,
    .shape = join_shape,
    .plain = join_plain,
};
