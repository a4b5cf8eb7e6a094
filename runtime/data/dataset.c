/*
 * Finding a data set and the reader that knows it.
 *
 * Enters: what the user wrote after --data, or nothing.  Leaves: a Dataset.  A
 * kind of files is one reader in its own file and one line of the table below.
 */
#include "runtime/data/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/core/text.h"
#include "runtime/data/known_sets.h"
#include "runtime/data/source.h"

static const Reader *const data_readers[] = {&reader_idx, &reader_cifar,  &reader_arrays, &reader_csv,
                                             &reader_mat, &reader_images, &reader_shards, NULL};

/* ---- where it is ---------------------------------------------------------- */

static bool folder_exists(const char *path)
{
    struct stat status;
    return !stat(path, &status) && S_ISDIR(status.st_mode);
}

static int find_named(char *out, const char *name, NnError *error)
{
    if (data_find_named(name, out)) return 0;
    if (!known_set(name))
        return nn_fail(error, NN_BAD_INPUT,
                       "there is no file or folder %s, nor a set of that name ('nnc data' lists them)", name);
    char places[DATA_PLACES_BYTES];
    return nn_fail(error, NN_BAD_INPUT, "the data set %s was not found in %s; 'nnc data %s' says how to get it", name,
                   data_places_text("or", places), name);
}

static int find_path(char *out, const char *path, NnError *error)
{
    struct stat status;
    if (!path) return dataset_sample_path(out, DATA_PATH_BYTES, error);
    if (strlen(path) >= DATA_PATH_BYTES)
        return nn_fail(error, NN_BAD_INPUT, "the path of the data is longer than %d bytes", DATA_PATH_BYTES);
    if (!stat(path, &status)) {
        strcpy(out, path);
        return 0;
    }
    if (errno == ENOENT && shards_are_named(path)) {
        strcpy(out, path);
        return 0;
    }
    if (errno != ENOENT || strchr(path, '/')) return nn_fail_path(error, "open", path);
    return find_named(out, path, error);
}

int dataset_sample_path(char *out, size_t size, NnError *error)
{
    static const char *const places[] = {"dsl_examples/data/digits", "../share/nnc/digits"};
    char program[DATA_PATH_BYTES];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length > 0) {
        program[length] = 0;
        *(strrchr(program, '/') + 1) = 0;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            if ((size_t)snprintf(out, size, "%s%s", program, places[i]) < size && folder_exists(out)) return 0;
    }
#ifdef NNC_DATADIR
    if ((size_t)snprintf(out, size, "%s/digits", NNC_DATADIR) < size && folder_exists(out)) return 0;
#endif
    return nn_fail(error, NN_BAD_INPUT,
                   "the shipped sample of digits is not beside the program; give the data with --data");
}

/* ---- reading --------------------------------------------------------------- */

static const Reader *find_reader(const char *path, bool is_folder)
{
    for (int i = 0; data_readers[i]; i++)
        if (data_readers[i]->recognises(path, is_folder)) return data_readers[i];
    return NULL;
}

static int unknown_kind(const char *path, bool is_folder, NnError *error)
{
    nn_fail(error, NN_BAD_INPUT, "%s is not a data set of a known kind (", path);
    for (int i = 0; data_readers[i]; i++) {
        size_t length = strlen(error->text);
        snprintf(error->text + length, sizeof error->text - length, "%s%s", i ? "; " : "", data_readers[i]->what);
    }
    size_t length = strlen(error->text);
    snprintf(error->text + length, sizeof error->text - length, "%s",
             is_folder ? "): no file of these names is in it" : ")");
    return -1;
}

static int read_with(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    bool is_folder = folder_exists(path);
    const Reader *reader = find_reader(path, is_folder);
    if (!reader) return unknown_kind(path, is_folder, error);
    data->format = reader->what;
    if (options->target && reader != &reader_csv)
        return nn_fail(error, NN_BAD_INPUT, "--column names a column, and %s (%s) has none", path, reader->what);
    return reader->read(path, options, data, error);
}

