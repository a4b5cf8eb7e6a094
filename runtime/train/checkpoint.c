/*
 * Writing and reading checkpoints.
 */
#include "runtime/train/checkpoint.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/train/progress.h"
#include "runtime/train/snapshot.h"
#include "runtime/train/weights.h"

static const char *const copy_prefix[COPIES] = {
    [COPY_EMA] = weights_ema_prefix, [COPY_SLOW] = "lookahead/", [COPY_BEST] = "best/"};

/* ---- writing, in the thread ------------------------------------------------------------ */

static const float *find_by_prefix(const Average *a, const char *prefix, const char *name)
{
    size_t length = strlen(prefix);
    return strncmp(name, prefix, length) ? NULL : average_find(a, name + length);
}

/* Numbers that are not finite are of no use to anyone: the file of before stays. */
static int checkpoint_values(const void *user, const char *name, float *values, size_t count)
{
    Checkpoint *const *checkpoint = user;
    Checkpoint *c = *checkpoint;
    const float *copy = NULL;
    for (int i = 0; !copy && i < COPIES; i++) copy = find_by_prefix(&c->state.copy[i], copy_prefix[i], name);
    if (copy)
        memcpy(values, copy, count * sizeof *values);
    else if (c->info.get(c->model, name, values, count))
        return -1;
    c->diverged = !all_finite(values, count);
    return c->diverged ? -1 : 0;
}

static int announce_average(NnTensorWriter *w, const Average *a, const char *prefix, NnError *error)
{
    char name[NAME_BYTES];
    for (int i = 0; a->values && i < a->info->tensor_count; i++) {
        const nn_tensor_info *tensor = &a->info->tensors[i];
        snprintf(name, sizeof name, "%s%s", prefix, tensor->name);
        if (average_has(a, tensor) && weights_announce(w, tensor, name, error)) return -1;
    }
    return 0;
}

static int announce_all(NnTensorWriter *w, const Checkpoint *c, NnError *error)
{
    for (int i = 0; i < c->info.tensor_count; i++)
        if (weights_announce(w, &c->info.tensors[i], c->info.tensors[i].name, error)) return -1;
    for (int i = 0; i < COPIES; i++)
        if (announce_average(w, &c->state.copy[i], copy_prefix[i], error)) return -1;
    return 0;
}

static int describe_checkpoint(NnTensorWriter *w, Checkpoint *c)
{
    if (!*c->data_hash) snprintf(c->data_hash, sizeof c->data_hash, "%016" PRIx64, dataset_fingerprint(c->feed->data));
    if (weights_describe(w, &c->info, c->feed, c->config->notes, &c->error)) return -1;
    if (nn_writer_metadata(w, "data.hash", c->data_hash, &c->error)) return -1;
    return state_write(&c->state, w, &c->error);
}

static void write_checkpoint(Checkpoint *c)
{
    NnTensorWriter *w = nn_writer_new(checkpoint_values, &c, &c->error);
    int failed = !w || describe_checkpoint(w, c) || announce_all(w, c, &c->error);
    if (!failed && c->log >= 0) fsync(c->log); /* a log that cannot be made durable says so itself */
    if (!failed) failed = nn_writer_save(w, c->config->path, &c->error);
    nn_writer_free(w);
    if (!failed) c->step = c->state.step;
}

static void *checkpoint_work(void *user)
{
    Checkpoint *c = user;
    write_checkpoint(c);
    atomic_store(&c->done, true);
    return NULL;
}

/* Signals stay with the thread that trains. */
static bool start_thread(pthread_t *thread, void *(*work)(void *), Checkpoint *c)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool started = pthread_create(thread, NULL, work, c) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* ---- the side of the run ------------------------------------------------------------------ */

void checkpoint_init(Checkpoint *c, const NnCheckpointConfig *config, const Feed *feed)
{
    *c = (Checkpoint){.config = config, .feed = feed, .log = -1, .step = -1, .taken = show_clock()};
}

static void wait_for_memory(Checkpoint *c)
{
    if (c->making) pthread_join(c->maker, NULL);
    c->making = false;
}

void checkpoint_free(Checkpoint *c)
{
    checkpoint_wait(c);
    wait_for_memory(c);
    free(c->model);
    for (int i = 0; i < COPIES; i++) free(c->state.copy[i].values);
}

bool checkpoint_is_due(const Checkpoint *c, int64_t step)
{
    const NnCheckpointConfig *config = c->config;
    if (!config->path || c->running) return false;
    if (config->every_steps) return step % config->every_steps == 0;
    return config->every_seconds > 0 && show_clock() - c->taken >= config->every_seconds;
}

/* ---- the copies ---------------------------------------------------------------------------- */

/* By steps or by time, whichever is asked for. */
static bool is_half_way(const Checkpoint *c, int64_t step)
{
    const NnCheckpointConfig *config = c->config;
    if (config->every_steps) return step % config->every_steps >= config->every_steps / 2;
    return config->every_seconds > 0 && show_clock() - c->taken >= config->every_seconds / 2;
}

static void touch_pages(void *memory, size_t bytes)
{
    enum { PAGE = 4096 };
    volatile char *page = memory;
    for (size_t i = 0; page && i < bytes; i += PAGE) page[i] = 0;
}

/* Memory that is missing is asked for again when the copy is made, which then says so. */
static void *make_memory(void *user)
{
    Checkpoint *c = user;
    NnError ignored = {0};
    c->model = nn_memory(c->info.train_bytes, &ignored);
    touch_pages(c->model, c->info.train_bytes);
    for (int i = 0; i < COPIES; i++) {
        Average *copy = &c->state.copy[i];
        const size_t bytes = copy->count * sizeof *copy->values;
        copy->values = bytes ? nn_memory(bytes, &ignored) : NULL;
        touch_pages(copy->values, bytes);
    }
    return NULL;
}

