/*
 * eval: `nnc eval NET.nn --weights FILE`.
 *
 * Enters: a net, its weights, data.  Leaves: on standard output the loss over
 * the test part, and for classes the accuracy, the confusion matrix, and
 * precision and recall of each class; for values the errors of each output.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/pictures/canvas.h"
#include "commands/predict/eval_json.h"
#include "commands/predict/predict_output.h"
#include "commands/support/feeding.h"
#include "commands/support/interrupt.h"
#include "commands/support/origin.h"
#include "commands/support/weighted.h"
#include "runtime/train/views.h"

enum { DATA = OPTION_FIRST_OWN, WEIGHTS, PART, FORMAT, TTA };
enum { MATRIX_CLASSES = 24, LISTED = 20, LISTED_ROWS = 16, NAME_COLUMNS = 16, NAME_BYTES = 4 * NAME_COLUMNS + 1 };

static const Option options[] = {
    {WEIGHTS, "weights", "FILE", "the trained weights (MODEL.onnx has its own)"},
    {DATA, "data", "PATH", "the data: a folder, a file or a name (default: the shipped digits)"},
    OPTION_ROWS_COLUMN,
    {TTA, "tta", "none|flip|crops",
     "predict from several views of an image: its mirror image too, or five crops and "
     "the mirror images of these (none)"},
    {FORMAT, "format", "text|json", "the form of the output (text)"},
    {PART, "part", "PART", "the part to evaluate: test (the default), valid or train"},
    OPTION_ROWS_SAMPLES,
    OPTION_ROWS_LOADING,
    OPTION_ROW_BATCH,
    OPTION_ROW_JIT_TIERED,
    OPTION_ROW_COMPUTE,
    OPTION_ROW_THREADS,
    OPTION_ROWS_PASSES OPTION_ROW_NET,
    OPTION_ROW_SET,
    OPTION_ROW_MAP,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    {0},
};

typedef struct EvalRequest {
    LoadOptions load;
    const char *weights;
    DataRequest data;
    DataPart part;
    NnViewKind tta;
    bool json;
} EvalRequest;

/* What the visitor collects. */
typedef struct Tally {
    Model *loaded;
    const Dataset *data;
    const Samples *samples;
    const Feed *feed;
    size_t outputs;
    int64_t *confusion;        /* [truth][predicted], of classes */
    int64_t (*labels)[2][2];   /* of each output: [truth][predicted], of labels */
    float middle;              /* from which output on a label is predicted */
    double *absolute, *square; /* sums per output, of values */
    float *rows;               /* [count][outputs], of a short list of values */
    OutputMeaning meaning;
    OutputClass *classes; /* of one sample; NULL: there are no probabilities */
    Calibration calibration;
} Tally;

/* ---- the command line ---------------------------------------------------------------------- */

static bool take_views(EvalRequest *r, const char *value)
{
    static const char *const names[] = {[NN_VIEWS_ONE] = "none", [NN_VIEWS_FLIP] = "flip", [NN_VIEWS_CROPS] = "crops"};
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(value, names[i]) == 0) {
            r->tta = (NnViewKind)i;
            return true;
        }
    usage_error(&command_eval, "--tta takes none, flip or crops, not '%s'", value);
    return false;
}

static bool take_eval_format(EvalRequest *r, const char *value)
{
    r->json = strcmp(value, "json") == 0;
    if (r->json || strcmp(value, "text") == 0) return true;
    usage_error(&command_eval, "--format takes text or json, not '%s'", value);
    return false;
}

static bool take_part_name(EvalRequest *r, const char *text)
{
    static const char *const names[DATA_PARTS] = {[DATA_TRAIN] = "train", [DATA_TEST] = "test", [DATA_VALID] = "valid"};
    for (r->part = 0; r->part < DATA_PARTS; r->part++)
        if (!strcmp(text, names[r->part])) return true;
    usage_error(&command_eval, "--part takes train, valid or test, not '%s'", text);
    return false;
}

static bool take_eval_option(EvalRequest *r, int id, const char *value)
{
    switch (id) {
    case WEIGHTS: r->weights = value; return true;
    case DATA: r->data.path = value; return true;
    case PART: return take_part_name(r, value);
    case TTA: return take_views(r, value);
    case FORMAT: return take_eval_format(r, value);
    default: break;
    }
    const Taken taken = data_option(&r->data, &command_eval, id, value);
    return (taken == TAKEN_NO ? load_option(&r->load, &command_eval, id, value) : taken) == TAKEN_YES;
}

