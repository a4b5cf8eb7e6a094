/*
 * Memory as the generated code uses it.
 *
 * In: a net and its train section.  Out: the plans of inference and of a
 * training step, made by the code that compiles the net, so these bytes are the
 * bytes that will be used; and the two arenas for any other batch.
 */
#include "emit/emit.h"
#include "report/analysis_stages.h"

enum { BLOCK_HEAD = 64 }; /* of the model's block, before its arrays */

/* ---- the model's block ----------------------------------------------------- */

static int64_t bytes_of_kind(const Graph *g, TensorKind kind)
{
    int64_t elements = 0;
    for (int i = 0; i < g->model.count; i++) {
        const Tensor *t = g->model.at[i];
        if (t->kind == kind) elements += shape_count(t->shape);
    }
    return elements * REAL_SIZE;
}

/* An array starts on a boundary of PLAN_ALIGN bytes. */
static int64_t padded_bytes(const Tensor *t)
{
    const int64_t size = t->dtype == DTYPE_BF16 ? dtype_size(t->dtype) : REAL_SIZE;
    return round_up(shape_count(t->shape) * size, PLAN_ALIGN);
}

static int64_t block_bytes(const Graph *g, bool states)
{
    int64_t bytes = BLOCK_HEAD;
    for (int i = 0; i < g->model.count; i++) {
        const Tensor *t = g->model.at[i];
        if (t->kind == TENSOR_STATE && !states) continue;
        bytes += padded_bytes(t);
    }
    return bytes;
}

/* What inference makes of the parameters when they are set, passes/prepack.c. */
static int64_t prepared_bytes(const Graph *program)
{
    int64_t bytes = 0;
    for (int i = 0; i < program->tensors.count; i++) {
        const Tensor *t = program->tensors.at[i];
        if (t->kind == TENSOR_PREPACKED) bytes += padded_bytes(t);
    }
    return bytes;
}

static void measure_model(Analysis *a)
{
    const Graph *net = a->net;
    a->parameter_bytes = bytes_of_kind(net, TENSOR_PARAM);
    a->buffer_bytes = bytes_of_kind(net, TENSOR_BUFFER);
    a->optimizer_bytes = bytes_of_kind(net, TENSOR_STATE);
    a->prepared_bytes = prepared_bytes(a->infer.plan->program);
    a->infer_model = block_bytes(net, false) + a->prepared_bytes;
    a->train_model = block_bytes(net, true);
    for (int i = 0; i < net->inputs.count; i++) a->input_bytes += REAL_SIZE * tensor_count(net->inputs.at[i], a->batch);
    a->output_bytes = REAL_SIZE * a->batch * net_output_count(net);
}

/* ---- plans -------------------------------------------------------------------- */

/* The program as the fast form of the generated code has it: in one text with training
 * where there is a train section. */
static bool plan_one(Graph *net, ProgramKind kind, const TrainSpec *spec, const LowerOptions *options,
                     ReportMemory *memory)
{
    const Plan *plan = lower_program(net, kind, spec, options, NULL);
    if (!plan) return false;
    *memory = (ReportMemory){plan, plan->arena_bytes, plan->lower_bound};
    return true;
}

/* The generated code asks for one block for all that training calls. */
static bool train_arena(Graph *net, const TrainSpec *spec, const LowerOptions *options, ReportMemory *step,
                        int64_t *bytes)
{
    static const ProgramKind others[] = {PROGRAM_GRAD, PROGRAM_EVAL, PROGRAM_GRAD_ADD, PROGRAM_UPDATE};
    if (!plan_one(net, PROGRAM_STEP, spec, options, step)) return false;
    *bytes = step->arena;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ReportMemory other;
        if (!plan_one(net, others[i], spec, options, &other)) return false;
        if (other.arena > *bytes) *bytes = other.arena;
    }
    return true;
}

bool memory_at(Graph *net, const TrainSpec *spec, const ReportOptions *report, int64_t batch, MemoryAt *at)
{
    ReportMemory infer, step;
    const LowerOptions options = {.batch = batch,
                                  .target = target_native(),
                                  .train = spec != NULL,
                                  .bf16_values = report->bf16_values,
                                  .disabled = PASS_BIT(MICRO_BATCHES)};
    *at = (MemoryAt){.batch = batch};
    if (!plan_one(net, PROGRAM_INFER, spec, &options, &infer)) return false;
    at->infer = infer.arena;
    at->infer_model = block_bytes(net, false) + prepared_bytes(infer.plan->program);
    return !spec || train_arena(net, spec, &options, &step, &at->train);
}

bool analyse_memory(Graph *net, const TrainSpec *spec, Analysis *a)
{
    const LowerOptions options = {
        .batch = a->batch, .target = target_native(), .train = spec != NULL, .bf16_values = a->options.bf16_values};
    if (!plan_one(net, PROGRAM_INFER, spec, &options, &a->infer)) return false;
    if (spec && !train_arena(net, spec, &options, &a->step, &a->train_arena)) return false;
    measure_model(a);
    return true;
}
