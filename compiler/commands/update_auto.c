/*
 * The choice of what is trained in little memory.
 *
 * The contribution of a parameter is |g|², g the gradient of the mean loss of 256 samples of the training part:
 * what a small step of gradient descent on it alone takes off that loss, divided by the rate.  Lin et al.,
 * On-Device Training Under 256KB Memory (NeurIPS 2022), measure the accuracy that training each alone gains, and search;
 * Kwon et al., TinyTrain (ICML 2024), take Fisher information, the mean of the squares of single samples' gradients,
 * which counts what pulls in opposite directions, too.
 *
 * Bytes are those of the plans that the C will have: every set that is looked at is lowered.
 *
 * A batchnorm stays as it is, with its statistics.
 */
#include "commands/update_auto.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "autodiff/program.h"
#include "commands/predict/predict_output.h"
#include "commands/support/feeding.h"
#include "commands/support/weighted.h"

enum { GRADIENT_SAMPLES = 256 };

typedef struct UpdateCandidate {
    Tensor *param;
    double *gradient; /* the sum over the samples */
    double gain;
    bool chosen;
} UpdateCandidate;

typedef struct UpdateChoice {
    const CompileRequest *request;
    Model *model;
    const LowerOptions *lower;
    Arena *arena;
    UpdateCandidate *at;
    int count;
    int64_t bytes; /* of RAM, with what is chosen */
} UpdateChoice;

/* ---- candidates ------------------------------------------------------------------------------------ */

/* Of a norm with statistics, which would be those of a single sample. */
static bool is_of_statistics(const Graph *net, const Tensor *param)
{
    for (int i = 0; i < net->nodes.count; i++) {
        const Node *n = net->nodes.at[i];
        bool reads = false, tracks = false;
        for (int k = 0; k < n->in_count; k++) {
            reads = reads || n->in[k] == param;
            tracks = tracks || n->in[k]->kind == TENSOR_BUFFER;
        }
        if (reads && tracks) return true;
    }
    return false;
}

/* Norms are frozen first. */
static void find_candidates(UpdateChoice *c)
{
    const Graph *net = c->model->net;
    c->at = arena_alloc(c->arena, (size_t)(net->model.count + 1) * sizeof *c->at);
    for (int i = 0; i < net->model.count; i++) {
        Tensor *t = net->model.at[i];
        if (t->kind == TENSOR_BUFFER) t->fixed = true;
        if (t->kind == TENSOR_PARAM && is_of_statistics(net, t)) t->trainable = false;
        if (t->kind == TENSOR_PARAM && t->trainable)
            c->at[c->count++] = (UpdateCandidate){
                .param = t, .gradient = arena_alloc(c->arena, (size_t)shape_count(t->shape) * sizeof(double))};
    }
}

/* ---- contributions ------------------------------------------------------------------------------------ */

static void add_sample_gradients(UpdateChoice *c, const nn_model_info *info, void *model, const Batch *batch,
                                 void *scratch)
{
    info->grad(model, batch->x, batch->target, scratch);
    for (int i = 0; i < c->count; i++) {
        const size_t count = (size_t)shape_count(c->at[i].param->shape);
        float *values = block_alloc((count + 1) * sizeof *values);
        const int unknown = info->get_grad(model, c->at[i].param->name, values, count, scratch);
        assert(!unknown);
        (void)unknown;
        for (size_t k = 0; k < count; k++) c->at[i].gradient[k] += (double)values[k];
        free(values);
    }
}

static int measure_samples(UpdateChoice *c, const nn_model_info *info, void *model, const Feed *feed)
{
    NnError error = {0};
    int samples = 0;
    Batcher *batcher = batcher_new_some(feed, DATA_TRAIN, info->batch, GRADIENT_SAMPLES, &error);
    const Batch *batch;
    if (!batcher) return fail_error(&error);
    void *scratch = block_alloc(info->train_scratch);
    batcher_begin(batcher, 0);
    while ((batch = batcher_next(batcher))) {
        add_sample_gradients(c, info, model, batch, scratch);
        samples++;
    }
    const int failed = batcher_failed(batcher, &error);
    batcher_free(batcher);
    free(scratch);
    for (int i = 0; i < c->count; i++) {
        for (int64_t k = 0; k < shape_count(c->at[i].param->shape); k++)
            c->at[i].gain += c->at[i].gradient[k] * c->at[i].gradient[k];
        c->at[i].gain /= samples ? (double)samples * samples : 1;
    }
    return failed ? fail_error(&error) : STATUS_OK;
}

static int measure_with(UpdateChoice *c, const Model *running, WeightedModel *w)
{
    NnError error = {0};
    Feeding feeding = {0};
    const DataRequest data = {.path = c->request->data, .divide = true};
    const bool other = output_has_other_classes(running, w->file);
    int status = feeding_open(&feeding, running, &data, other ? NULL : w->file, w->path);
    w->block = block_alloc(running->info->train_bytes);
    w->model = running->info->init(w->block, 1, 0);
    if (!status && nn_weights_load(running->info, w->model, w->file, w->path, NN_LOAD_MATCHING, NULL, &error))
        status = fail_error(&error);
    if (!status) status = measure_samples(c, running->info, w->model, &feeding.feed);
    feeding_close(&feeding);
    return status;
}

