/*
 * The training loop.
 *
 * An epoch is the training part once, in an order of its own.  A last, shorter batch
 * is run by code of its own for the same model; where there is none, it is left out.
 * A checkpoint is of the moment after a step, before the end of the epoch is dealt with; so a
 * run that goes on from the last step of an epoch deals with it then.
 * The loop ends when the epochs, the steps or the time are over, when the validation loss no
 * longer falls, or when it is asked to stop; always between two steps, so the
 * model is whole.  A run that diverges gives the last finite weights back that
 * it has a copy of (snapshot.h).
 */
#include "runtime/train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/train/checkpoint.h"
#include "runtime/train/chunks.h"
#include "runtime/train/replay.h"
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
    Chunks *chunks; /* where steps are in chunks */
    ChunkVotes votes;
    TrainState state, after_step; /* now; when the last step was done */
    Progress at;                  /* what is shown of it */
    ProgressLine line;
    Log log;
    Snapshot snapshot;
    Replay replay; /* where an observer wants it */
    Checkpoint checkpoint;
    double began, epoch_began;
    double waited;     /* for batches, until this epoch began */
    double time_limit; /* in seconds of the run; 0: none */
    bool ended;
    bool evaluated; /* the weights as they are now */
} Run;

static int part_samples(const Run *run, DataPart part) { return run->feed->data->part[part].count; }

/* The part that is shown while training goes on. */
static DataPart watched_part(const Run *run) { return part_samples(run, DATA_VALID) ? DATA_VALID : DATA_TEST; }

static void end_run(Run *run, NnEnd why)
{
    run->result->end = why;
    run->ended = true;
}

/* The error is there.  What was learnt until now is kept. */
static int end_unreadable(Run *run)
{
    progress_line_clear(&run->line);
    end_run(run, NN_UNREADABLE);
    return -1;
}

/* ---- steps ------------------------------------------------------------------------ */

static bool wants_replay(const Run *run) { return run->config->observer && run->config->observer->replay; }

/* What the model had is lost; restore_snapshot gives the weights back. */
static void do_steps_again(Run *run)
{
    const ReplayRun again = {run->feed, run->config, run->model, run->scratch, &run->state.copy[COPY_SLOW]};
    NnError error = {0};
    if (wants_replay(run)) replay_run(&run->replay, &again, &error);
}

static int diverge(Run *run, const char *what, double value)
{
    progress_line_clear(&run->line);
    do_steps_again(run);
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
    at->waiting = (batcher_waited(run->batcher) - run->waited) / fmax(at->epoch_seconds, 1e-9);
    at->rate = (double)state->samples / fmax(at->epoch_seconds, 1e-9);
}

/* The averages follow the weights. */
static void average_weights(Run *run)
{
    const NnTrainConfig *config = run->config;
    TrainState *state = &run->state;
    if (config->lookahead && state->step % config->lookahead == 0)
        average_lookahead(&state->copy[COPY_SLOW], run->model, config->lookahead_alpha);
    if (config->ema > 0) average_ema(&state->copy[COPY_EMA], run->model, config->ema);
}

/* The averages, where there are any, take the model's place, or give it back. */
static void swap_weights(Run *run)
{
    if (run->config->ema > 0)
        average_swap(&run->state.copy[COPY_EMA], run->model);
    else if (run->config->lookahead)
        average_swap(&run->state.copy[COPY_SLOW], run->model);
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
           (config->at_end || end == NN_STOPPED || end == NN_OUT_OF_TIME || end == NN_UNREADABLE ||
            run->checkpoint.step >= 0);
}

static bool is_sharded(const Run *run) { return run->chunks && chunks_is_sharded(run->chunks); }

/* All ranks come here after the same step, and their states to rank 0.  One that cannot go on alone is not among
 * them, and leaves no checkpoint. */
static void keep_sharded_checkpoint(Run *run)
{
    if (run->ended ? run->result->end == NN_UNREADABLE : !run->votes.checkpoint) return;
    chunks_collect_state(run->chunks, run->model);
    if (run->ended ? wants_last_checkpoint(run) : run->config->checkpoint.path != NULL) take_checkpoint(run);
    chunks_forget_state(run->chunks, run->model);
}

static void keep_checkpoint(Run *run)
{
    if (checkpoint_poll(&run->checkpoint)) note_checkpoint(run);
    checkpoint_prepare(&run->checkpoint, run->info, &run->state);
    if (is_sharded(run))
        keep_sharded_checkpoint(run);
    else if (run->ended ? wants_last_checkpoint(run) : checkpoint_is_due(&run->checkpoint, run->state.step))
        take_checkpoint(run);
}

