/*
 * predict: `nnc predict NET.nn --weights FILE INPUT…`.
 *
 * Enters: a net, its weights, and files without targets, or a labelled set.  Leaves: for
 * each sample its most probable classes, or the net's outputs; with -o all outputs as
 * arrays or pictures, with --sheet a picture of all samples.  Inputs are fitted and normalised as the weights file says.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/predict/predict_arrays.h"
#include "commands/predict/predict_output.h"
#include "commands/predict/predict_pictures.h"
#include "commands/predict/predict_sheet.h"
#include "commands/support/feeding.h"
#include "commands/support/file_use.h"
#include "commands/support/interrupt.h"
#include "commands/support/load.h"
#include "commands/support/weighted.h"
#include "runtime/data/inputs.h"

enum { DATA = OPTION_FIRST_OWN, WEIGHTS, TOP, FORMAT, WORST, SHEET };
enum { CLASSES_MAX = 1000000, TOP_DEFAULT = 1, BRIEF_OUTPUTS = 16 };

static const Option options[] = {
    {WEIGHTS, "weights", "FILE", "the trained weights (MODEL.onnx has its own)"},
    {TOP, "top", "K", "show the K most probable classes (1)"},
    {FORMAT, "format", "text|csv|json", "the form of the output (text)"},
    {'o', "output", "FILE.npy|FILE.png", "write the outputs of all samples as an array, or as pictures"},
    {SHEET, "sheet", "FILE.png", "write a contact sheet: the images with their predictions"},
    {DATA, "data", "PATH", "predict the test part of this set instead of files"},
    {WORST, "worst", "N", "with --data: only the N samples whose class was least probable"},
    OPTION_ROWS_COLUMN,
    OPTION_ROWS_LOADING,
    OPTION_ROW_BATCH,
    OPTION_ROW_JIT,
    OPTION_ROW_THREADS,
    OPTION_ROW_NET,
    OPTION_ROW_SET,
    OPTION_ROW_MAP,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    {0},
};

typedef struct PredictRequest {
    LoadOptions load;
    const char *weights, *output, *sheet;
    DataRequest data; /* path NULL: files */
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
    int count; /* samples printed */
    OutputFiles files;
    Sheet sheet;
    const Fitting *fitting; /* while samples are read and results are written */
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
    const Taken taken = data_option(&r->data, c, id, value);
    if (taken != TAKEN_NO) return taken == TAKEN_YES;
    switch (id) {
    case WEIGHTS: r->weights = value; return true;
    case DATA: r->data.path = value; return true;
    case 'o': r->output = value; return true;
    case SHEET: r->sheet = value; return true;
    case FORMAT: return take_prediction_format(r, value);
    case TOP: return option_int(c, "top", value, 1, CLASSES_MAX, &r->top);
    case WORST: return option_int(c, "worst", value, 1, INT32_MAX, &r->worst);
    default: return load_option(&r->load, c, id, value) == TAKEN_YES;
    }
}

static int check_predict_request(const PredictRequest *r)
{
    const Command *c = &command_predict;
    const DataRequest *data = &r->data;
    if (!r->weights) return usage_error(c, "missing weights (use --weights FILE)");
    if (data->path && r->file_count) return usage_error(c, "%s and --data %s: one of them", r->files[0], data->path);
    if (!data->path && (data->column || data->workers_given || data->cache))
        return usage_error(c, "--column, --workers and --data-cache are for a labelled set (use --data PATH)");
    if (r->worst && !data->path) return usage_error(c, "--worst needs a labelled set (use --data PATH)");
    if (r->output && !path_has_ending(r->output, ".npy") && !path_has_ending(r->output, ".png"))
        return usage_error(c, "-o %s: the name must end in .npy (an array) or .png (pictures)", r->output);
    if (r->sheet && !path_has_ending(r->sheet, ".png"))
        return usage_error(c, "--sheet %s: the name must end in .png", r->sheet);
    if (!data->path && !r->file_count)
        return usage_error(c, "nothing to predict: name images, folders, .npy, .npz, CSV or raw files, or --data PATH");
    return STATUS_OK;
}

