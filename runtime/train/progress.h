/*
 * Where training stands, and the line that shows it: on a terminal one line that
 * is rewritten and is never wider than the terminal, elsewhere a line per epoch.
 */
#ifndef NN_PROGRESS_H
#define NN_PROGRESS_H

#include "runtime/train/train.h"

typedef struct Progress {
    int epoch, epochs;
    int64_t step, steps; /* done, of all */
    int64_t in_epoch, per_epoch;
    double lr, loss; /* of the last step; mean of the epoch so far */
    double seconds, epoch_seconds;
    double rate;    /* samples per second, in this epoch */
    double waiting; /* share of this epoch's time in which there was no batch for the step */
} Progress;

typedef struct ProgressLine {
    FILE *stream; /* NULL: nothing is shown */
    bool terminal;
    int every;         /* rows for every so many epochs, and for the first and the last */
    double time_limit; /* seconds; 0: none */
    double shown;      /* when the line was last written; −1: never */
    int length;        /* characters of the line on the screen */
} ProgressLine;

double show_clock(void);                                 /* seconds, monotonic */
const char *show_duration(double seconds, char out[32]); /* 0.8 s, 12.3 s, 2:05, 1:02:05 */

/* Columns of the terminal: $COLUMNS, else what the system says of `fd` now; 0 where neither is known. */
int terminal_width(int fd);

void progress_line_init(ProgressLine *, const NnTrainConfig *);
bool progress_has_row(const ProgressLine *, const Progress *); /* whether this epoch has a row */
void progress_line_step(ProgressLine *, const Progress *);     /* rewrites the line, ten times a second at most */
void progress_line_clear(ProgressLine *);
void progress_line_epoch(ProgressLine *, const Progress *); /* a line of its own where there is no terminal */

#endif