/* The last one is still to be taken where an evaluation has ended the run. */
static void finish_checkpoints(Run *run)
{
    if (checkpoint_wait(&run->checkpoint)) note_checkpoint(run);
    if (!run->result->diverged && run->ended && is_sharded(run))
        keep_sharded_checkpoint(run);
    else if (!run->result->diverged && run->ended && wants_last_checkpoint(run))
        take_checkpoint(run);
    if (checkpoint_wait(&run->checkpoint)) note_checkpoint(run);
    run->result->checkpoint_step = run->checkpoint.step;
    if (!run->checkpoint.diverged) run->result->checkpoint_error = run->checkpoint.error;
}

static bool is_asked_to_stop(const Run *run) { return run->config->stop && *run->config->stop; }

static bool is_out_of_time(const Run *run) { return run->time_limit > 0 && run->at.seconds >= run->time_limit; }

/* Ranks end after the same step: where one of them has voted for it. */
static void check_run_end(Run *run)
{
    const NnTrainConfig *config = run->config;
    const Progress *at = &run->at;
    if (run->chunks ? run->votes.stop : is_asked_to_stop(run))
        end_run(run, NN_STOPPED);
    else if (at->step >= at->steps)
        end_run(run, config->max_steps && at->step >= config->max_steps ? NN_OUT_OF_STEPS : NN_DONE);
    else if (run->chunks ? run->votes.out_of_time : is_out_of_time(run))
        end_run(run, NN_OUT_OF_TIME);
}

static double do_chunks(Run *run, const Batch *batch)
{
    const bool checkpoint = checkpoint_is_due(&run->checkpoint, run->at.step + 1);
    run->votes = (ChunkVotes){is_asked_to_stop(run), is_out_of_time(run), checkpoint};
    return chunks_step(run->chunks, run->model, batch, (float)run->at.lr, run->scratch, &run->votes);
}

static double do_step(Run *run, const nn_model_info *code, const Batch *batch)
{
    const NnObserver *observer = run->config->observer;
    const float lr = (float)run->at.lr;
    if (wants_replay(run)) {
        replay_take(&run->replay, run->model, &run->state);
        replay_note(&run->replay, lr);
    }
    if (run->chunks) return do_chunks(run, batch);
    if (!observer) return (double)code->step(run->model, batch->x, batch->target, lr, run->scratch);
    return (double)observer->step(observer->user,
                                  &(NnStep){code, run->model, batch, lr, run->scratch, run->at.step, run->state.epoch});
}

static int run_step(Run *run, const Batch *batch)
{
    const NnTrainConfig *config = run->config;
    Progress *at = &run->at;
    at->lr = nn_schedule_lr(&config->schedule, &run->state.schedule, at->step, at->steps, at->per_epoch);
    if (config->between) config->between(config->user, at->step);
    if (snapshot_is_due(at->step)) snapshot_take(&run->snapshot, run->model, at->step);
    const nn_model_info *code = batch->count < run->info->batch && config->last ? config->last : run->info;
    if (config->schedule.cycle_momentum)
        code->set_momentum(run->model, (float)nn_schedule_momentum(&config->schedule, at->step, at->steps));
    double loss = do_step(run, code, batch);
    measure_progress(run, loss, batch->count);
    history_add(&run->state.history, batch->row, batch->count, loss, at->lr);
    show_progress(run);
    if (!isfinite(loss)) return diverge(run, "the loss is", loss);
    average_weights(run);
    const float *losses = run->chunks ? chunks_losses(run->chunks) : code->losses ? code->losses(run->scratch) : NULL;
    log_step(&run->log, at, loss, losses);
    progress_line_step(&run->line, at);
    check_run_end(run);
    run->after_step = run->state;
    keep_checkpoint(run);
    return 0;
}

/* ---- epochs ------------------------------------------------------------------------ */

static bool has_row(const Run *run) { return progress_has_row(&run->line, &run->at) || run->ended; }

/* The weights that were evaluated are in the model. */
static void watch_validation(Run *run, double loss)
{
    TrainState *state = &run->state;
    nn_schedule_valid(&state->schedule, &run->config->schedule, loss);
    state->since_best++;
    if (loss < state->best) {
        state->best = loss;
        state->best_epoch = state->epoch;
        state->since_best = 0;
        if (run->config->keep_best) average_take(&state->copy[COPY_BEST], run->model);
    }
    if (run->config->patience && state->since_best >= run->config->patience && !run->ended) end_run(run, NN_NO_BETTER);
}

/* Ranks evaluate to the end, since they stop only together. */
static const volatile sig_atomic_t *evaluation_stop(const Run *run) { return run->chunks ? NULL : run->config->stop; }

