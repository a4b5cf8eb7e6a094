/*
 * clip_norm: a gradient scaled down so that all gradients together have a norm of
 * `limit` at most, PyTorch's clip_grad_norm_.
 *
 *   norm = sqrt(squares), squares being the sum of the square norms of all gradients
 *   clipped = gradient · min(1, limit / (norm + 1e-6))
 *
 * A norm that is not a number makes every gradient one, as in PyTorch.
 */
#include "graph/graph.h"
#include "autodiff/training.h"

static const char *const clip_in[] = {"gradient", "squares", NULL};
static const char *const clip_out[] = {"clipped", NULL};

static bool clip_norm_shape(Graph *g, Node *n)
{
    node_out_as(g, n, g->real, false, node_shape_in(n));
    return true;
}

static void clip_norm_plain(Writer *w, const Node *n)
{
    const ClipAttrs *a = n->attrs;
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_bind_real(w, "limit", a->limit);
    writer_bind_real(w, "tiny", 1e-6);
    writer_put(w, "$real factor = $limit / ($sqrt(squares[0]) + $tiny);\n"
                  "factor = factor > 1 ? 1 : factor;\n"
                  "for ($int k = 0; k < $elements; k++) {\n"
                  "    clipped[k] = factor * gradient[k];\n"
                  "}\n");
}

static void clip_norm_emit(Writer *w, const Node *n)
{
    const ClipAttrs *a = n->attrs;
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_bind_real(w, "limit", a->limit);
    writer_put(w, "nn_clip_norm($elements, gradient, squares, clipped, $limit, $t, $T);");
}

static const Variant clip_norm_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = clip_norm_emit, .kernel = "gradients"}, {0}};

const Op op_clip_norm = {
    .name = "clip_norm",
    .summary = "a gradient scaled so that the norm of all keeps within a limit",
    .formula = "clipped = gradient * min(1, limit / (norm + 1e-6))",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .attrs_size = sizeof(ClipAttrs),
    .in = clip_in,
    .out = clip_out,
    .shape = clip_norm_shape,
    .plain = clip_norm_plain,
    .variants = clip_norm_variants,
};
