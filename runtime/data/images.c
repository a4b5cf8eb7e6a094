/*
 * Reader of folders of pictures: one folder for each class, JPEG and PNG in it.
 *
 * Enters: train/CLASS/… with test/ or val/ beside it, or CLASS/… alone, which is
 * split.  Leaves: all pictures decoded, in memory, in one size, since a data set
 * has one.  Pictures that all have the same size keep it; others, and those more
 * than twice as large as the net asks for, are brought to the net's size as
 * its `fit` says.  The heads are read first, by a thread for each processor, and
 * then the pixels: so the memory is known before it is filled.
 */
#include "runtime/data/dataset.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/data/decode.h"
#include "runtime/data/parts.h"

enum { PATH_BYTES = 4096, DEPTH = 8, MAX_THREADS = 64, PER_THREAD = 8 };

typedef struct Picture {
    char *path;
    DataPart part;
    int label, place; /* place: its number in its part */
    ImageHead head;
} Picture;

typedef struct Album {
    Picture *at;
    size_t count, capacity;
    Dataset *data;
    const DatasetOptions *options;
} Album;

/* ---- names --------------------------------------------------------------------------- */

static bool join_folder(char *out, const char *folder, const char *name)
{
    return snprintf(out, PATH_BYTES, "%s/%s", folder, name) < PATH_BYTES;
}

