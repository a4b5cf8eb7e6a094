/*
 * The library's interface around the compiler's stages.
 *
 * Memory of the compiler is an arena: where the system has none left, its functions come back
 * here by longjmp, and the call ends with NNC_FAILED.
 */
#include "library/nnc.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/support/load.h"
#include "report/report_formats.h"
#include "runtime/kernels/system/team.h"
#include "runtime/train/train.h"

struct nnc {
    Compilation *compilation;
    LoadOptions load;
    Model model;
    nnc_options options;
    jmp_buf failure;
    bool in_task;       /* `failure` is set */
    bool parsed, spent; /* spent: memory was missing, what there is may be half made */
    void *block, *scratch, *state;
    float *outputs; /* where the caller wants none */
};

nnc *nnc_new(void)
{
    nnc *n = calloc(1, sizeof *n);
    Compilation *c = n ? compilation_try_new() : NULL;
    if (!c) {
        free(n);
        return NULL;
    }
    n->compilation = c;
    n->load = load_options_of(c);
    return n;
}

void nnc_free(nnc *n)
{
    if (!n) return;
    model_free(&n->model);
    free(n->block);
    free(n->scratch);
    free(n->outputs);
    compilation_free(n->compilation);
    free(n);
}

/* ---- messages ----------------------------------------------------------------------- */

int nnc_message_count(const nnc *n) { return n->compilation->diagnostics.count; }

nnc_message nnc_message_at(const nnc *n, int index)
{
    static const int severities[] = {
        [SEVERITY_ERROR] = NNC_ERROR, [SEVERITY_WARNING] = NNC_WARNING, [SEVERITY_NOTE] = NNC_NOTE};
    if (index < 0 || index >= nnc_message_count(n)) return (nnc_message){NNC_NOTE, "", 0, 0, ""};
    const DiagnosticText d = diag_text(n->compilation, index);
    return (nnc_message){severities[d.severity], d.path, d.line, d.column, d.text};
}

/* Not an error of the source: later stages go on.  It is lost where there is no memory for it. */
static void add_message(nnc *n, const char *text)
{
    Arena *arena = n->compilation->arena;
    const int errors = n->compilation->errors;
    jmp_buf failure;
    if (n->spent) return;
    if (setjmp(failure)) {
        n->spent = true;
    } else {
        arena_on_failure(arena, &failure);
        diag_error(n->compilation, span_nowhere(), "%s", text);
    }
    arena_on_failure(arena, n->in_task ? &n->failure : NULL);
    n->compilation->errors = errors;
}

static int refuse_call(nnc *n, const char *why)
{
    add_message(n, why);
    return NNC_BAD_CALL;
}

static int failed_with(nnc *n, const NnError *error)
{
    add_message(n, error->text);
    return error->status == NN_SYSTEM_FAILED ? NNC_FAILED : NNC_BAD_INPUT;
}

/* ---- calls that need memory ------------------------------------------------------------ */

typedef int Task(nnc *, const void *arguments);

/* The task's status; NNC_FAILED where there was no memory, and from then on. */
static int run_task(nnc *n, Task *task, const void *arguments)
{
    volatile int status = NNC_FAILED; /* set between setjmp and longjmp */
    if (n->spent) return status;
    n->in_task = true;
    arena_on_failure(n->compilation->arena, &n->failure);
    if (setjmp(n->failure))
        n->spent = true;
    else
        status = task(n, arguments);
    arena_on_failure(n->compilation->arena, NULL);
    n->in_task = false;
    return n->spent ? NNC_FAILED : status;
}

/* ---- source ------------------------------------------------------------------------------ */

static void take_texts(nnc *n, List *list, const char *const *texts)
{
    for (; texts && *texts; texts++) list_push(n->compilation->arena, list, (void *)*texts);
}

