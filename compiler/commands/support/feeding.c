/*
 * Data for a loaded net.
 *
 * Enters: --data, --target, the train section, and the metadata of weights that
 * were trained before.  Leaves: a Feed, or the message that says why data and
 * net do not fit.  Weights know best how their inputs looked: their metadata
 * goes before the train section.
 */
#include "commands/support/feeding.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "backend/cache.h"
#include "runtime/data/parts.h"

/* A share below 1, or whole samples. */
static bool take_valid(DataRequest *r, const Command *self, const char *text)
{
    if (!option_real(self, "valid", text, 0, INT32_MAX, &r->valid)) return false;
    r->valid_given = true;
    if (r->valid < 1 || strspn(text, "0123456789") == strlen(text)) return true; /* 1.0 is a share, of all */
    usage_error(self, "--valid takes a share below 1 or a number of samples, not '%s'", text);
    return false;
}

static bool take_worker_count(DataRequest *r, const Command *self, const char *text)
{
    r->workers_given = option_int(self, "workers", text, 0, FEED_MOST_WORKERS, &r->workers);
    return r->workers_given;
}

Taken data_option(DataRequest *r, const Command *self, int id, const char *value)
{
    switch (id) {
    case OPTION_COLUMN: r->column = value; return TAKEN_YES;
    case OPTION_CLASSES: r->classes = value; return TAKEN_YES;
    case OPTION_SAMPLES_LIMIT: return option_int(self, "limit", value, 1, INT32_MAX, &r->limit) ? TAKEN_YES : TAKEN_BAD;
    case OPTION_VALID: return take_valid(r, self, value) ? TAKEN_YES : TAKEN_BAD;
    case OPTION_WORKERS: return take_worker_count(r, self, value) ? TAKEN_YES : TAKEN_BAD;
    case OPTION_DATA_CACHE: return option_bytes(self, "data-cache", value, &r->cache) ? TAKEN_YES : TAKEN_BAD;
    default: return TAKEN_NO;
    }
}

int fail_error(const NnError *error) { return fail((Status)error->status, "%s", error->text); }

static NnFit fit_of_spec(const TrainSpec *spec)
{
    switch (spec->fit) {
    case FIT_RESIZE: return NN_FIT_RESIZE;
    case FIT_PAD: return NN_FIT_PAD;
    case FIT_CROP: return NN_FIT_CROP;
    }
    return NN_FIT_RESIZE;
}

/* Columns that belong to values keep their units, unless the train section gives numbers. */
static int normalize_by_spec(Feeding *f, const TrainSpec *spec, NnError *error)
{
    bool units = f->data->rank == 1 && !f->data->class_count;
    switch (spec->normalize) {
    case NORMALIZE_DATASET: return units ? 0 : fitting_measure(&f->fitting, f->data, error);
    case NORMALIZE_GIVEN: return fitting_set(&f->fitting, spec->mean.count, spec->mean.at, spec->std.at, error);
    case NORMALIZE_NONE: return 0;
    }
    return 0;
}

/* Weights that this program has trained always say how inputs were normalised, so their silence
 * means "not at all".  An imported model takes inputs as they are unless the train section gives
 * numbers.  Weights from elsewhere say nothing. */
static bool takes_inputs_as_they_are(const NnTensors *weights, const TrainSpec *spec)
{
    const bool given = spec && spec->normalize == NORMALIZE_GIVEN;
    return nn_tensors_metadata(weights, "net") || (nn_tensors_metadata(weights, "imported") && !given);
}

static int normalize(Feeding *f)
{
    bool done = false;
    if (f->weights && nn_weights_normalize(f->weights, f->weights_path, &f->fitting, &done, &f->error)) return -1;
    if (done || (f->weights && takes_inputs_as_they_are(f->weights, f->spec))) return 0;
    return normalize_by_spec(f, f->spec, &f->error);
}

/* Where training needs a validation part, the data have none and nobody said how large it is to be. */
static const double usual_valid = 0.1;

