/*
 * What a run reports: the table of epochs and the log.  For the loop in train.c alone.
 */
#ifndef NN_SHOW_H
#define NN_SHOW_H

#include "runtime/train/progress.h"

/* The part is the one that is shown while training goes on; `training`: of some training
 * samples, whose kind is NN_SCORE_LOSS where it was not measured. */
void table_head(FILE *, DataPart, const NnScore *kind);
void table_row(FILE *, const Progress *, const NnScore *training, const NnScore *);

typedef struct Log {
    FILE *file;
    const char *path;
    bool json;
    int loss_count; /* 0, or several, each of which has a column */
    const nn_loss_info *loss_list;
    const NnObserver *observer; /* whose columns it has besides, or NULL; set before log_open */
    NnError *error;             /* of the first line that could not be written; the log ends there */
} Log;

/* A line per step (kind "train"), per evaluation (kind "valid" or "test") and per epoch that was
 * observed (kind "stats").  `lost` gets what goes
 * wrong after the log was opened.  steps: of the checkpoint that the run goes on from; lines of
 * the file that came after it are cut off; −1: the log begins anew.
 * Losses have the columns loss.NAME, that of the net itself loss.output, all without their
 * weights. */
int log_open(Log *, const char *path, const nn_model_info *, int64_t steps, NnError *lost, NnError *);
/* Gives all lines to the system; the descriptor, or −1: there is none.  step: for the message. */
int log_flush(Log *, int64_t step);
void log_step(Log *, const Progress *, double loss, const float *losses); /* NULL: there is one loss */
void log_evaluation(Log *, DataPart, const Progress *, const NnScore *training, const NnScore *);
void log_observed(Log *, const Progress *);
void log_close(Log *);

#endif