static int read_eval_request(EvalRequest *r, int argc, char **argv)
{
    OptionReader reader;
    options_begin(&reader, &command_eval, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_eval_option(r, id, reader.value)) return STATUS_USAGE;
    if (!options_one_file(&reader)) return STATUS_USAGE;
    r->load.path = reader.operands[0];
    r->weights = weighted_path(&r->load, r->weights);
    if (!r->weights) return usage_error(&command_eval, "missing weights (use --weights FILE)");
    r->load.train = true;
    r->load.weights = r->weights;
    r->load.simulates = true;
    return STATUS_OK;
}

/* ---- collecting ------------------------------------------------------------------------------ */

/* The values that the outputs should be; NULL for classes, and for FEED_INPUT,
 * whose target is the input itself. */
static const float *values_of(const Tally *t, int row)
{
    const float *targets = t->samples->targets;
    bool values = targets && (t->feed->kind == FEED_VALUES || t->feed->kind == FEED_BINARY);
    return values ? targets + (size_t)row * t->outputs : NULL;
}

/* Of all pixels that have a class. */
static void tally_pixels(Tally *t, const float *y, const void *target)
{
    size_t places = t->feed->target_count, classes = (size_t)t->data->class_count;
    for (size_t p = 0; p < places; p++) {
        const int32_t class = feed_class(t->feed, target, p);
        if (class >= 0 && (size_t) class < classes)
            t->confusion[(size_t) class * classes + (size_t)nn_largest(y, classes, places, p)]++;
    }
}

/* Rows: whether the label holds; columns: whether the net says so. */
static void tally_labels(Tally *t, const float *y, const float *target)
{
    for (size_t i = 0; i < t->outputs; i++) t->labels[i][target[i] == 1][y[i] > t->middle]++;
}

/* The probability of the class that is predicted. */
static void tally_probability(Tally *t, const float *y, bool right)
{
    if (!t->classes) return;
    output_classes(t->meaning, y, t->outputs, t->classes);
    calibration_add(&t->calibration, t->classes[0].value, right);
}

static void tally_class(Tally *t, const float *y, int label, int predicted)
{
    if (label == NO_CLASS) return;
    t->confusion[(size_t)label * (size_t)t->data->class_count + (size_t)predicted]++;
    tally_probability(t, y, label == predicted);
}

static void tally_sample(void *user, int row, const float *y, const void *given, int predicted)
{
    Tally *t = user;
    const char *why; /* slower code is as right */
    model_poll(t->loaded, &why);
    const float *target = values_of(t, row);
    if (t->feed->kind == FEED_MAP)
        tally_pixels(t, y, given);
    else if (t->confusion)
        tally_class(t, y, t->samples->labels[row], predicted);
    if (t->labels) tally_labels(t, y, target);
    for (size_t i = 0; target && i < t->outputs; i++) {
        double d = (double)y[i] - (double)target[i];
        t->absolute[i] += fabs(d);
        t->square[i] += d * d;
        if (t->rows) t->rows[(size_t)row * t->outputs + i] = y[i];
    }
}

/* ---- printing: classes -------------------------------------------------------------------------- */

/* The first characters of its name. */
static const char *class_name(const Tally *t, int class, char out[NAME_BYTES])
{
    char buffer[16];
    const char *name = dataset_class_name(t->data, class, buffer);
    snprintf(out, NAME_BYTES, "%.*s", text_bytes(name, NAME_COLUMNS), name);
    return out;
}

/* At the right end of so many columns, of which a character takes one. */
static void print_class(const Tally *t, int class, int width)
{
    char name[NAME_BYTES];
    class_name(t, class, name);
    const int bytes = text_bytes(name, width), characters = text_characters(name);
    printf("%*s%.*s", characters < width ? width - characters : 0, "", bytes, name);
}

static int64_t confused(const Tally *t, int truth, int predicted)
{
    return t->confusion[(size_t)truth * (size_t)t->data->class_count + (size_t)predicted];
}

static int name_width(const Tally *t)
{
    char name[NAME_BYTES];
    int width = 5;
    for (int c = 0; c < t->data->class_count; c++) {
        int length = text_characters(class_name(t, c, name));
        width = length > width ? length : width;
    }
    return width;
}

