/*
 * The outputs of all samples, as files: arrays of NumPy's, or pictures.
 */
#ifndef NNC_PREDICT_ARRAYS_H
#define NNC_PREDICT_ARRAYS_H

#include "commands/support/load.h"
#include "runtime/data/dataset.h"

/*
 * FILE.npy: [samples] and the output's shape.  Of a net with several outputs FILE.npy is the
 * first, FILE.NAME.npy each other.  FILE.png: a picture of the first output; of several
 * samples FILE-0.png, FILE-1.png, …
 */
typedef struct OutputFiles {
    const Model *m;
    const char *path; /* NULL: none is wanted */
    bool pictures;
    size_t count, room; /* samples */
    float *rows;        /* [room][info->outputs] */
} OutputFiles;

/* STATUS_OK, or a message: the ending is another, the output is no picture. */
int output_files_init(OutputFiles *, const Model *, const char *path);
void output_files_add(OutputFiles *, const float *row);
int output_files_write(const OutputFiles *, const Fitting *);
void output_files_free(OutputFiles *);

#endif
