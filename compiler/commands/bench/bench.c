/*
 * bench: `nnc bench NET.nn`.
 *
 * Enters: a net.  Leaves: on standard output how long inference and a training
 * step take, as a whole and call by call, beside what the machine can do at most.
 *
 * Whole passes are those of the generated code as anyone gets it; calls are timed
 * in a second form of the same passes, in which threads wait for each other after
 * each call (EmitOptions.profile).  Data is random: what is computed does not
 * change how long it takes.  Training goes in steps so small that the weights
 * stay what they are.
 */
#include "commands/bench/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/support/feeding.h"
#include "commands/support/weighted.h"
#include "runtime/kernels/system/clock.h"
#include "runtime/kernels/system/random.h"

enum { INFER = OPTION_FIRST_OWN, TRAIN, WEIGHTS, REPS, FORMAT, WHOLE };

static const Option options[] = {
    {INFER, "infer", NULL, "inference only"},
    {TRAIN, "train", NULL, "training steps only"},
    {WEIGHTS, "weights", "FILE",
     "the weights; those of nnc quantize: inference in int8 (default: random ones, MODEL.onnx has its own)"},
    OPTION_ROW_BATCH,
    OPTION_ROW_THREADS,
    OPTION_ROWS_PASSES OPTION_ROW_LIMIT,
    OPTION_ROW_WEIGHTS_FORMAT,
    OPTION_ROW_COMPUTE,
    OPTION_ROW_EXPLAIN,
    {REPS, "reps", "N", "runs of each pass (default: as many as fit in a second, at least 5)"},
    {WHOLE, "whole", NULL, "time whole passes only, not single calls"},
    {FORMAT, "format", "text|csv", "tables (text), or one line per call (csv)"},
    {OPTION_JIT, "jit", "tcc|cc", "compile with the system compiler (cc, the default), or in memory (tcc)"},
    OPTION_ROW_NET,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    OPTION_ROW_SET,
    {0},
};

enum { LEAST_RUNS = 5, MOST_RUNS = 2000, WARM_RUNS = 2 };
static const double measured_seconds = 1, warm_seconds = 0.2;
static const float tiny_lr = 1e-6f;

typedef struct BenchRequest {
    LoadOptions load;
    bool infer, train, whole; /* neither of the first two: what the file is for */
    bool explain;
    int64_t reps;        /* 0: not given */
    const char *weights; /* NULL: random ones */
    BenchFormat format;
} BenchRequest;

/* What a pass works on. */
typedef struct Bench {
    const BenchRequest *request;
    const Model *l;
    void *block, *model, *scratch;
    float *x, *y;
    void *target;
} Bench;

/* ---- the command line --------------------------------------------------------- */

static bool take_format(BenchRequest *r, const char *text)
{
    bool csv = strcmp(text, "csv") == 0;
    r->format = csv ? BENCH_CSV : BENCH_TEXT;
    if (csv || strcmp(text, "text") == 0) return true;
    usage_error(&command_bench, "--format takes text or csv, not '%s'", text);
    return false;
}

static bool take_bench_option(BenchRequest *r, int id, const char *value)
{
    switch (id) {
    case INFER: return r->infer = true;
    case TRAIN: return r->train = true;
    case WHOLE: return r->whole = true;
    case WEIGHTS: r->weights = value; return true;
    case OPTION_EXPLAIN: return r->explain = true;
    case REPS: return option_int(&command_bench, "reps", value, 1, 1000000, &r->reps);
    case FORMAT: return take_format(r, value);
    default: return load_option(&r->load, &command_bench, id, value) == TAKEN_YES;
    }
}

static int read_request(BenchRequest *r, int argc, char **argv)
{
    OptionReader reader;
    options_begin(&reader, &command_bench, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_bench_option(r, id, reader.value)) return STATUS_USAGE;
    if (!options_one_file(&reader)) return STATUS_USAGE;
    if (r->explain && r->format == BENCH_CSV) return usage_error(&command_bench, "--explain prints text, not csv");
    if (!format_has_inference(&r->load, &command_bench, r->train)) return STATUS_USAGE;
    r->load.path = reader.operands[0];
    r->weights = weighted_path(&r->load, r->weights);
    r->load.weights = r->weights;
    return STATUS_OK;
}

/* ---- what a pass works on ------------------------------------------------------- */

/* In [0, 1). */
static float random_number(uint64_t k) { return nn_fraction(nn_mix_at(0, k)); }

