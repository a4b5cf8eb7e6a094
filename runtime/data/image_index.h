/*
 * image_index: what the heads of a data set's images said, kept from one run to the next.
 *
 * A set of a million images takes minutes to look at when each file has to be opened; to ask the
 * system whether a file has changed takes a thousandth of that.  An index is one file, named
 * after the path of the set, with an entry for each image: a stamp of its name and of its file's
 * state, and what was found in it.  Nothing here is an error: without an index, or with one
 * that is damaged, the images are read.
 */
#ifndef NN_IMAGE_INDEX_H
#define NN_IMAGE_INDEX_H

#include <sys/stat.h>

#include "runtime/core/core.h"

typedef struct ImageFacts {
    int32_t height, width;
    bool grey;
    uint64_t hash; /* of its name, its length and its first bytes */
} ImageFacts;

/* FNV-1a, 64 bits (Fowler, Noll and Vo); the hash of nothing is IMAGE_HASH_START. */
#define IMAGE_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t image_hash(uint64_t, const void *bytes, size_t count);

typedef struct ImageIndex ImageIndex;

/* The index of the set at `path` among those in `folder`.  NULL: there is none, because the folder
 * is NULL, or because so few images are read as fast. */
ImageIndex *image_index_open(const char *folder, const char *path, int count);

/* What tells the states of an image's file apart: its number in the file system, its length, and the
 * times of its last changes.  The system's time goes forward in steps: a file that was changed
 * just before the index was opened could change again without a trace, so its stamp is 0. */
uint64_t image_index_stamp(const ImageIndex *, const char *name, const struct stat *);

/* Whether the image of that number has that stamp, which is not 0; by several threads at once. */
bool image_index_find(const ImageIndex *, size_t number, uint64_t stamp, ImageFacts *);
/* Different numbers, by several threads at once. */
void image_index_put(ImageIndex *, size_t number, uint64_t stamp, const ImageFacts *);

/* Keeps it if something is new in it, or gone. */
void image_index_close(ImageIndex *);

#endif
