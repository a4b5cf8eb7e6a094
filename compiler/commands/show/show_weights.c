/*
 * show: `nnc show NET.nn --weights FILE`.
 *
 * Enters: a net, and weights or a checkpoint.  Leaves: what the file says of itself, where the
 * run of a checkpoint stands, and a table of the tensors: shape, range, mean, deviation, norm,
 * zeros, a histogram.  What does not fit the net is listed, and the exit status is 1.
 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/pictures/pen.h"
#include "commands/pictures/sixel.h"
#include "commands/pictures/tensor_summary.h"
#include "commands/pictures/visible_weights.h"
#include "commands/show/show_picture.h"
#include "commands/support/feeding.h"
#include "commands/support/file_use.h"
#include "commands/support/weighted.h"
#include "commands/train/run_curve.h"
#include "report/number_text.h"
#include "report/report_table.h"
#include "runtime/train/state.h"

enum { FILTER_SIDE = 48, FILTER_SIDE_TERMINAL = 10 }; /* pixels of a filter */

enum { WEIGHTS = OPTION_FIRST_OWN, FORMAT, FILTERS, FEATURES, SALIENCY, DECISION, CURVE, DATA, RANGE, INLINE };

static const Option options[] = {
    {WEIGHTS, "weights", "FILE", "the weights, or a checkpoint (MODEL.onnx has its own)"},
    {FORMAT, "format", "text|json", "the form of the output (text)"},
    {FILTERS, "filters", "LAYER", "draw the kernels of a convolution, or a dense layer's templates of an image"},
    {FEATURES, "features", "LAYER",
     "draw what a layer makes of an image, a tile for each channel: --features LAYER IMAGE"},
    {SALIENCY, "saliency", "IMAGE", "draw which pixels the answer depends on: |d score/dx|, and occlusion"},
    {DECISION, "decision", NULL,
     "of a net with two inputs: draw the regions of its answers and the lines of its units"},
    {CURVE, "curve", "LOG", "draw the curves of a log of nnc train --log; needs no net (-o FILE.svg or FILE.png)"},
    {'o', "output", "FILE.png", "file for the picture; without it, it is drawn in the terminal"},
    {DATA, "data", "PATH", "with --decision: draw the training samples of this set, too"},
    {RANGE, "range", "LOW,HIGH", "with --decision: the range of both inputs (that of the data, else -2,2)"},
    {INLINE, "inline", "FORM", "a picture in the terminal: auto|sixel|blocks|text|none (auto)"},
    OPTION_ROW_MAP,
    OPTION_ROW_NET,
    OPTION_ROW_DEFINE,
    OPTION_ROW_INPUT,
    {0},
};

/* What is shown of the weights. */
typedef enum Shown { SHOWN_TABLE, SHOWN_FILTERS, SHOWN_FEATURES, SHOWN_SALIENCY, SHOWN_DECISION, SHOWN_CURVE } Shown;

typedef struct ShowRequest {
    PictureRequest picture;
    Shown shown;
    const char *log;
    bool json, several; /* several: more than one picture was asked for */
} ShowRequest;

/* ---- the command line ------------------------------------------------------------------ */

static bool take_show_format(ShowRequest *r, const char *value)
{
    r->json = strcmp(value, "json") == 0;
    if (r->json || strcmp(value, "text") == 0) return true;
    usage_error(&command_show, "--format takes text or json, not '%s'", value);
    return false;
}

/* Of the option or the variable `by`. */
static bool take_inline(PictureRequest *p, const char *by, const char *value)
{
    if (!inline_form_named(value, &p->form)) {
        usage_error(&command_show, "%s takes auto, sixel, blocks, text or none, not '%s'", by, value);
        return false;
    }
    if (p->form != INLINE_SIXEL || sixel_library()) return true;
    usage_error(&command_show, "%s: sixel needs libsixel, which is not installed, or nnc was built without it", by);
    return false;
}

static bool take_shown(ShowRequest *r, Shown shown, const char **text, const char *value)
{
    r->several |= r->shown != SHOWN_TABLE;
    r->shown = shown;
    if (text) *text = value;
    return true;
}

static bool take_show_option(ShowRequest *r, int id, const char *value)
{
    PictureRequest *p = &r->picture;
    switch (id) {
    case WEIGHTS: p->weights = value; return true;
    case FILTERS: return take_shown(r, SHOWN_FILTERS, &p->layer, value);
    case FEATURES: return take_shown(r, SHOWN_FEATURES, &p->layer, value);
    case SALIENCY: return take_shown(r, SHOWN_SALIENCY, &p->image, value);
    case DECISION: return take_shown(r, SHOWN_DECISION, NULL, NULL);
    case CURVE: return take_shown(r, SHOWN_CURVE, &r->log, value);
    case DATA: p->data = value; return true;
    case RANGE: p->range = value; return true;
    case 'o': p->output = value; return true;
    case INLINE: return take_inline(p, "--inline", value);
    case FORMAT: return take_show_format(r, value);
    default: return load_option(&p->load, &command_show, id, value) == TAKEN_YES;
    }
}

