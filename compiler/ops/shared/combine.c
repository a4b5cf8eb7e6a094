/* Combinators: agreement of shapes, the fold over the branches and gradients, once for all. */
#include "ops/shared/combine.h"

#include <assert.h>
#include <stdio.h>

#include "autodiff/backward.h"

const char *const combine_out[] = {"y", NULL};
const char *const combine_dx_in[] = {"dy", NULL};
const char *const combine_dx_out[] = {"dx", NULL};

/* ---- shapes ----------------------------------------------------------------- */

void combine_disagree(Graph *g, const Node *n, int branch, const char *rule)
{
    Compilation *c = g->compilation;
    const char *first = shape_text(c->arena, n->in[0]->shape);
    const char *other = shape_text(c->arena, n->in[branch]->shape);
    diag_error(c, n->span, "%s: branch 1 gives %s, branch %d gives %s; %s", n->op->name, first, branch + 1, other,
               rule);
}

static bool stretch_shape(Shape *to, Shape shape)
{
    if (shape.rank != to->rank) return false;
    for (int axis = 0; axis < to->rank; axis++) {
        if (to->dim[axis] == 1) to->dim[axis] = shape.dim[axis];
        if (shape.dim[axis] != to->dim[axis] && shape.dim[axis] != 1) return false;
    }
    return true;
}

bool combine_shape(Graph *g, Node *n)
{
    Shape out = node_shape_in(n);
    for (int i = 1; i < n->in_count; i++) {
        if (stretch_shape(&out, n->in[i]->shape)) continue;
        combine_disagree(g, n, i, "each dimension must be the same, or 1");
        return false;
    }
    node_out_as(g, n, g->real, n->in[0]->batched, out);
    return true;
}

bool combine_two_shape(Graph *g, Node *n)
{
    if (n->in_count == 2) return combine_shape(g, n);
    diag_error(g->compilation, n->span, "%s takes two branches, not %d", n->op->name, n->in_count);
    return false;
}

int64_t combine_flops(const Node *n) { return (n->in_count - 1) * shape_count(node_shape_out(n)); }

void combine_window(const Node *n, int axis, Window *window)
{
    Shape out = node_shape_out(n);
    for (int i = 0; i < n->in_count; i++) {
        if (n->in[i]->constant) continue; /* the same everywhere */
        if (field_extent(n->in[i]->shape, axis) != field_extent(out, axis)) window->whole = true;
    }
}

bool combine_is_even(const Node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        if (!shape_equal(n->in[i]->shape, n->out[0]->shape)) return false;
    }
    return true;
}

const char *combine_refusal(const Node *n) { return combine_is_even(n) ? NULL : "a branch is stretched"; }

/* ---- loops -------------------------------------------------------------------- */

static const char *const combine_index[] = {"c", "i", "j", "l"};

/* Opens a loop over all elements of the tensor, k the index; close it with "}". */
static void combine_loop(Writer *w, const Tensor *t)
{
    writer_bind_int(w, "elements", shape_count(t->shape));
    writer_put(w,
               t->batched ? "for ($int k = 0; k < $N * $elements; k++) {" : "for ($int k = 0; k < $elements; k++) {");
}

/* Binds $NAME to an element of `array`: array[k], or by the indices of the axes, "n * 60 +
 * c * 20 + i * 5 + j", those of a dimension of 1 left out. */
static void bind_combined(Writer *w, const char *name, const char *array, const Tensor *t, bool even)
{
    char text[160];
    size_t length = (size_t)snprintf(text, sizeof text, "%s[", array);
    int64_t stride = shape_count(t->shape);
    const char *plus = "";
    if (even) length += (size_t)snprintf(text + length, sizeof text - length, "k");
    for (int axis = -1; axis < t->shape.rank && !even; axis++) {
        if (axis >= 0) stride /= t->shape.dim[axis];
        if (axis < 0 ? !t->batched : t->shape.dim[axis] == 1) continue;
        const char *index = axis < 0 ? "n" : combine_index[axis];
        length += (size_t)snprintf(text + length, sizeof text - length, stride == 1 ? "%s%s" : "%s%s * %lld", plus,
                                   index, (long long)stride);
        assert(length < sizeof text);
        plus = " + ";
    }
    writer_bind(w, name, "%s%s]", text, !even && !*plus ? "0" : "");
}

