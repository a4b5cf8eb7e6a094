/*
 * reshape: the same numbers in the same order under another shape.
 *
 * reshape(16x5x5) makes an image of a vector of 400; both must have the same
 * count.  One dimension may be −1: it is what is left.  The gradient is dy under the
 * input's shape.
 */
#include "ops/shared/elementwise.h"

typedef struct ReshapeAttrs {
    Shape shape;
} ReshapeAttrs;

static const Attr reshape_attrs[] = {
    {"shape", ATTR_SHAPE, offsetof(ReshapeAttrs, shape), NULL, -1, 1e9, NULL},
    {0},
};

/* Of a shape that was not checked yet: INT64_MAX stands for all that is too large. */
static int64_t reshape_count_of(Shape s)
{
    int64_t count = 1;
    for (int i = 0; i < s.rank; i++) {
        if (__builtin_mul_overflow(count, s.dim[i], &count)) return INT64_MAX;
    }
    return count;
}

/* The dimension that is −1 becomes what is left of `count`; false where there is a 0 or a second −1. */
static bool resolve_rest(Shape *s, int64_t count)
{
    int rest = -1;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] == 0 || (s->dim[i] < 0 && rest >= 0)) return false;
        if (s->dim[i] < 0) rest = i;
    }
    if (rest < 0) return true;
    s->dim[rest] = 1;
    int64_t others = reshape_count_of(*s);
    s->dim[rest] = count % others ? 1 : count / others;
    return true;
}

static bool reshape_shape(Graph *g, Node *n)
{
    ReshapeAttrs *a = n->attrs;
    Compilation *c = g->compilation;
    Shape in = node_shape_in(n);
    const char *from = shape_text(c->arena, in), *to = shape_text(c->arena, a->shape);
    if (!resolve_rest(&a->shape, shape_count(in))) {
        diag_error(c, n->span, "reshape: %s: dimensions are 1 or more, and one of them may be -1", to);
        return false;
    }
    int64_t count = reshape_count_of(a->shape);
    if (count != shape_count(in)) {
        diag_error(c, n->span, "reshape: the input %s has %lld elements, but %s has %lld", from,
                   (long long)shape_count(in), to, (long long)count);
        return false;
    }
    node_out(g, n, a->shape);
    return true;
}

/* Places of the result are no longer places of the input. */
static void reshape_window(const Node *n, int axis, Window *window)
{
    (void)axis;
    window->whole = !shape_equal(node_shape_in(n), node_shape_out(n));
}

const Op op_reshape = {
    .name = "reshape",
    .summary = "the same numbers under another shape",
    .formula = "y[k] = x[k]",
    .class = OP_LAYER,
    .traits = OP_VIEW,
    .attrs = reshape_attrs,
    .attrs_size = sizeof(ReshapeAttrs),
    .in = elementwise_in,
    .out = elementwise_out,
    .shape = reshape_shape,
    .window = reshape_window,
};
