/*
 * The pass that is traced.
 *
 * Enters: a request.  Leaves: every value of the program.  With a train section it is the
 * step of training, with its update; with --dy, or without a section, the program that turns
 * dL/dy into all gradients.
 */
#include <stdlib.h>
#include <string.h>

#include "commands/support/weighted.h"
#include "commands/trace/trace.h"

typedef float (*StepTrace)(void *, const float *, const void *, float, void *, void *const *);
typedef void (*VjpTrace)(void *, const float *, const float *, float *, float *, void *, void *const *);

typedef struct TraceRun {
    const TraceRequest *request;
    Model *m;
    Trace *trace;
    TraceNumbers x, target, dy;
    void *block, *model, *scratch;
    List seen; /* of TracedValue */
    void **copies;
} TraceRun;

/* ---- what comes in ------------------------------------------------------------------ */

static int64_t targets_of(const TraceRun *r)
{
    return r->m->batch * train_objectives(r->m->spec, r->m->net).target_count;
}

static int check_number_count(const char *option, const TraceNumbers *n, int64_t count, const char *of)
{
    if (n->count == count) return STATUS_OK;
    return fail(STATUS_USAGE, "--%s has %lld number%s, but %s %lld", option, (long long)n->count,
                n->count == 1 ? "" : "s", of, (long long)count);
}

static int check_classes(const TraceRun *r)
{
    const Objectives all = train_objectives(r->m->spec, r->m->net);
    for (int64_t i = 0; i < r->target.count; i++) {
        const int64_t classes = target_classes_at(&all, i % all.target_count);
        const float value = r->target.values[i];
        if (classes && (value != (float)(int64_t)value || value < 0 || value >= (float)classes))
            return fail(STATUS_USAGE, "--target %g: %s takes a class from 0 to %lld", (double)value,
                        r->m->spec->loss.op->name, (long long)classes - 1);
    }
    return STATUS_OK;
}

static int read_traced_target(TraceRun *r)
{
    const char *text = r->request->target;
    if (!text)
        return fail(STATUS_USAGE, "--target is missing: the loss of %s, %s, takes %lld number%s (or use --dy)",
                    r->m->net->name, r->m->spec->loss.op->name, (long long)targets_of(r),
                    targets_of(r) == 1 ? "" : "s");
    int status = trace_numbers(r->m->c->arena, "target", text, &r->target);
    if (status == STATUS_OK) status = check_number_count("target", &r->target, targets_of(r), "the targets are");
    return status == STATUS_OK ? check_classes(r) : status;
}

/* Of a single output it is 1 where it is not given: the gradients of that output. */
static int read_dy(TraceRun *r)
{
    const int64_t count = r->m->batch * net_output_count(r->m->net);
    if (r->request->target && !r->request->dy)
        return fail(STATUS_USAGE, "--target: %s has no train section, and so no loss; use --dy", r->m->net->name);
    if (!r->request->dy && net_output_count(r->m->net) > 1)
        return fail(STATUS_USAGE, "--dy is missing: %s has no train section, and dL/dy of its outputs is %lld numbers",
                    r->m->net->name, (long long)count);
    if (r->request->dy) {
        int status = trace_numbers(r->m->c->arena, "dy", r->request->dy, &r->dy);
        return status == STATUS_OK ? check_number_count("dy", &r->dy, count, "the outputs are") : status;
    }
    r->dy = (TraceNumbers){arena_alloc(r->m->c->arena, (size_t)count * sizeof(float)), count};
    for (int64_t i = 0; i < count; i++) r->dy.values[i] = 1;
    return STATUS_OK;
}

