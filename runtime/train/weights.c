/*
 * A model's tensors ↔ a safetensors file.
 *
 * What a file lacks, has too much of, or has in another shape is found before
 * anything is set, and listed whole.  Besides the tensors the file tells what
 * inference needs: the normalisation, the fit, the names of the classes.
 */
#include "runtime/train/weights.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 8 }; /* names of one sort in a message */

const char weights_ema_prefix[] = "ema/";

static const char *const fit_names[] = {[NN_FIT_RESIZE] = "resize", [NN_FIT_PAD] = "pad", [NN_FIT_CROP] = "crop"};

static bool belongs_to_file(const nn_tensor_info *tensor) { return tensor->kind != NN_STATE; }

/* ---- saving ------------------------------------------------------------------- */

typedef struct ModelSource {
    const nn_model_info *info;
    const void *model;
} ModelSource;

static int model_values(const void *user, const char *name, float *values, size_t count)
{
    const ModelSource *source = user;
    return source->info->get(source->model, name, values, count);
}

int weights_announce(NnTensorWriter *w, const nn_tensor_info *tensor, const char *name, NnError *error)
{
    int64_t dims[4];
    for (int d = 0; d < tensor->rank; d++) dims[d] = tensor->dims[d];
    return nn_writer_tensor(w, name, tensor->rank, dims, error);
}

static int add_tensors(NnTensorWriter *w, const nn_model_info *info, NnError *error)
{
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *tensor = &info->tensors[i];
        if (belongs_to_file(tensor) && weights_announce(w, tensor, tensor->name, error)) return -1;
    }
    return 0;
}

/* One number per channel, each as short as it reads back to the same float. */
static int add_numbers(NnTensorWriter *w, const char *key, const float *values, int count, NnError *error)
{
    char *text = malloc((size_t)count * 24 + 1);
    if (!text) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the metadata");
    *text = 0;
    for (int i = 0, length = 0; i < count; i++) length += sprintf(text + length, "%s%.9g", i ? " " : "", values[i]);
    int failed = nn_writer_metadata(w, key, text, error);
    free(text);
    return failed;
}

static int add_classes(NnTensorWriter *w, const Dataset *data, NnError *error)
{
    json_t *names = json_array();
    char buffer[16];
    for (int i = 0; i < data->class_count; i++)
        json_array_append_new(names, json_string(dataset_class_name(data, i, buffer)));
    char *text = json_dumps(names, JSON_COMPACT);
    json_decref(names);
    int failed = text ? nn_writer_metadata(w, "classes", text, error)
                      : nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the metadata");
    free(text);
    return failed;
}

static int add_metadata(NnTensorWriter *w, const nn_model_info *info, const Feed *feed, NnError *error)
{
    const Fitting *f = feed->fitting;
    if (nn_writer_metadata(w, "net", info->name, error)) return -1;
    if (f->mean && (add_numbers(w, "normalize.mean", f->mean, f->channels, error) ||
                    add_numbers(w, "normalize.std", f->std, f->channels, error)))
        return -1;
    if (f->rank == 3 && feed->data->rank == 3 && nn_writer_metadata(w, "fit", fit_names[f->fit], error)) return -1;
    return feed->data->class_count ? add_classes(w, feed->data, error) : 0;
}

static int add_notes(NnTensorWriter *w, const NnWeightsNote *notes, NnError *error)
{
    for (; notes && notes->key; notes++)
        if (nn_writer_metadata(w, notes->key, notes->value, error)) return -1;
    return 0;
}

int weights_describe(NnTensorWriter *w, const nn_model_info *info, const Feed *feed, const NnWeightsNote *notes,
                     NnError *error)
{
    return add_metadata(w, info, feed, error) || add_notes(w, notes, error) ? -1 : 0;
}

int nn_weights_save(const nn_model_info *info, const void *model, const Feed *feed, const NnWeightsNote *notes,
                    const char *path, NnError *error)
{
    ModelSource source = {info, model};
    NnTensorWriter *w = nn_writer_new(model_values, &source, error);
    if (!w) return -1;
    int failed =
        weights_describe(w, info, feed, notes, error) || add_tensors(w, info, error) || nn_writer_save(w, path, error);
    nn_writer_free(w);
    return failed ? -1 : 0;
}

