/*
 * Reader of WebDataset shards: tar archives whose files of one key are a sample.
 *
 * Enters: a folder of .tar files, one of them, or NAME-{000000..000009}.tar.  A file's key is
 * its path up to the first dot of its name; the files of a key are one after the other: KEY.jpg,
 * KEY.jpeg or KEY.png, and KEY.cls, a number from 0.  Other files of a key are passed over.
 * Leaves: the list of images, by where they are in their archives, and their classes.
 */
#define _GNU_SOURCE /* fopencookie */

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/data/image_source.h"
#include "runtime/data/name_pool.h"
#include "runtime/data/parts.h"
#include "runtime/data/tar.h"

enum { PATH_BYTES = 4096, SHARD_LIMIT = 1000000, CLASS_LIMIT = 1000000, CLASS_BYTES = 32 };

/* ---- which files --------------------------------------------------------------------- */

typedef struct Shard {
    char *path;
    DataPart part;
} Shard;

typedef struct ShardList {
    Shard *at;
    size_t count, capacity;
} ShardList;

static bool is_tar_name(const char *name)
{
    const size_t length = strlen(name);
    return length > 4 && !strcasecmp(name + length - 4, ".tar");
}

/* NAME{FIRST..LAST}REST.tar; `digits` is how many the first number has. */
typedef struct ShardPattern {
    int head, digits; /* characters before the brace; of the first number */
    long first, last;
    const char *rest;
} ShardPattern;

static bool read_pattern(const char *path, ShardPattern *p)
{
    const char *brace = strchr(path, '{');
    char *end;
    if (!brace || !is_tar_name(path) || !isdigit((unsigned char)brace[1])) return false;
    p->head = (int)(brace - path);
    p->first = strtol(brace + 1, &end, 10);
    p->digits = (int)(end - brace - 1);
    if (strncmp(end, "..", 2) != 0 || !isdigit((unsigned char)end[2])) return false;
    p->last = strtol(end + 2, &end, 10);
    p->rest = end + 1;
    return *end == '}' && p->first <= p->last && p->last - p->first < SHARD_LIMIT;
}

bool shards_are_named(const char *path)
{
    ShardPattern ignored;
    return read_pattern(path, &ignored);
}

/* Whether a name has one of the words, which other letters are not part of. */
static bool has_word(const char *name, const char *const *words)
{
    for (const char *at = name; *at;) {
        size_t length = 0;
        while (isalpha((unsigned char)at[length])) length++;
        for (int i = 0; length && words[i]; i++)
            if (strlen(words[i]) == length && !strncasecmp(at, words[i], length)) return true;
        at += length ? length : 1;
    }
    return false;
}

static DataPart part_of_name(const char *name)
{
    static const char *const train[] = {"train", "training", NULL}, *const test[] = {"test", NULL},
                             *const valid[] = {"val", "valid", "validation", NULL};
    if (has_word(name, train)) return DATA_TRAIN;
    return has_word(name, test) ? DATA_TEST : has_word(name, valid) ? DATA_VALID : DATA_TRAIN;
}

static int add_shard(ShardList *list, const char *path, DataPart part, NnError *error)
{
    if (image_list_reserve(&list->at, &list->capacity, list->count, sizeof *list->at, error)) return -1;
    list->at[list->count] = (Shard){strdup(path), part};
    if (!list->at[list->count].path)
        return nn_fail(error, NN_SYSTEM_FAILED, "not enough memory for the list of shards");
    list->count++;
    return 0;
}

static int by_part_and_path(const void *a, const void *b)
{
    const Shard *x = a, *y = b;
    return x->part != y->part ? (int)x->part - (int)y->part : strcmp(x->path, y->path);
}

