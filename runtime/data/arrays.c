/*
 * Reader of NumPy's arrays: an .npz, or a folder of .npy files.
 *
 * Enters: x_train, y_train, x_test, y_test, perhaps x_valid and y_valid, or x and y
 * alone, which are split; a large X or Y does as well.  Leaves: samples along the first dimension.
 * Three and four dimensions are images (grey; channels first or last), two are
 * columns.  uint8 is pixels of 0…255, other types are values as they are.
 * Whole numbers as targets are classes, floats are values.
 */
#include "runtime/data/parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, MAX_CLASSES = 100000 };

/* In the order of DataPart. */
typedef enum Role { X_TRAIN, Y_TRAIN, X_TEST, Y_TEST, X_VALID, Y_VALID, ROLES } Role;

static const char *const names[ROLES][5] = {
    [X_TRAIN] = {"x_train", "X_train", "x", "X", NULL},
    [Y_TRAIN] = {"y_train", "Y_train", "y", "Y", NULL},
    [X_TEST] = {"x_test", "X_test", "x_val", "X_val", NULL},
    [Y_TEST] = {"y_test", "Y_test", "y_val", "Y_val", NULL},
    [X_VALID] = {"x_valid", "X_valid", "x_val", "X_val", NULL},
    [Y_VALID] = {"y_valid", "Y_valid", "y_val", "Y_val", NULL},
};

static Role x_of(DataPart part) { return (Role)(2 * (int)part); }
static Role y_of(DataPart part) { return (Role)(2 * (int)part + 1); }

typedef struct Arrays {
    const DatasetOptions *options;
    Dataset *data;
    NnTensors *file[ROLES]; /* of a folder; an .npz is the first */
    const NnTensor *at[ROLES];
    char what[ROLES][PATH_BYTES]; /* for messages */
    bool last;                    /* channels are the last dimension */
} Arrays;

/* ---- names -------------------------------------------------------------------------- */

static bool has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), end = strlen(ending);
    return length > end && !strcasecmp(path + length - end, ending);
}

static bool find_array(const char *folder, Role role, char *out)
{
    for (int i = 0; names[role][i]; i++)
        if (snprintf(out, PATH_BYTES, "%s/%s.npy", folder, names[role][i]) < PATH_BYTES && !access(out, F_OK))
            return true;
    return false;
}

/* The folder that FOLDER/x_train.npy is in. */
static bool folder_of(const char *path, char *folder)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t length = strlen(base) - 4;
    snprintf(folder, PATH_BYTES, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    for (int role = 0; role < ROLES; role++)
        for (int i = 0; names[role][i]; i++)
            if (strlen(names[role][i]) == length && !strncmp(base, names[role][i], length)) return true;
    return false;
}

static bool arrays_recognises(const char *path, bool is_folder)
{
    char name[PATH_BYTES];
    if (is_folder) return find_array(path, X_TRAIN, name);
    return has_ending(path, ".npz") || (has_ending(path, ".npy") && folder_of(path, name));
}

/* ---- files ---------------------------------------------------------------------------- */

static int open_folder(Arrays *a, const char *folder, NnError *error)
{
    for (int role = 0; role < ROLES; role++) {
        if (!find_array(folder, role, a->what[role])) continue;
        a->file[role] = nn_tensors_open(a->what[role], error);
        if (!a->file[role]) return -1;
        a->at[role] = nn_tensors_at(a->file[role], 0);
    }
    return 0;
}

static int open_archive(Arrays *a, const char *path, NnError *error)
{
    a->file[0] = nn_tensors_open(path, error);
    if (!a->file[0]) return -1;
    for (int role = 0; role < ROLES; role++)
        for (int i = 0; names[role][i] && !a->at[role]; i++) {
            a->at[role] = nn_tensors_find(a->file[0], names[role][i]);
            if (!a->at[role]) continue;
            snprintf(a->what[role], PATH_BYTES, "%s: %s", path, names[role][i]);
            if (nn_tensors_fetch(a->file[0], a->at[role], error)) return -1;
        }
    return 0;
}

/* What is there, for the message that something is not. */
static int missing(const Arrays *a, const char *path, const char *what, NnError *error)
{
    nn_fail(error, NN_BAD_INPUT, "%s has no %s", path, what);
    for (int i = 0, count = has_ending(path, ".npz") ? nn_tensors_count(a->file[0]) : 0; i < count && i < 12; i++) {
        size_t length = strlen(error->text);
        snprintf(error->text + length, sizeof error->text - length, "%s%.80s", i ? ", " : "; it has ",
                 nn_tensors_at(a->file[0], i)->name);
    }
    return -1;
}