static void print_matrix(const Tally *t)
{
    int width = name_width(t), count = t->data->class_count;
    printf("\nconfusion (a row: the samples of a class; a column: what they were taken for)\n%*s", width, "");
    for (int c = 0; c < count; c++) {
        putchar(' ');
        print_class(t, c, 7);
    }
    putchar('\n');
    for (int truth = 0; truth < count; truth++) {
        print_class(t, truth, width);
        for (int c = 0; c < count; c++)
            if (confused(t, truth, c))
                printf(" %7lld", (long long)confused(t, truth, c));
            else
                printf(" %7s", ".");
        putchar('\n');
    }
}

/* Of many classes only the most frequent mistakes. */
static void print_mistakes(Tally *t)
{
    char name[NAME_BYTES], other[NAME_BYTES];
    int count = t->data->class_count;
    printf("\nmost frequent mistakes\n");
    for (int listed = 0; listed < LISTED; listed++) {
        int truth = 0, predicted = 0;
        int64_t most = 0;
        for (int i = 0; i < count; i++)
            for (int j = 0; j < count; j++)
                if (i != j && confused(t, i, j) > most) {
                    most = confused(t, i, j);
                    truth = i;
                    predicted = j;
                }
        if (!most) break;
        printf("%7lld  %s taken for %s\n", (long long)most, class_name(t, truth, name),
               class_name(t, predicted, other));
        t->confusion[(size_t)truth * (size_t)count + (size_t)predicted] = -most;
    }
}

static void print_share(int64_t part, int64_t whole)
{
    if (whole)
        printf(" %8.2f %%", 100.0 * (double)part / (double)whole);
    else
        printf(" %10s", "-");
}

/* Right, of all that are of the class or were taken for it (the Jaccard index). */
static void print_overlaps(const Tally *t)
{
    double sum = 0;
    int width = name_width(t), seen = 0;
    printf("\n%*s %10s\n", width, "class", "IoU");
    for (int c = 0; c < t->data->class_count; c++) {
        int64_t either = -confused(t, c, c);
        for (int other = 0; other < t->data->class_count; other++)
            either += confused(t, other, c) + confused(t, c, other);
        print_class(t, c, width);
        print_share(confused(t, c, c), either);
        putchar('\n');
        if (either) sum += (double)confused(t, c, c) / (double)either, seen++;
    }
    printf("%*s %8.2f %%\n", width, "mean", seen ? 100 * sum / seen : 0);
}

/* precision = right / taken for it; recall = right / of it */
static void print_classes(const Tally *t)
{
    int width = name_width(t), count = t->data->class_count;
    printf("\n%*s %10s %10s %8s\n", width, "class", "precision", "recall", "count");
    for (int c = 0; c < count; c++) {
        int64_t taken = 0, samples = 0;
        for (int other = 0; other < count; other++) {
            taken += confused(t, other, c);
            samples += confused(t, c, other);
        }
        print_class(t, c, width);
        print_share(confused(t, c, c), taken);
        print_share(confused(t, c, c), samples);
        printf(" %8lld\n", (long long)samples);
    }
}

static void print_accuracy(Tally *t, const NnScore *score)
{
    bool pixels = score->kind == NN_SCORE_PIXELS;
    printf("top-1      %.2f %% (%lld of %lld%s)\n", 100 * nn_accuracy(score), (long long)score->right,
           (long long)score->judged, pixels ? " pixels" : "");
    if (t->data->class_count >= 6 && !pixels)
        printf("top-5      %.2f %% (%lld of %lld)\n", 100 * (double)score->top5 / (double)score->judged,
               (long long)score->top5, (long long)score->judged);
    print_classes(t);
    if (t->classes) calibration_print(&t->calibration);
    if (pixels) print_overlaps(t);
    if (t->data->class_count <= MATRIX_CLASSES)
        print_matrix(t);
    else
        print_mistakes(t);
}

/* ---- printing: labels ------------------------------------------------------------------------------ */

static void print_labels(const Tally *t, const NnScore *score)
{
    printf("labels     %.2f %% (%lld of %lld)\n", 100 * nn_accuracy(score), (long long)score->right,
           (long long)score->judged);
    printf("all labels %.2f %% (%lld of %lld samples)\n", 100 * (double)score->whole / (double)score->count,
           (long long)score->whole, (long long)score->count);
    printf("\n%6s %10s %10s %10s %8s\n", "output", "accuracy", "precision", "recall", "count");
    for (size_t i = 0; i < t->outputs; i++) {
        const int64_t(*n)[2] = t->labels[i];
        printf("%6zu", i + 1);
        print_share(n[0][0] + n[1][1], score->count);
        print_share(n[1][1], n[0][1] + n[1][1]);
        print_share(n[1][1], n[1][0] + n[1][1]);
        printf(" %8lld\n", (long long)(n[1][0] + n[1][1]));
    }
}