/* Archives in the folder, and in those in it; the rest of the path from `root` on says which part they are. */
static int list_folder(ShardList *list, const char *folder, size_t root, int depth, NnError *error)
{
    char path[PATH_BYTES];
    struct stat status;
    int failed = 0;
    DIR *open = opendir(folder);
    if (!open) return nn_fail_path(error, "read", folder);
    for (struct dirent *entry; !failed && (entry = readdir(open));) {
        if (entry->d_name[0] == '.' || snprintf(path, PATH_BYTES, "%s/%s", folder, entry->d_name) >= PATH_BYTES ||
            stat(path, &status))
            continue;
        if (S_ISDIR(status.st_mode) && depth > 0)
            failed = list_folder(list, path, root, depth - 1, error);
        else if (S_ISREG(status.st_mode) && is_tar_name(path))
            failed = add_shard(list, path, part_of_name(path + root), error);
    }
    closedir(open);
    return failed;
}

static int list_pattern(ShardList *list, const char *pattern, const ShardPattern *p, NnError *error)
{
    char path[PATH_BYTES];
    for (long i = p->first; i <= p->last; i++) {
        if (snprintf(path, sizeof path, "%.*s%0*ld%s", p->head, pattern, p->digits, i, p->rest) >= PATH_BYTES)
            return nn_fail(error, NN_BAD_INPUT, "the path of the data is too long");
        if (access(path, F_OK)) return nn_fail_path(error, "open", path);
        if (add_shard(list, path, DATA_TRAIN, error)) return -1;
    }
    return 0;
}

/* Where there is no test part, the validation part is taken for it, as with folders of images. */
static void choose_parts(ShardList *list)
{
    bool tested = false;
    for (size_t i = 0; i < list->count; i++) tested |= list->at[i].part == DATA_TEST;
    for (size_t i = 0; i < list->count; i++)
        if (!tested && list->at[i].part == DATA_VALID) list->at[i].part = DATA_TEST;
    if (list->count) qsort(list->at, list->count, sizeof *list->at, by_part_and_path);
}

static int list_shards(ShardList *list, const char *path, NnError *error)
{
    ShardPattern pattern;
    struct stat status;
    const bool there = !stat(path, &status);
    if (!there && read_pattern(path, &pattern)) return list_pattern(list, path, &pattern, error);
    if (there && S_ISREG(status.st_mode)) return add_shard(list, path, DATA_TRAIN, error);
    if (list_folder(list, path, strlen(path), 1, error)) return -1;
    choose_parts(list);
    return 0;
}

/* The folder's part of the path: what the names of all images begin with. */
static size_t root_length(const char *path)
{
    ShardPattern pattern;
    struct stat status;
    if (!stat(path, &status) && S_ISDIR(status.st_mode)) return strlen(path);
    size_t length = read_pattern(path, &pattern) ? (size_t)pattern.head : strlen(path);
    while (length > 0 && path[length - 1] != '/') length--;
    return length;
}

static void shard_list_free(ShardList *list)
{
    for (size_t i = 0; i < list->count; i++) free(list->at[i].path);
    free(list->at);
}

static bool shards_recognise(const char *path, bool is_folder)
{
    NnError ignored;
    ShardList list = {0};
    if (!is_folder) return is_tar_name(path);
    const bool found = !list_folder(&list, path, strlen(path), 1, &ignored) && list.count > 0;
    shard_list_free(&list);
    return found;
}

/* ---- where images are -------------------------------------------------------------------- */

typedef struct ShardEntry {
    int64_t offset;
    uint32_t size, shard, name;
} ShardEntry;

typedef struct ShardStore {
    ImageStore base;
    ShardList shards;
    ShardEntry *at;
    size_t count, capacity;
    NamePool names;
} ShardStore;

static const char *entry_name(const ImageStore *base, int number, char out[IMAGE_NAME_BYTES])
{
    const ShardStore *s = (const ShardStore *)base;
    const ShardEntry *entry = &s->at[number];
    snprintf(out, IMAGE_NAME_BYTES, "%s: %s", s->shards.at[entry->shard].path, s->names.bytes + entry->name);
    return out;
}

static bool entry_stat(const ImageStore *base, int number, struct stat *status)
{
    const ShardStore *s = (const ShardStore *)base;
    return stat(s->shards.at[s->at[number].shard].path, status) == 0;
}

/* A stream of a part of a file. */
typedef struct TarWindow {
    int fd;
    int64_t offset, size, at;
} TarWindow;