/* x_val is the test part where there is no x_test. */
static void drop_valid_of_test(Arrays *a)
{
    for (int role = X_VALID; role < ROLES; role++) {
        const int test = role - X_VALID + X_TEST;
        if (a->at[role] && a->at[test] && !strcmp(a->what[role], a->what[test])) a->at[role] = NULL;
    }
}

static int open_all(Arrays *a, const char *path, NnError *error)
{
    char folder[PATH_BYTES];
    bool one = has_ending(path, ".npz") && access(path, F_OK) == 0;
    if (!one && !(has_ending(path, ".npy") && folder_of(path, folder))) snprintf(folder, sizeof folder, "%s", path);
    if (one ? open_archive(a, path, error) : open_folder(a, folder, error)) return -1;
    if (!a->at[X_TRAIN]) return missing(a, path, "x_train or x", error);
    if (!a->at[Y_TRAIN]) return missing(a, path, "y_train or y", error);
    drop_valid_of_test(a);
    if (!a->at[X_TEST] != !a->at[Y_TEST]) return missing(a, path, a->at[X_TEST] ? "y_test" : "x_test", error);
    if (!a->at[X_VALID] != !a->at[Y_VALID]) return missing(a, path, a->at[X_VALID] ? "y_valid" : "x_valid", error);
    return 0;
}

/* ---- samples ---------------------------------------------------------------------------- */

static bool is_colours(int64_t n) { return n == 1 || n == 3; }

/* [N][H][W][C] rather than [N][C][H][W]: by which of the two is a number of
 * colours, and where both or neither is, by the net. */
static bool channels_last(const NnTensor *x, const int net[3])
{
    bool first = is_colours(x->dims[1]), last = is_colours(x->dims[3]);
    if (first != last) return last;
    return net[0] && x->dims[1] != net[0] && x->dims[3] == net[0];
}

static int array_shape(Arrays *a, NnError *error)
{
    const NnTensor *x = a->at[X_TRAIN];
    Dataset *data = a->data;
    int64_t dims[3] = {1, 1, 1};
    char text[NN_DIMS_TEXT];
    if (x->rank < 1 || x->rank > 4 || x->count < 1)
        return nn_fail(error, NN_BAD_INPUT,
                       "%s is %s; samples are [N][columns], [N][H][W], [N][C][H][W] or [N][H][W][C]", a->what[X_TRAIN],
                       nn_dims_text(x->rank, x->dims, text));
    a->last = x->rank == 4 && channels_last(x, a->options->net);
    data->rank = x->rank > 2 ? 3 : 1;
    if (x->rank == 2) dims[0] = x->dims[1];
    for (int i = 0; x->rank > 2 && i < x->rank - 1; i++)
        dims[a->last ? (i + 1) % 3 : x->rank == 3 ? i + 1 : i] = x->dims[i + 1];
    for (int i = 0; i < 3; i++) {
        if (dims[i] > INT32_MAX) return nn_fail(error, NN_BAD_INPUT, "%s is too large", a->what[X_TRAIN]);
        data->dims[i] = (int)dims[i];
    }
    data->elements = x->count / (size_t)x->dims[0];
    return 0;
}

/* The samples of other parts are like the training ones. */
static int check_alike(const Arrays *a, Role role, NnError *error)
{
    const NnTensor *x = a->at[X_TRAIN], *test = a->at[role];
    bool alike = x->rank == test->rank && (x->type == NN_U8) == (test->type == NN_U8);
    char train_text[NN_DIMS_TEXT], test_text[NN_DIMS_TEXT];
    for (int i = 1; alike && i < x->rank; i++) alike = x->dims[i] == test->dims[i];
    if (alike && test->count) return 0;
    return nn_fail(error, NN_BAD_INPUT, "%s is %s of type %s, %s is %s of type %s", a->what[role],
                   nn_dims_text(test->rank, test->dims, test_text), nn_type_name(test->type), a->what[X_TRAIN],
                   nn_dims_text(x->rank, x->dims, train_text), nn_type_name(x->type));
}

