/*
 * train: `nnc train NET.nn`, now and in this process.
 *
 * Enters: a net, data, and options that go before what the train section says.
 * Leaves: the table of epochs on standard output and the weights in a file.
 * The loop itself is the runtime's, the command line train_request.c's; here are the header and
 * the end.
 */
#include "runtime/train/train.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/quantize/initial_scales.h"
#include "commands/support/feeding.h"
#include "commands/support/file_use.h"
#include "commands/support/interrupt.h"
#include "commands/support/load.h"
#include "commands/support/origin.h"
#include "commands/support/save.h"
#include "commands/support/simulated.h"
#include "commands/support/weighted.h"
#include "commands/train/chunking.h"
#include "commands/train/lr_find.h"
#include "commands/train/lr_find_picture.h"
#include "commands/train/resume.h"
#include "commands/train/run_page.h"
#include "commands/train/schedule.h"
#include "commands/train/teacher.h"
#include "commands/train/train_request.h"

static const double usual_interval = 300; /* seconds between two checkpoints */

typedef struct TrainCommand {
    TrainRequest request;
    Ranks ranks;
    int64_t batch;      /* of a step that is in chunks; 0: the model's */
    bool lost;          /* this rank cannot go on, and others may wait for it */
    FoundScales scales; /* of --quantize */
    Model m, last;      /* last: the same net for the last, shorter batch of an epoch; no info: there is none */
    Feeding feeding;
    Teacher teacher;
    void *model;
    const char *output;
    NnWeightsNote notes[RESUME_NOTES];
    TrainStats watch;   /* of --stats */
    RunPage *page;      /* of --page, or NULL */
    NnTensors *resumed; /* the checkpoint that it goes on from, or NULL */
    NnTrainConfig config;
    NnTrainResult result;
    bool switched;         /* to the faster code, */
    int64_t switched_at;   /* before this step */
    const char *no_faster; /* why there is none, or NULL */
} TrainCommand;

/* ---- what the run is to do ------------------------------------------------------------ */

static int epochs_of(const TrainCommand *t)
{
    const TrainRequest *r = &t->request;
    const int64_t batch = t->batch ? t->batch : t->m.info->batch;
    int64_t per_epoch = div_round_up(t->feeding.data->part[DATA_TRAIN].count, batch);
    if (r->epochs || !r->steps) return (int)(r->epochs ? r->epochs : t->m.spec->epochs);
    int64_t epochs = div_round_up(r->steps, per_epoch);
    return epochs > 1000000000 ? 1000000000 : (int)epochs;
}

/* The options that stand for keys of the train section. */
static void override_spec(const TrainCommand *t)
{
    if (t->request.seed >= 0) t->m.spec->seed = t->request.seed;
    if (t->request.keep) t->m.spec->keep = t->request.keep;
}

/* --jit tiered: a step is the unit in which code is changed, and the first one has the
 * machine to itself. */
static void poll_faster(void *user, int64_t step)
{
    TrainCommand *t = user;
    const char *why;
    if (step == 0 || !model_poll(&t->m, &why)) return;
    t->switched = !why;
    t->switched_at = step;
    t->no_faster = why;
}

/* The log, the progress and the checkpoints are not worth a training. */
static void warn_of_checkpoint(void *user, const NnError *error)
{
    (void)user;
    fprintf(stderr, "nnc: warning: no checkpoint: %s\n", error->text);
}

/* Whether they were asked for; if not, none is left by a run that ends as planned within the usual interval. */
static bool asks_for_checkpoints(const TrainRequest *r)
{
    return r->checkpoint || r->resumes || r->every_steps || r->every_time > 0;
}

static bool writes_checkpoints(const TrainRequest *r) { return r->every_steps || r->every_time != 0; }

static const char *checkpoint_path(const TrainCommand *t)
{
    const TrainRequest *r = &t->request;
    if (r->checkpoint) return r->checkpoint;
    return r->resume ? r->resume : arena_printf(t->m.c->arena, "%s.checkpoint.safetensors", t->m.net->name);
}

