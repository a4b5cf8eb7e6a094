/*
 * Element-wise operators: shape, loops and the gradient's wiring, once for all.
 */
#include "ops/shared/elementwise.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autodiff/backward.h"

const char *const elementwise_in[] = {"x", NULL};
const char *const elementwise_out[] = {"y", NULL};
const char *const gradient_in_x[] = {"dy", "x", NULL};
const char *const gradient_in_y[] = {"dy", "y", NULL};
const char *const gradient_in_xy[] = {"dy", "x", "y", NULL};
const char *const gradient_in_dy[] = {"dy", NULL};
const char *const gradient_out[] = {"dx", NULL};

bool elementwise_shape(Graph *g, Node *n)
{
    node_out(g, n, n->in[0]->shape);
    return true;
}

bool model_value_shape(Graph *g, Node *n)
{
    node_out_as(g, n, g->real, false, n->in[0]->shape);
    return true;
}

void elementwise_lines(Writer *w, const Node *n, const char *lines)
{
    static const char *const seen[] = {"x", "y", "dy", "dx"};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) writer_bind(w, seen[i], "%s[k]", seen[i]);
    writer_bind_int(w, "elements", shape_count(n->out[0]->shape));
    writer_put(w, "for ($int k = 0; k < $N * $elements; k++) {");
    writer_put(w, lines);
    writer_put(w, "}");
}

static void write_loop(Writer *w, const Node *n, const char *target, const char *value)
{
    char template[512];
    int length = snprintf(template, sizeof template, "%s[k] = %s;", target, value);
    assert(length > 0 && (size_t)length < sizeof template);
    elementwise_lines(w, n, template);
}

void elementwise_forward(Writer *w, const Node *n, const char *y) { write_loop(w, n, "y", y); }

void elementwise_backward(Writer *w, const Node *n, const char *dx) { write_loop(w, n, "dx", dx); }

static void write_kernel_call(Writer *w, const Node *n, const char *kernel, const char *params, const char *constants)
{
    char template[256], arrays[128];
    int length = 0;
    for (int i = 0; i < n->in_count; i++) {
        length += snprintf(arrays + length, sizeof arrays - (size_t)length, "%s, ", n->op->in[i]);
    }
    for (int i = 0; i < n->out_count; i++) {
        length += snprintf(arrays + length, sizeof arrays - (size_t)length, "%s, ", n->op->out[i]);
    }
    writer_bind_int(w, "elements", shape_count(n->out[0]->shape));
    snprintf(template, sizeof template, "%s%s(%s(long)$N * $elements, %s%s$t, $T);", kernel,
             variant_is_of_bf16(n) ? "_bf16" : "", params, arrays, constants);
    writer_put(w, template);
}

void elementwise_emit(Writer *w, const Node *n, const char *kernel, const char *constants)
{
    write_kernel_call(w, n, kernel, "", constants);
}

void elementwise_emit_params(Writer *w, const Node *n, const char *kernel, const char *params)
{
    writer_put(w, params);
    write_kernel_call(w, n, kernel, "&params, ", "");
}

/* The forward node's tensor of that name. */
static Tensor *find(const Node *n, const char *name)
{
    for (int i = 0; i < n->in_count; i++) {
        if (strcmp(n->op->in[i], name) == 0) return n->in[i];
    }
    for (int i = 0; i < n->out_count; i++) {
        if (strcmp(n->op->out[i], name) == 0) return n->out[i];
    }
    assert(false && "a gradient names a tensor that its operator does not have");
    return NULL;
}

void elementwise_grad(Backward *b, const Node *n, const Op *gradient)
{
    if (!backward_wants(b, n->in[0])) return;
    Node *d = backward_node(b, gradient, n);
    for (int i = 0; gradient->in[i]; i++) {
        bool upstream = strcmp(gradient->in[i], "dy") == 0;
        node_in(backward_graph(b), d, upstream ? backward_of(b, n->out[0]) : find(n, gradient->in[i]));
    }
    backward_give(b, n->in[0], node_out(backward_graph(b), d, n->in[0]->shape));
}

int64_t elementwise_cost(const Node *n, int per_element) { return per_element * shape_count(node_shape_out(n)); }

double slope_zero(const Node *n)
{
    (void)n;
    return 0;
}

double slope_one(const Node *n)
{
    (void)n;
    return 1;
}

double slope_unbounded(const Node *n)
{
    (void)n;
    return INFINITY;
}
