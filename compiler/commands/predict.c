/*
 * predict: `nnc predict NET.nn --weights FILE INPUT…`.
 *
 * Enters: a net, its weights, and files without targets, or a labelled set.  Leaves: for
 * each sample its most probable classes, or the net's outputs; with -o all outputs as an
 * array.  Inputs are fitted and normalised as the weights file says.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/feeding.h"
#include "commands/interrupt.h"
#include "commands/output.h"
#include "commands/predict_output.h"
#include "commands/weighted.h"
#include "runtime/data/inputs.h"

enum { DATA = OPTION_FIRST_OWN, WEIGHTS, TOP, FORMAT, WORST };
enum { CLASSES_MAX = 1000000, TOP_DEFAULT = 1 };

static const Option options[] = {
    {WEIGHTS, "weights", "FILE", "the trained weights (required)", false},
    {TOP, "top", "K", "show the K most probable classes (1)", false},
    {FORMAT, "format", "text|csv|json", "the form of the output (text)", false},
    {'o', "output", "FILE.npy", "write the outputs of all samples as an array", false},
    {DATA, "data", "PATH", "predict the test part of this set instead of files", false},
    {WORST, "worst", "N", "with --data: only the N samples whose class was least probable", false},
    OPTION_ROW_BATCH,
    OPTION_ROW_JIT,
    OPTION_ROW_THREADS,
    OPTION_ROW_NET,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    {0},
};

typedef struct PredictRequest {
    LoadOptions load;
    const char *weights, *data, *output;
    const PredictionFormat *format;
    int64_t top, worst;
    char **files;
    int file_count;
} PredictRequest;

/* A sample of a labelled set, kept until all are known. */
typedef struct WorstSample {
    int row;
    double truth_value;
    float *y;
} WorstSample;

typedef struct Predictor {
    const PredictRequest *request;
    Model *m;
    const void *model;
    OutputMeaning meaning;
    char *const *names;   /* of the classes, or NULL */
    OutputClass *classes; /* of one sample */
    float *x, *y;         /* of a batch */
    char **file;          /* [batch] */
    int filled;           /* samples in the batch */
    void *scratch;
    int count;  /* samples printed */
    float *all; /* [all_count][outputs], for -o */
    size_t all_count, all_room;
    const volatile sig_atomic_t *stop;
} Predictor;

/* ---- the command line ------------------------------------------------------------------ */

static bool take_prediction_format(PredictRequest *r, const char *value)
{
    r->format = prediction_format(value);
    if (!r->format) usage_error(&command_predict, "--format takes text, csv or json, not '%s'", value);
    return r->format != NULL;
}

static bool take_predict_option(PredictRequest *r, int id, const char *value)
{
    const Command *c = &command_predict;
    switch (id) {
    case WEIGHTS: r->weights = value; return true;
    case DATA: r->data = value; return true;
    case 'o': r->output = value; return true;
    case FORMAT: return take_prediction_format(r, value);
    case TOP: return option_int(c, "top", value, 1, CLASSES_MAX, &r->top);
    case WORST: return option_int(c, "worst", value, 1, INT32_MAX, &r->worst);
    default: return load_option(&r->load, c, id, value) == TAKEN_YES;
    }
}

static int check_predict_request(const PredictRequest *r)
{
    const Command *c = &command_predict;
    if (!r->weights) return usage_error(c, "missing weights (use --weights FILE)");
    if (r->data && r->file_count) return usage_error(c, "%s and --data %s: one of them", r->files[0], r->data);
    if (r->worst && !r->data) return usage_error(c, "--worst needs a labelled set (use --data PATH)");
    if (!r->data && !r->file_count)
        return usage_error(c, "nothing to predict: name images, folders, .npy, CSV or raw files, or --data PATH");
    return STATUS_OK;
}

static int read_predict_request(PredictRequest *r, int argc, char **argv)
{
    OptionReader reader;
    options_begin(&reader, &command_predict, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_predict_option(r, id, reader.value)) return STATUS_USAGE;
    if (!reader.operand_count) return usage_error(&command_predict, "missing input file");
    r->load.path = reader.operands[0];
    r->load.train = r->data != NULL;
    r->files = reader.operands + 1;
    r->file_count = reader.operand_count - 1;
    return check_predict_request(r);
}

/* ---- printing ---------------------------------------------------------------------------- */

static bool gives_classes(const Predictor *p) { return p->meaning != OUTPUT_VALUES; }

static double value_of_class(const OutputClass *classes, int count, int index)
{
    for (int i = 0; i < count; i++)
        if (classes[i].index == index) return classes[i].value;
    return NAN;
}