static int check_predict_files(const PredictRequest *r)
{
    int status = STATUS_OK;
    for (int i = -1; !status && i < r->file_count; i++) {
        const FileUse files[] = {{i < 0 ? "the source" : "the input", i < 0 ? r->load.path : r->files[i], false},
                                 {"-o", r->output, true},
                                 {"--sheet", r->sheet, true}};
        status = files_apart(files, sizeof files / sizeof *files);
    }
    return status;
}

static int read_predict_request(PredictRequest *r, int argc, char **argv)
{
    OptionReader reader;
    options_begin(&reader, &command_predict, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_predict_option(r, id, reader.value)) return STATUS_USAGE;
    if (!reader.operand_count) return usage_error(&command_predict, "missing input file");
    r->load.path = reader.operands[0];
    r->weights = weighted_path(&r->load, r->weights);
    r->load.weights = r->weights;
    r->load.simulates = true;
    r->load.train = r->data.path != NULL;
    r->files = reader.operands + 1;
    r->file_count = reader.operand_count - 1;
    const int status = check_predict_request(r);
    return status ? status : check_predict_files(r);
}

/* ---- printing ---------------------------------------------------------------------------- */

static bool gives_classes(const Predictor *p) { return p->meaning != OUTPUT_VALUES; }

static double value_of_class(const OutputClass *classes, int count, int index)
{
    for (int i = 0; i < count; i++)
        if (classes[i].index == index) return classes[i].value;
    return NAN;
}

static bool is_on_sheet(const Predictor *p) { return p->request->sheet && !sheet_is_full(&p->sheet); }

/* An output that can be drawn is beside the input. */
static void put_on_sheet(Predictor *p, const Prediction *shown, const Canvas *input)
{
    const bool drawn = is_on_sheet(p) && !gives_classes(p) && output_picture_kind(p->m) != OUTPUT_PICTURE_NONE;
    Arena *arena = p->m->c->arena;
    sheet_add(&p->sheet, shown, input, drawn ? output_picture(arena, p->m, p->fitting, shown->y) : NULL);
}

