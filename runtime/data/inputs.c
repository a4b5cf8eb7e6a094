/*
 * Reader of single files for prediction: pictures, arrays, numbers.
 */
#define _GNU_SOURCE /* memfd_create */
#include "runtime/data/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/core/new_file.h"
#include "runtime/core/zip.h"
#include "runtime/data/decode.h"
#include "runtime/program/pnm.h"

enum { PATH_BYTES = 4096, NAME_BYTES = PATH_BYTES + 32, FOLDER_DEPTH = 16 };

typedef struct InputReader {
    const Fitting *fitting;
    NnInputVisitor visit;
    void *user;
    float *x;          /* [fitting->elements] */
    const char *array; /* of an .npz, as the path says; NULL: the first */
    NnError *error;
} InputReader;

void fitting_init_net(Fitting *f, int rank, const int *dims, NnFit fit)
{
    *f = (Fitting){.fit = fit, .rank = rank, .alone = true, .rows = rank != 3, .elements = 1};
    for (int i = 0; i < 3; i++) {
        int size = i < rank ? dims[i] : 1;
        f->dims[i] = f->from[i] = f->to[i] = size;
        f->elements *= (size_t)size;
    }
    f->channels = f->to[0];
}

/* ---- one sample --------------------------------------------------------------------- */

/* Values that have the net's shape already. */
static int visit_values(InputReader *r, const char *name, const float *values)
{
    const Fitting *f = r->fitting;
    fitting_place(f, values, f->to[1], f->to[2], r->x, NULL);
    return r->visit(r->user, name, r->x);
}

/* An image of any size: bytes, or values where `pixels` is NULL. */
static int visit_image(InputReader *r, const char *name, const uint8_t *pixels, const float *values, const int dims[3])
{
    Fitting f = *r->fitting;
    if (f.rank != 3)
        return nn_fail(r->error, NN_BAD_INPUT, "%s is an image of %dx%dx%d; the net takes %zu values", name, dims[0],
                       dims[1], dims[2], f.elements);
    if (dims[0] != f.to[0] && !(dims[0] == 1 && f.to[0] == 3) && !(dims[0] == 3 && f.to[0] == 1))
        return nn_fail(r->error, NN_BAD_INPUT, "%s has %d channels, the net takes %d", name, dims[0], f.to[0]);
    NnError why = {0};
    if (fitting_check_size(&f, dims[1], dims[2], &why))
        return nn_fail(r->error, NN_BAD_INPUT, "%s: %s", name, why.text);
    memcpy(f.from, dims, sizeof f.from);
    f.pixels = pixels != NULL;
    size_t area = (size_t)dims[1] * (size_t)dims[2];
    float *planes = nn_memory(((size_t)f.to[0] * area + (size_t)dims[1] * (size_t)f.to[2]) * sizeof *planes, r->error);
    if (!planes) return -1;
    fitting_load(&f, (RawSample){pixels, values}, planes);
    fitting_place(&f, planes, dims[1], dims[2], r->x, planes + (size_t)f.to[0] * area);
    free(planes);
    return r->visit(r->user, name, r->x);
}

static const char *sample_name(const char *path, size_t index, size_t count, char out[NAME_BYTES])
{
    if (count == 1) return path;
    snprintf(out, NAME_BYTES, "%s[%zu]", path, index);
    return out;
}

/* ---- files by kind ------------------------------------------------------------------- */

static int read_image(InputReader *r, const char *path, const char *name)
{
    ImageHead head;
    if (image_head(path, &head, r->error)) return -1;
    int dims[3] = {head.grey ? 1 : 3, head.height, head.width};
    uint8_t *pixels = nn_memory((size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2], r->error);
    int failed =
        !pixels || image_decode(path, &head, dims[0], pixels, r->error) || visit_image(r, name, pixels, NULL, dims);
    free(pixels);
    return failed ? -1 : 0;
}

static int read_pnm(InputReader *r, const char *bytes, size_t size, const char *name)
{
    const unsigned char *file = (const unsigned char *)bytes;
    nn_pnm image;
    if (nn_pnm_read(file, size, &image))
        return nn_fail(r->error, NN_BAD_INPUT, "%s is no PGM or PPM image with one byte for each value", name);
    int dims[3] = {image.channels, image.height, image.width};
    uint8_t *pixels = nn_memory((size_t)dims[0] * (size_t)dims[1] * (size_t)dims[2], r->error);
    if (!pixels) return -1;
    nn_pnm_planes(file, &image, pixels);
    int failed = visit_image(r, name, pixels, NULL, dims);
    free(pixels);
    return failed;
}