static NnCheckpointConfig checkpoints_of(const TrainCommand *t)
{
    const TrainRequest *r = &t->request;
    const char *path = checkpoint_path(t);
    return (NnCheckpointConfig){
        .path = writes_checkpoints(r) && ranks_is_first(&t->ranks) ? path : NULL,
        .every_steps = r->every_steps,
        .every_seconds = r->every_time < 0 ? usual_interval : r->every_time,
        .at_end = asks_for_checkpoints(r),
        .notes = t->notes,
        .resume_path = r->resume ? r->resume : path,
        .failed = warn_of_checkpoint,
    };
}

static const NnObserver *observe(TrainCommand *t)
{
    const double lr = t->request.lr > 0 ? t->request.lr : t->m.spec->lr;
    if (!t->request.stats) return NULL;
    t->watch = train_stats_new(&(TrainStatsInput){.m = &t->m,
                                                  .last = &t->last,
                                                  .feeding = &t->feeding,
                                                  .flow = t->request.page != NULL,
                                                  .every = t->request.stats_every,
                                                  .epochs = epochs_of(t),
                                                  .lr = lr});
    if (!t->request.page) return diagnosis_observer(t->watch.diagnosis);
    t->page = run_page_new(&(RunPageInput){t->request.page, &t->m, &t->feeding, &t->watch, t->notes, epochs_of(t)});
    return run_page_observer(t->page);
}

static void configure(TrainCommand *t)
{
    const TrainSpec *spec = t->m.spec;
    t->config = (NnTrainConfig){
        .epochs = epochs_of(t),
        .max_steps = t->request.steps,
        .time_limit = t->request.time_limit,
        .schedule = schedule_of(spec, t->request.lr),
        .seed = (uint64_t)spec->seed,
        .last = t->last.info,
        .chunking = {.batch = (int)t->batch,
                     .ranks = t->ranks.launched ? &t->ranks.engine : NULL,
                     .limit = t->ranks.limit,
                     .shard = t->request.shard,
                     .apart = t->ranks.apart},
        .ema = spec->ema,
        .lookahead = spec->lookahead,
        .lookahead_alpha = spec->lookahead_alpha,
        .patience = (int)spec->stop_patience,
        .keep_best = train_keeps_best(spec),
        .log = ranks_is_first(&t->ranks) ? t->request.log : NULL,
        .observer = observe(t),
        .checkpoint = checkpoints_of(t),
        .results = t->request.quiet ? NULL : stdout,
        .progress = ranks_is_first(&t->ranks) && !t->request.quiet ? stderr : NULL,
        .terminal = isatty(fileno(stderr)),
        .between = poll_faster,
        .user = t,
    };
}

/* Generated code has a fixed batch; what is left of an epoch has code of its own over the same
 * model, whose layout is the net's. */
static int load_last(TrainCommand *t)
{
    LoadOptions options = t->request.load;
    const int left = (int)(t->feeding.data->part[DATA_TRAIN].count % t->m.batch);
    if (!left) return STATUS_OK;
    t->last = t->m;
    t->last.batch = left;
    t->last.jit = NULL;
    t->last.functions = NULL;
    t->last.info = NULL;
    options.steps = false;
    if (options.jit == JIT_TIERED) options.jit = JIT_TCC;
    return load_code(&options, &t->last);
}

static int feed_training(TrainCommand *t)
{
    const TrainSpec *spec = t->m.spec;
    Feed *feed = &t->feeding.feed;
    const Fitting *f = feed->fitting;
    if (spec->cutmix > 0 && f->rank != 3)
        return fail(STATUS_INPUT, "cutmix takes images; the net takes %zu columns", f->elements);
    feed->last = t->last.info != NULL || t->batch;
    if (t->batch) {
        const NnRanks *r = &t->ranks.engine;
        const int chunks = (int)(t->batch / t->m.batch);
        feed->share_begin = chunk_begin(chunks, r->rank, r->size) * (int)t->m.batch;
        feed->share_end = chunk_begin(chunks, r->rank + 1, r->size) * (int)t->m.batch;
    }
    feed->sequential = t->request.order ? !strcmp(t->request.order, "sequential") : spec->sequential;
    feed->mixup = spec->mixup;
    feed->cutmix = spec->cutmix;
    return STATUS_OK;
}

