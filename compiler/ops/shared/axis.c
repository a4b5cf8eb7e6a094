/* Operators along one axis: which axis it is, and the shape around it. */
#include "ops/shared/axis.h"

const Attr axis_attrs[] = {
    {"axis", ATTR_INT, offsetof(AxisAttrs, axis), "0", -MAX_RANK, MAX_RANK - 1, NULL},
    {0},
};

bool axis_resolve(Graph *g, const Node *n, int64_t *axis)
{
    Shape in = node_shape_in(n);
    int64_t index = *axis < 0 ? *axis + in.rank : *axis;
    if (index < 0 || index >= in.rank) {
        diag_error(g->compilation, n->span, "%s: the input %s has no axis %lld", n->op->name,
                   shape_text(g->compilation->arena, in), (long long)*axis);
        return false;
    }
    *axis = index;
    return true;
}

void axis_bind_outer(Writer *w, int64_t outer)
{
    writer_bind(w, "outer", "%s", "");
    if (outer > 1) writer_bind(w, "outer", " * %lld", (long long)outer);
}

Shape axis_bind(Writer *w, const Node *n)
{
    const AxisAttrs *a = n->attrs;
    const ShapeParts parts = shape_parts(node_shape_in(n), (int)a->axis);
    axis_bind_outer(w, parts.outer);
    return (Shape){2, {parts.size, parts.inner}};
}

void axis_window(const Node *n, int axis, Window *window)
{
    window->whole = ((const AxisAttrs *)n->attrs)->axis == field_axis(node_shape_out(n), axis);
}
