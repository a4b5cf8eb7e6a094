/*
 * The file of an index: a header, and an entry for each image in the order of their numbers.
 *
 * The numbers are in the machine's byte order, since nobody else reads the file.  It is written
 * as a new one and renamed, so that several runs can begin at once.
 */
#include "runtime/data/image_index.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/core/new_file.h"

/* Fewer images are read in a few milliseconds; a file system's time may advance in steps of 2 s. */
enum { LEAST_IMAGES = 256, TIME_STEP = 2 };

typedef struct IndexEntry {
    uint64_t stamp; /* 0: nothing is known of the image */
    uint64_t hash;
    int32_t height, width; /* the width of a grey image is negative */
} IndexEntry;

typedef struct IndexHeader {
    char mark[8];
    uint64_t count;
    uint64_t sum; /* of the entries */
} IndexHeader;

static const char index_mark[8] = "nnc img\1";

struct ImageIndex {
    char *place;
    time_t opened;
    size_t count;
    IndexEntry *at;      /* [count] */
    atomic_bool changed; /* what is here is not what the file has */
};

uint64_t image_hash(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* ---- the file -------------------------------------------------------------------------- */

static void index_free(ImageIndex *index)
{
    free(index->place);
    free(index->at);
    free(index);
}

/* The same set has the same place, whatever the working directory. */
static char *index_place(const char *folder, const char *path)
{
    char *whole = realpath(path, NULL);
    const char *name = whole ? whole : path; /* a pattern of several files */
    const size_t room = strlen(folder) + sizeof "/0123456789abcdef";
    char *place = malloc(room);
    if (place)
        snprintf(place, room, "%s/%016llx", folder,
                 (unsigned long long)image_hash(IMAGE_HASH_START, name, strlen(name)));
    free(whole);
    return place;
}

/* Entries of a whole file; those of an index of another length are of use as far as they go. */
static void take_entries(ImageIndex *index, const char *bytes, size_t size)
{
    IndexHeader header;
    if (size < sizeof header) return;
    memcpy(&header, bytes, sizeof header);
    const size_t length = size - sizeof header;
    if (memcmp(header.mark, index_mark, sizeof index_mark) != 0 || header.count != length / sizeof(IndexEntry) ||
        length % sizeof(IndexEntry) || header.sum != image_hash(IMAGE_HASH_START, bytes + sizeof header, length))
        return;
    const size_t count = header.count < index->count ? (size_t)header.count : index->count;
    memcpy(index->at, bytes + sizeof header, count * sizeof *index->at);
    atomic_store(&index->changed, header.count != index->count);
}

ImageIndex *image_index_open(const char *folder, const char *path, int count)
{
    NnError ignored;
    size_t size;
    if (!folder || count < LEAST_IMAGES) return NULL;
    ImageIndex *index = nn_alloc(sizeof *index, NULL);
    if (!index) return NULL;
    *index = (ImageIndex){.place = index_place(folder, path),
                          .opened = time(NULL),
                          .count = (size_t)count,
                          .at = nn_alloc((size_t)count * sizeof *index->at, NULL),
                          .changed = true};
    if (!index->place || !index->at) {
        index_free(index);
        return NULL;
    }
    char *bytes = nn_read_file(index->place, &size, &ignored);
    if (bytes) take_entries(index, bytes, size);
    free(bytes);
    return index;
}

static int write_index(const void *user, int fd, const char *path, NnError *error)
{
    const ImageIndex *index = user;
    const size_t length = index->count * sizeof *index->at;
    IndexHeader header = {.count = index->count, .sum = image_hash(IMAGE_HASH_START, index->at, length)};
    memcpy(header.mark, index_mark, sizeof index_mark);
    if (!nn_write_all(fd, &header, sizeof header) && !nn_write_all(fd, index->at, length)) return 0;
    return nn_fail_errno(error, "cannot write %s", path);
}

void image_index_close(ImageIndex *index)
{
    NnError ignored;
    if (!index) return;
    const NnNewFile file = {index->place, write_index, index};
    if (atomic_load(&index->changed)) nn_files_write(&file, 1, &ignored);
    index_free(index);
}

/* ---- entries ------------------------------------------------------------------------------ */

uint64_t image_index_stamp(const ImageIndex *index, const char *name, const struct stat *file)
{
    const int64_t state[] = {(int64_t)file->st_ino,         (int64_t)file->st_size,
                             (int64_t)file->st_mtim.tv_sec, (int64_t)file->st_mtim.tv_nsec,
                             (int64_t)file->st_ctim.tv_sec, (int64_t)file->st_ctim.tv_nsec};
    if (file->st_ctim.tv_sec + TIME_STEP >= index->opened) return 0;
    return image_hash(image_hash(IMAGE_HASH_START, name, strlen(name) + 1), state, sizeof state);
}

bool image_index_find(const ImageIndex *index, size_t number, uint64_t stamp, ImageFacts *facts)
{
    const IndexEntry *e = &index->at[number];
    if (!stamp || e->stamp != stamp) return false;
    *facts = (ImageFacts){e->height, abs(e->width), e->width < 0, e->hash};
    return true;
}

void image_index_put(ImageIndex *index, size_t number, uint64_t stamp, const ImageFacts *facts)
{
    if (!stamp && !index->at[number].stamp) return;
    index->at[number] = (IndexEntry){stamp, facts->hash, facts->height, facts->grey ? -facts->width : facts->width};
    atomic_store(&index->changed, true);
}
