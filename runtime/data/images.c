/*
 * Reader of folders of pictures: one folder for each class, JPEG and PNG in it.
 *
 * Enters: train/CLASS/… with test/ or val/ beside it, or CLASS/… alone, which is
 * split.  Leaves: the list of pictures and their classes, from which image_source.c
 * makes a data set.
 */
#include "runtime/data/dataset.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/data/decode.h"
#include "runtime/data/image_source.h"
#include "runtime/data/name_pool.h"
#include "runtime/data/parts.h"

enum { PATH_BYTES = 4096, DEPTH = 8 };

/* Where pictures are: few bytes for each, since there may be millions. */
typedef struct PictureEntry {
    uint32_t folder;
    uint32_t name; /* begins there in `names.bytes` */
} PictureEntry;

typedef struct PictureStore {
    ImageStore base;
    PictureEntry *at;
    size_t count, capacity;
    char **folders;
    size_t folder_count;
    NamePool names;
} PictureStore;

typedef struct Album {
    PictureStore *store;
    ImageList list;
    Dataset *data;
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

/* ---- where pictures are ------------------------------------------------------------------ */

static const char *picture_name(const ImageStore *base, int number, char out[IMAGE_NAME_BYTES])
{
    const PictureStore *s = (const PictureStore *)base;
    const PictureEntry *entry = &s->at[number];
    snprintf(out, IMAGE_NAME_BYTES, "%s/%s", s->folders[entry->folder], s->names.bytes + entry->name);
    return out;
}

static FILE *picture_open(const ImageStore *base, int number, NnError *error)
{
    char path[IMAGE_NAME_BYTES];
    return image_open(picture_name(base, number, path), error);
}

static bool picture_stat(const ImageStore *base, int number, struct stat *status)
{
    char path[IMAGE_NAME_BYTES];
    return stat(picture_name(base, number, path), status) == 0;
}

static void picture_store_free(ImageStore *base)
{
    PictureStore *s = (PictureStore *)base;
    for (size_t i = 0; i < s->folder_count; i++) free(s->folders[i]);
    free(s->folders);
    name_pool_free(&s->names);
    free(s->at);
    free(s);
}

static PictureStore *picture_store_new(NnError *error)
{
    PictureStore *s = nn_alloc(sizeof *s, error);
    if (s)
        s->base =
            (ImageStore){.open = picture_open, .name = picture_name, .stat = picture_stat, .free = picture_store_free};
    return s;
}

/* A copy of the text behind the first `count`. */
static int add_copy(char ***texts, size_t count, const char *text, NnError *error)
{
    char **larger = realloc(*texts, (count + 1) * sizeof *larger);
    if (!larger) return no_memory_for_images(error);
    *texts = larger;
    larger[count] = strdup(text);
    return larger[count] ? 0 : no_memory_for_images(error);
}

static int add_folder(PictureStore *s, const char *folder, NnError *error)
{
    if (add_copy(&s->folders, s->folder_count, folder, error)) return -1;
    s->folder_count++;
    return 0;
}

/* In the folder of that number. */
static int add_picture(Album *a, size_t folder, const char *name, DataPart part, int label, NnError *error)
{
    PictureStore *s = a->store;
    PictureEntry entry = {.folder = (uint32_t)folder};
    if (image_list_reserve(&s->at, &s->capacity, s->count, sizeof entry, error) ||
        name_pool_add(&s->names, name, &entry.name, error))
        return -1;
    s->at[s->count++] = entry;
    return image_list_add(&a->list, part, label, error);
}

/* ---- the list of pictures ---------------------------------------------------------------- */

/* All pictures of a class, those in folders within it too, in the order of names. */
static int add_class(Album *a, const char *folder, DataPart part, int label, int depth, NnError *error)
{
    struct dirent **entries;
    char path[PATH_BYTES];
    int failed = 0, count = scandir(folder, &entries, not_hidden, by_bytes);
    if (count < 0) return nn_fail_path(error, "read", folder);
    const size_t number = a->store->folder_count;
    failed = add_folder(a->store, folder, error);
    for (int i = 0; !failed && i < count; i++) {
        if (!join_folder(path, folder, entries[i]->d_name)) continue;
        if (image_has_name(entries[i]->d_name))
            failed = add_picture(a, number, entries[i]->d_name, part, label, error);
        else if (depth > 0 && is_folder_at(path))
            failed = add_class(a, path, part, label, depth - 1, error);
    }
    free_entries(entries, count);
    return failed;
}

static int add_name(Dataset *data, const char *name, NnError *error)
{
    if (add_copy(&data->class_names, (size_t)data->class_count, name, error)) return -1;
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
    const int before = a->list.count;
    if (part == DATA_TRAIN && add_name(a->data, name, error)) return -1;
    int label = part == DATA_TRAIN ? a->data->class_count - 1 : find_name(a->data, name);
    if (label < 0)
        return nn_fail(error, NN_BAD_INPUT, "%s is a class that is not in the training data (it has %d: %s …)", folder,
                       a->data->class_count, a->data->class_names[0]);
    if (add_class(a, folder, part, label, DEPTH, error)) return -1;
    if (a->list.count > before || part != DATA_TRAIN) return 0;
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

/* ---- the data set ------------------------------------------------------------------------------ */

static int list_all(Album *a, const char *path, NnError *error)
{
    char folder[PATH_BYTES];
    if (!find_part(folder, path, DATA_TRAIN)) return add_split(a, path, DATA_TRAIN, error);
    for (int part = 0; part < DATA_PARTS; part++)
        if (find_part(folder, path, part) && add_split(a, folder, part, error)) return -1;
    return 0;
}

static int images_read(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    Album album = {.store = picture_store_new(error), .data = data};
    if (!album.store) return -1;
    album.list = (ImageList){.store = &album.store->base, .root = strlen(path)};
    data->target_count = 1;
    int failed = list_all(&album, path, error) || image_list_deliver(&album.list, path, options, data, error) ? -1 : 0;
    image_list_free(&album.list);
    return failed || data->part[DATA_TEST].count ? failed : dataset_split(data, error);
}

const Reader reader_images = {"a folder of JPEG or PNG images for each class: train/CLASS/…, test/CLASS/…",
                              images_recognises, images_read};
