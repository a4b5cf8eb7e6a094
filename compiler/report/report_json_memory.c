/*
 * Memory as JSON: the programs' plans, so that the arena can be drawn over time.
 */
#include "report/report_json.h"

/* The step that a node of a program is: its layer, and what is done for it. */
static json_t *step_value(const Node *n) { return json_pack("[ss]", n->name, n->op->name); }

/* The number of the first step after the forward pass. */
static int forward_steps(const Graph *program)
{
    for (int i = 0; i < program->nodes.count; i++) {
        if (((const Node *)program->nodes.at[i])->op->class == OP_LOSS) return i;
    }
    return program->nodes.count;
}

static json_t *places_value(const Plan *plan)
{
    json_t *array = json_array();
    for (int i = 0; i < plan->program->tensors.count; i++) {
        const Tensor *t = plan->program->tensors.at[i];
        const Place *p = &plan->place[i];
        if (p->root != t || p->offset < 0 || t->kind != TENSOR_LOCAL) continue;
        json_array_append_new(array,
                              json_pack("{s:s, s:I, s:I, s:i, s:i}", "name", t->name, "offset", (json_int_t)p->offset,
                                        "bytes", (json_int_t)p->bytes, "first", p->first, "last", p->last));
    }
    return array;
}

json_t *json_of_program(const ReportMemory *m)
{
    if (!m->plan) return json_pack("{s:s}", "n/a", "there is no train section");
    const Graph *program = m->plan->program;
    json_t *steps = json_array();
    for (int i = 0; i < program->nodes.count; i++) json_array_append_new(steps, step_value(program->nodes.at[i]));
    return json_pack("{s:I, s:I, s:i, s:o, s:o}", "scratch", (json_int_t)m->arena, "lower_bound",
                     (json_int_t)m->lower_bound, "forward_steps", forward_steps(program), "steps", steps, "places",
                     places_value(m->plan));
}

static Known training(const Analysis *a, int64_t bytes)
{
    return a->step.plan ? known((double)bytes) : unknown("there is no train section");
}

static json_t *bytes_value(Known k) { return k.why ? json_of_known(k) : json_integer((json_int_t)k.value); }

static json_t *batches_value(const Analysis *a)
{
    json_t *array = json_array();
    for (int i = 0; i < a->growth.count; i++) {
        const MemoryAt *at = a->growth.at[i];
        json_array_append_new(array,
                              json_pack("{s:I, s:I, s:o, s:b}", "batch", (json_int_t)at->batch, "inference_bytes",
                                        (json_int_t)(at->infer_model + at->infer), "training_bytes",
                                        bytes_value(training(a, a->train_model + at->train)), "fits", at->fits));
    }
    return array;
}

static json_t *model_value(const Analysis *a)
{
    return json_pack("{s:I, s:o, s:I, s:I, s:I, s:o}", "inference_bytes", (json_int_t)a->infer_model, "training_bytes",
                     bytes_value(training(a, a->train_model)), "parameter_bytes", (json_int_t)a->parameter_bytes,
                     "buffer_bytes", (json_int_t)a->buffer_bytes, "prepared_bytes", (json_int_t)a->prepared_bytes,
                     "optimizer_bytes", bytes_value(training(a, a->optimizer_bytes)));
}

json_t *json_of_memory(const Analysis *a)
{
    json_t *value = json_pack(
        "{s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "model", model_value(a), "input_bytes", (json_int_t)a->input_bytes,
        "output_bytes", (json_int_t)a->output_bytes, "training_scratch", bytes_value(training(a, a->train_arena)),
        "inference", json_of_program(&a->infer), "step", json_of_program(&a->step), "batches", batches_value(a));
    if (a->largest_batch >= 0) {
        json_object_set_new(value, "memory_limit", json_integer(a->options.memory_limit));
        json_object_set_new(value, "largest_batch", json_integer(a->largest_batch));
    }
    return value;
}