static int check_curve_request(const ShowRequest *r, const OptionReader *reader)
{
    if (reader->operand_count) return usage_error(&command_show, "--curve needs no net: %s", reader->operands[0]);
    if (!r->picture.output || !pen_is_picture(r->picture.output))
        return usage_error(&command_show, "--curve: no output file (use -o FILE.svg or -o FILE.png)");
    return STATUS_OK;
}

static int check_show_request(const ShowRequest *r)
{
    const PictureRequest *p = &r->picture;
    if (!p->weights) return usage_error(&command_show, "missing weights (use --weights FILE)");
    if (r->shown == SHOWN_FEATURES && !p->image)
        return usage_error(&command_show, "--features: missing image (use --features LAYER IMAGE)");
    if (r->shown == SHOWN_TABLE && p->output) return usage_error(&command_show, "-o is the file of a picture");
    if (r->shown != SHOWN_DECISION && (p->data || p->range))
        return usage_error(&command_show, "--data and --range are for --decision");
    if (r->shown != SHOWN_TABLE && !p->output && p->form == INLINE_AUTO && !isatty(STDOUT_FILENO))
        return usage_error(&command_show, "no output file (use -o FILE.png)");
    return STATUS_OK;
}

/* The net; of --features also the image, which may be on either side of it. */
static int take_show_operands(ShowRequest *r, OptionReader *reader)
{
    PictureRequest *p = &r->picture;
    if (r->shown == SHOWN_FEATURES && reader->operand_count == 2) {
        p->image = reader->operands[1];
        reader->operand_count = 1;
    }
    if (!options_one_file(reader)) return STATUS_USAGE;
    p->load.path = reader->operands[0];
    p->weights = weighted_path(&p->load, p->weights);
    return check_show_request(r);
}

static int read_show_request(ShowRequest *r, int argc, char **argv)
{
    OptionReader reader;
    const char *form = getenv("NNC_INLINE");
    if (form && *form && !take_inline(&r->picture, "NNC_INLINE", form)) return STATUS_USAGE;
    options_begin(&reader, &command_show, argc, argv);
    for (int id; (id = options_next(&reader)) != OPTIONS_END;)
        if (id == OPTIONS_BAD || !take_show_option(r, id, reader.value)) return STATUS_USAGE;
    if (r->several)
        return usage_error(&command_show, "--filters, --features, --saliency, --decision, --curve: one of them");
    const int status = r->shown == SHOWN_CURVE ? check_curve_request(r, &reader) : take_show_operands(r, &reader);
    const PictureRequest *p = &r->picture;
    const FileUse files[] = {{"the source", p->load.path, false},
                             {"the image", p->image, false},
                             {"the log", r->log, false},
                             {"-o", p->output, true}};
    return status ? status : files_apart(files, sizeof files / sizeof *files);
}

/* ---- what the file says of itself ---------------------------------------------------------- */

static void show_line(const char *what, const char *text)
{
    if (text) printf("%-11s %s\n", what, text);
}

static void show_origin(const NnTensors *file, const char *path)
{
    static const char *const keys[][2] = {{"imported", "imported"},   {"net", "net"},           {"data", "data"},
                                          {"accuracy", "accuracy"},   {"test loss", "loss"},    {"fit", "fit"},
                                          {"mean", "normalize.mean"}, {"std", "normalize.std"}, {"classes", "classes"}};
    show_line("weights", path);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        show_line(keys[i][0], nn_tensors_metadata(file, keys[i][1]));
}

/* A number that the run has not got yet is infinite. */
static void show_loss(const char *what, double loss)
{
    if (isfinite(loss)) printf("%-11s %.6g\n", what, loss);
}

/* The options that a run must be resumed with are run.NAME. */
static void show_run(const NnTensors *file)
{
    const char *key, *value;
    for (int i = 0; (key = nn_tensors_metadata_at(file, i, &value)); i++)
        if (strncmp(key, "run.", 4) == 0) show_line(key + 4, value);
}

static int show_checkpoint(const NnTensors *file, const char *path)
{
    TrainState s;
    NnError error = {0};
    state_init(&s);
    if (state_read(&s, file, path, &error)) return fail_error(&error);
    printf("%-11s epoch %d, step %" PRId64 " (%" PRId64 " of this epoch), after %.1f s\n", "checkpoint", s.epoch,
           s.step, s.in_epoch, s.seconds);
    if (s.in_epoch) printf("%-11s %.6g (of this epoch so far)\n", "mean loss", s.total / (double)s.samples);
    printf("%-11s %g\n", "last rate", s.lr);
    show_loss("best loss", s.best);
    show_run(file);
    return STATUS_OK;
}

