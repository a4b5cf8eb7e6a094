/*
 * state: all that a run has to remember from one step to the next, besides the model itself.
 *
 * The order of the samples, augmentation and dropout need no more than the seed, the epoch,
 * the batch's number and the model's own count of steps.
 */
#ifndef NN_TRAIN_STATE_H
#define NN_TRAIN_STATE_H

#include "runtime/train/average.h"
#include "runtime/train/train.h"

typedef struct TrainState {
    int epoch;        /* from 1 */
    int64_t step;     /* done, in all */
    int64_t in_epoch; /* steps done in this epoch, */
    int64_t samples;  /* their samples, */
    double total;     /* and the sum of the samples' losses */
    NnScheduleState schedule;
    double best;       /* test loss, for the patience */
    int since_best;    /* epochs */
    Average ema, slow; /* slow: of lookahead */
} TrainState;

#endif