static int load_init(const TrainCommand *t)
{
    NnError error = {0};
    const char *path = t->request.init;
    WeightedModel w;
    int status = weighted_open(&w, path, &t->m);
    if (status) return status;
    fprintf(stderr, "start      %s\n", path);
    origin_compare(w.file, path, &t->m, t->feeding.data);
    initial_scales_set(&t->scales, t->m.info, t->model);
    FILE *report =
        t->scales.found ? NULL : stderr; /* the weights are complete, and scales are not in files of floats */
    int failed = nn_weights_load(t->m.info, t->model, w.file, path, NN_LOAD_MATCHING, report, &error);
    weighted_close(&w);
    return failed ? fail_error(&error) : STATUS_OK;
}

/* --resume; and where checkpoints go, which is no reason not to train unless they were asked for. */
static int prepare_checkpoints(TrainCommand *t)
{
    NnCheckpointConfig *config = &t->config.checkpoint;
    int status = STATUS_OK;
    resume_notes(&t->m, &t->feeding,
                 (RunOverrides){t->request.lr, t->config.seed, t->teacher.hash, t->batch, t->request.load.bf16_values},
                 t->notes);
    if (t->request.resumes) {
        t->resumed = resume_open(config->resume_path, t->notes, t->feeding.data, &status);
        config->resume = t->resumed;
    }
    if (status || !config->path) return status;
    if (!t->resumed) resume_of_replaced(config->path);
    return save_check_checkpoint(&config->path, &t->m, asks_for_checkpoints(&t->request));
}

static void print_header(const TrainCommand *t)
{
    const TrainFactsInput in = {.m = &t->m,
                                .teacher = &t->teacher.m,
                                .feeding = &t->feeding,
                                .chunked = t->batch,
                                .scales = t->scales.samples,
                                .ranks = t->ranks.engine.size,
                                .threads = t->request.load.threads,
                                .engine = t->ranks.engine.engine,
                                .resumed = t->resumed,
                                .resume_path = t->config.checkpoint.resume_path};
    const List facts = train_facts(&in);
    if (!t->request.quiet) train_facts_print(&facts, stderr);
    if (t->page) run_page_facts(t->page, facts);
}

/* ---- the run ------------------------------------------------------------------------------ */

static void print_tiers(const TrainCommand *t)
{
    if (t->no_faster) fprintf(stderr, "nnc: note: tcc's code was used throughout: %s\n", t->no_faster);
    if (t->switched) fprintf(stderr, "back end   cc from step %lld\n", (long long)t->switched_at + 1);
}

/* Of runs that are long enough for it to matter. */
static void print_waiting(const NnTrainResult *r)
{
    const double shown = 0.25, least = 10; /* a share; seconds */
    if (r->seconds >= least && r->waited >= shown * r->seconds)
        fprintf(stderr,
                "nnc: note: for %.0f %% of the time there was no batch for the step; more --workers help where "
                "processors are free\n",
                100 * r->waited / r->seconds);
}