static int measure_gains(UpdateChoice *c)
{
    WeightedModel w;
    Model running = *c->model;
    LoadOptions load = c->request->load;
    load.jit = JIT_TCC;
    load.train = true;
    load.steps = false;
    load.memory_limit = 0;
    load.prefix = NULL;
    load.threads = 1; /* sums do not depend on it, time does */
    running.batch = 1;
    running.jit = NULL;
    running.info = running.functions = NULL;
    int status = load_code(&load, &running);
    if (!status) status = weighted_open(&w, c->request->trained.weights, c->model);
    if (!status) {
        status = measure_with(c, &running, &w);
        weighted_close(&w);
    }
    model_free(&running);
    return status;
}

/* ---- bytes ------------------------------------------------------------------------------------------------ */

static void train_chosen(const UpdateChoice *c, const UpdateCandidate *also)
{
    for (int i = 0; i < c->count; i++) c->at[i].param->trainable = c->at[i].chosen || &c->at[i] == also;
}

/* Building programs leaves marks in the net, and the optimizer's states. */
static void forget_states(const Graph *net, int tensors, int model)
{
    Graph *g = (Graph *)net;
    g->tensors.count = tensors;
    g->model.count = model;
    for (int i = 0; i < model; i++) ((Tensor *)g->model.at[i])->updated = false;
}

/* The block and the scratch; −1 where a program cannot be built. */
static int64_t bytes_to_train(const UpdateChoice *c)
{
    static const ProgramKind kinds[] = {PROGRAM_STEP,     PROGRAM_EVAL,   PROGRAM_GRAD,
                                        PROGRAM_GRAD_ADD, PROGRAM_UPDATE, PROGRAM_INFER};
    Graph *net = c->model->net;
    const int tensors = net->tensors.count, model = net->model.count;
    LowerOptions options = *c->lower;
    int64_t arena = 0;
    options.memory_limit = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && arena >= 0; i++) {
        const Plan *plan = lower_program(net, kinds[i], c->model->spec, &options, NULL);
        arena = !plan ? -1 : plan->arena_bytes > arena ? plan->arena_bytes : arena;
    }
    const Graph *step = program_build(net, PROGRAM_STEP, c->model->spec, options.batch, 1);
    if (step) model_mark_updated(step);
    const int64_t bytes = step && arena >= 0 ? model_updated_bytes(net) + arena : -1;
    forget_states(net, tensors, model);
    return bytes;
}

/* ---- the choice --------------------------------------------------------------------------------------------- */

static UpdateCandidate *best_update(UpdateChoice *c, int64_t *bytes)
{
    UpdateCandidate *best = NULL;
    double most = 0;
    for (int i = 0; i < c->count; i++) {
        UpdateCandidate *a = &c->at[i];
        if (a->chosen || a->gain <= 0) continue;
        train_chosen(c, a);
        const int64_t needed = bytes_to_train(c), more = needed - c->bytes;
        const double rate = a->gain / (double)(more > 1 ? more : 1);
        if (needed < 0 || needed > c->lower->memory_limit || rate <= most) continue;
        best = a;
        most = rate;
        *bytes = needed;
    }
    return best;
}

static int freeze_others(const UpdateChoice *c)
{
    Graph *net = c->model->net;
    int64_t trained = 0;
    const char *names = "";
    train_chosen(c, NULL);
    for (int i = 0; i < net->model.count; i++) {
        const Tensor *t = net->model.at[i];
        if (t->kind != TENSOR_PARAM || !t->trainable) continue;
        names = arena_printf(c->arena, "%s%s%s", names, *names ? ", " : "", t->name);
        trained += shape_count(t->shape);
    }
    if (!trained)
        return fail(STATUS_INPUT, "update auto: nothing of %s can be trained in %lld bytes", net->name,
                    (long long)c->lower->memory_limit);
    fprintf(stderr, "nnc: note: update auto trains %s: %lld parameters, %lld of %lld bytes\n", names,
            (long long)trained, (long long)c->bytes, (long long)c->lower->memory_limit);
    return STATUS_OK;
}

int update_auto(const CompileRequest *r, Model *m, const LowerOptions *lower)
{
    UpdateChoice c = {.request = r, .model = m, .lower = lower, .arena = m->c->arena};
    const bool automatic = m->spec && m->spec->update_auto && lower->constants;
    if (!automatic)
        return r->data ? usage_error(r->command, "--data is for update auto in the train section, with --train and "
                                                 "--weights: nothing is chosen here")
                       : STATUS_OK;
    if (!lower->memory_limit)
        return usage_error(r->command, "update auto chooses what is trained for a limit of memory (use --memory-limit "
                                       "BYTES)");
    const int tensors = m->net->tensors.count, model = m->net->model.count;
    find_candidates(&c);
    const int status = measure_gains(&c);
    forget_states(m->net, tensors, model);
    if (status) return status;
    int64_t bytes = 0;
    for (UpdateCandidate *a; (a = best_update(&c, &bytes));) {
        a->chosen = true;
        c.bytes = bytes;
    }
    return freeze_others(&c);
}