static int read_trace_numbers(TraceRun *r, bool step)
{
    const int64_t size = shape_count(net_input_shape(r->m->net));
    if (!r->request->x)
        return fail(STATUS_USAGE, "--x is missing: a sample of %s has %lld number%s", r->m->net->name, (long long)size,
                    size == 1 ? "" : "s");
    if (r->request->target && r->request->dy)
        return usage_error(&command_trace, "--target and --dy cannot be combined");
    int status = trace_inputs(r->m, r->request->x, &r->x);
    if (status != STATUS_OK) return status;
    r->m->batch = r->x.count / size;
    return step ? read_traced_target(r) : read_dy(r);
}

/* ---- the model ------------------------------------------------------------------------ */

static int fill_model(TraceRun *r)
{
    const nn_model_info *info = r->m->info;
    const int64_t section = r->m->train_section ? r->m->spec->seed : 1;
    r->block = block_for_model(info);
    r->model = info->init(r->block, 1, (uint64_t)(r->request->seed < 0 ? section : r->request->seed));
    const char *path = r->request->weights;
    return path ? weighted_fill(r->m, r->model, path) : STATUS_OK;
}

/* ---- numbers of any format → doubles ---------------------------------------------------- */

static double number_at(DType type, const void *data, int64_t i)
{
    switch (type) {
    case DTYPE_F64: return ((const double *)data)[i];
    case DTYPE_I32: return ((const int32_t *)data)[i];
    case DTYPE_U8: return ((const uint8_t *)data)[i];
    default: return (double)((const float *)data)[i];
    }
}

static double *as_doubles(const Trace *t, DType type, const void *data, int64_t count)
{
    double *values = arena_alloc(t->arena, (size_t)count * sizeof *values + 1);
    for (int64_t i = 0; i < count; i++) values[i] = number_at(type, data, i);
    return values;
}

/* Of several inputs a sample is one row. */
static double *input_values(const TraceRun *r, const Tensor *t)
{
    const int64_t row = shape_count(net_input_shape(r->m->net)), count = shape_count(t->shape);
    int64_t offset = 0;
    for (int i = 0; r->trace->program->inputs.at[i] != t; i++)
        offset += shape_count(((const Tensor *)r->trace->program->inputs.at[i])->shape);
    double *values = arena_alloc(r->trace->arena, (size_t)(r->m->batch * count) * sizeof *values + 1);
    for (int64_t i = 0; i < r->m->batch * count; i++)
        values[i] = (double)r->x.values[i / count * row + offset + i % count];
    return values;
}

static double *values_in_model(const TraceRun *r, const Tensor *t)
{
    const size_t count = (size_t)tensor_count(t, 1);
    float *values = arena_alloc(r->trace->arena, count * sizeof *values + 1);
    if (r->m->info->get(r->model, t->name, values, count)) return NULL;
    return as_doubles(r->trace, DTYPE_F32, values, (int64_t)count);
}

static double *value_before(const TraceRun *r, const Tensor *t)
{
    if (t->kind == TENSOR_INPUT) return input_values(r, t);
    if (t->kind == TENSOR_TARGET) return as_doubles(r->trace, DTYPE_F32, r->target.values, r->target.count);
    if (t->kind == TENSOR_OUTPUT_GRADIENT) return as_doubles(r->trace, DTYPE_F32, r->dy.values, r->dy.count);
    return tensor_in_model(t->kind) ? values_in_model(r, t) : NULL;
}

static void take_values_before(const TraceRun *r)
{
    for (int i = 0; i < r->trace->program->tensors.count; i++)
        r->trace->value[i] = value_before(r, r->trace->program->tensors.at[i]);
}

/* ---- the pass ---------------------------------------------------------------------------- */

static void prepare_copies(TraceRun *r)
{
    Arena *arena = r->trace->arena;
    r->seen = trace_values(arena, r->trace->program);
    r->copies = arena_alloc(arena, (size_t)(r->seen.count + 1) * sizeof *r->copies);
    for (int i = 0; i < r->seen.count; i++) {
        const TracedValue *v = r->seen.at[i];
        r->copies[i] = arena_alloc(arena, (size_t)tensor_bytes(v->tensor, r->m->batch) + 8);
        for (int64_t k = 0; v->slope && k < tensor_count(v->tensor, r->m->batch); k++) ((float *)r->copies[i])[k] = 1;
    }
}

