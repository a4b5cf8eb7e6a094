/*
 * A trace as JSON: `steps` by layer, `calls` in the order in which the code computes.
 *
 * Arrays are nested as the tensors are, with the batch in front; what is not finite is null.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/trace/trace.h"
#include "report/report_json.h"

enum { MOST_FORMULAS = 64 };

static json_t *number_value(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* Dimensions dim[0 … rank) of consecutive elements from *values on. */
static json_t *nested_value(const double **values, const int64_t *dim, int rank)
{
    if (rank == 0) return number_value(*(*values)++);
    json_t *array = json_array();
    for (int64_t i = 0; i < dim[0]; i++) json_array_append_new(array, nested_value(values, dim + 1, rank - 1));
    return array;
}

static json_t *array_value(const Trace *t, const Tensor *tensor, const double *values)
{
    int64_t dim[MAX_RANK + 1];
    int rank = 0;
    if (!values) return json_null();
    if (tensor->batched) dim[rank++] = t->program->batch;
    for (int i = 0; i < tensor->shape.rank; i++) dim[rank++] = tensor->shape.dim[i];
    return nested_value(&values, dim, rank);
}

/* ---- steps ----------------------------------------------------------------------------- */

static json_t *parameter_value(const Trace *t, const Tensor *p)
{
    json_t *value = json_object();
    json_put(value, "value", array_value(t, p, t->value[p->id]));
    json_put(value, "gradient", array_value(t, p, trace_gradient(t, p)));
    json_put(value, "after", array_value(t, p, t->after[p->id]));
    return value;
}

static json_t *parameters_value(const Trace *t, const Node *n)
{
    json_t *value = json_object();
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]->kind == TENSOR_PARAM || n->in[i]->kind == TENSOR_BUFFER)
            json_put(value, n->in[i]->name, parameter_value(t, n->in[i]));
    return value;
}

static json_t *names_of_inputs(const Node *n)
{
    json_t *names = json_array();
    for (int i = 0; i < n->in_count; i++)
        if (!tensor_in_model(n->in[i]->kind)) json_array_append_new(names, json_string(trace_value_name(n->in[i])));
    return names;
}

static json_t *input_step(const Trace *t, const Tensor *x)
{
    json_t *step = json_object();
    json_put_text(step, "name", x->name);
    json_put_text(step, "op", "input");
    json_put(step, "value", array_value(t, x, t->value[x->id]));
    json_put(step, "gradient", array_value(t, x, trace_gradient(t, x)));
    json_put(step, "parameters", json_object());
    return step;
}

static json_t *layer_step(const Trace *t, const Node *n)
{
    const Tensor *y = n->out[0];
    json_t *step = json_object();
    json_put_text(step, "name", n->name);
    json_put_text(step, "op", trace_op_name(n));
    json_put_integer(step, "line", trace_line(t, n));
    json_put(step, "inputs", names_of_inputs(n));
    json_put_text(step, "formula", trace_formula(t, n));
    json_put(step, "value", array_value(t, y, t->value[y->id]));
    json_put(step, "gradient", array_value(t, y, trace_gradient(t, y)));
    json_put(step, "parameters", parameters_value(t, n));
    return step;
}

static json_t *steps_value(const Trace *t)
{
    json_t *steps = json_array();
    for (int i = 0; i < t->program->inputs.count; i++)
        json_array_append_new(steps, input_step(t, t->program->inputs.at[i]));
    for (int i = 0; i < t->program->nodes.count; i++) {
        const Node *n = t->program->nodes.at[i];
        if (trace_is_step(t, n)) json_array_append_new(steps, layer_step(t, n));
    }
    return steps;
}

/* ---- calls ----------------------------------------------------------------------------- */

static json_t *formulas_value(const Trace *t, const Node *n)
{
    json_t *formulas = json_array();
    const int64_t count = n->out_count ? trace_count(t, n->out[0]) : 0;
    for (int64_t k = 0; k < count && k < MOST_FORMULAS; k++) {
        const char *text = trace_filled(t, n, k);
        if (!text) break;
        json_array_append_new(formulas, json_string(text));
    }
    return formulas;
}

static void put_result(const Trace *t, const Node *n, json_t *call)
{
    const Tensor *updated = trace_updated(t, n), *of = trace_gradient_target(t, n);
    if (updated) {
        json_put_text(call, "updates", updated->name);
        json_put(call, "value", array_value(t, updated, t->after[updated->id]));
        return;
    }
    if (of) json_put_text(call, "gradient_of", trace_value_name(of));
    if (n->out_count) json_put(call, "value", array_value(t, n->out[0], t->value[n->out[0]->id]));
    if (t->slope[n->id]) json_put(call, "derivative", array_value(t, n->out[0], t->slope[n->id]));
}

static json_t *call_value(const Trace *t, const Node *n)
{
    json_t *call = json_object();
    json_put_text(call, "pass", trace_pass_name(trace_pass_of(t, n)));
    json_put_text(call, "name", n->name);
    json_put_text(call, "op", trace_op_name(n));
    json_put_text(call, "formula", trace_formula(t, n));
    put_result(t, n, call);
    json_put(call, "numbers", formulas_value(t, n));
    return call;
}

static json_t *calls_value(const Trace *t)
{
    json_t *calls = json_array();
    for (int i = 0; i < t->program->nodes.count; i++)
        json_array_append_new(calls, call_value(t, t->program->nodes.at[i]));
    return calls;
}

json_t *trace_to_json(const Trace *t)
{
    json_t *value = json_object();
    const Tensor *loss = t->program->loss;
    json_put_text(value, "net", t->m->net->name);
    json_put_integer(value, "batch", t->program->batch);
    json_put(value, "steps", steps_value(t));
    json_put(value, "calls", calls_value(t));
    json_put(value, "loss", loss && t->value[loss->id] ? number_value(t->value[loss->id][0]) : json_null());
    return value;
}

static void print_trace_json(const Trace *t, FILE *out)
{
    json_t *value = trace_to_json(t);
    json_dumpf(value, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    fputc('\n', out);
    json_decref(value);
}

const TraceFormat trace_json = {"json", print_trace_json};