static ssize_t window_read(void *cookie, char *out, size_t count)
{
    TarWindow *w = cookie;
    const int64_t left = w->size > w->at ? w->size - w->at : 0;
    const ssize_t got = pread(w->fd, out, (int64_t)count < left ? count : (size_t)left, w->offset + w->at);
    if (got > 0) w->at += got;
    return got;
}

static int window_seek(void *cookie, off64_t *offset, int whence)
{
    TarWindow *w = cookie;
    const int64_t to = *offset + (whence == SEEK_CUR ? w->at : whence == SEEK_END ? w->size : 0);
    if (to < 0) return -1;
    w->at = *offset = to;
    return 0;
}

static int window_close(void *cookie)
{
    TarWindow *w = cookie;
    const int failed = close(w->fd);
    free(w);
    return failed;
}

static FILE *entry_open(const ImageStore *base, int number, NnError *error)
{
    const ShardStore *s = (const ShardStore *)base;
    const ShardEntry *entry = &s->at[number];
    const int fd = nn_open_regular(s->shards.at[entry->shard].path, error);
    if (fd < 0) return NULL;
    TarWindow *w = nn_alloc(sizeof *w, error);
    if (w) *w = (TarWindow){fd, entry->offset, entry->size, 0};
    FILE *file = w ? fopencookie(w, "rb", (cookie_io_functions_t){window_read, NULL, window_seek, window_close}) : NULL;
    if (file) return file;
    close(fd);
    free(w);
    nn_fail(error, NN_SYSTEM_FAILED, "not enough memory to read %s", s->shards.at[entry->shard].path);
    return NULL;
}

static void shard_store_free(ImageStore *base)
{
    ShardStore *s = (ShardStore *)base;
    shard_list_free(&s->shards);
    name_pool_free(&s->names);
    free(s->at);
    free(s);
}

/* ---- samples ------------------------------------------------------------------------------- */

/* The files of one key. */
typedef struct ShardSample {
    char key[TAR_NAME_BYTES];
    char image[TAR_NAME_BYTES]; /* its name; "": none as yet */
    int64_t offset, size;
    int label; /* −1: none as yet */
} ShardSample;

typedef struct ShardScan {
    ShardStore *store;
    ImageList list;
    TarReader tar;
    uint32_t shard;
    ShardSample sample;
    int classes;
} ShardScan;

/* The key's length; its extension is behind the dot. */
static size_t key_length(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strchr(slash ? slash + 1 : name, '.');
    return dot && dot != (slash ? slash + 1 : name) ? (size_t)(dot - name) : strlen(name);
}

static bool is_image_extension(const char *extension)
{
    return !strcasecmp(extension, "jpg") || !strcasecmp(extension, "jpeg") || !strcasecmp(extension, "png");
}

static int read_class(ShardScan *s, const TarEntry *entry, NnError *error)
{
    char text[CLASS_BYTES + 1] = "", *end = text;
    const size_t length = entry->size < CLASS_BYTES ? (size_t)entry->size : CLASS_BYTES;
    if (pread(s->tar.fd, text, length, entry->offset) != (ssize_t)length)
        return nn_fail_path(error, "read", s->tar.path);
    const long class = strtol(text, &end, 10);
    while (isspace((unsigned char)*end)) end++;
    if (end == text || *end || class < 0 || class >= CLASS_LIMIT)
        return nn_fail(error, NN_BAD_INPUT, "%s: %.200s is '%s'; a class is a number from 0 to %d", s->tar.path,
                       entry->name, text, CLASS_LIMIT - 1);
    s->sample.label = (int)class;
    if (class >= s->classes) s->classes = (int)class + 1;
    return 0;
}