void checkpoint_prepare(Checkpoint *c, const nn_model_info *info, const TrainState *state)
{
    if (c->making || c->model || !c->config->path || !is_half_way(c, state->step)) return;
    c->info = *info;
    for (int i = 0; i < COPIES; i++) c->state.copy[i].count = state->copy[i].values ? state->copy[i].count : 0;
    c->making = start_thread(&c->maker, make_memory, c);
}

static int copy_average(Average *copy, const Average *a, NnError *error)
{
    if (!a->values) return 0;
    if (!copy->values) copy->values = nn_memory(a->count * sizeof *a->values, error);
    if (!copy->values) return -1;
    memcpy(copy->values, a->values, a->count * sizeof *a->values);
    return 0;
}

static int copy_run(Checkpoint *c, const void *model, const TrainState *state)
{
    const TrainState before = c->state;
    c->state = *state;
    for (int i = 0; i < COPIES; i++) {
        const Average *from = &state->copy[i];
        c->state.copy[i] = (Average){&c->info, from->buffers, from->count, before.copy[i].values, NULL};
    }
    if (!c->model) c->model = nn_memory(c->info.train_bytes, &c->error);
    if (!c->model) return -1;
    memcpy(c->model, model, c->info.train_bytes);
    for (int i = 0; i < COPIES; i++)
        if (copy_average(&c->state.copy[i], &state->copy[i], &c->error)) return -1;
    return 0;
}

int checkpoint_take(Checkpoint *c, const nn_model_info *info, const void *model, const TrainState *state, int log)
{
    wait_for_memory(c);
    c->info = *info;
    c->log = log;
    c->error = (NnError){0};
    c->taken = show_clock();
    if (copy_run(c, model, state)) return -1;
    atomic_store(&c->done, false);
    c->running = start_thread(&c->thread, checkpoint_work, c);
    if (!c->running) write_checkpoint(c);
    return c->running || !c->error.status ? 0 : -1;
}

bool checkpoint_poll(Checkpoint *c) { return c->running && atomic_load(&c->done) && checkpoint_wait(c); }

bool checkpoint_wait(Checkpoint *c)
{
    if (!c->running) return false;
    pthread_join(c->thread, NULL);
    c->running = false;
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct CheckpointSource {
    const NnTensors *file;
    const char *path;
    const nn_model_info *info;
    void *model;
    const TrainState *state;
    NnError *error;
} CheckpointSource;

/* Called with each tensor and that of the file: `average` is where it belongs, or NULL for the model. */
typedef int TensorVisit(const CheckpointSource *, const nn_tensor_info *, const NnTensor *, float *average);

static int visit_tensor(const CheckpointSource *s, const nn_tensor_info *tensor, const char *prefix, float *average,
                        TensorVisit *visit)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s%s", prefix, tensor->name);
    const NnTensor *have = nn_tensors_find(s->file, name);
    if (!have) return nn_fail(s->error, NN_BAD_INPUT, "%s: the tensor %s is missing", s->path, name);
    return visit(s, tensor, have, average);
}

static int visit_average(const CheckpointSource *s, const Average *a, const char *prefix, TensorVisit *visit)
{
    float *at = a->values;
    for (int i = 0; at && i < s->info->tensor_count; i++) {
        const nn_tensor_info *tensor = &s->info->tensors[i];
        if (!average_has(a, tensor)) continue;
        if (visit_tensor(s, tensor, prefix, at, visit)) return -1;
        at += tensor->count;
    }
    return 0;
}

static int visit_tensors(const CheckpointSource *s, TensorVisit *visit)
{
    for (int i = 0; i < s->info->tensor_count; i++)
        if (visit_tensor(s, &s->info->tensors[i], "", NULL, visit)) return -1;
    for (int i = 0; i < COPIES; i++)
        if (visit_average(s, &s->state->copy[i], copy_prefix[i], visit)) return -1;
    return 0;
}

static int check_tensor(const CheckpointSource *s, const nn_tensor_info *want, const NnTensor *have, float *average)
{
    char dims[NN_DIMS_TEXT];
    (void)average;
    if (have->type == NN_F32 && have->count == want->count) return 0;
    return nn_fail(s->error, NN_BAD_INPUT, "%s: the tensor %s is %s of type %s; the net %s has %zu numbers", s->path,
                   have->name, nn_dims_text(have->rank, have->dims, dims), nn_type_name(have->type), s->info->name,
                   want->count);
}

static int take_tensor(const CheckpointSource *s, const nn_tensor_info *want, const NnTensor *have, float *average)
{
    float *values = average ? average : nn_memory(want->count * sizeof *values, s->error);
    if (!values) return -1;
    nn_tensor_floats(have, values);
    if (average) return 0;
    int failed = s->info->set(s->model, want->name, values, want->count);
    free(values);
    return failed ? nn_fail(s->error, NN_BAD_INPUT, "the net does not take the tensor %s", want->name) : 0;
}

int checkpoint_load(const NnTensors *file, const char *path, const nn_model_info *info, void *model, TrainState *state,
                    NnError *error)
{
    TrainState read = *state;
    const CheckpointSource source = {file, path, info, model, state, error};
    if (state_read(&read, file, path, error) || visit_tensors(&source, check_tensor) ||
        visit_tensors(&source, take_tensor))
        return -1;
    *state = read;
    ((ModelHead *)model)->step = read.step;
    return 0;
}