/* One or more samples of `inner` axes; no axis is empty. */
static bool splits_into(const NnTensor *t, int inner, size_t *count)
{
    for (int i = 0; i < t->rank; i++)
        if (t->dims[i] < 1 || t->dims[i] > INT32_MAX) return false;
    *count = t->rank > inner ? (size_t)t->dims[0] : 1;
    return t->rank == inner || t->rank == inner + 1;
}

/* The axes of an image of any size; where the net takes one channel, it may do without that axis. */
static bool split_images(const Fitting *f, const NnTensor *t, int dims[3], size_t *count)
{
    const int inner = t->rank == 2 || (t->rank == 3 && f->to[0] == 1) ? 2 : 3;
    if (!splits_into(t, inner, count)) return false;
    dims[0] = 1;
    for (int i = 0; i < inner; i++) dims[3 - inner + i] = (int)t->dims[t->rank - inner + i];
    return true;
}

/* Values have all axes of the net's input, or are in a row. */
static bool split_values(const Fitting *f, const NnTensor *t, size_t *count)
{
    bool same = splits_into(t, f->rank, count);
    for (int i = 0; same && i < f->rank; i++) same = t->dims[t->rank - f->rank + i] == f->dims[i];
    return same || (splits_into(t, 1, count) && (size_t)t->dims[t->rank - 1] == f->elements);
}

/* Leaves how many samples there are, and the axes of images; false where the shape does not fit. */
static bool split_shape(const Fitting *f, const NnTensor *t, int dims[3], size_t *count)
{
    return f->rank == 3 ? split_images(f, t, dims, count) : split_values(f, t, count);
}

static int read_samples_of(InputReader *r, const NnTensor *t, const char *name)
{
    char text[NN_DIMS_TEXT], label[NAME_BYTES];
    int dims[3], failed = 0;
    size_t count = 0;
    if (!split_shape(r->fitting, t, dims, &count))
        return nn_fail(r->error, NN_BAD_INPUT, "%s is %s, which is no input of the net", name,
                       nn_dims_text(t->rank, t->dims, text));
    float *values = nn_memory((t->count + 1) * sizeof *values, r->error);
    if (!values) return -1;
    nn_tensor_floats(t, values);
    const size_t sample = t->count / count;
    for (size_t i = 0; t->type == NN_U8 && i < t->count; i++) values[i] /= 255.0f;
    for (size_t i = 0; !failed && i < count; i++) {
        const char *what = sample_name(name, i, count, label);
        const float *at = values + i * sample;
        failed = r->fitting->rank == 3 ? visit_image(r, what, NULL, at, dims) : visit_values(r, what, at);
    }
    free(values);
    return failed;
}

/* After a message about one of several arrays: the others, with their shapes. */
static void list_arrays(const InputReader *r, const NnTensors *file, const char *after)
{
    char text[NN_DIMS_TEXT], *out = r->error->text;
    for (int i = 0; i < nn_tensors_count(file) && i < 12; i++) {
        const NnTensor *t = nn_tensors_at(file, i);
        const size_t length = strlen(out);
        snprintf(out + length, sizeof r->error->text - length, "%s%.80s (%s)", i ? ", " : after, t->name,
                 nn_dims_text(t->rank, t->dims, text));
    }
}

/* One of the arrays of a file: the named one, or the first. */
static int read_one_array(InputReader *r, NnTensors *file, const char *name)
{
    const NnTensor *t = r->array                 ? nn_tensors_find(file, r->array)
                        : nn_tensors_count(file) ? nn_tensors_at(file, 0)
                                                 : NULL;
    if (!t) {
        nn_fail(r->error, NN_BAD_INPUT, r->array ? "%s: there is no such array" : "%s has no arrays", name);
        list_arrays(r, file, "; the file has ");
        return -1;
    }
    if (nn_tensors_fetch(file, t, r->error)) return -1;
    char label[PATH_BYTES];
    const bool several = !r->array && nn_tensors_count(file) > 1;
    if (several && snprintf(label, sizeof label, "%s:%s", name, t->name) < PATH_BYTES) name = label;
    const int failed = read_samples_of(r, t, name);
    if (failed && several && *r->error->text) list_arrays(r, file, "; name another of ");
    return failed;
}