/* What was found of the last key becomes a sample. */
static int end_sample(ShardScan *s, NnError *error)
{
    ShardStore *store = s->store;
    const ShardSample *sample = &s->sample;
    ShardEntry entry = {.offset = sample->offset, .size = (uint32_t)sample->size, .shard = s->shard};
    if (!*sample->image && sample->label < 0) return 0;
    if (!*sample->image)
        return nn_fail(error, NN_BAD_INPUT, "%s: %.200s.cls has no image: a file %.200s.jpg, .jpeg or .png beside it",
                       s->tar.path, sample->key, sample->key);
    if (sample->label < 0)
        return nn_fail(error, NN_BAD_INPUT, "%s: %.200s has no class: a file %.200s.cls beside it", s->tar.path,
                       sample->image, sample->key);
    if (image_list_reserve(&store->at, &store->capacity, store->count, sizeof entry, error) ||
        name_pool_add(&store->names, sample->image, &entry.name, error))
        return -1;
    store->at[store->count++] = entry;
    return image_list_add(&s->list, store->shards.at[s->shard].part, sample->label, error);
}

static void begin_sample(ShardScan *s, const char *name, size_t length)
{
    s->sample = (ShardSample){.label = -1};
    memcpy(s->sample.key, name, length);
}

static int take_image(ShardScan *s, const TarEntry *entry, NnError *error)
{
    ShardSample *sample = &s->sample;
    if (*sample->image)
        return nn_fail(error, NN_BAD_INPUT, "%s: %.200s and %.200s are images of one sample", s->tar.path,
                       sample->image, entry->name);
    if (entry->size > UINT32_MAX)
        return nn_fail(error, NN_BAD_INPUT, "%s: %.200s is larger than 4 GB", s->tar.path, entry->name);
    strcpy(sample->image, entry->name);
    sample->offset = entry->offset;
    sample->size = entry->size;
    return 0;
}

static int take_entry(ShardScan *s, const TarEntry *entry, NnError *error)
{
    const size_t length = key_length(entry->name);
    const char *extension = entry->name[length] ? entry->name + length + 1 : "";
    if (strncmp(s->sample.key, entry->name, length) != 0 || s->sample.key[length]) {
        if (end_sample(s, error)) return -1;
        begin_sample(s, entry->name, length);
    }
    if (!strcasecmp(extension, "cls")) return read_class(s, entry, error);
    return is_image_extension(extension) ? take_image(s, entry, error) : 0;
}

static int scan_shard(ShardScan *s, NnError *error)
{
    TarEntry entry;
    int failed = tar_open(&s->tar, s->store->shards.at[s->shard].path, error), got = 0;
    begin_sample(s, "", 0);
    while (!failed && (got = tar_next(&s->tar, &entry, error)) > 0) failed = take_entry(s, &entry, error);
    if (!failed) failed = got < 0 ? -1 : end_sample(s, error);
    tar_close(&s->tar);
    return failed;
}

static int scan_all(ShardScan *s, const char *path, NnError *error)
{
    ShardStore *store = s->store;
    if (list_shards(&store->shards, path, error)) return -1;
    for (s->shard = 0; s->shard < store->shards.count; s->shard++)
        if (scan_shard(s, error)) return -1;
    if (s->list.in_part[DATA_TRAIN]) return 0;
    return nn_fail(error, NN_BAD_INPUT, "%s has no samples for training: files KEY.jpg, .jpeg or .png and KEY.cls",
                   path);
}

static int shards_read(const char *path, const DatasetOptions *options, Dataset *data, NnError *error)
{
    ShardScan scan = {.store = nn_alloc(sizeof *scan.store, error)};
    if (!scan.store) return -1;
    scan.store->base =
        (ImageStore){.open = entry_open, .name = entry_name, .stat = entry_stat, .free = shard_store_free};
    scan.list = (ImageList){.store = &scan.store->base, .root = root_length(path)};
    int failed = scan_all(&scan, path, error);
    data->target_count = 1;
    data->class_count = scan.classes;
    if (!failed) failed = image_list_deliver(&scan.list, path, options, data, error);
    image_list_free(&scan.list);
    return failed || data->part[DATA_TEST].count ? failed : dataset_split(data, error);
}

const Reader reader_shards = {"WebDataset shards: NAME-000000.tar …, with KEY.jpg and KEY.cls", shards_recognise,
                              shards_read};
