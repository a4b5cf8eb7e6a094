/*
 * The training loop.
 *
 * An epoch is the training part once, in an order of its own.  A last, shorter batch
 * is run by code of its own for the same model; where there is none, it is left out.
 * A checkpoint is of the moment after a step, before the end of the epoch is dealt with; so a
 * run that goes on from the last step of an epoch deals with it then.
 * The loop ends when the epochs, the steps or the time are over, when the test loss no
 * longer falls, or when it is asked to stop; always between two steps, so the
 * model is whole.  A run that diverges gives the last finite weights back that
 * it has a copy of (snapshot.h).
 */
#include "runtime/train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/train/checkpoint.h"
#include "runtime/train/show.h"
#include "runtime/train/snapshot.h"

typedef struct Run {
    const nn_model_info *info;
    void *model;
    const Feed *feed;
    const NnTrainConfig *config;
    NnTrainResult *result;
    NnError *error;
    Batcher *batcher;
    void *scratch;
    TrainState state, after_step; /* now; when the last step was done */
    Progress at;                  /* what is shown of it */
    ProgressLine line;
    Log log;
    Snapshot snapshot;
    Checkpoint checkpoint;
    double began, epoch_began;
    double time_limit; /* in seconds of the run; 0: none */
    bool ended;
} Run;

static void end_run(Run *run, NnEnd why)
{
    run->result->end = why;
    run->ended = true;
}

/* ---- steps ------------------------------------------------------------------------ */

static int diverge(Run *run, const char *what, double value)
{
    progress_line_clear(&run->line);
    run->result->diverged = true;
    return nn_fail(run->error, NN_BAD_INPUT,
                   "%s %s at step %lld (epoch %d), with lr %g; try a smaller one (--lr %g) or clip the gradient "
                   "(--set 'clip norm(1)')",
                   what, isnan(value) ? "not a number" : "infinite", (long long)run->at.step, run->result->epoch,
                   run->at.lr, run->at.lr / 10);
}

/* loss: the mean of `count` samples. */
static void measure_progress(Run *run, double loss, int count)
{
    TrainState *state = &run->state;
    double now = show_clock();
    state->total += loss * count;
    state->samples += count;
    state->step++;
    state->in_epoch++;
    state->lr = run->at.lr;
    state->seconds = now - run->began;
    state->epoch_seconds = now - run->epoch_began;
}

static void show_progress(Run *run)
{
    const TrainState *state = &run->state;
    Progress *at = &run->at;
    at->step = state->step;
    at->in_epoch = state->in_epoch;
    at->lr = state->lr;
    at->loss = state->samples ? state->total / (double)state->samples : 0;
    at->seconds = state->seconds;
    at->epoch_seconds = state->epoch_seconds;
    at->rate = (double)state->samples / fmax(at->epoch_seconds, 1e-9);
}

/* The averages follow the weights. */
static void average_weights(Run *run)
{
    const NnTrainConfig *config = run->config;
    TrainState *state = &run->state;
    if (config->lookahead && state->step % config->lookahead == 0)
        average_lookahead(&state->slow, run->model, config->lookahead_alpha);
    if (config->ema > 0) average_ema(&state->ema, run->model, config->ema);
}

/* The averages, where there are any, take the model's place, or give it back. */
static void swap_weights(Run *run)
{
    if (run->config->ema > 0)
        average_swap(&run->state.ema, run->model);
    else if (run->config->lookahead)
        average_swap(&run->state.slow, run->model);
}

/* ---- checkpoints ----------------------------------------------------------------- */

/* After the end of one that was being written, or that could not be copied.  What is not finite
 * is for the loss to say. */
static void note_checkpoint(Run *run)
{
    const NnCheckpointConfig *config = &run->config->checkpoint;
    if (!run->checkpoint.error.status || run->checkpoint.diverged) return;
    progress_line_clear(&run->line);
    if (config->failed) config->failed(run->config->user, &run->checkpoint.error);
}

static void take_checkpoint(Run *run)
{
    if (checkpoint_wait(&run->checkpoint)) note_checkpoint(run);
    if (checkpoint_take(&run->checkpoint, run->info, run->model, &run->after_step,
                        log_flush(&run->log, run->after_step.step)))
        note_checkpoint(run);
}

/* Whether a run that has come to its end leaves a checkpoint of the last step. */
static bool wants_last_checkpoint(const Run *run)
{
    const NnCheckpointConfig *config = &run->config->checkpoint;
    const NnEnd end = run->result->end;
    return config->path && run->checkpoint.state.step != run->after_step.step &&
           (config->at_end || end == NN_STOPPED || end == NN_OUT_OF_TIME || run->checkpoint.step >= 0);
}