/* ---- printing: values ------------------------------------------------------------------------------ */

static void print_values(const Tally *t, int64_t count)
{
    for (size_t i = 0; i < t->outputs && i < LISTED; i++)
        printf("output %-3zu mean absolute error %.6g, root mean square error %.6g\n", i + 1,
               t->absolute[i] / (double)count, sqrt(t->square[i] / (double)count));
}

static void print_rows(const Tally *t, int64_t count)
{
    printf("\n%5s %12s %12s\n", "row", "target", "output");
    for (int64_t row = 0; row < count; row++)
        for (size_t i = 0; i < t->outputs; i++)
            printf("%5lld %12.5g %12.5g\n", (long long)row + 1, values_of(t, (int)row)[i],
                   t->rows[(size_t)row * t->outputs + i]);
}

/* ---- printing: losses ------------------------------------------------------------------------------ */

/* The sum where several outputs have losses, then each of them, and those of heads. */
static void print_losses(const nn_model_info *info, const NnScore *score)
{
    int evaluated = 0;
    for (int i = 0; i < score->loss_count; i++) evaluated += score->loss_list[i].evaluated;
    printf("loss       %.6g (%s, %lld samples)\n", score->loss, evaluated > 1 ? "all outputs" : info->loss,
           (long long)score->count);
    for (int i = evaluated > 1 ? 0 : 1; i < score->loss_count; i++) {
        const nn_loss_info *loss = &score->loss_list[i];
        printf("  %-8s %.6g (%s, weight %g%s)\n", *loss->name ? loss->name : "output", score->losses[i], loss->loss,
               loss->weight, loss->evaluated ? "" : " in training");
    }
}

/* ---- the run --------------------------------------------------------------------------------------- */

static void tally_init(Tally *t, Model *m, const Feeding *f, DataPart part)
{
    NnScoreKind kind = nn_score_kind(m->info, &f->feed, part);
    size_t classes = (size_t)f->data->class_count, outputs = nn_own_outputs(m->info);
    const Samples *samples = &f->data->part[part];
    int count = samples->count;
    *t = (Tally){.loaded = m, .data = f->data, .samples = samples, .feed = &f->feed, .outputs = outputs};
    t->middle = nn_middle(m->info);
    t->meaning = net_meaning(m);
    if (kind == NN_SCORE_CLASS && t->meaning != OUTPUT_VALUES && t->meaning != OUTPUT_SCORES)
        t->classes = block_alloc((outputs + 1) * sizeof *t->classes);
    if (kind == NN_SCORE_LABELS) t->labels = block_alloc(outputs * sizeof *t->labels);
    if (kind == NN_SCORE_CLASS || kind == NN_SCORE_PIXELS)
        t->confusion = block_alloc(classes * classes * sizeof *t->confusion);
    if (values_of(t, 0)) {
        t->absolute = block_alloc(outputs * sizeof *t->absolute);
        t->square = block_alloc(outputs * sizeof *t->square);
        if (count <= LISTED_ROWS) t->rows = block_alloc((size_t)count * outputs * sizeof *t->rows);
    }
}

static void tally_free(Tally *t)
{
    free(t->confusion);
    free(t->labels);
    free(t->absolute);
    free(t->square);
    free(t->rows);
    free(t->classes);
}

static void print_evaluation(const EvalRequest *r, const Model *m, const Feeding *f, Tally *t, const NnScore *score)
{
    static const char *const views[] = {
        [NN_VIEWS_FLIP] = "images and their mirror images",
        [NN_VIEWS_CROPS] = "five crops of each image and their mirror images",
    };
    printf("net        %s, %zu parameters\n", m->info->name, m->info->params);
    printf("weights    %s\n", r->weights);
    printf("data       %s\n", feeding_data_text(f, m->c->arena));
    if (r->part != DATA_TEST) printf("part       %s\n", dataset_part_name(r->part));
    if (r->tta) printf("views      %s: the mean of their predictions\n", views[r->tta]);
    print_losses(m->info, score);
    if (t->confusion)
        print_accuracy(t, score);
    else if (t->labels)
        print_labels(t, score);
    else if (t->absolute)
        print_values(t, score->count);
    if (t->rows) print_rows(t, score->count);
}