static const void *target_of_step(const TraceRun *r)
{
    if (!train_objectives(r->m->spec, r->m->net).classes) return r->target.values;
    int32_t *classes = arena_alloc(r->trace->arena, (size_t)r->target.count * sizeof *classes + 1);
    for (int64_t i = 0; i < r->target.count; i++) classes[i] = (int32_t)r->target.values[i];
    return classes;
}

static void run_pass(TraceRun *r, bool step)
{
    Arena *arena = r->trace->arena;
    if (step) {
        StepTrace run = (StepTrace)model_symbol(r->m, "step_trace");
        run(r->model, r->x.values, target_of_step(r), (float)r->m->spec->lr, r->scratch, r->copies);
        return;
    }
    VjpTrace run = (VjpTrace)model_symbol(r->m, "vjp_trace");
    float *y = arena_alloc(arena, (size_t)r->dy.count * sizeof *y + 1);
    float *dx = arena_alloc(arena, (size_t)r->x.count * sizeof *dx + 1);
    run(r->model, r->x.values, r->dy.values, y, dx, r->scratch, r->copies);
}

static void take_copies(const TraceRun *r)
{
    Trace *t = r->trace;
    for (int i = 0; i < r->seen.count; i++) {
        const TracedValue *v = r->seen.at[i];
        double *values = as_doubles(t, v->tensor->dtype, r->copies[i], tensor_count(v->tensor, r->m->batch));
        if (v->slope)
            t->slope[v->node->id] = values;
        else if (tensor_in_model(v->tensor->kind))
            t->after[v->tensor->id] = values;
        else
            t->value[v->tensor->id] = values;
    }
    for (int i = 0; i < t->program->nodes.count; i++) { /* in their order: a view of a view */
        const Node *n = t->program->nodes.at[i];
        if (n->op->traits & OP_VIEW) t->value[n->out[0]->id] = t->value[n->in[0]->id];
    }
}

static Trace *trace_init(const TraceRequest *o, Model *m, Trace *t, bool step)
{
    const Graph *program = step ? m->emitted->step_program : m->emitted->vjp_program;
    const size_t tensors = (size_t)program->tensors.count + 1, nodes = (size_t)program->nodes.count + 1;
    *t = (Trace){.m = m, .arena = m->c->arena, .program = program, .digits = (int)o->digits};
    t->value = arena_alloc(t->arena, tensors * sizeof *t->value);
    t->after = arena_alloc(t->arena, tensors * sizeof *t->after);
    t->slope = arena_alloc(t->arena, nodes * sizeof *t->slope);
    return t;
}

static int run_loaded(TraceRun *r, Trace *t, bool step)
{
    r->trace = trace_init(r->request, r->m, t, step);
    int status = fill_model(r);
    if (status != STATUS_OK) return status;
    r->scratch = block_alloc((size_t)(r->m->emitted->train_scratch + r->m->emitted->infer_scratch) + 64);
    take_values_before(r);
    prepare_copies(r);
    run_pass(r, step);
    take_copies(r);
    return STATUS_OK;
}

int trace_run_net(const TraceRequest *o, Model *m, Trace *t)
{
    LoadOptions load = o->load;
    TraceRun run = {.request = o, .m = m};
    int status = load_net(&load, m);
    if (status != STATUS_OK) return status;
    const bool step = m->train_section && !o->dy;
    status = read_trace_numbers(&run, step);
    load.plain = load.trace = true;
    load.train = step;
    load.vjp = !step;
    if (status == STATUS_OK) status = load_code(&load, m);
    if (status == STATUS_OK) status = run_loaded(&run, t, step);
    free(run.block);
    free(run.scratch);
    return status;
}
