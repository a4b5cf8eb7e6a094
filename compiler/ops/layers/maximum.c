/*
 * maximum: y = max(x0, x1, …), element by element.
 *
 * Three branches or more fold from the left: max(max(x0, x1), x2).  NaN wins, as
 * in PyTorch, and so does PyTorch's rule for equal values: each side of a fold
 * gets half of the gradient.  Of three equal branches the third therefore gets
 * dy / 2, the first two dy / 4 each.  The branches that lose get dy · 0, so a NaN or
 * an infinity in dy is NaN for them too (PyTorch: 0).
 *
 *   m_0 = x0,  m_i = max(m_{i−1}, x_i)
 *   d m_i / d x_i = 1, ½ or 0 as x_i >, = or < m_{i−1};  d m_i / d m_{i−1} the same, seen from m_{i−1}
 *   dx_i = dy · (d m_i / d x_i) · Π_{j>i} (d m_j / d m_{j−1})
 */
#include "autodiff/backward.h"
#include "ops/shared/combine.h"

typedef struct BranchAttrs {
    int64_t branch; /* whose gradient it is */
} BranchAttrs;

static void maximum_plain(Writer *w, const Node *n)
{
    combine_loop(w, n->out[0]);
    writer_put(w, "$real value = x0[k];");
    combine_steps(w, 1, n->in_count,
                  "if ($x > value || $x != $x) {\n"
                  "    value = $x;\n"
                  "}");
    writer_put(w, "y[k] = value;\n"
                  "}");
}

static void maximum_emit(Writer *w, const Node *n) { combine_emit(w, n, "nn_maximum"); }

/* After dy stand all the branches. */
static void maximum_dx_plain(Writer *w, const Node *n)
{
    const BranchAttrs *a = n->attrs;
    int branches = n->in_count - 1;
    writer_bind_real(w, "half", 0.5);
    combine_loop(w, n->out[0]);
    writer_put(w, "$real most = x0[k];\n"
                  "$real share = dy[k];");
    for (int i = 1; i < branches; i++) {
        writer_bind(w, "x", "x%d[k]", i);
        if (i == a->branch) writer_put(w, "share *= $x == most ? $half : $x < most ? 0 : 1;");
        if (i > a->branch) writer_put(w, "share *= most == $x ? $half : most < $x ? 0 : 1;");
        if (i < branches - 1) writer_put(w, "most = $x > most ? $x : most;");
    }
    writer_put(w, "dx[k] = share;\n"
                  "}");
}

static void maximum_dx_emit(Writer *w, const Node *n)
{
    const BranchAttrs *a = n->attrs;
    combine_arrays(w, n, NULL, n->in_count - 1);
    writer_bind_int(w, "branch", a->branch);
    writer_put(w, "nn_maximum_dx($count, x, $branch, $N, $elements, dy, dx, $t, $T);");
}

static const Variant maximum_dx_variants[] = {{.name = "simd",
                                               .layouts = IN_ANY_LAYOUT,
                                               .traits = VARIANT_ANY_BATCH,
                                               .emit = maximum_dx_emit,
                                               .kernel = "combine"},
                                              {0}};

static const Op maximum_dx = {
    .name = "maximum.dx",
    .class = OP_INTERNAL,
    .traits = OP_VARIADIC | OP_INPLACE,
    .attrs_size = sizeof(BranchAttrs),
    .in = combine_dx_in,
    .out = combine_dx_out,
    .plain = maximum_dx_plain,
    .variants = maximum_dx_variants,
};

static void maximum_grad(Backward *b, const Node *n)
{
    Graph *g = backward_graph(b);
    Tensor *dy = backward_of(b, n->out[0]);
    for (int i = 0; i < n->in_count; i++) {
        if (!backward_wants(b, n->in[i])) continue;
        Node *d = backward_node(b, &maximum_dx, n);
        BranchAttrs *a = arena_alloc(g->compilation->arena, sizeof *a);
        a->branch = i;
        d->attrs = a;
        node_in(g, d, dy);
        for (int j = 0; j < n->in_count; j++) node_in(g, d, n->in[j]);
        backward_give(b, n->in[i], node_out(g, d, n->in[i]->shape));
    }
}

static const Variant maximum_variants[] = {
    {.name = "simd", .layouts = IN_ANY_LAYOUT, .traits = VARIANT_ANY_BATCH, .emit = maximum_emit, .kernel = "combine"},
    {0}};

const Op op_maximum = {
    .name = "maximum",
    .summary = "element-wise maximum of the branches",
    .formula = "y = max(x0, x1, ...)",
    .class = OP_COMBINE,
    .traits = OP_VARIADIC | OP_INPLACE,
    .out = combine_out,
    .shape = combine_shape,
    .flops = combine_flops,
    .grad = maximum_grad,
    .plain = maximum_plain,
    .variants = maximum_variants,
};