static int evaluate_part(Run *run, DataPart part, const NnObserver *observer, NnScore *score)
{
    int failed = nn_evaluate(run->info, run->model, run->feed, part, observer ? observer->sample : NULL,
                             observer ? observer->user : NULL, evaluation_stop(run), score, run->error);
    return failed ? end_unreadable(run) : 0;
}

/* score: NULL where the epoch has not been evaluated. */
static void tell_observer(Run *run, const NnScore *training, const NnScore *score)
{
    const NnObserver *observer = run->config->observer;
    const Progress *at = &run->at;
    if (!observer) return;
    progress_line_clear(&run->line);
    const NnEpochEnd end = {.epoch = at->epoch,
                            .step = at->step,
                            .lr = at->lr,
                            .loss = at->loss,
                            .seconds = at->seconds,
                            .rate = at->rate,
                            .score = score,
                            .training = training};
    if (observer->epoch(observer->user, &end)) log_observed(&run->log, at);
}

/* The accuracy on training samples, as many as the other part has, is comparable with that on the others. */
static int evaluate_training(Run *run, const NnScore *watched, NnScore *score)
{
    *score = (NnScore){.kind = NN_SCORE_LOSS};
    if (watched->kind == NN_SCORE_LOSS || !has_row(run)) return 0;
    int failed = nn_evaluate_some(run->info, run->model, run->feed, DATA_TRAIN, part_samples(run, watched_part(run)),
                                  evaluation_stop(run), score, run->error);
    return failed ? end_unreadable(run) : 0;
}

static int evaluate_epoch(Run *run)
{
    const NnTrainConfig *config = run->config;
    const DataPart part = watched_part(run);
    NnScore score, training;
    if (evaluate_part(run, part, config->observer, &score) || evaluate_training(run, &score, &training)) return -1;
    run->at.seconds = show_clock() - run->began;
    progress_line_clear(&run->line);
    if (!run->chunks && is_asked_to_stop(run)) {
        end_run(run, NN_STOPPED);
        return 0;
    }
    if (!isfinite(score.loss)) /* the last update went wrong */
        return diverge(run, part == DATA_VALID ? "the validation loss is" : "the test loss is", score.loss);
    run->evaluated = true;
    if (part == DATA_VALID) watch_validation(run, score.loss);
    if (part == DATA_TEST) run->result->test = score;
    log_evaluation(&run->log, part, &run->at, &training, &score);
    if (config->results && has_row(run)) table_row(config->results, &run->at, &training, &score);
    tell_observer(run, &training, &score);
    return 0;
}

/* Of the averages, where there are any. */
static int run_evaluation(Run *run)
{
    swap_weights(run);
    int failed = evaluate_epoch(run);
    swap_weights(run);
    return failed;
}

/* Of the weights that the run ends with, where the validation part was shown until now. */
static int run_test(Run *run)
{
    NnTrainResult *result = run->result;
    const NnScore none = {.kind = NN_SCORE_LOSS};
    if (watched_part(run) == DATA_TEST) {
        result->tested = run->evaluated;
        return 0;
    }
    if (result->end == NN_STOPPED || !part_samples(run, DATA_TEST)) return 0;
    if (evaluate_part(run, DATA_TEST, NULL, &result->test)) return -1;
    run->at.seconds = show_clock() - run->began;
    result->tested = run->chunks || !is_asked_to_stop(run);
    if (result->tested) log_evaluation(&run->log, DATA_TEST, &run->at, &none, &result->test);
    return 0;
}

/* Where there is no next batch: at the end of the epoch, or because a sample could not be read. */
static int check_samples(Run *run)
{
    return run->ended || !batcher_failed(run->batcher, run->error) ? 0 : end_unreadable(run);
}