/* Values in [−1, 1) for the input; classes, or values in [0, 1) that every loss takes. */
static void fill_random(Bench *b)
{
    const nn_model_info *info = b->l->info;
    const Objectives all = train_objectives(b->l->spec, b->l->net);
    size_t batch = (size_t)info->batch, targets = batch * info->target_count;
    for (size_t i = 0; i < batch * info->inputs; i++) b->x[i] = 2 * random_number(i) - 1;
    for (size_t i = 0; i < targets; i++) {
        const int64_t classes = target_classes_at(&all, (int64_t)(i % info->target_count));
        const float value = random_number(i + 77), label = floorf(value * (float)classes);
        if (info->target_kind == NN_CLASSES)
            ((int32_t *)b->target)[i] = (int32_t)label;
        else
            ((float *)b->target)[i] = classes ? label : value;
    }
}

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static void bench_open(Bench *b, const BenchRequest *r, const Model *l)
{
    const nn_model_info *info = l->info;
    size_t batch = (size_t)info->batch;
    *b = (Bench){
        .request = r,
        .l = l,
        .block = block_alloc(r->load.train ? info->train_bytes : info->model_bytes),
        .scratch = block_alloc(r->load.train ? larger(info->train_scratch, info->infer_scratch) : info->infer_scratch),
        .x = block_alloc(batch * info->inputs * sizeof(float)),
        .y = block_alloc(batch * info->outputs * sizeof(float)),
        .target = block_alloc(batch * info->target_count * sizeof(float)),
    };
    b->model = info->init(b->block, r->load.train, 1);
    fill_random(b);
}

static void bench_close(Bench *b)
{
    free(b->block);
    free(b->scratch);
    free(b->x);
    free(b->y);
    free(b->target);
}

/* ---- runs ------------------------------------------------------------------------ */

typedef void InferProfile(const void *model, const float *x, float *y, void *scratch, int64_t *spent);
typedef float StepProfile(void *model, const float *x, const void *target, float lr, void *scratch, int64_t *spent);

/* One pass; spent may be NULL: then it is the pass of the generated code. */
static void run_once(const Bench *b, bool step, int64_t *spent)
{
    const nn_model_info *info = b->l->info;
    if (!spent) {
        if (step)
            info->step(b->model, b->x, b->target, tiny_lr, b->scratch);
        else
            info->infer(b->model, b->x, b->y, b->scratch);
        return;
    }
    if (step) {
        StepProfile *profile = (StepProfile *)model_symbol(b->l, "step_profile");
        profile(b->model, b->x, b->target, tiny_lr, b->scratch, spent);
    } else {
        InferProfile *profile = (InferProfile *)model_symbol(b->l, "infer_profile");
        profile(b->model, b->x, b->y, b->scratch, spent);
    }
}

static double seconds_since(int64_t begin) { return (double)(nn_now() - begin) * 1e-9; }

/* Are these runs enough? */
static bool enough(const Bench *b, int64_t runs, int64_t begin)
{
    if (b->request->reps) return runs >= b->request->reps;
    return runs >= LEAST_RUNS && (runs >= MOST_RUNS || seconds_since(begin) >= measured_seconds);
}