static void print_end(const TrainCommand *t, const char *saved)
{
    if (!t->request.quiet) print_tiers(t);
    print_waiting(&t->result);
    const NnTrainResult *r = &t->result;
    static const char *const reasons[] = {
        [NN_STOPPED] = "stopped",
        [NN_OUT_OF_TIME] = "time limit reached",
        [NN_NO_BETTER] = "the validation loss has stopped falling",
        [NN_UNREADABLE] = "stopped",
        [NN_OUT_OF_STEPS] = NULL,
        [NN_DONE] = NULL,
    };
    if (reasons[r->end])
        fprintf(stderr, "nnc: %s at epoch %d, step %lld; saved in %s\n", reasons[r->end], r->epoch, (long long)r->steps,
                saved);
    if (reasons[r->end] && r->checkpoint_step == r->steps)
        fprintf(stderr, "nnc: --resume goes on from %s\n", t->config.checkpoint.path);
    if (t->watch.stats) stats_print_table(t->watch.stats, stdout);
    if (r->best_epoch) printf("best validation loss %.6g, in epoch %d\n", r->best_loss, r->best_epoch);
    static const char *const units[] = {
        [NN_SCORE_CLASS] = "", [NN_SCORE_PIXELS] = " pixels", [NN_SCORE_LABELS] = " labels"};
    if (r->tested && r->test.kind != NN_SCORE_LOSS)
        printf("test accuracy %.2f %% (%lld of %lld%s), test loss %.4f, after %lld steps in %.1f s\n",
               100.0 * nn_accuracy(&r->test), (long long)r->test.right, (long long)r->test.judged, units[r->test.kind],
               r->test.loss, (long long)r->steps, r->seconds);
    else if (r->tested)
        printf("test loss %.6g, after %lld steps in %.1f s\n", r->test.loss, (long long)r->steps, r->seconds);
    printf("weights in %s\n", saved);
}

/* The first of two statuses that is not STATUS_OK. */
static int worse(int first, int second) { return first ? first : second; }

static int save_trained(const TrainCommand *t, const char **saved)
{
    *saved = NULL;
    if (!ranks_is_first(&t->ranks)) return STATUS_OK;
    const NnScore *test = t->result.tested ? &t->result.test : NULL;
    return save_weights(t->output, &t->m, t->model, &t->feeding.feed, test, saved);
}

/* Weights of before the first step are not worth a file. */
static int end_diverged(const TrainCommand *t, const NnError *error)
{
    const char *saved;
    int status = fail_error(error);
    if (!t->result.restored) {
        fprintf(stderr, "nnc: there is nothing to save yet: %s is not written\n", t->output);
        return status;
    }
    save_trained(t, &saved);
    if (saved)
        fprintf(stderr, "nnc: the last finite weights, from step %lld, are in %s\n", (long long)t->result.restored,
                saved);
    return status;
}

/* As where it was stopped, with an error's status. */
static int end_unread(const TrainCommand *t, const NnError *error)
{
    const char *saved;
    int status = fail_error(error);
    if (t->result.steps == 0) return status;
    save_trained(t, &saved);
    if (saved) print_end(t, saved);
    return status;
}

static int end_trained(const TrainCommand *t)
{
    const char *saved;
    int status = save_trained(t, &saved);
    if (t->result.log_error.status) status = worse(status, fail_error(&t->result.log_error));
    if (t->result.checkpoint_error.status && asks_for_checkpoints(&t->request))
        status = worse(status, fail_error(&t->result.checkpoint_error));
    if (saved) print_end(t, saved);
    return worse(status, finish_output());
}

static int train_model(TrainCommand *t)
{
    NnError error = {0};
    t->config.stop = interrupt_catch();
    if (t->watch.diagnosis) diagnosis_start(t->watch.diagnosis);
    int failed = nn_train(t->m.info, t->model, &t->feeding.feed, &t->config, &t->result, &error);
    if (t->watch.diagnosis) diagnosis_end(t->watch.diagnosis, t->result.diverged);
    const int page = t->page ? run_page_end(t->page) : STATUS_OK;
    t->lost = failed && !t->result.diverged;
    if (failed && t->result.diverged) return end_diverged(t, &error);
    if (failed && t->result.end == NN_UNREADABLE) return end_unread(t, &error);
    return failed ? fail_error(&error) : worse(end_trained(t), page);
}

static int find_lr(TrainCommand *t)
{
    NnError error = {0};
    NnRangeTest found;
    t->config.stop = interrupt_catch();
    if (nn_range_test(t->m.info, t->model, &t->feeding.feed, &t->config, &found, &error)) return fail_error(&error);
    lr_find_print(&found, stdout);
    return worse(lr_find_draw(&found, t->m.c->arena, t->m.info->name, t->request.output), finish_output());
}

static int agree_on_run(TrainCommand *t)
{
    if (!t->ranks.launched) return STATUS_OK;
    return ranks_agree(&t->ranks, chunking_facts(&t->request, &t->m, t->feeding.data, t->notes, t->resumed));
}

