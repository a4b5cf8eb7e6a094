/*
 * Copies of a model's block, and steps from one of them on.
 */
#include "runtime/train/replay.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/train/snapshot.h"

int replay_init(Replay *r, const nn_model_info *info, const TrainState *state, NnError *error)
{
    const Average *slow = &state->copy[COPY_SLOW];
    *r = (Replay){.info = info, .slow_count = slow->count};
    r->model = nn_memory(info->train_bytes, error);
    if (slow->values) r->slow = nn_memory(slow->count * sizeof *r->slow, error);
    return !r->model || (slow->values && !r->slow) ? -1 : 0;
}

void replay_free(Replay *r)
{
    free(r->model);
    free(r->slow);
    *r = (Replay){0};
}

/* The block is a head and then numbers. */
static bool block_is_finite(const nn_model_info *info, const void *model)
{
    const char *numbers = (const char *)model + sizeof(ModelHead);
    return all_finite((const float *)(const void *)numbers, (info->train_bytes - sizeof(ModelHead)) / sizeof(float));
}

void replay_take(Replay *r, const void *model, const TrainState *state)
{
    if (!r->model || !snapshot_is_due(state->step) || !block_is_finite(r->info, model)) return;
    memcpy(r->model, model, r->info->train_bytes);
    if (r->slow) memcpy(r->slow, state->copy[COPY_SLOW].values, r->slow_count * sizeof *r->slow);
    r->taken = true;
    r->epoch = state->epoch;
    r->step = state->step;
    r->in_epoch = state->in_epoch;
    r->steps = 0;
}

void replay_note(Replay *r, float lr)
{
    if (r->steps < REPLAY_STEPS) r->lr[r->steps] = lr;
    r->steps++;
}

/* ---- the steps ---------------------------------------------------------------------- */

static const Batch *batch_to_replay(Batcher *batcher, int *epoch)
{
    const Batch *batch = batcher_next(batcher);
    if (batch) return batch;
    batcher_begin(batcher, (uint64_t)(*epoch)++);
    return batcher_next(batcher);
}

static void move_slow(const ReplayRun *run, int64_t done)
{
    const NnTrainConfig *config = run->config;
    if (config->lookahead && done % config->lookahead == 0)
        average_lookahead(run->slow, run->model, config->lookahead_alpha);
}

static void replay_steps(const Replay *r, const ReplayRun *run, Batcher *batcher)
{
    const NnTrainConfig *config = run->config;
    int epoch = r->epoch;
    batcher_begin_at(batcher, (uint64_t)epoch - 1, (int)r->in_epoch);
    for (int i = 0; i < r->steps; i++) {
        const Batch *batch = batch_to_replay(batcher, &epoch);
        if (!batch) return;
        const nn_model_info *code = batch->count < r->info->batch && config->last ? config->last : r->info;
        const NnStep step = {code, run->model, batch, r->lr[i], run->scratch, r->step + i, epoch};
        if (config->observer->replay(config->observer->user, &step)) return;
        move_slow(run, r->step + i + 1);
    }
}

int replay_run(const Replay *r, const ReplayRun *run, NnError *error)
{
    if (!r->taken || r->steps > REPLAY_STEPS) return 0;
    Batcher *batcher = batcher_new(run->feed, DATA_TRAIN, r->info->batch, true, run->config->seed, error);
    if (!batcher) return -1;
    memcpy(run->model, r->model, r->info->train_bytes);
    if (r->slow) memcpy(run->slow->values, r->slow, r->slow_count * sizeof *r->slow);
    replay_steps(r, run, batcher);
    batcher_free(batcher);
    return 0;
}
