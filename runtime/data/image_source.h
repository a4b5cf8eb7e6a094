/*
 * image_source: encoded images, wherever they are stored, as samples of one size.
 *
 * A reader makes an ImageList: where the images are (an ImageStore) and their classes, part
 * after part.  image_list_deliver surveys all of them without decoding any, decides on the size
 * that they get, and leaves the parts of the data set: in memory, or streamed.
 */
#ifndef NN_IMAGE_SOURCE_H
#define NN_IMAGE_SOURCE_H

#include <stdio.h>
#include <sys/stat.h>

#include "runtime/data/dataset.h"

enum { IMAGE_NAME_BYTES = 4096 + 256 };

typedef struct ImageStore ImageStore;
struct ImageStore {
    /* A stream of the image's bytes and no others, or NULL.  Called by several threads at once. */
    FILE *(*open)(const ImageStore *, int number, NnError *);
    /* The image in messages: its path. */
    const char *(*name)(const ImageStore *, int number, char out[IMAGE_NAME_BYTES]);
    /* Of the file that the image is in; false where the system does not say. */
    bool (*stat)(const ImageStore *, int number, struct stat *);
    void (*free)(ImageStore *);
};

typedef struct ImageList {
    ImageStore *store;
    size_t root;     /* bytes that all names begin with, which the data set's identity leaves out */
    int count;       /* images are numbered part by part */
    int32_t *labels; /* [count] */
    size_t capacity;
    int in_part[DATA_PARTS]; /* images: of DATA_TRAIN first, then DATA_TEST, then DATA_VALID */
} ImageList;

/* The next image of the part. */
int image_list_add(ImageList *, DataPart, int label, NnError *);

/* Fills the set's parts, dimensions and identity; its classes are the caller's.  The list is
 * empty afterwards.  path: of the set, which its index is found by. */
int image_list_deliver(ImageList *, const char *path, const DatasetOptions *, Dataset *, NnError *);
void image_list_free(ImageList *);

#endif