static void warm_up(const Bench *b, bool step)
{
    int64_t begin = nn_now();
    int runs = 0;
    do run_once(b, step, NULL);
    while (++runs < WARM_RUNS || (!b->request->reps && runs < MOST_RUNS && seconds_since(begin) < warm_seconds));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Sorts the times. */
static void summarise(double *times, int64_t count, double *median, double *least)
{
    qsort(times, (size_t)count, sizeof *times, by_value);
    *least = times[0];
    *median = count % 2 ? times[count / 2] : (times[count / 2 - 1] + times[count / 2]) / 2;
}

static int64_t most_runs(const Bench *b) { return b->request->reps ? b->request->reps : MOST_RUNS; }

static void time_whole(const Bench *b, bool step, Timing *t)
{
    double *times = block_alloc((size_t)most_runs(b) * sizeof *times);
    int64_t begin = nn_now();
    while (!enough(b, t->runs, begin)) {
        int64_t start = nn_now();
        run_once(b, step, NULL);
        times[t->runs++] = seconds_since(start);
    }
    summarise(times, t->runs, &t->median, &t->least);
    free(times);
}

/* times: [call][most_runs] */
static void time_calls(const Bench *b, bool step, Timing *t)
{
    int count = t->calls.count;
    int64_t most = most_runs(b), runs = 0, begin = nn_now();
    int64_t *spent = arena_alloc(b->l->c->arena, (size_t)(count + 1) * sizeof *spent);
    double *times = block_alloc((size_t)(count + 1) * (size_t)most * sizeof *times);
    for (; !enough(b, runs, begin); runs++) {
        memset(spent, 0, (size_t)count * sizeof *spent);
        run_once(b, step, spent);
        for (int i = 0; i < count; i++) times[i * most + runs] = (double)spent[i] * 1e-9;
    }
    t->call_median = arena_alloc(b->l->c->arena, (size_t)(count + 1) * sizeof(double));
    t->call_least = arena_alloc(b->l->c->arena, (size_t)(count + 1) * sizeof(double));
    for (int i = 0; i < count; i++) summarise(times + i * most, runs, &t->call_median[i], &t->call_least[i]);
    free(times);
}

static List calls_of(Arena *arena, const Graph *program)
{
    List calls = {0};
    for (int i = 0; i < program->nodes.count; i++) {
        Node *n = program->nodes.at[i];
        if (node_is_called(n)) list_push(arena, &calls, n);
    }
    return calls;
}

static Timing time_pass(const Bench *b, bool step)
{
    const nn_model_info *info = b->l->info;
    const Graph *program = step ? b->l->emitted->step_program : b->l->emitted->infer_program;
    Timing t = {
        .name = step ? "training step" : "inference",
        .program = program,
        .calls = calls_of(b->l->c->arena, program),
        .model_bytes = (int64_t)(step ? info->train_bytes : info->model_bytes),
        .scratch_bytes = (int64_t)(step ? info->train_scratch : info->infer_scratch),
    };
    warm_up(b, step);
    time_whole(b, step, &t);
    if (!b->request->whole) time_calls(b, step, &t);
    return t;
}

/* ---- the run ------------------------------------------------------------------------ */

static void time_passes(Bench *b, BenchResult *result)
{
    const BenchRequest *r = b->request;
    const bool both = r->infer == r->train;
    if (r->infer || both) result->timing[result->timings++] = time_pass(b, false);
    if (r->load.train) result->timing[result->timings++] = time_pass(b, true);
}

/* Of floats, and of all else that the programs multiply. */
static void measure_peaks(const BenchRequest *r, const Model *l, Machine *m)
{
    const Graph *const programs[] = {l->emitted->infer_program, l->emitted->step_program};
    bool wanted[PRODUCTS_KINDS] = {[PRODUCTS_F32] = true};
    for (int p = 0; p < 2; p++)
        for (int i = 0; programs[p] && i < programs[p]->nodes.count; i++)
            wanted[call_products(programs[p]->nodes.at[i])] = true;
    for (ProductType p = 0; p < PRODUCTS_KINDS; p++)
        if (wanted[p]) machine_peak(m, r->load.threads, p);
}

static int bench_loaded(const BenchRequest *r, const Model *l)
{
    Bench b;
    BenchResult result = {.loaded = l, .jit = jit_name(jit_kind(l->jit))};
    measure_peaks(r, l, &result.machine);
    bench_open(&b, r, l);
    int status = r->weights ? weighted_fill(l, b.model, r->weights) : STATUS_OK;
    if (!status) time_passes(&b, &result);
    bench_close(&b);
    if (status) return status;
    for (int i = 0; i < result.timings && r->explain; i++)
        explain_variants(result.timing[i].program, target_native(), stdout);
    if (!r->whole) machine_bandwidth(&result.machine);
    if (!r->whole && !r->load.threads) machine_record(&result.machine);
    bench_print(&result, r->format, stdout);
    return finish_output();
}

/* Training code is made where it is asked for, or where the file has a train section. */
static int load_bench_net(BenchRequest *r, Model *l)
{
    r->load.train = r->train;
    int status = load_net(&r->load, l);
    if (status) return status;
    if (l->quantized && r->train)
        return fail(STATUS_INPUT, "%s has int8 weights, which are for inference: --train needs those in f32",
                    r->weights);
    if (!r->infer && !r->load.bf16_weights && !l->quantized && l->train_section) r->load.train = true;
    if (!limit_has_training(&r->load, &command_bench, r->load.train)) return STATUS_USAGE;
    r->load.profile = !r->whole;
    return load_code(&r->load, l);
}

static int bench_run(int argc, char **argv)
{
    BenchRequest r = {0};
    Model l;
    load_options_init(&r.load);
    r.load.jit = JIT_CC;
    int status = read_request(&r, argc, argv);
    if (!status) status = load_bench_net(&r, &l);
    if (!status) {
        status = bench_loaded(&r, &l);
        model_free(&l);
    }
    load_options_free(&r.load);
    return status;
}

const Command command_bench = {"bench",
                               "time inference and training, call by call",
                               "bench NET.nn [options]",
                               options,
                               "Without --infer and --train: inference, and training where the file has a train\n"
                               "section.  Times are medians.  The peak is the rate at which this machine multiplies\n"
                               "and adds in registers with as many threads, measured just before: floats, and for\n"
                               "calls that multiply pairs of bf16 or int8 numbers those; bytes are the least that\n"
                               "a call must read and write.  Calls are timed in passes of their own, in\n"
                               "which the threads wait for each other after every call.\n",
                               bench_run};