static void keep_checkpoint(Run *run)
{
    if (checkpoint_poll(&run->checkpoint)) note_checkpoint(run);
    if (run->ended ? wants_last_checkpoint(run) : checkpoint_is_due(&run->checkpoint, run->state.step))
        take_checkpoint(run);
}

/* The last one is still to be taken where a test has ended the run. */
static void finish_checkpoints(Run *run)
{
    if (checkpoint_wait(&run->checkpoint)) note_checkpoint(run);
    if (!run->result->diverged && run->ended && wants_last_checkpoint(run)) take_checkpoint(run);
    if (checkpoint_wait(&run->checkpoint)) note_checkpoint(run);
    run->result->checkpoint_step = run->checkpoint.step;
    if (!run->checkpoint.diverged) run->result->checkpoint_error = run->checkpoint.error;
}

static void check_run_end(Run *run)
{
    const NnTrainConfig *config = run->config;
    const Progress *at = &run->at;
    if (config->stop && *config->stop)
        end_run(run, NN_STOPPED);
    else if (at->step >= at->steps)
        end_run(run, config->max_steps && at->step >= config->max_steps ? NN_OUT_OF_STEPS : NN_DONE);
    else if (run->time_limit > 0 && at->seconds >= run->time_limit)
        end_run(run, NN_OUT_OF_TIME);
}

static int run_step(Run *run, const Batch *batch)
{
    const NnTrainConfig *config = run->config;
    Progress *at = &run->at;
    at->lr = nn_schedule_lr(&config->schedule, &run->state.schedule, at->step, at->steps, at->per_epoch);
    if (config->between) config->between(config->user, at->step);
    if (snapshot_is_due(at->step)) snapshot_take(&run->snapshot, run->model, at->step);
    const nn_model_info *code = batch->count < run->info->batch && config->last ? config->last : run->info;
    double loss = (double)code->step(run->model, batch->x, batch->target, (float)at->lr, run->scratch);
    measure_progress(run, loss, batch->count);
    show_progress(run);
    if (!isfinite(loss)) return diverge(run, "the loss is", loss);
    average_weights(run);
    log_step(&run->log, at, loss, code->losses ? code->losses(run->scratch) : NULL);
    progress_line_step(&run->line, at);
    check_run_end(run);
    run->after_step = run->state;
    keep_checkpoint(run);
    return 0;
}

/* ---- epochs ------------------------------------------------------------------------ */

static bool wants_test(const Run *run)
{
    return run->config->patience || run->config->schedule.kind == NN_PLATEAU ||
           progress_has_row(&run->line, &run->at) || run->ended;
}

static void watch_test_loss(Run *run, double loss)
{
    TrainState *state = &run->state;
    nn_schedule_test(&state->schedule, &run->config->schedule, loss);
    state->since_best++;
    if (loss < state->best) {
        state->best = loss;
        state->since_best = 0;
    }
    if (run->config->patience && state->since_best >= run->config->patience && !run->ended) end_run(run, NN_NO_BETTER);
}

static int run_test(Run *run)
{
    const NnTrainConfig *config = run->config;
    NnScore *score = &run->result->test;
    swap_weights(run);
    int failed = nn_evaluate(run->info, run->model, run->feed, DATA_TEST, NULL, NULL, config->stop, score, run->error);
    swap_weights(run);
    if (failed) return -1;
    run->at.seconds = show_clock() - run->began;
    progress_line_clear(&run->line);
    if (config->stop && *config->stop) {
        end_run(run, NN_STOPPED);
        return 0;
    }
    if (!isfinite(score->loss)) /* the last update went wrong */
        return diverge(run, "the test loss is", score->loss);
    run->result->tested = true;
    watch_test_loss(run, score->loss);
    log_test(&run->log, &run->at, score);
    if (progress_has_row(&run->line, &run->at) || run->ended) table_row(config->results, &run->at, score);
    return 0;
}

/* From the state's step of the epoch on. */
static int run_epoch(Run *run)
{
    const Batch *batch;
    run->result->epoch = run->at.epoch = run->state.epoch;
    run->result->tested = false;
    run->epoch_began = show_clock() - run->state.epoch_seconds;
    batcher_begin_at(run->batcher, (uint64_t)run->state.epoch - 1, (int)run->state.in_epoch);
    while (!run->ended && (batch = batcher_next(run->batcher)))
        if (run_step(run, batch)) return -1;
    run->result->loss = run->at.loss;
    if (!run->ended) nn_schedule_epoch(&run->state.schedule, &run->config->schedule, run->at.loss);
    if (run->ended && run->result->end == NN_STOPPED) {
        progress_line_clear(&run->line);
        return 0;
    }
    progress_line_clear(&run->line);
    progress_line_epoch(&run->line, &run->at);
    return wants_test(run) ? run_test(run) : 0;
}

static void begin_epoch(TrainState *state)
{
    state->epoch++;
    state->in_epoch = state->samples = 0;
    state->total = state->epoch_seconds = 0;
}