/* [H·W][C] → [C][H·W], elements of `size` bytes */
static void planes_first(const unsigned char *in, size_t area, size_t channels, size_t size, unsigned char *out)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < area; i++, out += size) memcpy(out, in + (i * channels + c) * size, size);
}

static int check_finite(const float *values, size_t count, size_t elements, const char *what, NnError *error)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return nn_fail(error, NN_BAD_INPUT, "%s: a value of sample %zu is %g", what, i / elements,
                           (double)values[i]);
    return 0;
}

static void turn_samples(const Dataset *data, void *bytes, int count, size_t size, unsigned char *sample)
{
    size_t area = (size_t)data->dims[1] * (size_t)data->dims[2], whole = data->elements * size;
    for (int i = 0; i < count; i++) {
        memcpy(sample, (unsigned char *)bytes + (size_t)i * whole, whole);
        planes_first(sample, area, (size_t)data->dims[0], size, (unsigned char *)bytes + (size_t)i * whole);
    }
}

static int take_x(const Arrays *a, Role role, Samples *samples, NnError *error)
{
    const NnTensor *x = a->at[role];
    size_t size = x->type == NN_U8 ? 1 : sizeof(float);
    if (x->dims[0] > INT32_MAX) return nn_fail(error, NN_BAD_INPUT, "%s has too many samples", a->what[role]);
    samples->count = (int)x->dims[0];
    void *bytes = malloc(x->count * size);
    unsigned char *sample = malloc(a->data->elements * size);
    if (size == 1)
        samples->pixels = bytes;
    else
        samples->values = bytes;
    if (!bytes || !sample) {
        free(sample);
        return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for %s", a->what[role]);
    }
    if (size == 1)
        memcpy(bytes, x->data, x->count);
    else
        nn_tensor_floats(x, bytes);
    if (a->last) turn_samples(a->data, bytes, samples->count, size, sample);
    free(sample);
    return samples->values ? check_finite(samples->values, x->count, a->data->elements, a->what[role], error) : 0;
}

/* ---- targets ------------------------------------------------------------------------------ */

static bool is_float(NnType type) { return type == NN_F16 || type == NN_BF16 || type == NN_F32 || type == NN_F64; }

/* Of a sample, only a negative number may stand for no class: that another one does is for the loss to say. */
static bool is_no_class(const Arrays *a, int label)
{
    return label == NO_CLASS || ((a->data->map[0] || label < 0) && label == a->options->ignored);
}

static int array_classes(const Arrays *a, Role role, Samples *samples, NnError *error)
{
    const NnTensor *y = a->at[role];
    samples->labels = malloc(y->count * sizeof *samples->labels + 1);
    if (!samples->labels) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for %s", a->what[role]);
    if (nn_tensor_ints(y, samples->labels, error)) return -1;
    samples->labels_path = strdup(a->what[role]);
    for (size_t i = 0; i < y->count; i++) {
        int label = samples->labels[i];
        if (is_no_class(a, label)) {
            samples->labels[i] = NO_CLASS;
            continue;
        }
        if (label < 0 || label >= MAX_CLASSES)
            return nn_fail(error, NN_BAD_INPUT, "%s: sample %zu has class %d; classes are 0, 1, 2 … below %d",
                           a->what[role], i / (y->count / (size_t)y->dims[0]), label, MAX_CLASSES);
        if (label >= a->data->class_count) a->data->class_count = label + 1;
    }
    return 0;
}

static int take_values(const Arrays *a, Role role, Samples *samples, NnError *error)
{
    const NnTensor *y = a->at[role];
    samples->targets = malloc(y->count * sizeof *samples->targets + 1);
    if (!samples->targets) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for %s", a->what[role]);
    nn_tensor_floats(y, samples->targets);
    return check_finite(samples->targets, y->count, (size_t)a->data->target_count, a->what[role], error);
}

/* Rows of one 1 among zeros, for a loss over classes; 0: they are, 1: they are not. */
static int take_one_hot(Arrays *a, Samples *samples, NnError *error)
{
    int width = a->data->target_count;
    samples->labels = malloc((size_t)samples->count * sizeof *samples->labels + 1);
    if (!samples->labels) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the classes");
    for (int i = 0; i < samples->count; i++) {
        const float *row = samples->targets + (size_t)i * (size_t)width;
        int ones = 0, zeros = 0;
        for (int c = 0; c < width; c++) {
            if (row[c] == 1) samples->labels[i] = c;
            ones += row[c] == 1;
            zeros += row[c] == 0;
        }
        if (ones != 1 || zeros != width - 1) return 1;
    }
    return 0;
}

