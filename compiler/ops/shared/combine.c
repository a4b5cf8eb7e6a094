/* Combinators: agreement of shapes and the fold over the branches, once for all. */
#include "ops/shared/combine.h"

#include <stdio.h>

const char *const combine_out[] = {"y", NULL};
const char *const combine_dx_in[] = {"dy", NULL};
const char *const combine_dx_out[] = {"dx", NULL};

void combine_disagree(Graph *g, const Node *n, int branch, const char *rule)
{
    Compilation *c = g->compilation;
    const char *first = shape_text(c->arena, n->in[0]->shape);
    const char *other = shape_text(c->arena, n->in[branch]->shape);
    diag_error(c, n->span, "%s: branch 1 gives %s, branch %d gives %s; %s", n->op->name, first, branch + 1, other,
               rule);
}

bool combine_shape(Graph *g, Node *n)
{
    for (int i = 1; i < n->in_count; i++) {
        if (shape_equal(n->in[i]->shape, n->in[0]->shape)) continue;
        combine_disagree(g, n, i, "all branches must give the same shape");
        return false;
    }
    node_out_as(g, n, g->real, n->in[0]->batched, n->in[0]->shape);
    return true;
}

int64_t combine_flops(const Node *n) { return (n->in_count - 1) * shape_count(node_shape_out(n)); }

void combine_loop(Writer *w, const Tensor *t)
{
    writer_bind_int(w, "elements", shape_count(t->shape));
    writer_put(w,
               t->batched ? "for ($int k = 0; k < $N * $elements; k++) {" : "for ($int k = 0; k < $elements; k++) {");
}

void combine_steps(Writer *w, int first, int end, const char *step)
{
    for (int i = first; i < end; i++) {
        writer_bind(w, "x", "x%d[k]", i);
        writer_put(w, step);
    }
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
    combine_loop(w, n->out[0]);
    if (n->in_count <= ONE_LINE) {
        put_expression(w, n->in_count, operator);
    } else {
        char step[24];
        snprintf(step, sizeof step, "value %s= $x;", operator);
        writer_put(w, "$real value = x0[k];");
        combine_steps(w, 1, n->in_count, step);
        writer_put(w, "y[k] = value;");
    }
    writer_put(w, "}");
}

/* ---- fast form: runtime/kernels/elementwise/combine.h ----------------------------- */

void combine_arrays(Writer *w, const Node *n, const char *first, int count)
{
    writer_bind_int(w, "count", count);
    writer_bind_int(w, "elements", shape_count(node_shape_out(n)));
    writer_put(w, "const float *const x[$count] = {");
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
    writer_bind(w, "kernel", "%s", kernel);
    writer_put(w, n->out[0]->batched ? "$kernel($count, x, $N, $elements, y, $t, $T);"
                                     : "$kernel($count, x, 1, $elements, y, $t, $T);");
}