/* truth: the class, NO_CLASS, or −1 where classes are not known. */
static void print_prediction(Predictor *p, const char *file, const float *y, int truth)
{
    size_t outputs = nn_own_outputs(p->m->info);
    Prediction shown = {.file = file,
                        .y = y,
                        .outputs = outputs,
                        .names = p->names,
                        .scores = p->meaning == OUTPUT_SCORES,
                        .truth = -1};
    if (gives_classes(p)) {
        int count = output_classes(p->meaning, y, outputs, p->classes);
        shown.classes = p->classes;
        shown.class_count = (int)(count < p->request->top ? count : p->request->top);
        shown.truth = truth;
        shown.truth_value = value_of_class(p->classes, count, truth);
    }
    p->request->format->sample(stdout, p->count++, &shown);
}

/* ---- all outputs, as an array --------------------------------------------------------------- */

static void keep_output(Predictor *p, const float *y)
{
    size_t outputs = nn_own_outputs(p->m->info);
    if (!p->request->output) return;
    if (p->all_count == p->all_room) {
        p->all_room = 2 * p->all_room + 16;
        p->all = realloc(p->all, p->all_room * outputs * sizeof *p->all);
        if (!p->all) exit(fail(STATUS_SYSTEM, "out of memory for the outputs of %zu samples", p->all_room));
    }
    memcpy(p->all + p->all_count++ * outputs, y, outputs * sizeof *y);
}