static void print_results(const Model *m, const Tally *t, const NnScore *score)
{
    const EvalResults results = {.info = m->info,
                                 .data = t->data,
                                 .score = score,
                                 .confusion = t->confusion,
                                 .labels = (const int64_t(*)[2][2])t->labels,
                                 .absolute = t->absolute,
                                 .square = t->square,
                                 .calibration = t->classes ? &t->calibration : NULL,
                                 .outputs = t->outputs};
    eval_print_json(&results);
}

static int evaluate_model(const EvalRequest *r, Model *m, const Feeding *f, const void *model)
{
    NnError error = {0};
    NnScore score;
    NnViews views;
    Tally tally;
    if (nn_views_init(&views, r->tta, (int)net_meaning(m), nn_own_outputs(m->info), &f->feed, &error))
        return fail(STATUS_INPUT, "--tta: %s", error.text);
    tally_init(&tally, m, f, r->part);
    const volatile sig_atomic_t *stop = interrupt_catch();
    int failed = nn_evaluate_views(m->info, model, &views, r->part, tally_sample, &tally, stop, &score, &error);
    if (!failed && !*stop && r->json) print_results(m, &tally, &score);
    if (!failed && !*stop && !r->json) print_evaluation(r, m, f, &tally, &score);
    tally_free(&tally);
    return failed ? fail_error(&error) : finish_output();
}

/* Training and validation part become those that the weights were trained with. */
static DataRequest request_of_weights(const EvalRequest *r, Model *m, const NnTensors *weights)
{
    DataRequest data = r->data;
    const char *valid = nn_tensors_metadata(weights, "data.valid"), *limit = nn_tensors_metadata(weights, "data.limit");
    const char *seed = nn_tensors_metadata(weights, "data.seed");
    data.divide = r->part != DATA_TEST;
    if (seed) m->spec->seed = (int64_t)strtoull(seed, NULL, 10);
    if (!data.divide) return data;
    if (valid && !data.valid_given) data.valid = strtod(valid, NULL), data.valid_given = true;
    if (limit && !data.limit) data.limit = strtol(limit, NULL, 10);
    return data;
}

static int check_part(const EvalRequest *r, const Dataset *data)
{
    if (data->part[r->part].count) return STATUS_OK;
    return fail(STATUS_INPUT, "%s has no %s part, and none was cut off its training part (--valid 0.1)", data->path,
                dataset_part_name(r->part));
}

static int eval_weights(const EvalRequest *r, Model *m, const WeightedModel *w)
{
    Feeding feeding;
    const DataRequest data = request_of_weights(r, m, w->file);
    int status = feeding_open(&feeding, m, &data, w->file, w->path);
    if (status) return status;
    origin_compare(w->file, w->path, m, feeding.data);
    status = check_part(r, feeding.data);
    if (!status) status = evaluate_model(r, m, &feeding, w->model);
    feeding_close(&feeding);
    return status;
}

static int eval_loaded(const EvalRequest *r, Model *m)
{
    WeightedModel w;
    int status = weighted_open(&w, r->weights, m);
    if (status) return status;
    status = weighted_load(&w, m->info);
    if (!status) status = eval_weights(r, m, &w);
    weighted_close(&w);
    return status;
}

static int eval_run(int argc, char **argv)
{
    EvalRequest r = {.part = DATA_TEST};
    Model m;
    load_options_init(&r.load);
    r.load.default_batch = 64;
    r.load.steps = true;
    r.load.jit = JIT_TIERED;
    int status = read_eval_request(&r, argc, argv);
    if (!status) status = load_net(&r.load, &m);
    if (!status && m.spec) m.spec->teacher.path = NULL; /* only training follows it */
    if (!status) status = load_code(&r.load, &m);
    if (!status) {
        status = eval_loaded(&r, &m);
        model_free(&m);
        interrupt_deliver();
    }
    load_options_free(&r.load);
    return status;
}

const Command command_eval = {
    "eval",
    "measure loss and accuracy of trained weights",
    "eval NET.nn --weights FILE [options]",
    options,
    "The test part of the data is used, unless --part names another.  The normalisation and the\n"
    "names of the classes are read from the weights file where it has them; a checkpoint is taken\n"
    "as well.\n"
    "With --tta probabilities are averaged over the views; the loss is the mean of the\n"
    "views' losses.\n",
    eval_run};
