/*
 * What a run shows while it goes on: the progress line, the table of epochs,
 * the log.  For the loop in train.c alone.
 */
#ifndef NN_SHOW_H
#define NN_SHOW_H

#include "runtime/train/train.h"

typedef struct Progress { /* where training stands */
    int epoch, epochs;
    int64_t step, steps; /* done, of all */
    int64_t in_epoch, per_epoch;
    double lr, loss; /* of the last step; mean of the epoch so far */
    double seconds, epoch_seconds;
    double rate; /* samples per second, in this epoch */
} Progress;

typedef struct ProgressLine {
    FILE *stream;
    bool terminal;
    int every;    /* rows for every so many epochs, and for the first and the last */
    double shown; /* when the line was last written */
    int width;
} ProgressLine;

double show_clock(void); /* seconds, monotonic */
const char *show_duration(double seconds, char out[32]);

void progress_line_init(ProgressLine *, const NnTrainConfig *);
bool progress_has_row(const ProgressLine *, const Progress *); /* whether this epoch has a row */
void progress_line_step(ProgressLine *, const Progress *);     /* rewrites the line, ten times a second at most */
void progress_line_clear(ProgressLine *);
void progress_line_epoch(ProgressLine *, const Progress *); /* a line of its own where there is no terminal */

void table_head(FILE *, const NnScore *kind);
void table_row(FILE *, const Progress *, const NnScore *);

typedef struct Log {
    FILE *file;
    const char *path;
    bool json;
    NnError *error; /* of the first line that could not be written; the log ends there */
} Log;

/* A line per step (kind "train") and per evaluation (kind "test").  `lost` gets what goes
 * wrong after the log was opened. */
int log_open(Log *, const char *path, NnError *lost, NnError *);
void log_step(Log *, const Progress *, double loss);
void log_test(Log *, const Progress *, const NnScore *);
void log_close(Log *);

#endif