static bool is_folder_at(const char *path)
{
    struct stat status;
    return !stat(path, &status) && S_ISDIR(status.st_mode);
}

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int not_hidden(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void free_entries(struct dirent **entries, int count)
{
    for (int i = 0; i < count; i++) free(entries[i]);
    free(entries);
}

/* Looks at names until one is a picture's. */
static bool has_picture(const char *folder, int depth)
{
    char path[PATH_BYTES];
    bool found = false;
    DIR *open = opendir(folder);
    if (!open) return false;
    for (struct dirent *entry; !found && (entry = readdir(open));) {
        if (entry->d_name[0] == '.' || !join_folder(path, folder, entry->d_name)) continue;
        if (image_has_name(entry->d_name))
            found = true;
        else if (depth > 0 && is_folder_at(path))
            found = has_picture(path, depth - 1);
    }
    closedir(open);
    return found;
}

/* Its folders are classes. */
static bool has_classes(const char *folder)
{
    char path[PATH_BYTES];
    bool found = false;
    DIR *open = opendir(folder);
    if (!open) return false;
    for (struct dirent *entry; !found && (entry = readdir(open));)
        found = entry->d_name[0] != '.' && join_folder(path, folder, entry->d_name) && is_folder_at(path) &&
                has_picture(path, 2);
    closedir(open);
    return found;
}

/* Where the part is: path/train, path/test and the like.  Only beside `test` are there other
 * names for the validation part. */
static bool find_part(char *out, const char *path, DataPart part)
{
    static const char *const names[DATA_PARTS][5] = {[DATA_TRAIN] = {"train", NULL},
                                                     [DATA_TEST] = {"test", "val", "valid", "validation", NULL},
                                                     [DATA_VALID] = {"valid", "validation", "val", NULL}};
    if (part == DATA_VALID && !(join_folder(out, path, "test") && has_classes(out))) return false;
    for (int i = 0; names[part][i]; i++)
        if (join_folder(out, path, names[part][i]) && has_classes(out)) return true;
    return false;
}

static bool images_recognises(const char *path, bool is_folder)
{
    char part[PATH_BYTES];
    return is_folder && (find_part(part, path, DATA_TRAIN) || has_classes(path));
}

/* ---- the list of pictures ---------------------------------------------------------------- */

static int no_memory(NnError *error)
{
    return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the list of images");
}

static int add_picture(Album *a, const char *path, DataPart part, int label, NnError *error)
{
    Samples *samples = &a->data->part[part];
    if (a->count == a->capacity) {
        size_t capacity = a->capacity * 2 + 1024;
        Picture *larger = realloc(a->at, capacity * sizeof *larger);
        if (!larger) return no_memory(error);
        a->at = larger;
        a->capacity = capacity;
    }
    if (samples->count == INT32_MAX) return nn_fail(error, NN_BAD_INPUT, "too many images");
    Picture *picture = &a->at[a->count];
    *picture = (Picture){.path = strdup(path), .part = part, .label = label, .place = samples->count};
    if (!picture->path) return no_memory(error);
    samples->count++;
    a->count++;
    return 0;
}

/* All pictures of a class, those in folders within it too, in the order of names. */
static int add_class(Album *a, const char *folder, DataPart part, int label, int depth, NnError *error)
{
    struct dirent **entries;
    char path[PATH_BYTES];
    int failed = 0, count = scandir(folder, &entries, not_hidden, by_bytes);
    if (count < 0) return nn_fail_path(error, "read", folder);
    for (int i = 0; !failed && i < count; i++) {
        if (!join_folder(path, folder, entries[i]->d_name)) continue;
        if (image_has_name(entries[i]->d_name))
            failed = add_picture(a, path, part, label, error);
        else if (depth > 0 && is_folder_at(path))
            failed = add_class(a, path, part, label, depth - 1, error);
    }
    free_entries(entries, count);
    return failed;
}

static int add_name(Dataset *data, const char *name, NnError *error)
{
    char **larger = realloc(data->class_names, ((size_t)data->class_count + 1) * sizeof *larger);
    if (!larger) return no_memory(error);
    data->class_names = larger;
    larger[data->class_count] = strdup(name);
    if (!larger[data->class_count]) return no_memory(error);
    data->class_count++;
    return 0;
}

static int find_name(const Dataset *data, const char *name)
{
    for (int i = 0; i < data->class_count; i++)
        if (!strcmp(data->class_names[i], name)) return i;
    return -1;
}

/* One folder of a part.  The training part makes the classes, the others have them. */
static int add_named(Album *a, const char *folder, const char *name, DataPart part, NnError *error)
{
    size_t before = a->count;
    if (part == DATA_TRAIN && add_name(a->data, name, error)) return -1;
    int label = part == DATA_TRAIN ? a->data->class_count - 1 : find_name(a->data, name);
    if (label < 0)
        return nn_fail(error, NN_BAD_INPUT, "%s is a class that is not in the training data (it has %d: %s …)", folder,
                       a->data->class_count, a->data->class_names[0]);
    if (add_class(a, folder, part, label, DEPTH, error)) return -1;
    if (a->count > before || part != DATA_TRAIN) return 0;
    return nn_fail(error, NN_BAD_INPUT, "there is no .jpg, .jpeg or .png in the class folder %s", folder);
}

static int add_split(Album *a, const char *folder, DataPart part, NnError *error)
{
    struct dirent **entries;
    char path[PATH_BYTES];
    int failed = 0, count = scandir(folder, &entries, not_hidden, by_bytes);
    if (count < 0) return nn_fail_path(error, "read", folder);
    for (int i = 0; !failed && i < count; i++)
        if (join_folder(path, folder, entries[i]->d_name) && is_folder_at(path))
            failed = add_named(a, path, entries[i]->d_name, part, error);
    free_entries(entries, count);
    return failed;
}

/* ---- work on all of them ---------------------------------------------------------------- */

typedef struct Desk { /* of one thread */
    struct Team *team;
    pthread_t thread;
    uint8_t *pixels; /* memory that lasts from picture to picture */
    float *scratch;
    size_t pixel_bytes, scratch_floats;
    size_t failed_at;
    NnError error;
} Desk;

typedef struct Team {
    Album *album;
    int (*work)(Album *, Picture *, Desk *);
    atomic_size_t next;
    atomic_bool failed;
} Team;

/* Pictures are taken in their order, so of several bad ones the first is always found. */
static void *work_through(void *user)
{
    Desk *desk = user;
    Team *team = desk->team;
    while (!atomic_load(&team->failed)) {
        size_t i = atomic_fetch_add(&team->next, 1);
        if (i >= team->album->count) break;
        if (!team->work(team->album, &team->album->at[i], desk)) continue;
        desk->failed_at = i;
        atomic_store(&team->failed, true);
    }
    return NULL;
}

static int count_threads(size_t pictures)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = pictures / PER_THREAD + 1;
    int threads = processors < 1 ? 1 : processors > MAX_THREADS ? MAX_THREADS : (int)processors;
    return most < (size_t)threads ? (int)most : threads;
}