/* All targets are whole numbers from 0: classes that were saved as floats. */
static int take_whole(Arrays *a, Samples *samples, NnError *error)
{
    samples->labels = malloc((size_t)samples->count * sizeof *samples->labels + 1);
    if (!samples->labels) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the classes");
    for (int i = 0; i < samples->count; i++) {
        float value = samples->targets[i];
        if (value != NO_CLASS && (value < 0 || value >= MAX_CLASSES || value != floorf(value))) return 1;
        samples->labels[i] = (int32_t)value;
        if (samples->labels[i] >= a->data->class_count) a->data->class_count = samples->labels[i] + 1;
    }
    return 0;
}

/* A loss over classes gets what values can mean as classes. */
static int values_to_classes(Arrays *a, NnError *error)
{
    Dataset *data = a->data;
    for (int part = 0; part < DATA_PARTS; part++) {
        Samples *samples = &data->part[part];
        if (!samples->count) continue;
        int other = data->target_count > 1 ? take_one_hot(a, samples, error) : take_whole(a, samples, error);
        if (other < 0) return -1;
        if (other)
            return nn_fail(error, NN_BAD_INPUT, "%s holds values that are not classes, but the loss takes classes",
                           a->what[y_of(part)]);
    }
    if (data->target_count > 1) data->class_count = data->target_count;
    data->target_count = 1;
    for (int part = 0; part < DATA_PARTS; part++) {
        free(data->part[part].targets);
        data->part[part].targets = NULL;
    }
    return 0;
}

/* [N][H][W] or [N][1][H][W] of integers, for a loss over classes. */
static bool is_class_map(const Arrays *a, const NnTensor *y)
{
    bool map = y->rank == 3 || (y->rank == 4 && y->dims[1] == 1);
    return map && !a->options->values && !a->options->soft && !is_float(y->type);
}

static int take_map(Arrays *a, Role role, Samples *samples, NnError *error)
{
    const NnTensor *y = a->at[role];
    int map[2] = {(int)y->dims[y->rank - 2], (int)y->dims[y->rank - 1]};
    if (role != Y_TRAIN && (map[0] != a->data->map[0] || map[1] != a->data->map[1]))
        return nn_fail(error, NN_BAD_INPUT, "%s has class maps of %dx%d, %s of %dx%d", a->what[role], map[0], map[1],
                       a->what[Y_TRAIN], a->data->map[0], a->data->map[1]);
    memcpy(a->data->map, map, sizeof map);
    a->data->target_count = 1;
    return array_classes(a, role, samples, error);
}

static int take_y(Arrays *a, Role role, Samples *samples, NnError *error)
{
    const NnTensor *y = a->at[role];
    char text[NN_DIMS_TEXT];
    if (y->rank < 1 || y->dims[0] != samples->count || !y->count)
        return nn_fail(error, NN_BAD_INPUT, "%s is %s, for %d samples", a->what[role],
                       nn_dims_text(y->rank, y->dims, text), samples->count);
    size_t width = y->count / (size_t)y->dims[0];
    if (is_class_map(a, y)) return take_map(a, role, samples, error);
    bool classes = width == 1 && !is_float(y->type);
    if (width > INT32_MAX || (role != Y_TRAIN && ((int)width != a->data->target_count ||
                                                  classes != (a->data->part[DATA_TRAIN].labels != NULL))))
        return nn_fail(error, NN_BAD_INPUT, "%s is %s of type %s, unlike %s", a->what[role],
                       nn_dims_text(y->rank, y->dims, text), nn_type_name(y->type), a->what[Y_TRAIN]);
    a->data->target_count = (int)width;
    return classes ? array_classes(a, role, samples, error) : take_values(a, role, samples, error);
}

/* ---- named targets ------------------------------------------------------------------------- */

/* The array of a named target for a part: NAME_train, NAME_test (or NAME_val), NAME_valid (or
 * NAME_val); NAME alone is for data without a test part. */
static const char *const named_endings[DATA_PARTS][4] = {
    [DATA_TRAIN] = {"_train", "", NULL},
    [DATA_TEST] = {"_test", "_val", NULL},
    [DATA_VALID] = {"_valid", "_val", NULL},
};