static int cut_valid(Feeding *f)
{
    const TrainSpec *spec = f->spec;
    const double given = f->request.valid_given ? f->request.valid : spec->valid;
    if (f->data->part[DATA_VALID].count || !(given > 0 || train_needs_valid(spec))) return 0;
    if (dataset_cut_valid(f->data, given > 0 ? given : usual_valid, (uint64_t)spec->seed, &f->error)) return -1;
    if (given <= 0)
        dataset_note(f->data, "%d of the %d training samples are for validation (valid %g)",
                     f->data->part[DATA_VALID].count, f->data->part[DATA_VALID].count + f->data->part[DATA_TRAIN].count,
                     usual_valid);
    return 0;
}

/* Those of the command line, or those that the weights were trained with. */
static int choose_data_classes(Feeding *f)
{
    const char *given = f->request.classes;
    const char *trained = f->weights ? nn_tensors_metadata(f->weights, "data.classes") : NULL;
    if (given) return dataset_choose(f->data, given, &f->error);
    if (!trained || !f->data->class_count) return 0;
    dataset_note(f->data, "only samples of the classes %.200s, as in training (--classes)", trained);
    return dataset_choose(f->data, trained, &f->error);
}

static int divide_data(Feeding *f)
{
    const DataRequest *r = &f->request;
    if (choose_data_classes(f)) return -1;
    if (r->limit && dataset_limit(f->data, (int)r->limit, (uint64_t)f->spec->seed, &f->error)) return -1;
    return r->divide ? cut_valid(f) : 0;
}

static int fit_data(Feeding *f)
{
    const InputSpec *in = &f->input;
    NnError *error = &f->error;
    NnFit fit = fit_of_spec(f->spec);
    const TargetSpec *target = &in->target;
    const bool one = !target->classes && target->count == 1;
    if (one && (target->signs || strncmp(in->loss, "bce", 3) == 0) && dataset_binary(f->data, target->signs, error))
        return -1;
    if (f->data->map[0] && target->classes && (size_t)f->data->class_count < target->scores)
        f->data->class_count = (int)target->scores; /* some classes are in no pixel */
    if (target->classes) dataset_ignore(f->data, in->ignored);
    if (divide_data(f)) return -1;
    if (f->weights &&
        (nn_weights_fit(f->weights, &fit, error) || nn_weights_classes(f->weights, f->weights_path, f->data, error)))
        return -1;
    if (fitting_init(&f->fitting, f->data, in->rank, in->dims, fit, error) ||
        feed_init(&f->feed, f->data, &f->fitting, target, error))
        return -1;
    if (f->request.workers_given) f->feed.workers = (int)f->request.workers;
    return normalize(f);
}

/* Images that augment works on are kept as large as it asks for. */
static int side_to_keep(const TrainSpec *spec)
{
    int64_t keep = 0;
    for (int i = 0; i < spec->augment.count; i++) {
        const Augment *augment = spec->augment.at[i];
        int64_t side = augment->kind == AUGMENT_RESIZE ? augment->size
                       : augment->kind == AUGMENT_CROP ? augment->size - 2 * augment->pad
                                                       : 0;
        keep = side > keep ? side : keep;
    }
    return (int)keep;
}

/* On a terminal, in a line that is erased: sets of images may take minutes to be read. */
enum { READING_WIDTH = 40 };

static void show_reading(void *feeding, const char *what, size_t done, size_t count)
{
    Feeding *f = feeding;
    char line[2 * READING_WIDTH];
    snprintf(line, sizeof line, "%zu of %zu %s", done, count, what);
    fprintf(stderr, "\r%-*s", READING_WIDTH, line);
    fflush(stderr);
    atomic_store(&f->watched, true);
}

static void clear_reading(Feeding *f)
{
    if (atomic_exchange(&f->watched, false)) fprintf(stderr, "\r%*s\r", READING_WIDTH, "");
}

/* The teacher's scores, the last, are not of the data. */
static int named_of_data(const TargetSpec *target)
{
    const int count = target->named_count;
    return count && count <= NAMED_TARGETS && target->named[count - 1].taught ? count - 1 : count;
}

