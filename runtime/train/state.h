/*
 * state: all that a run has to remember from one step to the next, besides the model itself.
 *
 * The order of the samples, augmentation, mixing and dropout need no more than the seed, the
 * epoch, the batch's number and the model's own count of steps: there are no random states.
 * So a run goes on from a TrainState and its weights bitwise as if it had never stopped.
 */
#ifndef NN_TRAIN_STATE_H
#define NN_TRAIN_STATE_H

#include "runtime/train/average.h"
#include "runtime/train/history.h"
#include "runtime/train/train.h"

/* Weights beside the model's own. */
typedef enum Copy {
    COPY_EMA,  /* their exponential average */
    COPY_SLOW, /* those of lookahead */
    COPY_BEST, /* those with the best validation loss */
    COPIES
} Copy;

typedef struct TrainState {
    int epoch;                     /* from 1 */
    int64_t step;                  /* done, in all */
    int64_t in_epoch;              /* steps done in this epoch, */
    int64_t samples;               /* their samples, */
    double total;                  /* and the sum of the samples' losses */
    double lr;                     /* of the last step */
    double seconds, epoch_seconds; /* that the run has taken until then; this epoch */
    NnScheduleState schedule;
    double best;    /* validation loss */
    int best_epoch; /* 0: none yet */
    int since_best; /* epochs */
    History history;
    Average copy[COPIES];
} TrainState;

void state_init(TrainState *);

/* All but the copies of weights, as metadata: state.epoch, state.step, … with all bits of their numbers. */
int state_write(const TrainState *, NnTensorWriter *, NnError *);
int state_read(TrainState *, const NnTensors *, const char *path, NnError *);

/* What a model's block begins with (compiler/emit/model.c). */
typedef struct ModelHead {
    uint64_t seed;
    int64_t step; /* training steps done */
} ModelHead;

#endif