/* ---- tensors ------------------------------------------------------------------------------- */

static TensorSummary summary_of(const NnTensor *t)
{
    double *values = block_alloc((t->count + 1) * sizeof *values);
    nn_tensor_doubles(t, values);
    const TensorSummary s = tensor_summary(values, t->count);
    free(values);
    return s;
}

static ReportTable *tensor_table(Arena *arena, const char *title)
{
    static const char *const heads[] = {"shape", "min", "max", "mean", "deviation", "norm", "zeros", "not finite"};
    ReportTable *table = report_table_new(arena, title);
    report_table_column(table, "tensor", true);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) report_table_column(table, heads[i], false);
    report_table_column(table, "histogram", true);
    return table;
}

static void add_tensor_row(Arena *arena, ReportTable *table, const NnTensor *t)
{
    char dims[NN_DIMS_TEXT];
    const TensorSummary s = summary_of(t);
    const char **cell = report_table_row(table);
    *cell++ = t->name;
    *cell++ = arena_strdup(arena, nn_dims_text(t->rank, t->dims, dims));
    *cell++ = number_real(arena, s.min);
    *cell++ = number_real(arena, s.max);
    *cell++ = number_real(arena, s.mean);
    *cell++ = number_real(arena, s.deviation);
    *cell++ = number_real(arena, s.norm);
    *cell++ = s.zeros ? number_grouped(arena, (int64_t)s.zeros) : NULL;
    *cell++ = s.nans + s.infinities ? number_grouped(arena, (int64_t)(s.nans + s.infinities)) : NULL;
    *cell = tensor_histogram(arena, &s);
}

