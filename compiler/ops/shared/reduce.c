/* Reductions over axes: shapes, loops and gradients, once for all. */
#include "ops/shared/reduce.h"

#include <stdio.h>

#include "ops/shared/axis.h"
#include "ops/shared/elementwise.h"

const Attr reduce_attrs[] = {
    {"axes", ATTR_SHAPE, offsetof(ReduceAttrs, axes), NULL, -MAX_RANK, MAX_RANK - 1, NULL},
    {"keep", ATTR_BOOL, offsetof(ReduceAttrs, keep), "yes", 0, 0, NULL},
    {0},
};

static bool is_reduced(const Node *n, int axis)
{
    const ReduceAttrs *a = n->attrs;
    for (int i = 0; i < a->axes.rank; i++) {
        if (a->axes.dim[i] == axis) return true;
    }
    return false;
}

/* Each is there, and named once. */
static bool resolve_axes(Graph *g, const Node *n, Shape *axes)
{
    unsigned seen = 0;
    for (int i = 0; i < axes->rank; i++) {
        if (!axis_resolve(g, n, &axes->dim[i])) return false;
        const unsigned bit = 1u << axes->dim[i];
        if (seen & bit) {
            diag_error(g->compilation, n->span, "%s: axis %lld of %s is named twice", n->op->name,
                       (long long)axes->dim[i], shape_text(g->compilation->arena, node_shape_in(n)));
            return false;
        }
        seen |= bit;
    }
    return true;
}

bool reduce_shape(Graph *g, Node *n)
{
    ReduceAttrs *a = n->attrs;
    Shape in = node_shape_in(n), out = {0};
    if (!resolve_axes(g, n, &a->axes)) return false;
    for (int axis = 0; axis < in.rank; axis++) {
        if (!is_reduced(n, axis) || a->keep) out.dim[out.rank++] = is_reduced(n, axis) ? 1 : in.dim[axis];
    }
    if (out.rank == 0) out = shape_vector(1);
    node_out(g, n, out);
    return true;
}

void reduce_window(const Node *n, int axis, Window *window)
{
    bool moved = node_shape_out(n).rank != node_shape_in(n).rank;
    const int along = field_axis(node_shape_in(n), axis);
    window->whole = moved || (along >= 0 && is_reduced(n, along));
}

int64_t reduce_flops(const Node *n) { return shape_count(node_shape_in(n)); }

/* ---- loops -------------------------------------------------------------------- */

static const char *const reduce_index[] = {"a", "b", "c", "d"};

/* Loops over the axes that are reduced, or over those that are not; `in` is the input's shape. */
static int open_reduced(Writer *w, const Node *n, Shape in, bool reduced)
{
    int loops = 0;
    for (int axis = 0; axis < in.rank; axis++) {
        if (is_reduced(n, axis) != reduced || in.dim[axis] == 1) continue;
        writer_bind(w, "index", "%s", reduce_index[axis]);
        writer_bind_int(w, "size", in.dim[axis]);
        writer_put(w, "for ($int $index = 0; $index < $size; $index++) {");
        loops++;
    }
    return loops;
}

static void close_reduced(Writer *w, int loops)
{
    while (loops-- > 0) writer_put(w, "}");
}

/* Binds $at to an element of x and $out to that of y which it becomes part of, "n * 60 + a *
 * 20 + …"; $count to the number of elements that are reduced. */
static void bind_places(Writer *w, const Node *n, Shape in)
{
    int64_t stride = shape_count(in), kept = 1;
    for (int axis = 0; axis < in.rank; axis++) kept *= is_reduced(n, axis) ? 1 : in.dim[axis];
    writer_bind_int(w, "reduced", stride / kept);
    char at[160], out[160];
    int a = snprintf(at, sizeof at, "n * %lld", (long long)stride),
        o = snprintf(out, sizeof out, "n * %lld", (long long)kept);
    for (int axis = 0; axis < in.rank; axis++) {
        const char *index = reduce_index[axis];
        stride /= in.dim[axis];
        if (in.dim[axis] == 1) continue;
        a += snprintf(at + a, sizeof at - (size_t)a, " + %s * %lld", index, (long long)stride);
        if (is_reduced(n, axis)) continue;
        kept /= in.dim[axis];
        o += snprintf(out + o, sizeof out - (size_t)o, " + %s * %lld", index, (long long)kept);
    }
    writer_bind(w, "at", "%s", at);
    writer_bind(w, "out", "%s", out);
}

