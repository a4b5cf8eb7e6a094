/*
 * What a trace consists of: passes, values, their gradients and their names.
 */
#include <string.h>

#include "commands/trace/trace.h"

const char *trace_pass_name(TracePass pass)
{
    static const char *const names[TRACE_PASSES] = {"forward", "loss", "backward", "update"};
    return names[pass];
}

/* The backward pass begins with the first gradient. */
static bool is_forward(const Trace *t, const Node *n)
{
    for (int i = 0; i < n->id; i++) {
        const Node *before = t->program->nodes.at[i];
        if (before->origin != before) return false;
    }
    return n->origin == n;
}

TracePass trace_pass_of(const Trace *t, const Node *n)
{
    if (n->op->class == OP_LOSS) return TRACE_LOSS;
    if (n->op->class == OP_OPTIMIZER) return TRACE_UPDATE;
    return is_forward(t, n) ? TRACE_FORWARD : TRACE_BACKWARD;
}

bool trace_is_step(const Trace *t, const Node *n)
{
    const TracePass pass = trace_pass_of(t, n);
    return n->out_count && (pass == TRACE_FORWARD || pass == TRACE_LOSS);
}

int64_t trace_count(const Trace *t, const Tensor *tensor) { return tensor_count(tensor, t->program->batch); }

const double *trace_gradient(const Trace *t, const Tensor *tensor)
{
    if (tensor->gradient) return t->value[tensor->gradient->id];
    return NULL;
}

const Tensor *trace_gradient_target(const Trace *t, const Node *n)
{
    for (int i = 0; i < n->origin->in_count && n->out_count; i++)
        if (n->origin->in[i]->gradient == n->out[0]) return n->origin->in[i];
    for (int i = 0; i < t->program->tensors.count && n->out_count; i++) {
        const Tensor *of = t->program->tensors.at[i];
        if (of->gradient == n->out[0]) return of;
    }
    return NULL;
}

const char *trace_value_name(const Tensor *tensor) { return tensor->producer ? tensor->producer->name : tensor->name; }

const Tensor *trace_updated(const Trace *t, const Node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]->kind == TENSOR_PARAM && node_mutates(n, i) && t->after[n->in[i]->id]) return n->in[i];
    return NULL;
}

/* A training form goes by the name of its layer. */
const char *trace_op_name(const Node *n)
{
    for (int i = 0; i < op_table_count; i++)
        if (op_table[i]->training == n->op) return op_table[i]->name;
    return n->op->name;
}

int trace_line(const Trace *t, const Node *n) { return n->span.file < 0 ? 0 : source_line(t->m->c, n->span); }