/* The weights' word on the fit goes before the train section's; a bad one is reported later. */
static DatasetOptions dataset_options(Feeding *f, Arena *arena)
{
    NnError ignored;
    const InputSpec *in = &f->input;
    const bool soft = !in->target.classes && strcmp(in->loss, "cross_entropy") == 0;
    DatasetOptions options = {.named = in->target.named,
                              .named_count = named_of_data(&in->target),
                              .target = f->request.column,
                              .values = !in->target.classes && !soft,
                              .soft = soft,
                              .ignored = in->ignored,
                              .keep = side_to_keep(f->spec),
                              .fit = fit_of_spec(f->spec),
                              .cache = (size_t)f->request.cache,
                              .index = cache_directory(arena, "images"),
                              .watch = {isatty(fileno(stderr)) ? show_reading : NULL, f}};
    for (int i = 0; i < 3 && in->rank == 3; i++) options.net[i] = in->dims[i];
    if (f->weights) nn_weights_fit(f->weights, &options.fit, &ignored);
    return options;
}

static void *read_data(void *feeding)
{
    Feeding *f = feeding;
    Arena *arena = arena_new();
    const DatasetOptions options = dataset_options(f, arena);
    if (options.named_count > NAMED_TARGETS)
        nn_fail(&f->error, NN_BAD_INPUT, "the net has %d named targets; data can have up to %d", options.named_count,
                NAMED_TARGETS);
    else
        f->data = dataset_open(f->request.path, &options, &f->error);
    f->failed = !f->data || fit_data(f);
    arena_free(arena);
    return NULL;
}

static int opened(Feeding *f)
{
    clear_reading(f);
    for (int i = 0; f->data && i < DATASET_NOTES && f->data->notes[i][0]; i++)
        fprintf(stderr, "nnc: note: %s\n", f->data->notes[i]);
    if (!f->failed) return STATUS_OK;
    const bool shipped = f->data && !f->request.path;
    feeding_close(f);
    fail_error(&f->error);
    if (shipped)
        fputs("nnc: note: without --data, nnc uses the digits it ships with; --data PATH names others\n", stderr);
    return f->error.status;
}

/* Steps of 1 along both axes: a pixel of the output is over one of the input. */
static bool is_aligned(const Tensor *output) { return output->field[0].stride == 1 && output->field[1].stride == 1; }

static TargetSpec target_spec_of(const Model *m)
{
    const Tensor *output = m->net->output;
    const Objectives all = train_objectives(m->spec, m->net);
    const LossTarget target = all.target[0].is;
    TargetSpec spec = {.classes = target.classes, .count = (size_t)shape_count(target.shape)};
    spec.signs = !target.classes && strcmp(m->spec->loss.op->name, "hinge") == 0;
    spec.scores = (size_t)output->shape.dim[0];
    spec.aligned = is_aligned(output);
    spec.named_count = all.targets - 1;
    spec.reals = !all.classes;
    if (target.classes && target.shape.rank == 2) {
        spec.height = (int)target.shape.dim[0];
        spec.width = (int)target.shape.dim[1];
    }
    return spec;
}

/* As many as there is room for; that there are more is an error when data are read. */
static void list_named(const Model *m, NamedTarget *named)
{
    const Objectives all = train_objectives(m->spec, m->net);
    for (int i = 1; i < all.targets && i <= NAMED_TARGETS; i++) {
        const TargetPart *part = &all.target[i];
        named[i - 1] = (NamedTarget){.name = part->name,
                                     .classes = part->is.classes,
                                     .scores = (size_t)part->first->output->shape.dim[0],
                                     .count = (size_t)part->count,
                                     .taught = part->first->of_teacher};
    }
}

/* Data are images, rows, or sequences, which samples of more axes are taken as. */
static Shape data_shape(const Graph *net)
{
    Shape shape = net_input_shape(net);
    for (; shape.rank > 3; shape.rank--) shape.dim[shape.rank - 2] *= shape.dim[shape.rank - 1];
    return shape;
}

static InputSpec input_spec_of(const Model *m)
{
    const Graph *net = m->net;
    const Shape shape = data_shape(net);
    InputSpec in = {.loss = m->spec->loss.op->name,
                    .rank = shape.rank,
                    .target = target_spec_of(m),
                    .ignored = train_target(m->spec, net).ignored};
    for (int i = 0; i < 3 && i < shape.rank; i++) in.dims[i] = (int)shape.dim[i];
    list_named(m, in.named);
    return in;
}

/* The targets beside the net's own; they are where `input` is. */
static void point_at_named(Feeding *f) { f->input.target.named = f->input.named; }

