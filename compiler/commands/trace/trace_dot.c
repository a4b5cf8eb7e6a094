/*
 * A trace as a Graphviz graph: boxes are layers; above an edge stands the value, below it the
 * gradient.
 */
#include <string.h>

#include "commands/trace/trace.h"

enum { MOST_ON_EDGE = 6 };

static const char *edge_numbers(const Trace *t, const Tensor *tensor, const double *values)
{
    const int64_t count = trace_count(t, tensor);
    Text out;
    if (!values) return "";
    text_init(&out, t->arena);
    for (int64_t i = 0; i < count && i < MOST_ON_EDGE; i++)
        text_addf(&out, "%s%s", i ? ", " : "", trace_number(t, values[i]));
    if (count > MOST_ON_EDGE) text_add(&out, ", …");
    return out.data;
}

static const char *box_name(const Trace *t, const Tensor *tensor)
{
    return tensor->producer ? arena_printf(t->arena, "n%d", tensor->producer->id)
                            : arena_printf(t->arena, "t%d", tensor->id);
}

static void put_edge(const Trace *t, const Tensor *tensor, const char *to, FILE *out)
{
    fprintf(out,
            "    %s -> %s [label=<<table border=\"0\" cellspacing=\"0\"><tr><td><font color=\"#1a7f37\">%s</font></td>"
            "</tr><tr><td><font color=\"#cf222e\">%s</font></td></tr></table>>];\n",
            box_name(t, tensor), to, edge_numbers(t, tensor, t->value[tensor->id]),
            edge_numbers(t, tensor, trace_gradient(t, tensor)));
}

static void put_layer(const Trace *t, const Node *n, FILE *out)
{
    const char *name = box_name(t, n->out[0]);
    fprintf(out, "    %s [label=\"%s\\n%s\"];\n", name, n->name, trace_op_name(n));
    for (int i = 0; i < n->in_count; i++)
        if (!tensor_in_model(n->in[i]->kind)) put_edge(t, n->in[i], name, out);
}

static void put_output(const Trace *t, FILE *out)
{
    if (t->program->loss || !t->program->output) return;
    fputs("    y [label=\"y\", shape=plaintext, style=\"\"];\n", out);
    put_edge(t, t->program->output, "y", out);
}

static void print_trace_dot(const Trace *t, FILE *out)
{
    fprintf(out, "digraph \"%s\" {\n", t->m->net->name);
    fputs("    rankdir=LR;\n"
          "    node [shape=box, style=filled, fillcolor=\"#f4f4f0\", fontname=\"Helvetica\", fontsize=11];\n"
          "    edge [fontname=\"Helvetica\", fontsize=10];\n",
          out);
    for (int i = 0; i < t->program->tensors.count; i++) {
        const Tensor *x = t->program->tensors.at[i];
        if (x->kind == TENSOR_INPUT || x->kind == TENSOR_TARGET)
            fprintf(out, "    t%d [label=\"%s\", shape=ellipse];\n", i, x->name);
    }
    for (int i = 0; i < t->program->nodes.count; i++) {
        const Node *n = t->program->nodes.at[i];
        if (trace_is_step(t, n)) put_layer(t, n, out);
    }
    put_output(t, out);
    fputs("}\n", out);
}

const TraceFormat trace_dot = {"dot", print_trace_dot};