/* Binds $NAME, or NULL: $x0, $x1, …, to the element of branch i, which is in[first + i]. */
static void bind_branch(Writer *w, const char *name, const Node *n, int first, int i, bool even)
{
    char array[16];
    snprintf(array, sizeof array, "x%d", i);
    bind_combined(w, name ? name : array, array, n->in[first + i], even);
}

static void bind_branches(Writer *w, const Node *n, int first, bool even)
{
    for (int i = 0; first + i < n->in_count; i++) bind_branch(w, NULL, n, first, i, even);
}

void combine_bind_branch(Writer *w, const Node *n, int i) { bind_branch(w, "x", n, 1, i, combine_is_even(n)); }

/* Loops over the axes of `full` along which `kept` has more than one element, or
 * exactly the others.  Returns how many. */
static int open_axes(Writer *w, Shape full, Shape kept, bool others)
{
    int loops = 0;
    for (int axis = 0; axis < full.rank; axis++) {
        if (full.dim[axis] == 1 || (kept.dim[axis] == 1) != others) continue;
        writer_bind(w, "index", "%s", combine_index[axis]);
        writer_bind_int(w, "size", full.dim[axis]);
        writer_put(w, "for ($int $index = 0; $index < $size; $index++) {");
        loops++;
    }
    return loops;
}

/* Over the batch and the axes of `kept`, or over all elements at once. */
static int open_combined(Writer *w, const Tensor *t, Shape full, bool even)
{
    if (even) {
        combine_loop(w, t);
        return 1;
    }
    if (t->batched) writer_put(w, "for ($int n = 0; n < $N; n++) {");
    return t->batched + open_axes(w, full, t->shape, false);
}

static void close_loops(Writer *w, int loops)
{
    while (loops-- > 0) writer_put(w, "}");
}

void combine_values(Writer *w, const Node *n, const char *step, const char *last)
{
    bool even = combine_is_even(n);
    int loops = open_combined(w, n->out[0], n->out[0]->shape, even);
    bind_branches(w, n, 0, even);
    bind_combined(w, "y", "y", n->out[0], even);
    writer_bind(w, "last", "%s", last);
    writer_put(w, "$real value = $x0;");
    for (int i = 1; i < n->in_count; i++) {
        bind_branch(w, "x", n, 0, i, even);
        writer_put(w, step);
    }
    writer_put(w, "$y = $last;");
    close_loops(w, loops);
}

void combine_gradient(Writer *w, const Node *n, void (*body)(Writer *, const Node *))
{
    const Tensor *dy = n->in[0], *dx = n->out[0];
    bool even = combine_is_even(n), sums = !shape_equal(dy->shape, dx->shape);
    bind_branches(w, n, 1, even);
    bind_combined(w, "dy", "dy", dy, even);
    bind_combined(w, "dx", "dx", dx, even);
    int loops = open_combined(w, dx, dy->shape, even);
    if (sums) writer_put(w, "$real sum = 0;");
    int inner = sums ? open_axes(w, dy->shape, dx->shape, true) : 0;
    writer_put(w, "$real value = $dy;");
    body(w, n);
    if (sums) writer_put(w, "sum += value;");
    close_loops(w, inner);
    writer_put(w, sums ? "$dx = sum;" : "$dx = value;");
    close_loops(w, loops);
}

enum { ONE_LINE = 4 }; /* branches that fit in one expression */