static int run_epochs(Run *run)
{
    TrainState *state = &run->state;
    const NnScore score = nn_score_of(run->info, run->feed, DATA_TEST);
    table_head(run->config->results, &score);
    if (state->step > 0)
        check_run_end(run); /* the checkpoint may be of a run that has ended */
    else
        begin_epoch(state);
    for (; state->epoch <= run->config->epochs; begin_epoch(state)) {
        if (run_epoch(run)) return -1;
        if (run->ended) break;
    }
    return 0;
}

/* ---- the whole ----------------------------------------------------------------------- */

static void count_steps(Run *run)
{
    Progress *at = &run->at;
    at->epochs = run->config->epochs;
    at->per_epoch = batcher_batches(run->batcher);
    at->steps = at->per_epoch * at->epochs;
    if (run->config->max_steps && run->config->max_steps < at->steps) at->steps = run->config->max_steps;
}

/* Where the checkpoint is, if the run goes on from one. */
static int resume_run(Run *run)
{
    const NnCheckpointConfig *config = &run->config->checkpoint;
    if (!config->resume) return 0;
    if (checkpoint_load(config->resume, config->resume_path, run->info, run->model, &run->state, run->error)) return -1;
    if (run->state.in_epoch > run->at.per_epoch)
        return nn_fail(run->error, NN_BAD_INPUT, "%s: step %lld of an epoch of %lld steps cannot be",
                       config->resume_path, (long long)run->state.in_epoch, (long long)run->at.per_epoch);
    snapshot_take(&run->snapshot, run->model, run->state.step);
    run->result->epoch = run->state.epoch;
    show_progress(run);
    return 0;
}

static int prepare_state(Run *run)
{
    const NnTrainConfig *config = run->config;
    state_init(&run->state);
    if (config->ema > 0 && average_init(&run->state.ema, run->info, run->model, true, run->error)) return -1;
    if (config->lookahead && average_init(&run->state.slow, run->info, run->model, false, run->error)) return -1;
    if (resume_run(run)) return -1;
    run->after_step = run->state;
    return 0;
}

static int prepare_memory(Run *run)
{
    const nn_model_info *last = run->config->last;
    run->batcher = batcher_new(run->feed, DATA_TRAIN, run->info->batch, true, run->config->seed, run->error);
    size_t scratch = run->info->train_scratch, last_scratch = last ? last->train_scratch : 0;
    run->scratch = nn_memory(scratch > last_scratch ? scratch : last_scratch, run->error);
    return !run->batcher || !run->scratch || snapshot_init(&run->snapshot, run->info, run->error) ? -1 : 0;
}

static int prepare_run(Run *run)
{
    const NnTrainConfig *config = run->config;
    if (prepare_memory(run)) return -1;
    count_steps(run);
    if (prepare_state(run)) return -1;
    int64_t steps = config->checkpoint.resume ? run->state.step : -1;
    if (log_open(&run->log, config->log, run->info, steps, &run->result->log_error, run->error)) return -1;
    run->time_limit = config->time_limit > 0 ? run->state.seconds + config->time_limit : 0;
    progress_line_init(&run->line, config);
    run->line.time_limit = run->time_limit;
    run->began = show_clock() - run->state.seconds;
    return 0;
}

/* The last update of a run that was stopped has been seen by no loss. */
static int check_weights(Run *run)
{
    return run->result->tested || snapshot_finite(&run->snapshot, run->model) ? 0 : diverge(run, "a weight is", NAN);
}

static void restore_snapshot(Run *run)
{
    run->result->tested = false;
    if (run->snapshot.steps < 0) return;
    snapshot_restore(&run->snapshot, run->model);
    run->result->restored = run->snapshot.steps;
}

static int run_all(Run *run)
{
    if (prepare_run(run)) return -1;
    int failed = run_epochs(run) || check_weights(run) ? -1 : 0;
    finish_checkpoints(run);
    run->result->steps = run->at.step;
    run->result->seconds = show_clock() - run->began;
    if (run->result->diverged)
        restore_snapshot(run);
    else
        swap_weights(run);
    log_close(&run->log);
    return failed;
}

int nn_train(const nn_model_info *info, void *model, const Feed *feed, const NnTrainConfig *config,
             NnTrainResult *result, NnError *error)
{
    Run run = {.info = info, .model = model, .feed = feed, .config = config, .result = result, .error = error};
    *result = (NnTrainResult){.end = NN_DONE, .checkpoint_step = -1};
    checkpoint_init(&run.checkpoint, &config->checkpoint, feed);
    int failed = run_all(&run);
    checkpoint_free(&run.checkpoint);
    batcher_free(run.batcher);
    free(run.scratch);
    snapshot_free(&run.snapshot);
    average_free(&run.state.ema);
    average_free(&run.state.slow);
    return failed;
}