int feeding_open(Feeding *f, const Model *m, const DataRequest *request, const NnTensors *weights,
                 const char *weights_path)
{
    *f = (Feeding){.input = input_spec_of(m),
                   .spec = m->spec,
                   .request = *request,
                   .weights = weights,
                   .weights_path = weights_path};
    point_at_named(f);
    read_data(f);
    return opened(f);
}

void feeding_start(Feeding *f, const Model *m, const DataRequest *request)
{
    *f = (Feeding){.input = input_spec_of(m), .spec = m->spec, .request = *request};
    point_at_named(f);
    f->alone = pthread_create(&f->thread, NULL, read_data, f) != 0;
}

int feeding_finish(Feeding *f)
{
    if (f->alone)
        read_data(f);
    else
        pthread_join(f->thread, NULL);
    return opened(f);
}

static int normalize_without_data(Fitting *f, const TrainSpec *spec, const char *weights_path, NnError *error)
{
    if (!spec || spec->normalize == NORMALIZE_NONE) return 0;
    if (spec->normalize == NORMALIZE_GIVEN) return fitting_set(f, spec->mean.count, spec->mean.at, spec->std.at, error);
    return nn_fail(error, NN_BAD_INPUT,
                   "%s does not say how its inputs were normalised; give numbers in the train section: "
                   "normalize mean=[...] std=[...]",
                   weights_path);
}

int feeding_fit(Fitting *f, const Model *m, const NnTensors *weights, const char *weights_path, NnError *error)
{
    const Shape shape = data_shape(m->net);
    int dims[3] = {1, 1, 1};
    bool done = false;
    NnFit fit = m->spec ? fit_of_spec(m->spec) : NN_FIT_RESIZE;
    for (int i = 0; i < shape.rank && i < 3; i++) dims[i] = (int)shape.dim[i];
    fitting_init_net(f, shape.rank, dims, fit);
    if (nn_weights_fit(weights, &f->fit, error) || nn_weights_normalize(weights, weights_path, f, &done, error))
        return -1;
    if (done || takes_inputs_as_they_are(weights, m->spec)) return 0;
    return normalize_without_data(f, m->spec, weights_path, error);
}

/* ---- augmentation ------------------------------------------------------------------- */

static const NnAugmentKind augment_kinds[] = {
    [AUGMENT_CROP] = NN_AUGMENT_CROP,           [AUGMENT_FLIP] = NN_AUGMENT_FLIP,
    [AUGMENT_RESIZE] = NN_AUGMENT_RESIZE,       [AUGMENT_ROTATE] = NN_AUGMENT_ROTATE,
    [AUGMENT_CUTOUT] = NN_AUGMENT_CUTOUT,       [AUGMENT_JITTER] = NN_AUGMENT_JITTER,
    [AUGMENT_TRANSLATE] = NN_AUGMENT_TRANSLATE,
};

/* Class maps of the size of their images move with them, others cannot. */
static bool augment_suits_maps(const Feeding *f, const TrainSpec *spec)
{
    const int *map = f->data->map, *from = f->fitting.from;
    for (int i = 0; !f->feed.map_moves && i < spec->augment.count; i++) {
        const Augment *a = spec->augment.at[i];
        if (a->kind == AUGMENT_JITTER || a->kind == AUGMENT_CUTOUT) continue;
        fail(STATUS_INPUT,
             "augment: the targets are class maps of %dx%d, of images of %dx%d; only jitter and cutout can be used",
             map[0], map[1], from[1], from[2]);
        return false;
    }
    return true;
}

/* Those of named targets stay as they are. */
static bool augment_suits_named(const Feeding *f, const TrainSpec *spec)
{
    for (int k = 0; k < f->feed.named_count; k++) {
        const NamedTarget *target = &f->feed.named[k];
        for (int i = 0; target->classes && target->count > 1 && i < spec->augment.count; i++) {
            const AugmentKind kind = ((const Augment *)spec->augment.at[i])->kind;
            if (kind == AUGMENT_JITTER || kind == AUGMENT_CUTOUT) continue;
            fail(STATUS_INPUT, "augment: the target %s is class maps; only jitter and cutout can be used",
                 target->name);
            return false;
        }
    }
    return true;
}