static int work_on_all(Album *a, int (*work)(Album *, Picture *, Desk *), NnError *error)
{
    Team team = {.album = a, .work = work};
    int threads = count_threads(a->count), started = 1;
    Desk *desks = calloc((size_t)threads, sizeof *desks), *first = NULL;
    if (!desks) return no_memory(error);
    desks[0].team = &team;
    for (; started < threads; started++) {
        desks[started].team = &team;
        if (pthread_create(&desks[started].thread, NULL, work_through, &desks[started])) break;
    }
    work_through(&desks[0]);
    for (int i = 1; i < started; i++) pthread_join(desks[i].thread, NULL);
    for (int i = 0; i < started; i++) {
        if (desks[i].error.status && (!first || desks[i].failed_at < first->failed_at)) first = &desks[i];
        free(desks[i].pixels);
        free(desks[i].scratch);
    }
    if (first) *error = first->error;
    free(desks);
    return first ? -1 : 0;
}

/* ---- sizes --------------------------------------------------------------------------------- */

static int read_image_head(Album *a, Picture *picture, Desk *desk)
{
    (void)a;
    return image_head(picture->path, &picture->head, &desk->error);
}

static const Picture *odd_one(const Album *a)
{
    for (size_t i = 1; i < a->count; i++)
        if (a->at[i].head.height != a->at[0].head.height || a->at[i].head.width != a->at[0].head.width)
            return &a->at[i];
    return NULL;
}

static bool all_grey(const Album *a)
{
    for (size_t i = 0; i < a->count; i++)
        if (!a->at[i].head.grey) return false;
    return true;
}

static int choose_size(const Album *a, NnError *error)
{
    const DatasetOptions *o = a->options;
    const ImageHead *first = &a->at[0].head;
    const Picture *odd = odd_one(a);
    Dataset *data = a->data;
    int height = o->net[1] > o->keep ? o->net[1] : o->keep, width = o->net[2] > o->keep ? o->net[2] : o->keep;
    data->rank = 3;
    data->dims[0] = all_grey(a) ? 1 : 3;
    data->dims[1] = first->height;
    data->dims[2] = first->width;
    if (odd && !o->net[0])
        return nn_fail(error, NN_BAD_INPUT,
                       "the images have several sizes (%s: %dx%d, %s: %dx%d), and the net's input is no image to fit "
                       "them to",
                       a->at[0].path, first->height, first->width, odd->path, odd->head.height, odd->head.width);
    if (o->net[0] && (odd || first->height > 2 * height || first->width > 2 * width)) {
        data->dims[1] = height;
        data->dims[2] = width;
    }
    data->elements = (size_t)data->dims[0] * (size_t)data->dims[1] * (size_t)data->dims[2];
    return 0;
}

static int reserve_pixels(const Album *a, NnError *error)
{
    Dataset *data = a->data;
    double bytes = (double)a->count * (double)data->elements;
    double there = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (there > 0 && bytes > there)
        return nn_fail(error, NN_SYSTEM_FAILED,
                       "the %zu images take %.1f GB as %dx%dx%d bytes each; this machine has %.1f GB", a->count,
                       bytes / 1e9, data->dims[0], data->dims[1], data->dims[2], there / 1e9);
    for (int part = 0; part < DATA_PARTS; part++) {
        Samples *samples = &data->part[part];
        if (!samples->count) continue;
        samples->pixels = malloc((size_t)samples->count * data->elements);
        samples->labels = malloc((size_t)samples->count * sizeof *samples->labels);
        if (!samples->pixels || !samples->labels)
            return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for %d images", samples->count);
    }
    return 0;
}