static int check_files(const TrainCommand *t)
{
    const TrainRequest *r = &t->request;
    const bool weights = !r->lr_find;
    const FileUse files[] = {{"the source", r->load.path, false},
                             {"-o", weights ? t->output : r->output, true},
                             {"--log", r->log, true},
                             {"--page", r->page, true},
                             {"--checkpoint", weights && writes_checkpoints(r) ? checkpoint_path(t) : NULL, true}};
    return files_apart(files, sizeof files / sizeof *files);
}

static int train_loaded(TrainCommand *t)
{
    t->output = t->request.output ? t->request.output : arena_printf(t->m.c->arena, "%s.safetensors", t->m.net->name);
    const bool finds = t->request.lr_find; /* writes no weights */
    int status = check_files(t);
    if (!status && !finds && ranks_is_first(&t->ranks)) status = save_check(t->output, &t->m);
    if (!status && t->request.page) status = save_check_page(t->request.page);
    if (!status && t->batch) status = chunking_check(&t->request, &t->m);
    if (!status) status = feeding_augment(&t->feeding, t->m.spec);
    if (!status) status = load_last(t);
    if (!status) status = teacher_open(&t->teacher, &t->m, &t->request.load, &t->feeding);
    if (!status) status = feed_training(t);
    if (status) return status;
    configure(t);
    status = finds ? STATUS_OK : prepare_checkpoints(t);
    if (!status) status = agree_on_run(t);
    if (status) return status;
    if (!finds) origin_of_replaced(t->m.c->arena, t->output);
    void *block = block_alloc(t->m.info->train_bytes);
    t->model = t->m.info->init(block, 1, t->config.seed);
    print_header(t);
    status = t->request.init ? load_init(t) : STATUS_OK;
    t->lost = status;
    if (!status) status = finds ? find_lr(t) : train_model(t);
    free(block);
    return status;
}

/* Before anything is made of the net: it is trained as its int8 form would compute. */
static int simulate_int8(TrainCommand *t)
{
    const TrainRequest *r = &t->request;
    int status = STATUS_OK;
    if (!r->quantize) return STATUS_OK;
    if (r->init) status = initial_scales_find(&r->load, &t->m, &r->data, r->init, &t->scales);
    return status ? status : simulated_apply(&t->m);
}

static int train_run(int argc, char **argv)
{
    TrainCommand t = {0};
    load_options_init(&t.request.load);
    t.request.load.default_batch = 64;
    t.request.load.steps = true;
    t.request.load.jit = JIT_TIERED;
    t.request.data.divide = true;
    int status = ranks_open(&t.ranks);
    if (!status) status = train_request_read(&t.request, argc, argv);
    if (!status) status = load_net(&t.request.load, &t.m);
    if (!status) status = chunking_decide(&t.request, &t.m, &t.ranks, &t.batch);
    if (!status) status = simulate_int8(&t);
    if (!status) {
        override_spec(&t);
        feeding_start(&t.feeding, &t.m, &t.request.data);
        status = load_code(&t.request.load, &t.m);
        int fed = feeding_finish(&t.feeding);
        if (!status) status = fed;
        if (!status) status = train_loaded(&t);
        nn_tensors_close(t.resumed);
        teacher_close(&t.teacher);
        if (!fed) feeding_close(&t.feeding);
        model_free(&t.last);
        model_free(&t.m);
    }
    load_options_free(&t.request.load);
    return ranks_close(&t.ranks, status, t.lost);
}

const Command command_train = {
    "train",
    "train a net now, in this process",
    "train NET.nn [options]",
    train_options,
    "Defaults come from the net's train section.  Every epoch takes every sample\n"
    "once; its last batch may be shorter.\n"
    "Ctrl-C stops after the current step and saves the weights and a checkpoint, from which --resume goes\n"
    "on as if the run had not been stopped; a second one stops at once.\n"
    "The weights are a safetensors file with PyTorch's names and shapes, which also\n"
    "records the normalisation of the input and the names of the classes.\n",
    train_run};