/* y[k] = x0[k] + x1[k]; */
static void put_expression(Writer *w, int count, const char *operator)
{
    char line[96];
    int length = snprintf(line, sizeof line, "y[k] = x0[k]");
    for (int i = 1; i < count; i++) {
        length += snprintf(line + length, sizeof line - (size_t)length, " %s x%d[k]", operator, i);
    }
    snprintf(line + length, sizeof line - (size_t)length, ";");
    writer_put(w, line);
}

void combine_fold(Writer *w, const Node *n, const char *operator)
{
    if (n->in_count <= ONE_LINE && combine_is_even(n)) {
        combine_loop(w, n->out[0]);
        put_expression(w, n->in_count, operator);
        writer_put(w, "}");
    } else {
        char step[24];
        snprintf(step, sizeof step, "value %s= $x;", operator);
        combine_values(w, n, step, "value");
    }
}

/* ---- gradients ------------------------------------------------------------------ */

typedef struct ShareAttrs {
    double factor;
} ShareAttrs;

static void share_body(Writer *w, const Node *n)
{
    const ShareAttrs *a = n->attrs;
    writer_bind_real(w, "factor", a->factor);
    if (a->factor != 1) writer_put(w, "value *= $factor;");
}

static void combine_share_plain(Writer *w, const Node *n) { combine_gradient(w, n, share_body); }

static const Op combine_share = {
    .name = "combine.share",
    .class = OP_INTERNAL,
    .traits = OP_INPLACE,
    .attrs_size = sizeof(ShareAttrs),
    .in = combine_dx_in,
    .out = combine_dx_out,
    .plain = combine_share_plain,
};

void combine_give_share(Backward *b, const Node *n, int i, double factor)
{
    if (!backward_wants(b, n->in[i])) return;
    if (factor == 1 && shape_equal(n->in[i]->shape, n->out[0]->shape)) {
        backward_give(b, n->in[i], backward_of(b, n->out[0]));
        return;
    }
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, &combine_share, n);
    ShareAttrs *a = arena_alloc(g->compilation->arena, sizeof *a);
    a->factor = factor;
    d->attrs = a;
    node_in(g, d, backward_of(b, n->out[0]));
    backward_give(b, n->in[i], node_out_as(g, d, g->real, n->in[i]->batched, n->in[i]->shape));
}

Node *combine_give(Backward *b, const Node *n, int i, const Op *op, bool all)
{
    Graph *g = backward_graph(b);
    Node *d = backward_node(b, op, n);
    node_in(g, d, backward_of(b, n->out[0]));
    for (int j = 0; j < n->in_count; j++) {
        if (all || j != i) node_in(g, d, n->in[j]);
    }
    backward_give(b, n->in[i], node_out_as(g, d, g->real, n->in[i]->batched, n->in[i]->shape));
    return d;
}

/* ---- fast form: runtime/kernels/elementwise/combine.h ----------------------------- */

void combine_arrays(Writer *w, const Node *n, const char *first, int count)
{
    writer_bind_int(w, "count", count);
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_bind(w, "element", variant_is_of_bf16(n) ? "uint16_t" : "float");
    writer_put(w, "const $element *const x[$count] = {");
    if (first) {
        writer_bind(w, "first", "%s", first);
        writer_put(w, "$first,");
    }
    for (int i = 0; i < count - (first != NULL); i++) {
        writer_bind_int(w, "i", i);
        writer_put(w, "x$i,");
    }
    writer_put(w, "};");
}

void combine_emit(Writer *w, const Node *n, const char *kernel)
{
    combine_arrays(w, n, NULL, n->in_count);
    writer_bind(w, "kernel", "%s%s", kernel, variant_is_of_bf16(n) ? "_bf16" : "");
    writer_put(w, n->out[0]->batched ? "$kernel($count, x, (long)$N * $elements, y, $t, $T);"
                                     : "$kernel($count, x, $elements, y, $t, $T);");
}