static json_t *json_finite(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *json_tensor(const NnTensor *t)
{
    const TensorSummary s = summary_of(t);
    json_t *dims = json_array(), *bins = json_array();
    for (int i = 0; i < t->rank; i++) json_array_append_new(dims, json_integer(t->dims[i]));
    for (int i = 0; i < SUMMARY_BINS; i++) json_array_append_new(bins, json_integer((json_int_t)s.bins[i]));
    return json_pack("{ss so sI sI sI sI so so so so so so}", "name", t->name, "shape", dims, "count",
                     (json_int_t)s.count, "zeros", (json_int_t)s.zeros, "nan", (json_int_t)s.nans, "infinite",
                     (json_int_t)s.infinities, "min", json_finite(s.min), "max", json_finite(s.max), "mean",
                     json_finite(s.mean), "deviation", json_finite(s.deviation), "norm", json_finite(s.norm),
                     "histogram", bins);
}

/* ---- in the order of the net ----------------------------------------------------------------- */

static bool is_of_net(const nn_model_info *info, const char *name)
{
    for (int i = 0; i < info->tensor_count; i++)
        if (strcmp(info->tensors[i].name, name) == 0) return true;
    return false;
}

/* The net's tensors, as far as the file has them, then the others. */
static List list_tensors(Arena *arena, const nn_model_info *info, const NnTensors *file, bool of_net)
{
    List list = {0};
    for (int i = 0; of_net && i < info->tensor_count; i++) {
        const NnTensor *t = nn_tensors_find(file, info->tensors[i].name);
        if (t) list_push(arena, &list, (void *)t);
    }
    for (int i = 0; !of_net && i < nn_tensors_count(file); i++) {
        const NnTensor *t = nn_tensors_at(file, i);
        if (!is_of_net(info, t->name)) list_push(arena, &list, (void *)t);
    }
    return list;
}

static int fetch_tensors(NnTensors *file)
{
    NnError error = {0};
    for (int i = 0; i < nn_tensors_count(file); i++)
        if (nn_tensors_fetch(file, nn_tensors_at(file, i), &error)) return fail_error(&error);
    return STATUS_OK;
}

static void print_tensors(Arena *arena, const List *list, const char *title)
{
    ReportTable *table = tensor_table(arena, title);
    for (int i = 0; i < list->count; i++) add_tensor_row(arena, table, list->at[i]);
    if (!list->count) return;
    putchar('\n');
    report_table_print_text(table, INT16_MAX, stdout);
}

static int show_text(const ShowRequest *r, const Model *m, const NnTensors *file, const List *own, const List *others)
{
    const bool checkpoint = nn_weights_is_checkpoint(file);
    show_origin(file, r->picture.weights);
    int status = checkpoint ? show_checkpoint(file, r->picture.weights) : STATUS_OK;
    print_tensors(m->c->arena, own, NULL);
    print_tensors(m->c->arena, others,
                  checkpoint ? "the optimizer's state and averages of the weights" : "not of this net");
    return status;
}

static json_t *json_list(const List *list)
{
    json_t *array = json_array();
    for (int i = 0; i < list->count; i++) json_array_append_new(array, json_tensor(list->at[i]));
    return array;
}

static int show_json(const NnTensors *file, const List *own, const List *others)
{
    json_t *object = json_object(), *metadata = json_object();
    const char *key, *value;
    for (int i = 0; (key = nn_tensors_metadata_at(file, i, &value)); i++)
        json_object_set_new(metadata, key, json_string(value));
    json_object_set_new(object, "metadata", metadata);
    json_object_set_new(object, "tensors", json_list(own));
    json_object_set_new(object, "others", json_list(others));
    json_dumpf(object, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(object);
    return STATUS_OK;
}

/* ---- the run --------------------------------------------------------------------------------- */

static int show_file(const ShowRequest *r, const Model *m, NnTensors *file)
{
    NnError error = {0};
    const List own = list_tensors(m->c->arena, m->info, file, true);
    const List others = list_tensors(m->c->arena, m->info, file, false);
    int status = fetch_tensors(file);
    if (status) return status;
    status = r->json ? show_json(file, &own, &others) : show_text(r, m, file, &own, &others);
    int flushed = finish_output();
    if (status || flushed) return status ? status : flushed;
    return nn_weights_check(m->info, file, r->picture.weights, &error) ? fail_error(&error) : STATUS_OK;
}

/* A picture of the layer's weights, as the file has them. */
static int put_filters(const PictureRequest *r, const Model *m)
{
    VisibleWeights v;
    Arena *arena = m->c->arena;
    if (!visible_weights(m->net, r->layer, &v))
        return fail(STATUS_INPUT, "--filters %s: it is no layer of %s with kernels or templates that can be drawn",
                    r->layer, m->net->name);
    const size_t count = (size_t)v.count * (size_t)v.channels * (size_t)v.height * (size_t)v.width;
    float *values = arena_alloc(arena, count * sizeof *values);
    void *block = block_alloc(m->info->model_bytes), *model = m->info->init(block, 0, 1);
    int status = weighted_fill(m, model, r->weights);
    if (!status) m->info->get(model, v.name, values, count);
    if (!status) {
        Canvas *drawn = weights_picture(arena, &v, values, picture_side(r, FILTER_SIDE, FILTER_SIDE_TERMINAL));
        status = r->output ? canvas_write(drawn, r->output) : picture_put(r, arena, drawn, v.name);
    }
    free(block);
    return status;
}

static int show_table(const ShowRequest *r, const Model *m)
{
    WeightedModel w;
    int status = weighted_open(&w, r->picture.weights, m);
    if (status) return status;
    status = show_file(r, m, w.file);
    weighted_close(&w);
    return status;
}

static int show_loaded(const ShowRequest *r)
{
    Model m;
    int status = load_model(&r->picture.load, &m);
    if (status) return status;
    status = r->shown == SHOWN_FILTERS ? put_filters(&r->picture, &m) : show_table(r, &m);
    model_free(&m);
    return status;
}

static int show_requested(ShowRequest *r)
{
    if (r->shown != SHOWN_TABLE && !r->picture.output) r->picture.form = inline_form_found(r->picture.form);
    switch (r->shown) {
    case SHOWN_FEATURES: return show_features(&r->picture);
    case SHOWN_SALIENCY: return show_saliency(&r->picture);
    case SHOWN_DECISION: return show_decision(&r->picture);
    case SHOWN_CURVE: return run_curve_draw(r->log, r->picture.output);
    default: return show_loaded(r);
    }
}

static int show_main(int argc, char **argv)
{
    ShowRequest r = {0};
    load_options_init(&r.picture.load);
    int status = read_show_request(&r, argc, argv);
    if (!status) status = show_requested(&r);
    load_options_free(&r.picture.load);
    return status;
}

const Command command_show = {
    .name = "show",
    .summary = "the tensors of a weights file, where a checkpoint's run stands, and pictures of both",
    .usage =
        "show NET.nn --weights FILE [--filters LAYER|--features LAYER IMAGE|--saliency IMAGE|--decision] [-o FILE.png]",
    .options = options,
    .details = "Of each tensor: shape, range, mean, deviation, norm, how many numbers are zero or not\n"
               "finite, and a histogram from the smallest to the largest number.\n"
               "Where -o names no file for a picture, it is drawn in the terminal: in pixels where the terminal\n"
               "says that it has sixels, else in half blocks, in 24-bit colours where COLORTERM says so, else in\n"
               "256, and with NO_COLOR in characters.  --inline, or NNC_INLINE, says how instead.\n",
    .run = show_main,
};
