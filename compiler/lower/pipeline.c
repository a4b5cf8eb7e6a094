/*
 * The pipeline: from a net to a program after the passes of pass_table.h.
 *
 * Passes exist for the fast form.  The plain form is what program_build leaves, with
 * rematerialization where a memory limit asks for it.
 */
#include "lower/pipeline.h"

#include <assert.h>

#include "autodiff/program.h"

typedef struct PassContext {
    Graph *program;
    ProgramKind kind;
    const LowerOptions *options;
    bool constant_weights; /* parameters change only when they are set */
} PassContext;

typedef struct PassRow {
    const char *name;
    bool (*applies)(const PassContext *);
    void (*run)(PassContext *);
    unsigned requires;
} PassRow;

/* ---- on which programs ----------------------------------------------------------- */

static bool on_any_program(const PassContext *c) { return c->program; }
static bool on_constant_weights(const PassContext *c) { return c->constant_weights; }

/* A gradient has a single reader: the update, or the sum over batches or micro-batches. */
static bool on_accumulation(const PassContext *c)
{
    return c->kind == PROGRAM_STEP || c->kind == PROGRAM_GRAD_ADD || c->kind == PROGRAM_GRAD_CHUNK ||
           c->program->micro_batches > 1;
}

/* ---- the passes ------------------------------------------------------------------- */

static void run_selection(PassContext *c)
{
    const LowerOptions *o = c->options;
    SelectOptions select = {.layouts = IN_NCHW, .constant_weights = c->constant_weights, .target = o->target};
    if (pass_is_enabled(o, PASS_LAYOUT)) select.layouts |= IN_NHWC;
    if (pass_is_enabled(o, PASS_BATCH_BLOCKING)) select.layouts |= IN_NCHW16N;
    if (!pass_is_enabled(o, PASS_WINOGRAD)) select.without = VARIANT_TRANSFORM_DOMAIN;
    if (o->chunks) select.without |= VARIANT_BF16_PRODUCTS; /* a run has one result, on all machines of a kind */
    pass_select(c->program, &select);
}

static void run_fusion(PassContext *c) { pass_fuse(c->program); }
static void run_legalization(PassContext *c) { pass_legalize(c->program); }

static void run_concat_elimination(PassContext *c) { pass_concat_elimination(c->program); }

static void run_prepack(PassContext *c) { pass_prepack(c->program); }
static void run_gradient_splitting(PassContext *c) { pass_gradient_splitting(c->program); }

static const PassRow passes[] = {
#define PASS(id, name, applies, run, requires, effect, help) {name, applies, run, requires},
    PASS_TABLE(PASS)
#undef PASS
};

const char *pass_name(PassId id) { return passes[id].name; }

bool pass_is_enabled(const LowerOptions *o, PassId id)
{
    const unsigned needed = 1u << id | passes[id].requires;
    const bool reached = o->last_pass == 0 || (int)id < o->last_pass;
    return reached && !(o->disabled & needed);
}

/* ---- the order ---------------------------------------------------------------------- */

static void run_passes(PassContext *c)
{
    for (int i = 0; i < PASS_COUNT; i++) {
        const PassRow *pass = &passes[i];
        if (!pass->run || !pass_is_enabled(c->options, (PassId)i) || !pass->applies(c)) continue;
        pass->run(c);
#ifndef NDEBUG
        graph_verify(c->program);
#endif
    }
}

/* Of a machine without kernels, which has little of it.  Only inference may write over its input. */
static void save_memory(Graph *program, const LowerOptions *o)
{
    if (o->use_double) return;
    program->input_in_arena =
        program->kind == PROGRAM_INFER && program->inputs.count == 1 && program->micro_batches == 1;
    pass_order(program);
    pass_in_place(program);
#ifndef NDEBUG
    graph_verify(program);
#endif
}

static void set_formats(Graph *g, const LowerOptions *options)
{
    assert(!(options->bf16_weights && (options->train || options->vjp || options->use_double)));
    assert(!(options->bf16_values && options->use_double));
    graph_set_real(g, lower_real(options));
    if (lower_stores_bf16_weights(options)) graph_set_weights(g, DTYPE_BF16);
}

/* Before the other passes: which variant is the cheapest depends on the formats. */
static void choose_formats(Graph *program, const LowerOptions *options)
{
    if (!options->bf16_values) return;
    if (!lower_stores_bf16_weights(options))
        pass_bf16_weights(program, lower_is_fast(options) ? options->target : TARGET_GENERIC);
    pass_bf16_formats(program);
}

static void store_values(Graph *program, const LowerOptions *options)
{
    if (!options->bf16_values || options->last_pass) return;
    pass_bf16_values(program);
#ifndef NDEBUG
    graph_verify(program);
#endif
}

Graph *pipeline_run(Graph *net, ProgramKind kind, const TrainSpec *spec, const LowerOptions *options,
                    int64_t micro_batches)
{
    assert(options->batch % micro_batches == 0);
    set_formats(net, options);
    Graph *program = program_build(net, kind, spec, options->batch / micro_batches, micro_batches);
    if (program) set_formats(program, options);
    if (program && kind == PROGRAM_GRAD_CHUNK) pass_synchronize(program);
    if (!program) return NULL;
    choose_formats(program, options);
    if (!lower_is_fast(options)) {
        store_values(program, options);
        return program;
    }
    PassContext c = {.program = program,
                     .kind = kind,
                     .options = options,
                     .constant_weights = kind == PROGRAM_INFER && !options->train && !options->vjp};
    run_passes(&c);
    store_values(program, options);
    return program;
}

const Plan *pipeline_plan(Graph *program, const LowerOptions *options)
{
    if (target_is_plain(options->target)) save_memory(program, options);
    return plan_build(program);
}