/* Leaves its file open in *file; NULL: it has none of its own. */
static const NnTensor *find_named_array(const Arrays *a, const char *path, const char *name, NnTensors **file,
                                        NnError *error)
{
    char at[PATH_BYTES];
    *file = NULL;
    if (!a->file[1]) return nn_tensors_find(a->file[0], name);
    if (snprintf(at, sizeof at, "%s/%s.npy", path, name) >= PATH_BYTES || access(at, F_OK)) return NULL;
    *file = nn_tensors_open(at, error);
    return *file ? nn_tensors_at(*file, 0) : NULL;
}

static int take_named_array(const Arrays *a, NnTensors *file, const NnTensor *t, DataPart part, NamedValues *values,
                            NnError *error)
{
    const int samples = a->data->part[part].count;
    char text[NN_DIMS_TEXT];
    if (nn_tensors_fetch(file, t, error)) return -1;
    if (t->rank < 1 || t->dims[0] != samples || !t->count)
        return nn_fail(error, NN_BAD_INPUT, "%s is %s, for %d samples", t->name, nn_dims_text(t->rank, t->dims, text),
                       samples);
    const size_t count = t->count / (size_t)t->dims[0];
    if (part != DATA_TRAIN && count != values->count)
        return nn_fail(error, NN_BAD_INPUT, "%s is %s, unlike that of the training part", t->name,
                       nn_dims_text(t->rank, t->dims, text));
    values->count = count;
    values->at[part] = malloc(t->count * sizeof(float));
    if (!values->at[part]) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for %s", t->name);
    nn_tensor_floats(t, values->at[part]);
    return 0;
}

static int take_named_part(const Arrays *a, const char *path, int index, DataPart part, NnError *error)
{
    const char *target = a->options->named[index].name;
    for (int i = 0; named_endings[part][i]; i++) {
        char name[128];
        NnTensors *file;
        snprintf(name, sizeof name, "%s%s", target, named_endings[part][i]);
        const NnTensor *t = find_named_array(a, path, name, &file, error);
        int failed = error->status != 0;
        if (t) failed = take_named_array(a, file ? file : a->file[0], t, part, &a->data->named[index], error);
        nn_tensors_close(file);
        if (t || failed) return failed;
    }
    return nn_fail(error, NN_BAD_INPUT, "%s has no %s%s, the net's target %s", path, target, named_endings[part][0],
                   target);
}

static int take_named(const Arrays *a, const char *path, NnError *error)
{
    for (int i = 0; i < a->options->named_count; i++)
        for (int part = 0; part < DATA_PARTS; part++)
            if (a->at[x_of(part)] && take_named_part(a, path, i, part, error)) return -1;
    return 0;
}

/* ---- the data set ---------------------------------------------------------------------------- */

static int take_array_part(Arrays *a, DataPart part, NnError *error)
{
    Samples *samples = &a->data->part[part];
    const Role x = x_of(part), y = y_of(part);
    if (part != DATA_TRAIN && check_alike(a, x, error)) return -1;
    return take_x(a, x, samples, error) || take_y(a, y, samples, error) ? -1 : 0;
}

static int take_all(Arrays *a, const char *path, NnError *error)
{
    const Samples *train = &a->data->part[DATA_TRAIN];
    if (array_shape(a, error)) return -1;
    for (int part = 0; part < DATA_PARTS; part++)
        if (a->at[x_of(part)] && take_array_part(a, part, error)) return -1;
    bool rows = a->options->soft && a->data->target_count > 1; /* of probabilities */
    if (!train->labels && !a->options->values && !rows && values_to_classes(a, error)) return -1;
    if (take_named(a, path, error)) return -1;
    return a->at[X_TEST] ? 0 : dataset_split(a->data, error);
}

static int arrays_read(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    Arrays *a = nn_alloc(sizeof *a, error);
    if (!a) return -1;
    a->options = options;
    a->data = data;
    int failed = open_all(a, path, error) || take_all(a, path, error) ? -1 : 0;
    for (int role = 0; role < ROLES; role++) nn_tensors_close(a->file[role]);
    free(a);
    return failed;
}

const Reader reader_arrays = {"NumPy arrays: FILE.npz, or a folder with x_train.npy and y_train.npy", arrays_recognises,
                              arrays_read};