/* From the state's step of the epoch on. */
static int run_epoch(Run *run)
{
    const Batch *batch;
    run->result->epoch = run->at.epoch = run->state.epoch;
    run->evaluated = false;
    run->epoch_began = show_clock() - run->state.epoch_seconds;
    run->waited = batcher_waited(run->batcher);
    batcher_begin_at(run->batcher, (uint64_t)run->state.epoch - 1, (int)run->state.in_epoch);
    while (!run->ended && (batch = batcher_next(run->batcher)))
        if (run_step(run, batch)) return -1;
    if (check_samples(run)) return -1;
    if (!run->ended) nn_schedule_epoch(&run->state.schedule, &run->config->schedule, run->at.loss);
    if (run->ended && run->result->end == NN_STOPPED) {
        progress_line_clear(&run->line);
        return 0;
    }
    progress_line_clear(&run->line);
    progress_line_epoch(&run->line, &run->at);
    if (watched_part(run) == DATA_VALID || has_row(run)) return run_evaluation(run);
    tell_observer(run, NULL, NULL);
    return 0;
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
    const NnScore score = nn_score_of(run->info, run->feed, watched_part(run));
    if (run->config->results) table_head(run->config->results, watched_part(run), &score);
    if (state->step > 0)
        check_run_end(run); /* the checkpoint may be of a run that has ended, which no rank has to vote on */
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

/* Averages take the model's place, and give it back, on each rank by itself. */
static int share_weights(Run *run)
{
    const NnTrainConfig *config = run->config;
    if (!run->chunks || config->ema > 0 || config->lookahead || config->chunking.apart) return 0;
    return chunks_share_weights(run->chunks, run->model, run->error);
}

static int prepare_state(Run *run)
{
    const NnTrainConfig *config = run->config;
    Average *copy = run->state.copy;
    state_init(&run->state);
    if (config->ema > 0 && average_init(&copy[COPY_EMA], run->info, run->model, true, run->error)) return -1;
    if (config->lookahead && average_init(&copy[COPY_SLOW], run->info, run->model, false, run->error)) return -1;
    if (config->keep_best && average_init(&copy[COPY_BEST], run->info, run->model, true, run->error)) return -1;
    if (resume_run(run)) return -1;
    run->after_step = run->state;
    if (run->chunks) chunks_forget_state(run->chunks, run->model);
    if (share_weights(run)) return -1;
    return wants_replay(run) ? replay_init(&run->replay, run->info, &run->state, run->error) : 0;
}

static int prepare_memory(Run *run)
{
    const nn_model_info *last = run->config->last;
    const NnChunking *chunking = &run->config->chunking;
    const int batch = chunking->batch ? chunking->batch : run->info->batch;
    if (chunking->batch && !(run->chunks = chunks_new(run->info, last, chunking, run->error))) return -1;
    run->batcher = batcher_new(run->feed, DATA_TRAIN, batch, true, run->config->seed, run->error);
    size_t scratch = run->info->train_scratch, last_scratch = last ? last->train_scratch : 0;
    run->scratch = nn_memory(scratch > last_scratch ? scratch : last_scratch, run->error);
    return !run->batcher || !run->scratch || snapshot_init(&run->snapshot, run->info, run->error) ? -1 : 0;
}

static int check_validation(const Run *run)
{
    const NnTrainConfig *config = run->config;
    const bool needed = config->patience || config->keep_best || config->schedule.kind == NN_PLATEAU;
    if (!needed || part_samples(run, DATA_VALID)) return 0;
    return nn_fail(run->error, NN_BAD_INPUT, "the %s looks at the validation loss, and there is no validation part",
                   config->patience    ? "patience"
                   : config->keep_best ? "choice of the best weights"
                                       : "schedule");
}

static int prepare_run(Run *run)
{
    const NnTrainConfig *config = run->config;
    if (nn_check_losses(run->info, run->error) || check_validation(run) || prepare_memory(run)) return -1;
    count_steps(run);
    if (prepare_state(run)) return -1;
    int64_t steps = config->checkpoint.resume ? run->state.step : -1;
    run->log.observer = config->observer;
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
    return run->evaluated || snapshot_finite(&run->snapshot, run->model) ? 0 : diverge(run, "a weight is", NAN);
}

static void restore_snapshot(Run *run)
{
    if (run->snapshot.steps < 0) return;
    snapshot_restore(&run->snapshot, run->model);
    run->result->restored = run->snapshot.steps;
}

/* The best weights, the averages, or those of the last step. */
static void take_final_weights(Run *run)
{
    const TrainState *state = &run->state;
    swap_weights(run);
    if (!run->config->keep_best || !state->best_epoch) return;
    average_swap(&run->state.copy[COPY_BEST], run->model);
    run->result->best_epoch = state->best_epoch;
    run->result->best_loss = state->best;
}

static int run_all(Run *run)
{
    if (prepare_run(run)) return -1;
    int failed = run_epochs(run) || check_weights(run) ? -1 : 0;
    finish_checkpoints(run);
    if (run->chunks) chunks_part_weights(run->chunks);
    if (run->result->diverged)
        restore_snapshot(run);
    else
        take_final_weights(run);
    if (!failed) failed = run_test(run);
    run->result->steps = run->at.step;
    run->result->seconds = show_clock() - run->began;
    run->result->waited = batcher_waited(run->batcher);
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
    chunks_free(run.chunks);
    snapshot_free(&run.snapshot);
    replay_free(&run.replay);
    for (int i = 0; i < COPIES; i++) average_free(&run.state.copy[i]);
    return failed;
}