/* truth: the class, NO_CLASS, or −1 where classes are not known.  input: for the sheet. */
static void print_prediction(Predictor *p, const char *file, const float *y, int truth, const Canvas *input)
{
    size_t outputs = nn_own_outputs(p->m->info);
    Prediction shown = {.file = file,
                        .y = y,
                        .outputs = outputs,
                        .brief = outputs > BRIEF_OUTPUTS && (p->request->output || p->request->sheet),
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
    if (p->request->sheet) put_on_sheet(p, &shown, input);
}

/* ---- results that are files ---------------------------------------------------------------- */

/* Before samples are read: the pictures of a sheet are images of one or three channels. */
static int begin_files(Predictor *p, const Fitting *f, int rank, int channels)
{
    p->fitting = f;
    if (p->request->sheet && (rank != 3 || (channels != 1 && channels != 3)))
        return fail(STATUS_INPUT, "--sheet: the samples are no images of one or three channels");
    return STATUS_OK;
}

static int write_files(const Predictor *p)
{
    if (*p->stop) return STATUS_OK;
    int status = output_files_write(&p->files, p->fitting);
    return status || !p->request->sheet ? status : sheet_write(&p->sheet, p->request->sheet);
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
        const float *x = p->x + (size_t)i * p->m->info->inputs;
        print_prediction(p, p->file[i], y, -1, is_on_sheet(p) ? input_picture(p->m->c->arena, p->fitting, x) : NULL);
        output_files_add(&p->files, y);
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
    int status = failed ? STATUS_OK : begin_files(p, &fitting, fitting.rank, fitting.to[0]);
    for (int i = 0; !failed && !status && !*p->stop && i < p->request->file_count; i++)
        failed = nn_inputs_read(&fitting, p->request->files[i], take_sample, p, &error);
    if (!*p->stop) predict_batch(p);
    if (failed && !*p->stop) status = fail_error(&error);
    if (!status) status = write_files(p);
    fitting_free(&fitting);
    return status;
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
    const Samples *test = &s->data->part[DATA_TEST];
    print_prediction(s->p, name, y, truth_of(s, row),
                     is_on_sheet(s->p) ? sample_picture(s->p->m->c->arena, s->data, test, row) : NULL);
}

static void take_set_row(void *user, int row, const float *y, const void *target, int predicted)
{
    SetPredictor *s = user;
    Predictor *p = s->p;
    size_t outputs = nn_own_outputs(p->m->info);
    (void)target;
    (void)predicted;
    output_files_add(&p->files, y);
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
    int status = feeding_open(&f, p->m, &p->request->data, weights, p->request->weights);
    if (status) return status;
    status = begin_files(p, &f.fitting, f.data->rank, f.data->dims[0]);
    SetPredictor set = {.p = p, .data = f.data};
    const Samples *test = &f.data->part[DATA_TEST];
    if (!status && p->request->worst && !(test->labels && gives_classes(p)))
        status = fail(STATUS_INPUT, "--worst: %s has values as targets, not classes", f.data->path);
    if (!status && p->request->worst) set.worst = block_alloc(((size_t)test->count + 1) * sizeof *set.worst);
    if (!status && nn_evaluate(p->m->info, p->model, &f.feed, DATA_TEST, take_set_row, &set, p->stop, &score, &error))
        status = fail_error(&error);
    if (set.worst) print_worst(&set);
    if (!status) status = write_files(p);
    feeding_close(&f);
    return status;
}

/* ---- the run ------------------------------------------------------------------------------- */

static void predictor_init(Predictor *p, const PredictRequest *r, Model *m, const void *model)
{
    const nn_model_info *info = m->info;
    size_t batch = (size_t)info->batch;
    *p = (Predictor){.request = r, .m = m, .model = model, .meaning = output_meaning(m), .stop = interrupt_catch()};
    p->classes = block_alloc((info->outputs + 1) * sizeof *p->classes);
    p->x = block_alloc(batch * info->inputs * sizeof *p->x);
    p->y = block_alloc(batch * info->outputs * sizeof *p->y);
    p->file = block_alloc(batch * sizeof *p->file);
    p->scratch = block_for_scratch(info);
    sheet_init(&p->sheet, m->c->arena);
}

static void predictor_free(Predictor *p)
{
    for (int i = 0; i < p->filled; i++) free(p->file[i]);
    free(p->classes);
    free(p->x);
    free(p->y);
    free(p->file);
    free(p->scratch);
    output_files_free(&p->files);
}

static int predict_all(Predictor *p, NnTensors *weights)
{
    NnError error = {0};
    int count = 0;
    int status = output_class_names(p->m, weights, p->request->weights, &p->names, &count, &error) ? fail_error(&error)
                                                                                                   : STATUS_OK;
    if (!status) status = output_files_init(&p->files, p->m, p->request->output);
    if (!status) status = p->request->data.path ? predict_set(p, weights) : predict_files(p, weights);
    p->request->format->end(stdout, p->count);
    int flushed = finish_output();
    return status ? status : flushed;
}

static int predict_loaded(const PredictRequest *r, Model *m)
{
    WeightedModel w;
    Predictor p;
    int status = weighted_open(&w, r->weights, m);
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
    .details = "An INPUT is a JPEG, PNG, PGM or PPM image, a folder of JPEG and PNG images, an array (.npy;\n"
               "FILE.npz: its first, FILE.npz:NAME another), CSV with a sample in each row, raw floats, or -\n"
               "for standard input.  Images of any size are\n"
               "fitted and normalised as in training; values stand for pixels from 0 to 1.\n"
               "Normalisation and the names of the classes are read from the weights file.\n"
               "-o FILE.npy has an axis of samples before those of the output; of several outputs FILE.npy\n"
               "is the first, FILE.NAME.npy each other.  -o FILE.png draws images and maps of classes; of\n"
               "several samples FILE-0.png, FILE-1.png, ...  On a sheet the frame of a sample is green where\n"
               "the class is right, red where it is not, and grey where it is not known.\n",
    .run = predict_run,
};