static int read_array(InputReader *r, const char *path, const char *name)
{
    NnTensors *file = nn_tensors_open(path, r->error);
    if (!file) return -1;
    const int failed = read_one_array(r, file, name);
    nn_tensors_close(file);
    return failed;
}

static int read_raw(InputReader *r, const char *bytes, size_t size, const char *name)
{
    char label[NAME_BYTES];
    size_t each = r->fitting->elements * sizeof(float), count = size / each;
    if (size == 0 || size % each)
        return nn_fail(r->error, NN_BAD_INPUT,
                       "%s is neither an image, an array, text, nor raw floats: its %zu bytes are no multiple of the "
                       "net's %zu (%zu floats)",
                       name, size, each, r->fitting->elements);
    float *values = nn_memory(each, r->error);
    int failed = values ? 0 : -1;
    for (size_t i = 0; !failed && i < count; i++) {
        memcpy(values, bytes + i * each, each);
        failed = visit_values(r, sample_name(name, i, count, label), values);
    }
    free(values);
    return failed;
}

/* ---- rows of numbers ------------------------------------------------------------------ */

static bool ends_field(char c) { return c == ',' || c == ';' || c == '\t' || c == ' '; }

/* The numbers of a line → values, at most `limit`; how many there are, or −1 and *wrong. */
static long read_numbers_of_line(char *line, float *values, size_t limit, char **wrong)
{
    long count = 0;
    for (char *at = line; *at;) {
        while (*at == ' ') at++;
        char *end;
        float value = strtof(at, &end);
        while (*end == ' ') end++;
        if (end == at || (*end && !ends_field(*end) && !ends_field(end[-1]))) {
            *wrong = at;
            return -1;
        }
        if ((size_t)count < limit) values[count] = value;
        count++;
        at = *end && *end != ' ' && ends_field(*end) ? end + 1 : end;
    }
    return count;
}

/* A first line without a number in its first field has the names of the columns. */
static bool is_heading(const char *line)
{
    char *end;
    strtof(line, &end);
    return end == line;
}

static int read_line(InputReader *r, char *line, size_t number, const char *name, float *values)
{
    char label[NAME_BYTES], *wrong = NULL;
    long count = read_numbers_of_line(line, values, r->fitting->elements, &wrong);
    if (count < 0)
        return nn_fail(r->error, NN_BAD_INPUT, "%s:%zu: '%.*s' is no number", name, number, (int)strcspn(wrong, ",;\t"),
                       wrong);
    if ((size_t)count != r->fitting->elements)
        return nn_fail(r->error, NN_BAD_INPUT, "%s:%zu: %ld numbers, the net takes %zu", name, number, count,
                       r->fitting->elements);
    snprintf(label, sizeof label, "%s:%zu", name, number);
    return visit_values(r, label, values);
}

static int read_text(InputReader *r, char *text, const char *name)
{
    float *values = nn_memory(r->fitting->elements * sizeof *values, r->error);
    int failed = values ? 0 : -1;
    size_t number = 1, rows = 0;
    for (char *line = text; !failed && *line; number++) {
        size_t length = strcspn(line, "\n");
        char *next = line + length + (line[length] != '\0');
        line[length] = '\0';
        if (length && line[length - 1] == '\r') line[length - 1] = '\0';
        if (*line && !(number == 1 && is_heading(line))) {
            failed = read_line(r, line, number, name, values);
            rows++;
        }
        line = next;
    }
    if (!failed && rows == 0) failed = nn_fail(r->error, NN_BAD_INPUT, "%s is text without a row of numbers", name);
    free(values);
    return failed;
}

/* ---- what is it? ----------------------------------------------------------------------- */

static bool is_image(const char *bytes, size_t size)
{
    return (size > 3 && !memcmp(bytes, "\xff\xd8\xff", 3)) || (size > 8 && !memcmp(bytes, "\x89PNG\r\n\x1a\n", 8));
}

static bool is_npy(const char *bytes, size_t size) { return size > 6 && !memcmp(bytes, "\x93NUMPY", 6); }