/* ---- pixels ---------------------------------------------------------------------------------- */

static int provide(Desk *desk, size_t bytes, size_t floats)
{
    if (bytes > desk->pixel_bytes) {
        free(desk->pixels);
        desk->pixels = malloc(bytes);
        desk->pixel_bytes = desk->pixels ? bytes : 0;
    }
    if (floats > desk->scratch_floats) {
        free(desk->scratch);
        desk->scratch = malloc(floats * sizeof *desk->scratch);
        desk->scratch_floats = desk->scratch ? floats : 0;
    }
    if (desk->pixels && desk->scratch) return 0;
    return nn_fail(&desk->error, NN_SYSTEM_FAILED, "not enough memory to decode an image");
}

static int check_fit(const Album *a, const Picture *picture, NnError *error)
{
    const ImageHead *head = &picture->head;
    int height = a->data->dims[1], width = a->data->dims[2];
    if (a->options->fit == NN_FIT_PAD && (head->height > height || head->width > width))
        return nn_fail(error, NN_BAD_INPUT, "%s is %dx%d and cannot be padded to %dx%d; use fit resize or fit crop",
                       picture->path, head->height, head->width, height, width);
    if (a->options->fit == NN_FIT_CROP && (head->height < height || head->width < width))
        return nn_fail(error, NN_BAD_INPUT, "%s is %dx%d and cannot be cropped to %dx%d; use fit resize or fit pad",
                       picture->path, head->height, head->width, height, width);
    return 0;
}

static int read_pixels(Album *a, Picture *picture, Desk *desk)
{
    const Dataset *data = a->data;
    const Samples *samples = &data->part[picture->part];
    int channels = data->dims[0], height = data->dims[1], width = data->dims[2];
    const ImageHead *head = &picture->head;
    uint8_t *out = samples->pixels + (size_t)picture->place * data->elements;
    samples->labels[picture->place] = picture->label;
    if (head->height == height && head->width == width)
        return image_decode(picture->path, head, channels, out, &desk->error);
    size_t area = (size_t)head->height * (size_t)head->width, narrow = (size_t)head->height * (size_t)width;
    if (check_fit(a, picture, &desk->error) ||
        provide(desk, (size_t)channels * area, area + narrow + (size_t)height * (size_t)width) ||
        image_decode(picture->path, head, channels, desk->pixels, &desk->error))
        return -1;
    fit_bytes(a->options->fit, channels, desk->pixels, head->height, head->width, out, height, width, desk->scratch);
    return 0;
}

/* ---- the data set ------------------------------------------------------------------------------ */

static int list_all(Album *a, const char *path, NnError *error)
{
    char folder[PATH_BYTES];
    if (!find_part(folder, path, DATA_TRAIN)) return add_split(a, path, DATA_TRAIN, error);
    for (int part = 0; part < DATA_PARTS; part++)
        if (find_part(folder, path, part) && add_split(a, folder, part, error)) return -1;
    return 0;
}

static int read_all(Album *a, const char *path, NnError *error)
{
    if (list_all(a, path, error) || work_on_all(a, read_image_head, error) || choose_size(a, error) ||
        reserve_pixels(a, error) || work_on_all(a, read_pixels, error))
        return -1;
    return a->data->part[DATA_TEST].count ? 0 : dataset_split(a->data, error);
}

static int images_read(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    Album album = {.data = data, .options = options};
    data->target_count = 1;
    int failed = read_all(&album, path, error);
    for (size_t i = 0; i < album.count; i++) free(album.at[i].path);
    free(album.at);
    return failed;
}

const Reader reader_images = {"images", "a folder of JPEG or PNG images for each class: train/CLASS/…, test/CLASS/…",
                              images_recognises, images_read};
