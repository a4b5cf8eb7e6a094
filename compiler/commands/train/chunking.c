/*
 * Chunks of a batch: how many, and for which nets.
 */
#include "commands/train/chunking.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "elab/value.h"
#include "runtime/kernels/library.h"

enum { MOST_CHUNKS = 8, LEAST_SAMPLES = 16, FEW_CHUNKS = 4 };

int64_t chunking_default(int64_t batch)
{
    const int64_t block = batch % LEAST_SAMPLES == 0 ? LEAST_SAMPLES : 1;
    const int64_t least = batch >= 2 * LEAST_SAMPLES ? LEAST_SAMPLES : div_round_up(batch, FEW_CHUNKS);
    int64_t chunk = round_up(least, block);
    while (batch % chunk != 0 || batch / chunk > MOST_CHUNKS) chunk += block;
    return chunk;
}

/* What asks for chunks, for messages. */
static const char *cause_of(const TrainRequest *r) { return r->reproducible ? "--reproducible" : "mpirun"; }

static int check_request_of_chunks(const TrainRequest *r)
{
    const char *why = cause_of(r);
    if (r->lr_find) return fail(STATUS_USAGE, "%s: --lr-find is for one process", why);
    if (r->page) return fail(STATUS_USAGE, "%s: --page is not written of steps in chunks", why);
    if (r->stats) return fail(STATUS_USAGE, "%s: --stats does not watch steps in chunks", why);
    return STATUS_OK;
}

int chunking_decide(TrainRequest *r, Model *m, const Ranks *ranks, int64_t *batch)
{
    const int size = ranks->engine.size;
    *batch = 0;
    if (r->shard && !ranks->launched) return fail(STATUS_USAGE, "--shard-optimizer needs mpirun");
    if (!r->reproducible && !ranks->launched)
        return r->chunk ? fail(STATUS_USAGE, "--chunk needs --reproducible, or mpirun") : STATUS_OK;
    const int status = check_request_of_chunks(r);
    if (status) return status;
    const int64_t chunk = r->chunk ? r->chunk : chunking_default(m->batch), chunks = m->batch / chunk;
    if (m->batch % chunk != 0)
        return fail(STATUS_USAGE, "--chunk %" PRId64 ": the batch of %" PRId64 " samples is not a multiple of it",
                    chunk, m->batch);
    if (chunks < size)
        return fail(STATUS_USAGE,
                    "%d ranks share a batch of %" PRId64 " chunks: use fewer, a larger --batch or a smaller --chunk",
                    size, chunks);
    if (chunks > 1 << (CHUNK_LEVELS - 1)) return fail(STATUS_USAGE, "--chunk %" PRId64 ": too many chunks", chunk);
    *batch = m->batch;
    m->batch = chunk;
    r->load.chunks = true;
    if (ranks->launched && !r->load.threads) r->load.threads = ranks_threads();
    return STATUS_OK;
}

int chunking_check(const TrainRequest *r, const Model *m)
{
    const Graph *step = m->emitted->step_program;
    if (m->spec->teacher.path) return fail(STATUS_INPUT, "%s: a teacher is not asked in chunks", cause_of(r));
    for (int i = 0; i < step->nodes.count; i++) {
        const Node *n = step->nodes.at[i];
        const Node *layer = n->origin ? n->origin : n;
        if (!(n->op->traits & OP_BATCH_COUPLED) || layer->op->in_chunks) continue;
        return fail(STATUS_INPUT,
                    "%s: %s (%.*s) computes with all samples of a batch together, which chunks of it do not",
                    cause_of(r), layer->name, (int)strcspn(layer->op->name, "."), layer->op->name);
    }
    return STATUS_OK;
}

/* ---- what ranks have in common ------------------------------------------------------------ */

static RankFact *rank_fact(RankFact *at, const char *what, const char *value)
{
    *at = (RankFact){what, value ? value : "(none)"};
    return at + 1;
}

static const char *length_text(Arena *arena, const TrainRequest *r)
{
    const char *epochs = r->epochs > 0 ? arena_printf(arena, "%" PRId64 " epochs", r->epochs) : "the net's epochs";
    const char *steps = r->steps > 0 ? arena_printf(arena, "%" PRId64, r->steps) : "all";
    return arena_printf(arena, "%s, %s steps, %s", epochs, steps,
                        r->time_limit > 0 ? real_text(arena, r->time_limit) : "no limit");
}

static const char *compiled_text(Arena *arena, const LoadOptions *o)
{
    return arena_printf(arena, "--jit %s, passes %x left out, memory %" PRId64, jit_name(o->jit), o->disabled_passes,
                        o->memory_limit);
}

const RankFact *chunking_facts(const TrainRequest *r, const Model *m, const Dataset *data, const NnWeightsNote *notes,
                               const NnTensors *resumed)
{
    Arena *arena = m->c->arena;
    const char *runs, *step = resumed ? nn_tensors_metadata(resumed, "state.step") : NULL;
    RankFact *facts = arena_alloc(arena, (RESUME_NOTES + 9) * sizeof *facts), *at = facts;
    nn_kernel_library(&runs);
    at = rank_fact(at, "the version of nnc", NNC_VERSION);
    at = rank_fact(at, "the instruction set", runs);
    at = rank_fact(at, "the data's hash", arena_printf(arena, "%016" PRIx64, dataset_fingerprint(data)));
    at = rank_fact(at, "the length of the run", length_text(arena, r));
    at = rank_fact(at, "the optimizer's state", r->shard ? "sharded" : "whole");
    at = rank_fact(at, "the compiler", compiled_text(arena, &r->load));
    at = rank_fact(at, "the file of initial weights", r->init);
    at = rank_fact(at, "the checkpoint's step", step);
    for (; notes->key; notes++) at = rank_fact(at, resume_key_text(notes->key), notes->value);
    *at = (RankFact){NULL, NULL};
    return facts;
}
