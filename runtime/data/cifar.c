/*
 * Reader of the binary form of CIFAR-10 and CIFAR-100.
 *
 * A file is a row of records without a header: one byte for the class (two in
 * CIFAR-100: the coarse one and the fine one), then 3072 bytes of pixels, red,
 * green and blue planes of 32×32.  Since nothing in a file says what it is, its
 * size must be a whole number of records and every class one that exists.  The
 * fine classes are the ones that are learnt.
 */
#include "runtime/data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, CHANNELS = 3, SIDE = 32, PIXELS = CHANNELS * SIDE * SIDE };

/* What distinguishes the two sets. */
typedef struct Form {
    const char *folder; /* as the archive names it */
    const char *train[6], *test;
    const char *names;
    int label_bytes, classes;
} Form;

static const Form forms[] = {
    {"cifar-10-batches-bin",
     {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", NULL},
     "test_batch.bin",
     "batches.meta.txt",
     1,
     10},
    {"cifar-100-binary", {"train.bin", NULL}, "test.bin", "fine_label_names.txt", 2, 100},
};
enum { FORMS = sizeof forms / sizeof *forms };

/* ---- names ----------------------------------------------------------------------- */

static bool path_if_present(char *out, const char *folder, const char *name)
{
    return snprintf(out, PATH_BYTES, "%s/%s", folder, name) < PATH_BYTES && !access(out, F_OK);
}

static bool holds(const char *folder, const Form *form)
{
    char path[PATH_BYTES];
    return path_if_present(path, folder, form->train[0]) || path_if_present(path, folder, form->test);
}

/* The files may be in the folder or in the one that the archive makes in it. */
static const Form *find_form(const char *folder, char *out)
{
    for (int i = 0; i < FORMS; i++)
        if (holds(folder, &forms[i])) {
            snprintf(out, PATH_BYTES, "%s", folder);
            return &forms[i];
        }
    for (int i = 0; i < FORMS; i++)
        if (path_if_present(out, folder, forms[i].folder) && holds(out, &forms[i])) return &forms[i];
    return NULL;
}

static bool cifar_recognises(const char *path, bool is_folder)
{
    char folder[PATH_BYTES];
    return is_folder && find_form(path, folder);
}

/* ---- records --------------------------------------------------------------------- */

static int grow(Samples *samples, size_t records, NnError *error)
{
    size_t count = (size_t)samples->count + records;
    uint8_t *pixels = realloc(samples->pixels, count * PIXELS);
    if (pixels) samples->pixels = pixels;
    int32_t *labels = realloc(samples->labels, count * sizeof *labels);
    if (labels) samples->labels = labels;
    if (pixels && labels) return 0;
    return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for %zu images", count);
}

static int take_records(const char *path, const Form *form, const unsigned char *bytes, size_t size, Samples *samples,
                        NnError *error)
{
    size_t record = (size_t)form->label_bytes + PIXELS, records = size / record;
    if (!size || size % record)
        return nn_fail(error, NN_BAD_INPUT,
                       "%s has %zu bytes, not a multiple of the %zu bytes of an image: truncated, or of another format",
                       path, size, record);
    if (records > (size_t)(INT32_MAX - samples->count))
        return nn_fail(error, NN_BAD_INPUT, "%s has %zu images: too many", path, records);
    if (grow(samples, records, error)) return -1;
    for (size_t i = 0; i < records; i++) {
        const unsigned char *at = bytes + i * record;
        int label = at[form->label_bytes - 1];
        if (label >= form->classes)
            return nn_fail(error, NN_BAD_INPUT, "%s: image %zu has class %d, there are %d: damaged", path, i, label,
                           form->classes);
        samples->labels[samples->count] = label;
        memcpy(samples->pixels + (size_t)samples->count * PIXELS, at + form->label_bytes, PIXELS);
        samples->count++;
    }
    return 0;
}

static int read_records(const char *folder, const char *name, const Form *form, Samples *samples, NnError *error)
{
    char path[PATH_BYTES];
    size_t size;
    if (!path_if_present(path, folder, name)) return nn_fail(error, NN_BAD_INPUT, "%s/%s is missing", folder, name);
    char *bytes = nn_read_file(path, &size, error);
    if (!bytes) return -1;
    int failed = take_records(path, form, (const unsigned char *)bytes, size, samples, error);
    free(bytes);
    return failed;
}

/* ---- names of the classes ---------------------------------------------------------- */

/* One name a line; empty lines do not count. */
static int take_names(const char *path, char *text, const Form *form, Dataset *data, NnError *error)
{
    int count = 0;
    char *rest = text;
    data->class_names = calloc((size_t)form->classes, sizeof *data->class_names);
    if (!data->class_names) return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the names of the classes");
    for (char *line; (line = strsep(&rest, "\r\n"));) {
        if (!*line) continue;
        if (count < form->classes && !(data->class_names[count] = strdup(line)))
            return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the names of the classes");
        count++;
    }
    if (count == form->classes) return 0;
    return nn_fail(error, NN_BAD_INPUT, "%s names %d classes, there are %d", path, count, form->classes);
}

static int read_names(const char *folder, const Form *form, Dataset *data, NnError *error)
{
    char path[PATH_BYTES];
    size_t size;
    if (!path_if_present(path, folder, form->names)) return 0;
    char *text = nn_read_file(path, &size, error);
    if (!text) return -1;
    int failed = take_names(path, text, form, data, error);
    free(text);
    return failed;
}

/* ---- the data set -------------------------------------------------------------------- */

static int cifar_read(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    (void)options;
    char folder[PATH_BYTES];
    const Form *form = find_form(path, folder);
    data->rank = 3;
    data->dims[0] = CHANNELS;
    data->dims[1] = data->dims[2] = SIDE;
    data->elements = PIXELS;
    data->class_count = form->classes;
    data->target_count = 1;
    for (int i = 0; form->train[i]; i++)
        if (read_records(folder, form->train[i], form, &data->part[DATA_TRAIN], error)) return -1;
    if (read_records(folder, form->test, form, &data->part[DATA_TEST], error)) return -1;
    return read_names(folder, form, data, error);
}

const Reader reader_cifar = {"CIFAR binary files: data_batch_1.bin … test_batch.bin, or train.bin and test.bin",
                             cifar_recognises, cifar_read};