static int parse_task(nnc *n, const void *arguments)
{
    LoadOptions *o = &n->load;
    const nnc_options *options = arguments;
    for (const char *const *d = options->defines; d && *d; d++)
        if (!strchr(*d, '=')) return refuse_call(n, "a define is not of the form name=value");
    take_texts(n, &o->defines, options->defines);
    take_texts(n, &o->sets, options->sets);
    o->net = options->net;
    o->batch = options->batch;
    o->threads = options->threads;
    o->plain = options->plain != 0;
    n->parsed = build_net(o, &n->model) == STATUS_OK;
    return n->parsed ? NNC_OK : NNC_BAD_INPUT;
}

static int parse_source(nnc *n, const char *path, const char *text, const nnc_options *options)
{
    if (n->load.path) return refuse_call(n, "an nnc takes one source");
    if (options) n->options = *options;
    if (n->options.batch < 0 || n->options.threads < 0) return refuse_call(n, "batch and threads are 0 or more");
    char why[64];
    snprintf(why, sizeof why, "threads are %d at most", NN_MAX_THREADS);
    if (n->options.threads > NN_MAX_THREADS) return refuse_call(n, why);
    n->load.path = path;
    n->load.text = text;
    return run_task(n, parse_task, &n->options);
}

int nnc_parse_file(nnc *n, const char *path, const nnc_options *options)
{
    return parse_source(n, path, NULL, options);
}

int nnc_parse_text(nnc *n, const char *path, const char *text, const nnc_options *options)
{
    return parse_source(n, path, text, options);
}

/* ---- results ----------------------------------------------------------------------------- */

typedef struct ReportCall {
    const ReportFormat *format;
    FILE *out;
} ReportCall;

static int report_task(nnc *n, const void *arguments)
{
    const ReportCall *call = arguments;
    ReportOptions options = report_options();
    options.batch = n->model.batch;
    const Analysis *analysis = analysis_build(n->model.net, n->model.spec, &options);
    if (!analysis) return NNC_BAD_INPUT;
    const char *title = n->model.net->name;
    Report report = {.net = &analysis, .title = &title, .count = 1, .depth = DEPTH_ALL, .width = 120};
    call->format->print(&report, call->out);
    return report.failed || ferror(call->out) ? NNC_FAILED : NNC_OK;
}

int nnc_report(nnc *n, const char *format, FILE *out)
{
    const ReportCall call = {report_format(format), out};
    if (!n->parsed) return refuse_call(n, "nnc_report needs a net that was parsed");
    if (!call.format) return refuse_call(n, "the format of a report is text, md, csv, json, dot, html, svg or tikz");
    return run_task(n, report_task, &call);
}

typedef struct CompileCall {
    const char *header_name, **source, **header;
} CompileCall;

static bool trains(const nnc *n) { return n->model.spec && !n->options.inference; }

static int compile_task(nnc *n, const void *arguments)
{
    const CompileCall *call = arguments;
    const Target target = n->options.plain ? TARGET_GENERIC : target_native();
    const EmitOptions options = {.header = call->header_name,
                                 .lower.batch = n->model.batch,
                                 .lower.target = target,
                                 .lower.infer = true,
                                 .lower.train = trains(n),
                                 .lower.plain = n->options.plain != 0,
                                 .target = target,
                                 .threads = n->options.threads,
                                 .paste_kernels = !n->options.plain};
    const EmitResult *e = emit_c(n->model.net, n->model.spec, &options);
    if (!e) return NNC_BAD_INPUT;
    *call->source = e->source;
    *call->header = e->header;
    return NNC_OK;
}

int nnc_compile(nnc *n, const char *header_name, const char **source, const char **header)
{
    const CompileCall call = {header_name, source, header};
    if (!n->parsed) return refuse_call(n, "nnc_compile needs a net that was parsed");
    return run_task(n, compile_task, &call);
}

/* ---- the model --------------------------------------------------------------------------- */

static size_t larger_size(size_t a, size_t b) { return a > b ? a : b; }

/* The blocks of the model and of a pass, and outputs. */
static int take_blocks(nnc *n)
{
    NnError error = {0};
    const nn_model_info *info = n->model.info;
    n->block = nn_memory(larger_size(info->model_bytes, info->train_bytes), &error);
    n->scratch = nn_memory(larger_size(info->infer_scratch, info->train_scratch), &error);
    n->outputs = nn_memory((size_t)info->batch * info->outputs * sizeof *n->outputs, &error);
    return n->block && n->scratch && n->outputs ? NNC_OK : failed_with(n, &error);
}