/* NumPy's format 1.0: the header is padded so that the data begins at a multiple of 64. */
static int write_outputs(const Predictor *p)
{
    const Shape shape = p->m->net->output->shape;
    Text text;
    text_init(&text, p->m->c->arena);
    text_addf(&text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu,", p->all_count);
    for (int i = 0; i < shape.rank; i++) text_addf(&text, "%s%lld", i ? ", " : " ", (long long)shape.dim[i]);
    text_add(&text, "), }");
    while ((10 + text.length + 1) % 64) text_add(&text, " ");
    text_add(&text, "\n");
    size_t data = p->all_count * nn_own_outputs(p->m->info) * sizeof *p->all, size = 10 + text.length + data;
    char *bytes = block_alloc(size);
    memcpy(bytes, "\x93NUMPY\x01\x00", 8);
    bytes[8] = (char)(text.length & 0xff);
    bytes[9] = (char)(text.length >> 8);
    memcpy(bytes + 10, text.data, text.length);
    memcpy(bytes + 10 + text.length, p->all, data);
    int status = output_write(&(OutputFile){p->request->output, bytes, size}, 1);
    free(bytes);
    return status;
}

/* ---- files ------------------------------------------------------------------------------- */

/* The samples collected so far; a batch that is not full repeats nothing, its rest is ignored. */
static void predict_batch(Predictor *p)
{
    size_t outputs = p->m->info->outputs;
    if (!p->filled) return;
    p->m->info->infer(p->model, p->x, p->y, p->scratch);
    for (int i = 0; i < p->filled; i++) {
        const float *y = p->y + (size_t)i * outputs;
        print_prediction(p, p->file[i], y, -1);
        keep_output(p, y);
        free(p->file[i]);
    }
    p->filled = 0;
}

static int take_sample(void *user, const char *name, const float *x)
{
    Predictor *p = user;
    size_t inputs = p->m->info->inputs;
    if (*p->stop) return -1;
    memcpy(p->x + (size_t)p->filled * inputs, x, inputs * sizeof *x);
    p->file[p->filled++] = strdup(name);
    if (p->filled == p->m->info->batch) predict_batch(p);
    return 0;
}

/* What comes before a file that cannot be read is printed. */
static int predict_files(Predictor *p, NnTensors *weights)
{
    NnError error = {0};
    Fitting fitting;
    int failed = feeding_fit(&fitting, p->m, weights, p->request->weights, &error);
    for (int i = 0; !failed && !*p->stop && i < p->request->file_count; i++)
        failed = nn_inputs_read(&fitting, p->request->files[i], take_sample, p, &error);
    if (!*p->stop) predict_batch(p);
    fitting_free(&fitting);
    return failed && !*p->stop ? fail_error(&error) : STATUS_OK;
}

/* ---- a labelled set ------------------------------------------------------------------------ */

typedef struct SetPredictor {
    Predictor *p;
    const Dataset *data;
    WorstSample *worst; /* of all samples */
    int count;
} SetPredictor;

static int truth_of(const SetPredictor *s, int row)
{
    const int32_t *labels = s->data->part[DATA_TEST].labels;
    return labels && gives_classes(s->p) ? labels[row] : -1;
}

static void print_row(SetPredictor *s, int row, const float *y)
{
    char name[48];
    snprintf(name, sizeof name, "test[%d]", row);
    print_prediction(s->p, name, y, truth_of(s, row));
}

static void take_set_row(void *user, int row, const float *y, const void *target, int predicted)
{
    SetPredictor *s = user;
    Predictor *p = s->p;
    size_t outputs = nn_own_outputs(p->m->info);
    (void)target;
    (void)predicted;
    keep_output(p, y);
    if (!s->worst) {
        print_row(s, row, y);
        return;
    }
    int count = output_classes(p->meaning, y, outputs, p->classes);
    WorstSample *w = &s->worst[s->count++];
    const int truth = truth_of(s, row);
    const double value = truth == NO_CLASS ? INFINITY : value_of_class(p->classes, count, truth); /* those go last */
    *w = (WorstSample){row, value, block_alloc(outputs * sizeof *y)};
    memcpy(w->y, y, outputs * sizeof *y);
}

static int least_probable(const void *a, const void *b)
{
    const WorstSample *x = a, *y = b;
    if (x->truth_value != y->truth_value) return x->truth_value < y->truth_value ? -1 : 1;
    return x->row - y->row;
}

static void print_worst(SetPredictor *s)
{
    qsort(s->worst, (size_t)s->count, sizeof *s->worst, least_probable);
    for (int i = 0; i < s->count; i++) {
        if (i < s->p->request->worst) print_row(s, s->worst[i].row, s->worst[i].y);
        free(s->worst[i].y);
    }
    free(s->worst);
}

static int predict_set(Predictor *p, NnTensors *weights)
{
    NnError error = {0};
    NnScore score;
    Feeding f;
    int status = feeding_open(&f, p->m, p->request->data, NULL, weights, p->request->weights);
    if (status) return status;
    SetPredictor set = {.p = p, .data = f.data};
    const Samples *test = &f.data->part[DATA_TEST];
    if (p->request->worst && !(test->labels && gives_classes(p)))
        status = fail(STATUS_INPUT, "--worst: %s has values as targets, not classes", f.data->path);
    if (!status && p->request->worst) set.worst = block_alloc(((size_t)test->count + 1) * sizeof *set.worst);
    if (!status && nn_evaluate(p->m->info, p->model, &f.feed, DATA_TEST, take_set_row, &set, p->stop, &score, &error))
        status = fail_error(&error);
    if (set.worst) print_worst(&set);
    feeding_close(&f);
    return status;
}

/* ---- the run ------------------------------------------------------------------------------- */

static void predictor_init(Predictor *p, const PredictRequest *r, Model *m, const void *model)
{
    const nn_model_info *info = m->info;
    size_t batch = (size_t)info->batch;
    size_t scratch = info->infer_scratch > info->train_scratch ? info->infer_scratch : info->train_scratch;
    *p = (Predictor){.request = r, .m = m, .model = model, .meaning = output_meaning(m), .stop = interrupt_catch()};
    p->classes = block_alloc((info->outputs + 1) * sizeof *p->classes);
    p->x = block_alloc(batch * info->inputs * sizeof *p->x);
    p->y = block_alloc(batch * info->outputs * sizeof *p->y);
    p->file = block_alloc(batch * sizeof *p->file);
    p->scratch = block_alloc(scratch);
}

static void predictor_free(Predictor *p)
{
    for (int i = 0; i < p->filled; i++) free(p->file[i]);
    free(p->classes);
    free(p->x);
    free(p->y);
    free(p->file);
    free(p->scratch);
    free(p->all);
}

static int predict_all(Predictor *p, NnTensors *weights)
{
    NnError error = {0};
    int count = 0;
    int status = output_class_names(p->m, weights, p->request->weights, &p->names, &count, &error) ? fail_error(&error)
                                                                                                   : STATUS_OK;
    if (!status) status = p->request->data ? predict_set(p, weights) : predict_files(p, weights);
    p->request->format->end(stdout, p->count);
    if (!status && p->request->output && !*p->stop) status = write_outputs(p);
    int flushed = finish_output();
    return status ? status : flushed;
}

static int predict_loaded(const PredictRequest *r, Model *m)
{
    WeightedModel w;
    Predictor p;
    int status = weighted_open(&w, r->weights);
    if (status) return status;
    status = weighted_load(&w, m->info);
    if (!status) {
        predictor_init(&p, r, m, w.model);
        status = predict_all(&p, w.file);
        predictor_free(&p);
    }
    weighted_close(&w);
    return status;
}

static int predict_run(int argc, char **argv)
{
    PredictRequest r = {.top = TOP_DEFAULT, .format = prediction_format("text")};
    Model m;
    load_options_init(&r.load);
    int status = read_predict_request(&r, argc, argv);
    if (!status) status = load_model(&r.load, &m);
    if (!status) {
        status = predict_loaded(&r, &m);
        model_free(&m);
        interrupt_deliver();
    }
    load_options_free(&r.load);
    return status;
}

const Command command_predict = {
    .name = "predict",
    .summary = "classes or outputs for images and other inputs",
    .usage = "predict NET.nn --weights FILE INPUT... [options]",
    .options = options,
    .details =
        "An INPUT is a JPEG, PNG, PGM or PPM image, a folder of JPEG and PNG images, an array (.npy), CSV with a\n"
        "sample in each row, raw floats, or - for standard input.  Images of any size are\n"
        "fitted and normalised as in training; values stand for pixels from 0 to 1.\n"
        "Normalisation and the names of the classes are read from the weights file.\n",
    .run = predict_run,
};
