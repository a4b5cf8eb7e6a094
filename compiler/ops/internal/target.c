/*
 * target: one of several targets, from the rows that the caller gives.
 *
 *   x: [N][row]   y: [N][count]
 *   y[n][k] = x[n][offset + k]
 *
 * Rows are of reals where not all targets are classes; a class is then a whole number, and what
 * is no int32 becomes −1, which is no class.
 */
#include "autodiff/training.h"

#include "graph/graph.h"

static const char *const target_in[] = {"x", NULL};
static const char *const target_out[] = {"y", NULL};

static bool target_shape(Graph *g, Node *n)
{
    const TargetAttrs *a = n->attrs;
    const DType dtype = a->classes ? DTYPE_I32 : n->in[0]->dtype;
    const Shape all = shape_vector(a->samples * shape_count(a->shape));
    node_out_as(g, n, dtype, n->in[0]->batched, n->in[0]->batched ? a->shape : all);
    return true;
}

static void target_plain(Writer *w, const Node *n)
{
    const TargetAttrs *a = n->attrs;
    writer_bind_int(w, "row", a->row);
    writer_bind_int(w, "offset", a->offset);
    writer_bind_int(w, "size", shape_count(a->shape));
    writer_bind_real(w, "most", 2e9);
    if (a->samples) writer_bind_int(w, "N", a->samples);
    writer_put(w, "for ($int n = 0; n < $N; n++) {\n"
                  "    for ($int k = 0; k < $size; k++) {\n");
    if (a->classes && dtype_is_real(n->in[0]->dtype))
        writer_put(w, "const $real value = x[n * $row + $offset + k];\n"
                      "y[n * $size + k] = value > -$most && value < $most ? (int32_t)value : -1;\n");
    else
        writer_put(w, "y[n * $size + k] = x[n * $row + $offset + k];\n");
    writer_put(w, "    }\n"
                  "}\n");
}

const Op op_target = {
    .name = "target",
    .summary = "one of several targets",
    .formula = "y[k] = x[offset + k]",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(TargetAttrs),
    .in = target_in,
    .out = target_out,
    .shape = target_shape,
    .plain = target_plain,
};