/* ---- checkpoints ---------------------------------------------------------------- */

bool nn_weights_is_checkpoint(const NnTensors *file) { return nn_tensors_metadata(file, "state.step") != NULL; }

/* The file's tensor for one of the net's; NULL: it has none. */
static const NnTensor *find_weight(const NnTensors *file, const char *name)
{
    char average[NAME_BYTES];
    snprintf(average, sizeof average, "%s%s", weights_ema_prefix, name);
    const NnTensor *t = nn_weights_is_checkpoint(file) ? nn_tensors_find(file, average) : NULL;
    return t ? t : nn_tensors_find(file, name);
}

/* ---- comparing ------------------------------------------------------------------ */

typedef enum Match { MATCHES, MISSING, OTHER_SHAPE } Match;

/* Axes of 1 before the others make no difference: a learned tensor of [N][D] is [1][N][D] where the
 * batch is an axis too, and one number has rank 0 or 1. */
static Match match(const nn_tensor_info *want, const NnTensor *have)
{
    if (!have) return MISSING;
    int w = 0, h = 0;
    while (w < want->rank && want->dims[w] == 1) w++;
    while (h < have->rank && have->dims[h] == 1) h++;
    if (want->rank - w != have->rank - h) return OTHER_SHAPE;
    for (; w < want->rank; w++, h++)
        if (want->dims[w] != have->dims[h]) return OTHER_SHAPE;
    return MATCHES;
}

static const nn_tensor_info *find_requested(const nn_model_info *info, const char *name)
{
    for (int i = 0; i < info->tensor_count; i++)
        if (belongs_to_file(&info->tensors[i]) && !strcmp(info->tensors[i].name, name)) return &info->tensors[i];
    return NULL;
}

/* PyTorch's batchnorm counts its batches; nothing here depends on it.  The scales of int8 weights are in
 * the net already. */
static bool needs_no_place(const char *name)
{
    static const char scales[] = "quantization/";
    if (strncmp(name, scales, sizeof scales - 1) == 0) return true;
    static const char suffix[] = "num_batches_tracked";
    size_t length = strlen(name);
    return length >= sizeof suffix - 1 && !strcmp(name + length - (sizeof suffix - 1), suffix);
}

static const char *wanted_text(const nn_tensor_info *want, char out[NN_DIMS_TEXT])
{
    int64_t dims[4];
    for (int i = 0; i < want->rank; i++) dims[i] = want->dims[i];
    return nn_dims_text(want->rank, dims, out);
}

/* The differences, to a file or, the first few of each sort, to an error's text. */
typedef struct Differences {
    FILE *report;
    NnError *error;
    int missing, unexpected, other;
} Differences;

static void tell(Differences *d, int number, const char *format, const char *name, const char *more)
{
    if (d->report) {
        fprintf(d->report, format, name, more);
        fputc('\n', d->report);
    } else if (number <= LISTED) {
        size_t length = strlen(d->error->text);
        size_t room = sizeof d->error->text - length;
        if (room > 200) { /* a name is cut rather than the totals after it */
            d->error->text[length++] = '\n';
            snprintf(d->error->text + length, room - 100, format, name, more);
        }
    }
}

static size_t common_ending(const char *a, const char *b)
{
    size_t x = strlen(a), y = strlen(b), length = 0;
    while (length < x && length < y && a[x - 1 - length] == b[y - 1 - length]) length++;
    return length;
}

/* Of the tensors that the net has no use for, the one of this shape whose name ends most alike: the
 * last part at least.  NULL: none. */
static const char *likely_name(const nn_model_info *info, const NnTensors *file, const nn_tensor_info *want)
{
    const char *dot = strrchr(want->name, '.'), *best = NULL;
    size_t most = dot ? strlen(dot) - 1 : strlen(want->name) - 1;
    for (int i = 0; i < nn_tensors_count(file); i++) {
        const NnTensor *have = nn_tensors_at(file, i);
        size_t length = common_ending(want->name, have->name);
        if (length <= most || find_requested(info, have->name) || match(want, have) != MATCHES) continue;
        most = length;
        best = have->name;
    }
    return best;
}