/*
 * Most floats have bytes that no text has.  Some have not (0.7 is "333?", 0.1 is above ASCII):
 * what has the size of samples is text only where its last line ends, or is of numbers.
 */
static bool has_text(const char *bytes, size_t size, size_t sample)
{
    const char *last = bytes;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < ' ' && c != '\t' && c != '\r' && c != '\n') return false;
        if (c == '\n') last = bytes + i + 1;
    }
    return size > 0 && (size % sample || last[strspn(last, "+-.0123456789eE,; \t\r")] == '\0');
}

static int read_input_file(InputReader *r, const char *path, const char *name)
{
    size_t size = 0;
    char *bytes = nn_read_file(path, &size, r->error);
    int failed;
    if (!bytes)
        failed = -1;
    else if (is_image(bytes, size))
        failed = read_image(r, path, name);
    else if (nn_is_pnm((const unsigned char *)bytes, size))
        failed = read_pnm(r, bytes, size, name);
    else if (is_npy(bytes, size) || zip_recognises(bytes, size))
        failed = read_array(r, path, name);
    else if (has_text(bytes, size, r->fitting->elements * sizeof(float)))
        failed = read_text(r, bytes, name);
    else
        failed = read_raw(r, bytes, size, name);
    free(bytes);
    return failed;
}

/* Standard input becomes a file, in memory, first: decoders read theirs from the beginning. */
static int read_standard_input(InputReader *r)
{
    char path[NAME_BYTES];
    size_t size = 0;
    char *bytes = nn_read_file("/dev/stdin", &size, r->error);
    if (!bytes) return -1;
    const int fd = memfd_create("input", MFD_CLOEXEC);
    int failed = fd < 0 || nn_write_all(fd, bytes, size) ? nn_fail_errno(r->error, "cannot keep standard input") : 0;
    free(bytes);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    if (!failed) failed = read_input_file(r, path, "-");
    if (fd >= 0) close(fd);
    return failed;
}

/* ---- folders --------------------------------------------------------------------------- */

static int by_name_of_entry(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}
static int is_shown(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static int read_folder(InputReader *r, const char *path, int depth, int *found)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_shown, by_name_of_entry), failed = 0;
    if (count < 0) return nn_fail_path(r->error, "read", path);
    for (int i = 0; i < count; i++) {
        char below[PATH_BYTES];
        struct stat status;
        bool fits = snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name) < PATH_BYTES;
        free(entries[i]);
        if (failed || !fits || stat(below, &status)) continue;
        if (S_ISDIR(status.st_mode) && depth > 0) {
            failed = read_folder(r, below, depth - 1, found);
        } else if (image_has_name(below)) {
            failed = read_input_file(r, below, below);
            (*found)++;
        }
    }
    free(entries);
    return failed;
}

/* FILE.npz:NAME → FILE.npz and NAME */
static bool split_array_name(const char *path, char file[PATH_BYTES], const char **array)
{
    const char *colon = strrchr(path, ':');
    const size_t length = colon ? (size_t)(colon - path) : 0;
    if (length < 4 || length >= PATH_BYTES || strncmp(colon - 4, ".npz", 4) != 0) return false;
    memcpy(file, path, length);
    file[length] = '\0';
    *array = colon + 1;
    return true;
}

static int read_input(InputReader *r, const char *path)
{
    char file[PATH_BYTES];
    struct stat status;
    int found = 0;
    if (!strcmp(path, "-")) return read_standard_input(r);
    if (access(path, F_OK) && split_array_name(path, file, &r->array)) return read_input_file(r, file, path);
    if (stat(path, &status)) return nn_fail_path(r->error, "read", path);
    if (!S_ISDIR(status.st_mode)) return read_input_file(r, path, path);
    int failed = read_folder(r, path, FOLDER_DEPTH, &found);
    if (!failed && !found) return nn_fail(r->error, NN_BAD_INPUT, "%s has no JPEG or PNG images", path);
    return failed;
}

int nn_inputs_read(const Fitting *f, const char *path, NnInputVisitor visit, void *user, NnError *error)
{
    InputReader r = {.fitting = f, .visit = visit, .user = user, .error = error};
    r.x = nn_memory(f->elements * sizeof *r.x, error);
    int failed = r.x ? read_input(&r, path) : -1;
    free(r.x);
    return failed;
}
