/*
 * clip_value: every element of a gradient kept within ± limit, PyTorch's
 * clip_grad_value_.  NaN stays NaN.
 */
#include "graph/graph.h"
#include "autodiff/training.h"

static const char *const clip_in[] = {"gradient", NULL};
static const char *const clip_out[] = {"clipped", NULL};

static bool clip_value_shape(Graph *g, Node *n)
{
    node_out_as(g, n, g->real, false, node_shape_in(n));
    return true;
}

static void clip_value_plain(Writer *w, const Node *n)
{
    const ClipAttrs *a = n->attrs;
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_bind_real(w, "limit", a->limit);
    writer_put(w, "for ($int k = 0; k < $elements; k++) {\n"
                  "    const $real g = gradient[k];\n"
                  "    clipped[k] = g > $limit ? $limit : g < -$limit ? -$limit : g;\n"
                  "}\n");
}

static void clip_value_emit(Writer *w, const Node *n)
{
    const ClipAttrs *a = n->attrs;
    writer_bind_int(w, "elements", shape_count(node_shape_in(n)));
    writer_bind_real(w, "limit", a->limit);
    writer_put(w, "nn_clip_value($elements, gradient, clipped, $limit, $t, $T);");
}

static const Variant clip_value_variants[] = {
    {.name = "simd", .layouts = IN_NCHW, .emit = clip_value_emit, .kernel = "gradients"}, {0}};

const Op op_clip_value = {
    .name = "clip_value",
    .summary = "a gradient with its elements kept within a limit",
    .formula = "clipped = max(-limit, min(limit, gradient))",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .attrs_size = sizeof(ClipAttrs),
    .in = clip_in,
    .out = clip_out,
    .shape = clip_value_shape,
    .plain = clip_value_plain,
    .variants = clip_value_variants,
};