int feeding_augment(Feeding *f, const TrainSpec *spec)
{
    NnAugmentStep steps[NN_AUGMENT_LIMIT];
    NnError error = {0};
    int count = spec->augment.count;
    if (!count) return STATUS_OK;
    if (f->feed.kind == FEED_MAP && !augment_suits_maps(f, spec)) return STATUS_INPUT;
    if (!augment_suits_named(f, spec)) return STATUS_INPUT;
    for (int i = 0; i < count && i < NN_AUGMENT_LIMIT; i++) {
        const Augment *a = spec->augment.at[i];
        steps[i] = (NnAugmentStep){augment_kinds[a->kind], (int)a->size, (int)a->pad, a->amount, a->alternate};
    }
    if (augment_init(&f->augmenter, &f->fitting, steps, count, &error)) return fail_error(&error);
    f->feed.augment = &f->augmenter;
    return STATUS_OK;
}

static int step_text(const NnAugmentStep *step, char *out, size_t size)
{
    switch (step->kind) {
    case NN_AUGMENT_CROP:
        return step->pad ? snprintf(out, size, "crop(%d, pad=%d)", step->size, step->pad)
                         : snprintf(out, size, "crop(%d)", step->size);
    case NN_AUGMENT_FLIP: return snprintf(out, size, step->alternate ? "flip(alternate=yes)" : "flip");
    case NN_AUGMENT_RESIZE: return snprintf(out, size, "resize(%d)", step->size);
    case NN_AUGMENT_ROTATE: return snprintf(out, size, "rotate(%g)", step->amount);
    case NN_AUGMENT_CUTOUT: return snprintf(out, size, "cutout(%d)", step->size);
    case NN_AUGMENT_TRANSLATE: return snprintf(out, size, "translate(%d)", step->size);
    case NN_AUGMENT_JITTER: return snprintf(out, size, "jitter(%g)", step->amount);
    }
    return 0;
}

const char *feeding_augment_text(const Feeding *f, char *out, size_t size)
{
    size_t length = 0;
    out[0] = 0;
    for (int i = 0; i < f->augmenter.count && length + 64 < size; i++) {
        if (i) out[length++] = ' ';
        length += (size_t)step_text(&f->augmenter.step[i], out + length, size - length);
    }
    return out;
}

void feeding_close(Feeding *f)
{
    fitting_free(&f->fitting);
    dataset_free(f->data);
    f->data = NULL;
}

const char *feeding_normalize_text(const Feeding *f, char *out, size_t size)
{
    const Fitting *fit = &f->fitting;
    if (!fit->mean)
        snprintf(out, size, "%s", fit->rows ? "as it is" : "0 to 1");
    else if (fit->rows && fit->rank == 1)
        snprintf(out, size, "each column to mean 0, deviation 1");
    else if (fit->channels == 1)
        snprintf(out, size, "%smean %.4g, std %.4g", fit->rows ? "" : "0 to 1, then ", fit->mean[0], fit->std[0]);
    else
        snprintf(out, size, "%smean and std of %d channels", fit->rows ? "" : "0 to 1, then ", fit->channels);
    return out;
}

const char *feeding_data_text(const Feeding *f, Arena *arena)
{
    Text out;
    const Dataset *d = f->data;
    const int valid = d->part[DATA_VALID].count;
    text_init(&out, arena);
    text_addf(&out, "%s: %d train, ", d->path, d->part[DATA_TRAIN].count);
    if (valid) text_addf(&out, "%d valid, ", valid);
    text_addf(&out, "%d test", d->part[DATA_TEST].count);
    if (d->rank == 3)
        text_addf(&out, " of %dx%dx%d", d->dims[0], d->dims[1], d->dims[2]);
    else
        text_addf(&out, " of %d column%s", d->dims[0], d->dims[0] == 1 ? "" : "s");
    if (d->class_count) text_addf(&out, ", %d class%s", d->class_count, d->class_count == 1 ? "" : "es");
    if (d->source) text_add(&out, ", streamed");
    if (!f->request.path) text_add(&out, " (no --data: the digits that nnc ships with)");
    return out.data;
}

const char *jit_name(JitKind jit) { return jit == JIT_TCC ? "tcc" : jit == JIT_TIERED ? "tcc, then cc" : "cc"; }