/* For each element of y: `first`, then `each` for every element of x, then `last`. */
static void put_reduction(Writer *w, const Node *n, const char *first, const char *each, const char *last)
{
    Shape in = node_shape_in(n);
    bind_places(w, n, in);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = 1 + open_reduced(w, n, in, false);
    writer_put(w, first);
    int inner = open_reduced(w, n, in, true);
    writer_put(w, each);
    close_reduced(w, inner);
    writer_put(w, last);
    close_reduced(w, outer);
}

void reduce_sum_plain(Writer *w, const Node *n)
{
    put_reduction(w, n, "$real sum = 0;", "sum += x[$at];", "y[$out] = sum;");
}

void reduce_mean_plain(Writer *w, const Node *n)
{
    put_reduction(w, n, "$real sum = 0;", "sum += x[$at];", "y[$out] = sum / $reduced;");
}

void reduce_extreme_plain(Writer *w, const Node *n, const char *wins)
{
    writer_bind(w, "wins", "%s", wins);
    writer_bind(w, "worst", wins[0] == '>' ? "-INFINITY" : "INFINITY");
    put_reduction(w, n, "$real most = $worst;",
                  "const $real v = x[$at];\n"
                  "if (v $wins most || v != v) {\n"
                  "    most = v;\n"
                  "}\n",
                  "y[$out] = most;");
}

/* ---- fast form ------------------------------------------------------------------- */

/* A value whose reduced axes are neighbours is [outer][size][inner], of which size is reduced. */
static bool reduce_parts(const Node *n, Shape in, ShapeParts *parts)
{
    *parts = (ShapeParts){1, 1, 1};
    int64_t *part = &parts->outer;
    for (int axis = 0; axis < in.rank; axis++) {
        const bool reduced = is_reduced(n, axis);
        if (in.dim[axis] == 1) continue;
        if (reduced && part == &parts->outer) part = &parts->size;
        if (!reduced && part == &parts->size) part = &parts->inner;
        if (reduced && part == &parts->inner) return false;
        *part *= in.dim[axis];
    }
    return true;
}

static const char *parts_refusal(const Node *n, Shape in)
{
    ShapeParts parts;
    return reduce_parts(n, in, &parts) ? NULL : "the axes are not neighbours";
}

static const char *reduce_refusal(const Node *n) { return parts_refusal(n, node_shape_in(n)); }
static const char *reduce_grad_refusal(const Node *n) { return parts_refusal(n, node_shape_out(n)); }

/* The call, after size, the nn_reduction of the layer's input. */
static void put_reduce_call(Writer *w, const Node *n, Shape in, const char *call)
{
    ShapeParts parts;
    reduce_parts(n, in, &parts);
    writer_bind_int(w, "outer", parts.outer);
    writer_bind_int(w, "size", parts.size);
    writer_bind_int(w, "inner", parts.inner);
    writer_put(w, "static const nn_reduction size = {.outer = $outer, .size = $size, .inner = $inner};");
    writer_put(w, call);
}

#define REDUCE_EMIT(NAME, IN, CALL) \
    static void NAME(Writer *w, const Node *n) { put_reduce_call(w, n, IN(n), CALL); }