static int load_task(nnc *n, const void *arguments)
{
    const uint64_t *seed = arguments;
    const char *error;
    n->load.train = trains(n);
    int status = build_code(&n->load, &n->model, &error);
    if (error) add_message(n, error);
    if (!status) status = take_blocks(n);
    if (!status) n->state = n->model.info->init(n->block, trains(n), *seed);
    return status;
}

int nnc_load(nnc *n, uint64_t seed)
{
    if (!n->parsed) return refuse_call(n, "nnc_load needs a net that was parsed");
    if (n->model.jit) return refuse_call(n, "the net is loaded already");
    return run_task(n, load_task, &seed);
}

const nn_model_info *nnc_info(const nnc *n) { return n->state ? n->model.info : NULL; }

float nnc_learning_rate(const nnc *n) { return n->parsed && n->model.spec ? (float)n->model.spec->lr : 0; }

int nnc_infer(nnc *n, const float *x, float *y)
{
    if (!n->state) return refuse_call(n, "nnc_infer comes after nnc_load");
    n->model.info->infer(n->state, x, y, n->scratch);
    return NNC_OK;
}

static int check_trains(nnc *n, const char *why)
{
    return n->state && n->model.info->step ? NNC_OK : refuse_call(n, why);
}

int nnc_step(nnc *n, const float *x, const void *target, float rate, float *loss)
{
    if (check_trains(n, "nnc_step comes after nnc_load, of a net with a train section")) return NNC_BAD_CALL;
    const float mean = n->model.info->step(n->state, x, target, rate, n->scratch);
    if (loss) *loss = mean;
    return NNC_OK;
}

int nnc_evaluate(nnc *n, const float *x, const void *target, int count, float *y, float *loss)
{
    if (check_trains(n, "nnc_evaluate comes after nnc_load, of a net with a train section")) return NNC_BAD_CALL;
    if (count < 1 || count > n->model.info->batch) return refuse_call(n, "count is from 1 to the batch");
    const float mean = n->model.info->eval(n->state, x, target, count, y ? y : n->outputs, n->scratch);
    if (loss) *loss = mean;
    return NNC_OK;
}

/* ---- tensors ----------------------------------------------------------------------------- */

int nnc_get(nnc *n, const char *name, float *values, size_t count)
{
    if (!n->state) return refuse_call(n, "nnc_get comes after nnc_load");
    return n->model.info->get(n->state, name, values, count) ? NNC_BAD_CALL : NNC_OK;
}

int nnc_set(nnc *n, const char *name, const float *values, size_t count)
{
    if (!n->state) return refuse_call(n, "nnc_set comes after nnc_load");
    return n->model.info->set(n->state, name, values, count) ? NNC_BAD_CALL : NNC_OK;
}

int nnc_read_weights(nnc *n, const char *path)
{
    NnError error = {0};
    if (!n->state) return refuse_call(n, "nnc_read_weights comes after nnc_load");
    NnTensors *file = nn_tensors_open(path, &error);
    if (!file) return failed_with(n, &error);
    const int failed = nn_weights_load(n->model.info, n->state, file, path, NN_LOAD_ALL, NULL, &error);
    nn_tensors_close(file);
    return failed ? failed_with(n, &error) : NNC_OK;
}

/* Samples come from the program: the file says nothing of a normalisation or of classes. */
int nnc_write_weights(nnc *n, const char *path)
{
    const Fitting as_it_is = {0};
    const Dataset none = {0};
    const Feed feed = {.data = &none, .fitting = &as_it_is};
    NnError error = {0};
    if (!n->state) return refuse_call(n, "nnc_write_weights comes after nnc_load");
    return nn_weights_save(n->model.info, n->state, &feed, NULL, path, &error) ? failed_with(n, &error) : NNC_OK;
}
