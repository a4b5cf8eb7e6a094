/*
 * permute: the axes in another order, PyTorch's permute without the batch: axis a of y is
 * axis axes[a] of x.
 *
 *   permute([1, 2, 0]) of 3x4x5 gives 4x5x3, y[i][j][c] = x[c][i][j]
 *
 * The gradient is dy with the axes in the order that they had.
 */
#include "autodiff/backward.h"
#include "ops/shared/axis.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/quantized.h"
#include "ops/shared/region.h"

typedef struct PermuteAttrs {
    Shape axes;
} PermuteAttrs;

static const Attr permute_attrs[] = {
    {"axes", ATTR_SHAPE, offsetof(PermuteAttrs, axes), NULL, -MAX_RANK, MAX_RANK - 1, NULL},
    {0},
};

static bool permute_shape(Graph *g, Node *n)
{
    PermuteAttrs *a = n->attrs;
    Shape in = node_shape_in(n), out = in;
    unsigned seen = 0;
    for (int axis = 0; axis < a->axes.rank; axis++) {
        if (!axis_resolve(g, n, &a->axes.dim[axis])) return false;
        seen |= 1u << a->axes.dim[axis];
    }
    if (a->axes.rank != in.rank || seen != (1u << in.rank) - 1) {
        Arena *arena = g->compilation->arena;
        diag_error(g->compilation, n->span, "permute: the input %s has axes 0 to %d; each of them must be named once",
                   shape_text(arena, in), in.rank - 1);
        return false;
    }
    for (int axis = 0; axis < in.rank; axis++) out.dim[axis] = in.dim[a->axes.dim[axis]];
    node_out(g, n, out);
    return true;
}

static void permute_window(const Node *n, int axis, Window *window)
{
    const PermuteAttrs *a = n->attrs;
    const int along = field_axis(node_shape_in(n), axis);
    window->whole = along >= 0 && a->axes.dim[along] != along;
}

/* The output in its order, one axis a loop. */
static void permute_plain(Writer *w, const Node *n)
{
    static const char *const index[] = {"a", "b", "c", "d"};
    const PermuteAttrs *a = n->attrs;
    Shape out = node_shape_out(n), strides = shape_strides(node_shape_in(n));
    writer_bind(w, "to", "%s", n->op->out[0]);
    writer_bind(w, "from", "%s", n->op->in[0]);
    writer_put(w, "$int k = 0;\n"
                  "for ($int n = 0; n < $N; n++) {\n");
    writer_bind(w, "before", "n * %lld", (long long)shape_count(out));
    for (int axis = 0; axis < out.rank; axis++) {
        writer_bind(w, "index", "%s", index[axis]);
        writer_bind(w, "at", "at_%s", index[axis]);
        writer_bind_int(w, "size", out.dim[axis]);
        writer_bind_int(w, "stride", strides.dim[a->axes.dim[axis]]);
        writer_put(w, "for ($int $index = 0; $index < $size; $index++) {\n"
                      "    const $int $at = $before + $index * $stride;\n");
        writer_bind(w, "before", "at_%s", index[axis]);
    }
    writer_put(w, "$to[k++] = $from[$before];");
    for (int axis = 0; axis <= out.rank; axis++) writer_put(w, "}");
}

/* ---- fast form: runtime/kernels/movement/reorder.h ------------------------------- */

/* Two groups of neighbouring axes that change places, after axes that stay: matrices [rows][columns]. */
typedef struct Exchange {
    int64_t matrices, rows, columns;
} Exchange;

/* False where the permutation is another one. */
static bool find_exchange(const Node *n, Exchange *e)
{
    const PermuteAttrs *a = n->attrs;
    Shape in = node_shape_in(n);
    int first = 0;
    while (first < in.rank && a->axes.dim[first] == first) first++;
    int moved = in.rank - first, by = moved ? (int)a->axes.dim[first] - first : 0;
    *e = (Exchange){1, 1, 1};
    for (int axis = 0; axis < in.rank; axis++) {
        if (axis >= first && a->axes.dim[axis] != first + (axis - first + by) % moved) return false;
        *(axis < first ? &e->matrices : axis < first + by ? &e->rows : &e->columns) *= in.dim[axis];
    }
    return true;
}

static const char *exchange_refusal(const Node *n)
{
    Exchange e;
    return find_exchange(n, &e) ? NULL : "not just two groups of axes change places";
}

static void permute_emit(Writer *w, const Node *n)
{
    Exchange e;
    find_exchange(n, &e);
    writer_bind(w, "to", "%s", n->op->out[0]);
    writer_bind(w, "from", "%s", n->op->in[0]);
    writer_bind_int(w, "matrices", e.matrices);
    writer_bind_int(w, "rows", e.rows);
    writer_bind_int(w, "columns", e.columns);
    writer_put(w, "nn_reorder((long)$N * $matrices, $rows, $columns, $from, $to, $t, $T);");
}

static const Variant permute_variants[] = {
    {.name = "exchange",
     .layouts = IN_NCHW,
     .traits = VARIANT_ANY_BATCH,
     .refuses = exchange_refusal,
     .emit = permute_emit,
     .kernel = "reorder"},
    {0},
};

static const Op permute_gradient = {
    .name = "permute.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(PermuteAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .flops = region_no_flops,
    .plain = permute_plain,
    .variants = permute_variants,
};

static void permute_grad(Backward *b, const Node *n)
{
    const PermuteAttrs *a = n->attrs;
    if (!backward_wants(b, n->in[0])) return;
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &permute_gradient, n);
    PermuteAttrs *inverse = arena_alloc(g->compilation->arena, sizeof *inverse);
    inverse->axes.rank = a->axes.rank;
    for (int axis = 0; axis < a->axes.rank; axis++) inverse->axes.dim[a->axes.dim[axis]] = axis;
    d->attrs = inverse;
    node_in(g, d, backward_of(b, n->out[0]));
    backward_give(b, n->in[0], node_out(g, d, node_shape_in(n)));
}

const Op op_permute = {
    .name = "permute",
    .summary = "the axes in another order",
    .formula = "axis a of y is axis axes[a] of x",
    .class = OP_LAYER,
    .attrs = permute_attrs,
    .attrs_size = sizeof(PermuteAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = permute_shape,
    .window = permute_window,
    .flops = region_no_flops,
    .grad = permute_grad,
    .plain = permute_plain,
    .quantize = quantized_movement,
    .variants = permute_variants,
};