REDUCE_EMIT(sum_emit, node_shape_in, "nn_reduce_sum(&size, $N, 1, x, y, $t, $T);")
REDUCE_EMIT(mean_emit, node_shape_in, "nn_reduce_sum(&size, $N, $size, x, y, $t, $T);")
REDUCE_EMIT(max_emit, node_shape_in, "nn_reduce_max(&size, $N, x, y, $t, $T);")
REDUCE_EMIT(min_emit, node_shape_in, "nn_reduce_min(&size, $N, x, y, $t, $T);")
REDUCE_EMIT(sum_grad_emit, node_shape_out, "nn_reduce_sum_dx(&size, $N, 1, dy, dx, $t, $T);")
REDUCE_EMIT(mean_grad_emit, node_shape_out, "nn_reduce_sum_dx(&size, $N, $size, dy, dx, $t, $T);")

#define REDUCE_ROW(REFUSES, EMIT)                                                                          \
    {                                                                                                      \
        .name = "simd", .layouts = IN_NCHW, .traits = VARIANT_ANY_BATCH, .refuses = REFUSES, .emit = EMIT, \
        .kernel = "reduce"                                                                                 \
    }

const Variant reduce_sum_variants[] = {REDUCE_ROW(reduce_refusal, sum_emit), {0}};
const Variant reduce_mean_variants[] = {REDUCE_ROW(reduce_refusal, mean_emit), {0}};
const Variant reduce_max_variants[] = {REDUCE_ROW(reduce_refusal, max_emit), {0}};
const Variant reduce_min_variants[] = {REDUCE_ROW(reduce_refusal, min_emit), {0}};
static const Variant sum_gradient_variants[] = {REDUCE_ROW(reduce_grad_refusal, sum_grad_emit), {0}};
static const Variant mean_gradient_variants[] = {REDUCE_ROW(reduce_grad_refusal, mean_grad_emit), {0}};

/* ---- gradients ------------------------------------------------------------------ */

/* The line for each element of dx. */
static void put_spread(Writer *w, const Node *n, const char *line)
{
    Shape in = node_shape_out(n); /* of the layer */
    bind_places(w, n, in);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int loops = 1 + open_reduced(w, n, in, false) + open_reduced(w, n, in, true);
    writer_put(w, line);
    close_reduced(w, loops);
}

static void sum_grad_plain(Writer *w, const Node *n) { put_spread(w, n, "dx[$at] = dy[$out];"); }

static const Op sum_gradient = {
    .name = "reduce_sum.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(ReduceAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .plain = sum_grad_plain,
    .variants = sum_gradient_variants,
};

void reduce_sum_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &sum_gradient); }

static void mean_grad_plain(Writer *w, const Node *n) { put_spread(w, n, "dx[$at] = dy[$out] / $reduced;"); }

static const Op mean_gradient = {
    .name = "reduce_mean.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(ReduceAttrs),
    .in = gradient_in_dy,
    .out = gradient_out,
    .plain = mean_grad_plain,
    .variants = mean_gradient_variants,
};

void reduce_mean_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &mean_gradient); }

static void extreme_grad_plain(Writer *w, const Node *n)
{
    Shape in = node_shape_out(n); /* of the layer */
    bind_places(w, n, in);
    writer_put(w, "for ($int n = 0; n < $N; n++) {");
    int outer = 1 + open_reduced(w, n, in, false);
    writer_put(w, "$int ties = 0;");
    int inner = open_reduced(w, n, in, true);
    writer_put(w, "ties += x[$at] == y[$out];");
    close_reduced(w, inner);
    inner = open_reduced(w, n, in, true);
    writer_put(w, "dx[$at] = dy[$out] * (x[$at] == y[$out]) / ($real)ties;");
    close_reduced(w, inner + outer);
}

static const Op extreme_gradient = {
    .name = "reduce_max.grad",
    .class = OP_INTERNAL,
    .attrs_size = sizeof(ReduceAttrs),
    .in = gradient_in_xy,
    .out = gradient_out,
    .plain = extreme_grad_plain,
};

void reduce_extreme_grad(Backward *b, const Node *n) { elementwise_grad(b, n, &extreme_gradient); }
