/* Data sets: whether they can be read; small pictures, and epochs of them, in memory and streamed. */
#ifndef NNC_TESTS_UNIT_STREAMS_H
#define NNC_TESTS_UNIT_STREAMS_H

#include "runtime/data/dataset.h"

/* The set in the test's folder. */
Dataset *read_set(const DatasetOptions *);
/* It cannot be read, and the error has this part. */
void refuse_set(const char *path, const DatasetOptions *, const char *part);

/* A PNG in memory: [H][W][3] of a color, with another in each row.  Leaves its length. */
size_t make_png(unsigned char *out, size_t room, int height, int width, int number);
/* One in the test's folder. */
void write_picture(const char *name, int height, int width, int number);

enum { CLASSES = 3, PICTURES = 60 };

/* PICTURES of sizes from 8x9 to 12x15, in CLASSES folders. */
void write_folders(void);

enum { SIDE = 8, ELEMENTS = 3 * SIDE * SIDE, BATCH = 7 };

typedef struct Stream {
    Dataset *data;
    Fitting fitting;
    Augmenter augmenter;
    Feed feed;
    NnError error;
} Stream;

/* Two of the classes and fewer samples, with a validation part; augmented.  cache: of
 * DatasetOptions. */
void open_stream(Stream *, const char *path, size_t cache);
void close_stream(Stream *);

enum { FLOATS = 2 * PICTURES * (ELEMENTS + 1) };

/* All batches of two epochs of a part: inputs and classes, one after the other.  Leaves their
 * number of floats. */
size_t run_epochs(Stream *, DataPart, int workers, float *out);

/* All parts of a set of PICTURES are the same in memory and streamed, with caches of several
 * sizes and by several numbers of workers. */
void compare_with_memory(const char *path);

#endif