static void tell_missing(Differences *d, const nn_model_info *info, const NnTensors *file, const nn_tensor_info *want)
{
    char dims[NN_DIMS_TEXT], text[2 * NN_DIMS_TEXT];
    const char *likely = nn_weights_is_checkpoint(file) ? NULL : likely_name(info, file, want);
    wanted_text(want, dims);
    snprintf(text, sizeof text, "%s)%s%.200s%s", dims, likely ? "; perhaps " : "", likely ? likely : "",
             likely ? " of the file" : "");
    tell(d, ++d->missing, "  missing     %s (%s", want->name, text);
}

static void compare_tensors(Differences *d, const nn_model_info *info, const NnTensors *file)
{
    char have_text[NN_DIMS_TEXT], want_text[NN_DIMS_TEXT], both[2 * NN_DIMS_TEXT + 32];
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *want = &info->tensors[i];
        const NnTensor *have = belongs_to_file(want) ? find_weight(file, want->name) : NULL;
        if (!belongs_to_file(want)) continue;
        wanted_text(want, want_text);
        if (match(want, have) == MISSING)
            tell_missing(d, info, file, want);
        else if (match(want, have) == OTHER_SHAPE) {
            snprintf(both, sizeof both, "%s in the file, %s in the net",
                     nn_dims_text(have->rank, have->dims, have_text), want_text);
            tell(d, ++d->other, "  other shape %s: %s", want->name, both);
        }
    }
    for (int i = 0; i < nn_tensors_count(file) && !nn_weights_is_checkpoint(file); i++) {
        const NnTensor *have = nn_tensors_at(file, i);
        if (!find_requested(info, have->name) && !needs_no_place(have->name))
            tell(d, ++d->unexpected, "  unexpected  %s (%s)", have->name,
                 nn_dims_text(have->rank, have->dims, have_text));
    }
}

/* ---- loading ---------------------------------------------------------------------- */

static int set_tensor(const nn_model_info *info, void *model, const nn_tensor_info *want, NnTensors *file,
                      const NnTensor *have, NnError *error)
{
    if (nn_tensors_fetch(file, have, error)) return -1;
    float *values = nn_alloc(want->count * sizeof *values, error);
    if (!values) return -1;
    nn_tensor_floats(have, values);
    int failed = info->set(model, want->name, values, want->count);
    free(values);
    return failed ? nn_fail(error, NN_BAD_INPUT, "the net does not take the tensor %s", want->name) : 0;
}

/* What may be the reason. */
static const char *hint(const NnTensors *file)
{
    return nn_tensors_metadata(file, "quantization")
               ? "\nThe file has int8 weights, made by nnc quantize: they are for "
                 "nnc NET.nn --weights, nnc eval and nnc predict"
               : "";
}

int nn_weights_check(const nn_model_info *info, const NnTensors *file, const char *path, NnError *error)
{
    Differences d = {.error = error};
    nn_fail(error, NN_BAD_INPUT, "the weights in %s are not those of the net %s:", path, info->name);
    compare_tensors(&d, info, file);
    if (!d.missing && !d.unexpected && !d.other) {
        *error = (NnError){0};
        return 0;
    }
    size_t length = strlen(error->text);
    snprintf(error->text + length, sizeof error->text - length, "\n%d missing, %d unexpected, %d of another shape%s",
             d.missing, d.unexpected, d.other, hint(file));
    return -1;
}

bool nn_weights_have(const NnTensors *file, const nn_tensor_info *want)
{
    const NnTensor *have = find_weight(file, want->name);
    return have && match(want, have) == MATCHES;
}

int nn_weights_load(const nn_model_info *info, void *model, NnTensors *file, const char *path, NnLoad how, FILE *report,
                    NnError *error)
{
    int loaded = 0, wanted = 0;
    if (how == NN_LOAD_ALL && nn_weights_check(info, file, path, error)) return -1;
    if (how == NN_LOAD_MATCHING && report) {
        Differences d = {.report = report};
        compare_tensors(&d, info, file);
    }
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *want = &info->tensors[i];
        const NnTensor *have = belongs_to_file(want) ? find_weight(file, want->name) : NULL;
        wanted += belongs_to_file(want);
        if (!have || match(want, have) != MATCHES) continue;
        if (set_tensor(info, model, want, file, have, error)) return -1;
        loaded++;
    }
    if (how == NN_LOAD_MATCHING && wanted && !loaded)
        return nn_fail(error, NN_BAD_INPUT, "%s has no tensor that the net %s has by name and shape%s", path,
                       info->name, hint(file));
    return 0;
}

