/*
 * Micro-batches: a batch that is run some samples at a time, so that what lives in the
 * arena does not grow with it.  Gradients and losses are added up from one micro-batch to
 * the next (see autodiff/program.c), which takes a sum as large as the model.
 *
 * It is done for training where the arena is large and that makes it smaller, unless an
 * operator mixes the samples of a batch (batchnorm while training).  Inference needs little
 * memory, and would read its weights more often for it.
 */
#include "lower/pipeline.h"

enum {
    MICRO_BATCH = 16,      /* samples: enough for dense layers not to wait for their weights */
    MICRO_LEAST = 8,       /* a batch that cannot be cut into at least so many is left whole, */
    MICRO_MOST = 32,       /* or cut into parts of at most this */
    MICRO_BLOCKS = 16,     /* where samples lie side by side in blocks, as many of these */
    LARGE_ARENA = 32 << 20 /* bytes: less than that may well be in a cache */
};

static bool can_be_cut(const Graph *program)
{
    if (program->kind == PROGRAM_VJP) return false;
    for (int i = 0; i < program->nodes.count; i++)
        if (((const Node *)program->nodes.at[i])->op->traits & OP_BATCH_COUPLED) return false;
    return true;
}

int64_t micro_batch_count(const Graph *program, int64_t samples)
{
    int64_t batch = program->batch * program->micro_batches, micro = samples < batch ? samples : batch;
    if (!can_be_cut(program)) return 1;
    while (batch % micro != 0) micro--;
    return batch / micro;
}

/* Where nothing asks for less. */
static int64_t default_micro_batches(const Graph *program)
{
    const int64_t batch = program->batch;
    if (program->batch_multiple > 1)
        return batch % (program->batch_multiple * MICRO_BLOCKS)
                   ? 1
                   : micro_batch_count(program, program->batch_multiple * MICRO_BLOCKS);
    int64_t micro_batches = micro_batch_count(program, MICRO_BATCH);
    if (micro_batches == 1 || batch / micro_batches >= MICRO_LEAST) return micro_batches;
    int64_t micro = MICRO_BATCH + 1;
    while (micro <= MICRO_MOST && batch % micro != 0) micro++;
    return micro <= MICRO_MOST ? batch / micro : 1;
}

const Plan *micro_batch_plan(Graph *net, ProgramKind kind, const TrainSpec *spec, const LowerOptions *options)
{
    Graph *program = pipeline_run(net, kind, spec, options, 1);
    const Plan *whole = program ? pipeline_plan(program, options) : NULL;
    if (!whole || kind == PROGRAM_INFER || whole->arena_bytes < LARGE_ARENA) return whole;
    if (!lower_is_fast(options) || !pass_is_enabled(options, PASS_MICRO_BATCHES)) return whole;
    const int64_t micro_batches = default_micro_batches(program);
    if (micro_batches == 1) return whole;
    const Plan *cut = pipeline_plan(pipeline_run(net, kind, spec, options, micro_batches), options);
    return cut->arena_bytes < whole->arena_bytes / 4 * 3 ? cut : whole;
}