Dataset *dataset_open(const char *path, const DatasetOptions *options, NnError *error)
{
    char found[DATA_PATH_BYTES];
    if (find_path(found, path, error)) return NULL;
    Dataset *data = calloc(1, sizeof *data);
    if (!data || !(data->path = strdup(found))) {
        nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the data set");
        free(data);
        return NULL;
    }
    if (read_with(found, options, data, error)) {
        dataset_free(data);
        return NULL;
    }
    for (int i = 0; data->class_names && i < data->class_count; i++)
        if (data->class_names[i]) nn_make_utf8(data->class_names[i]);
    return data;
}

static void samples_free(Samples *samples)
{
    free(samples->pixels);
    free(samples->numbers);
    free(samples->values);
    free(samples->labels);
    free(samples->targets);
    free(samples->labels_path);
}

void dataset_free(Dataset *data)
{
    if (!data) return;
    samples_free(&data->part[DATA_TRAIN]);
    if (!data->shared) samples_free(&data->part[DATA_TEST]);
    samples_free(&data->part[DATA_VALID]);
    for (int i = 0; i < NAMED_TARGETS; i++) {
        free(data->named[i].at[DATA_TRAIN]);
        if (!data->shared) free(data->named[i].at[DATA_TEST]);
        free(data->named[i].at[DATA_VALID]);
    }
    for (int i = 0; data->class_names && i < data->class_count; i++) free(data->class_names[i]);
    free(data->class_names);
    source_free(data->source);
    free(data->division.classes);
    free(data->path);
    free(data);
}

void dataset_ignore(Dataset *data, int64_t ignored)
{
    for (int part = 0; part < DATA_PARTS && !data->map[0]; part++) {
        Samples *samples = &data->part[part];
        for (int i = 0; samples->labels && i < samples->count; i++)
            if (samples->labels[i] == ignored) samples->labels[i] = NO_CLASS;
    }
}

int dataset_unlabelled(const Dataset *data, DataPart part)
{
    const Samples *samples = &data->part[part];
    for (int i = 0; samples->labels && !data->map[0] && i < samples->count; i++)
        if (samples->labels[i] == NO_CLASS) return i;
    return -1;
}

/* The first label that is not below `classes`, or NULL. */
static const int32_t *find_beyond(const Samples *samples, size_t each, int classes)
{
    const int32_t *end = samples->labels + (size_t)samples->count * each;
    for (const int32_t *at = samples->labels; at && at < end; at++)
        if (*at >= classes) return at;
    return NULL;
}

const char *dataset_label_beyond(const Dataset *data, int classes, char out[DATASET_LABEL_TEXT])
{
    const size_t each = dataset_label_count(data);
    out[0] = 0;
    for (int part = 0; part < DATA_PARTS && !data->class_names; part++) {
        const Samples *samples = &data->part[part];
        const int32_t *found = find_beyond(samples, each, classes);
        if (!found) continue;
        const char *path = samples->labels_path ? samples->labels_path : data->path;
        snprintf(out, DATASET_LABEL_TEXT, ": sample %zu of %.400s has class %d",
                 (size_t)(found - samples->labels) / each, path, *found);
        break;
    }
    return out;
}

/* ---- two classes written as values ------------------------------------------- */

static bool all_are(const Samples *samples, float no)
{
    for (int i = 0; samples->targets && i < samples->count; i++)
        if (samples->targets[i] != no && samples->targets[i] != 1) return false;
    return samples->targets != NULL;
}

static bool all_parts_are(const Dataset *data, float no)
{
    for (int part = 0; part < DATA_PARTS; part++)
        if (data->part[part].count && !all_are(&data->part[part], no)) return false;
    return true;
}

static int label_binary(Samples *samples, NnError *error)
{
    samples->labels = malloc((size_t)samples->count * sizeof *samples->labels);
    if (!samples->labels) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the classes");
    for (int i = 0; i < samples->count; i++) samples->labels[i] = samples->targets[i] == 1;
    return 0;
}

int dataset_binary(Dataset *data, bool signs, NnError *error)
{
    if (data->class_count || data->target_count != 1) return 0;
    if (!all_parts_are(data, 0) && !(signs && all_parts_are(data, -1))) return 0;
    for (int part = 0; part < DATA_PARTS; part++) {
        Samples *samples = &data->part[part];
        if (part == DATA_TEST && data->shared)
            samples->labels = data->part[DATA_TRAIN].labels;
        else if (samples->count && label_binary(samples, error))
            return -1;
    }
    data->class_count = 2;
    return 0;
}