/* ---- metadata ------------------------------------------------------------------------ */

int nn_weights_fit(const NnTensors *file, NnFit *fit, NnError *error)
{
    const char *name = nn_tensors_metadata(file, "fit");
    for (NnFit f = NN_FIT_RESIZE; name && f <= NN_FIT_CROP; f++)
        if (!strcmp(fit_names[f], name)) {
            *fit = f;
            return 0;
        }
    return name ? nn_fail(error, NN_BAD_INPUT, "the weights were trained with the unknown fit %.40s", name) : 0;
}

/* Numbers apart by spaces → values[most]; their count, or −1. */
static int read_numbers(const char *text, double *values, size_t most)
{
    int count = 0;
    for (char *end; *text; text = end) {
        double value = strtod(text, &end);
        if (end == text || (size_t)count == most) return -1;
        values[count++] = value;
        end += strspn(end, " ");
    }
    return count;
}

int nn_weights_normalize(const NnTensors *file, const char *path, Fitting *f, bool *normalized, NnError *error)
{
    const char *mean_text = nn_tensors_metadata(file, "normalize.mean");
    const char *std_text = nn_tensors_metadata(file, "normalize.std");
    *normalized = mean_text && std_text;
    if (!*normalized) return 0;
    const size_t most = f->rank == 3 ? (size_t)f->channels : f->elements;
    double *mean = calloc(2 * most, sizeof *mean), *std = mean + most;
    if (!mean) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the normalisation");
    int means = read_numbers(mean_text, mean, most), stds = read_numbers(std_text, std, most);
    int failed = means > 0 && means == stds
                     ? fitting_set(f, means, mean, std, error)
                     : nn_fail(error, NN_BAD_INPUT, "%s: its normalisation does not fit the %d channel%s of the input",
                               path, f->channels, f->channels == 1 ? "" : "s");
    free(mean);
    return failed;
}

/* Numbers stand for names where one side has none. */
static int check_class(const Dataset *data, int i, const char *trained, const char *path, NnError *error)
{
    char buffer[16], number[16];
    const char *name = dataset_class_name(data, i, buffer);
    snprintf(number, sizeof number, "%d", i);
    if (trained && (!strcmp(trained, name) || !strcmp(trained, number))) return 0;
    return nn_fail(error, NN_BAD_INPUT, "class %d is %s in %s and %s in the data", i, trained ? trained : "nameless",
                   path, name);
}

/* The classes of a set without names are called as they were in training. */
static int take_class_names(const json_t *names, Dataset *data, NnError *error)
{
    size_t count = json_array_size(names);
    data->class_names = calloc(count + 1, sizeof *data->class_names);
    data->class_count = (int)count;
    for (size_t i = 0; data->class_names && i < count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        data->class_names[i] = strdup(name ? name : "");
        if (!data->class_names[i])
            return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the names of the classes");
    }
    return data->class_names ? 0 : nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the names of the classes");
}

/* A test set may lack the last of the numbered classes; names must be the same. */
int nn_weights_classes(const NnTensors *file, const char *path, Dataset *data, NnError *error)
{
    const char *text = nn_tensors_metadata(file, "classes");
    json_t *names = text && data->class_count ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int count = (int)json_array_size(names), failed = 0;
    char beyond[DATASET_LABEL_TEXT];
    if (names && count < data->class_count)
        failed = nn_fail(error, NN_BAD_INPUT, "%s was trained on %d classes, the data has %d%s", path, count,
                         data->class_count, dataset_label_beyond(data, count, beyond));
    for (int i = 0; names && !failed && data->class_names && i < data->class_count; i++)
        failed = check_class(data, i, json_string_value(json_array_get(names, (size_t)i)), path, error);
    if (names && !failed && !data->class_names) failed = take_class_names(names, data, error);
    json_decref(names);
    return failed;
}
