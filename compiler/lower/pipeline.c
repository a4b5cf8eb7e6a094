/*
 * The pipeline: from a net to a program after the passes of pass_table.h.
 *
 * Passes exist for the fast form.  The plain form is what program_build leaves, with
 * rematerialization where a memory limit asks for it.
 */
#include "lower/pipeline.h"

#include <assert.h>
#include <string.h>

typedef struct PassContext {
    Graph *program;
    ProgramKind kind;
    const LowerOptions *options;
    bool constant_weights; /* parameters change only when they are set */
    bool blocked;          /* batch blocking has chosen all layouts */
} PassContext;

typedef struct Pass {
    PassInfo info;
    bool (*applies)(const PassContext *);
    void (*run)(PassContext *);
    unsigned requires;
} Pass;

/* ---- on which programs ----------------------------------------------------------- */

/* Batch blocking chooses every layout itself: what follows from NHWC has nothing to do. */
static bool on_any_program(const PassContext *c) { return !c->blocked; }
static bool on_blocked_batches(const PassContext *c) { return !c->blocked; }
static bool on_constant_weights(const PassContext *c) { return c->constant_weights; }

static bool on_inference(const PassContext *c)
{
    return !c->blocked && (c->kind == PROGRAM_INFER || c->kind == PROGRAM_EVAL);
}

/* A gradient has a single reader: the update, or the sum over micro-batches. */
static bool on_accumulation(const PassContext *c) { return c->kind == PROGRAM_STEP || c->program->micro_batches > 1; }

/* ---- the passes ------------------------------------------------------------------- */

static void run_batch_blocking(PassContext *c) { c->blocked = pass_batch_blocking(c->program); }
static void run_fusion(PassContext *c) { pass_fuse(c->program); }
static void run_winograd(PassContext *c) { pass_winograd(c->program, c->constant_weights); }
static void run_layout(PassContext *c) { pass_layout(c->program); }
static void run_batchnorm_epilogue(PassContext *c) { pass_batchnorm_epilogue(c->program); }
static void run_concat_elimination(PassContext *c) { pass_concat_elimination(c->program); }
static void run_prepack(PassContext *c) { pass_prepack(c->program); }
static void run_gradient_splitting(PassContext *c) { pass_gradient_splitting(c->program); }

static const Pass passes[] = {
#define PASS(id, name, applies, run, requires, effect, help) {{name, effect, help}, applies, run, requires},
    PASS_TABLE(PASS)
#undef PASS
};

const PassInfo *pass_info(PassId id) { return &passes[id].info; }

int pass_find(const char *name)
{
    for (int i = 0; i < PASS_COUNT; i++)
        if (strcmp(passes[i].info.name, name) == 0) return i;
    return -1;
}

const char *pass_names(Arena *arena)
{
    const char *names = "";
    for (int i = 0; i < PASS_COUNT; i++)
        names = arena_printf(arena, "%s%s%s", names, i ? ", " : "", passes[i].info.name);
    return names;
}

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
        const Pass *pass = &passes[i];
        if (!pass->run || !pass_is_enabled(c->options, (PassId)i) || !pass->applies(c)) continue;
        pass->run(c);
#ifndef NDEBUG
        graph_verify(c->program);
#endif
    }
}

Graph *pipeline_run(Graph *net, ProgramKind kind, const TrainSpec *spec, const LowerOptions *options,
                    int64_t micro_batches)
{
    assert(options->batch % micro_batches == 0);
    Graph *program = program_build(net, kind, spec, options->batch / micro_batches, micro_batches);
    if (!program || !lower_is_fast(options)) return program;
    PassContext c = {.program = program,
                     .kind = kind,
                     .options = options,
                     .constant_weights = kind == PROGRAM_INFER && !options->train && !options->vjp};
    run_passes(&c);
    return program;
}
