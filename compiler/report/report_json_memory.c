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

static json_t *place_value(const char *name, const Place *p)
{
    json_t *place = json_object();
    json_put_text(place, "name", name);
    json_put_integer(place, "offset", p->offset);
    json_put_integer(place, "bytes", p->bytes);
    json_put_integer(place, "first", p->first);
    json_put_integer(place, "last", p->last);
    return place;
}

static json_t *places_value(const Plan *plan)
{
    json_t *array = json_array();
    for (int i = 0; i < plan->program->tensors.count; i++) {
        const Tensor *t = plan->program->tensors.at[i];
        const Place *p = &plan->place[i];
        if (p->root != t || p->offset < 0 || t->kind != TENSOR_LOCAL) continue;
        json_array_append_new(array, place_value(t->name, p));
    }
    return array;
}

/* The plan, with what is where and when. */
static json_t *json_of_program(const ReportMemory *m)
{
    if (!m->plan) return json_pack("{s:s}", "n/a", "there is no train section");
    const Graph *program = m->plan->program;
    json_t *steps = json_array();
    for (int i = 0; i < program->nodes.count; i++) json_array_append_new(steps, step_value(program->nodes.at[i]));
    json_t *value = json_object();
    json_put_integer(value, "scratch", m->arena);
    json_put_integer(value, "lower_bound", m->lower_bound);
    json_put_integer(value, "forward_steps", forward_steps(program));
    json_put(value, "steps", steps);
    json_put(value, "places", places_value(m->plan));
    return value;
}

static Known training(const Analysis *a, int64_t bytes)
{
    return a->step.plan ? known((double)bytes) : unknown("there is no train section");
}

static json_t *bytes_value(Known k) { return k.why ? json_of_known(k) : json_integer((json_int_t)k.value); }

static json_t *batch_value(const Analysis *a, const MemoryAt *at)
{
    json_t *batch = json_object();
    json_put_integer(batch, "batch", at->batch);
    json_put_integer(batch, "inference_bytes", at->infer_model + at->infer);
    json_put(batch, "training_bytes", bytes_value(training(a, a->train_model + at->train)));
    json_put_bool(batch, "fits", at->fits);
    return batch;
}

static json_t *batches_value(const Analysis *a)
{
    json_t *array = json_array();
    for (int i = 0; i < a->growth.count; i++) json_array_append_new(array, batch_value(a, a->growth.at[i]));
    return array;
}

static json_t *model_value(const Analysis *a)
{
    json_t *model = json_object();
    json_put_integer(model, "inference_bytes", a->infer_model);
    json_put(model, "training_bytes", bytes_value(training(a, a->train_model)));
    json_put_integer(model, "parameter_bytes", a->parameter_bytes);
    json_put_integer(model, "buffer_bytes", a->buffer_bytes);
    json_put_integer(model, "prepared_bytes", a->prepared_bytes);
    json_put(model, "optimizer_bytes", bytes_value(training(a, a->optimizer_bytes)));
    return model;
}

json_t *json_of_memory(const Analysis *a)
{
    json_t *value = json_object();
    json_put(value, "model", model_value(a));
    json_put_integer(value, "input_bytes", a->input_bytes);
    json_put_integer(value, "output_bytes", a->output_bytes);
    json_put(value, "training_scratch", bytes_value(training(a, a->train_arena)));
    json_put(value, "inference", json_of_program(&a->infer));
    json_put(value, "step", json_of_program(&a->step));
    json_put(value, "batches", batches_value(a));
    if (a->largest_batch >= 0) {
        json_put_integer(value, "memory_limit", a->options.memory_limit);
        json_put_integer(value, "largest_batch", a->largest_batch);
    }
    return value;
}
