/*
 * train_stats: `nnc train --stats`: the observer of a run, over the code that the run uses.
 */
#ifndef NNC_TRAIN_STATS_H
#define NNC_TRAIN_STATS_H

#include "commands/support/feeding.h"
#include "stats/diagnosis.h"

typedef struct TrainStats {
    Stats *stats; /* NULL: there are none */
    Diagnosis *diagnosis;
} TrainStats;

typedef struct TrainStatsInput {
    const Model *m, *last; /* last: the code of an epoch's last batch, whose info is NULL where there is none */
    const Feeding *feeding;
    bool flow;     /* the gradients of the layers' results, too */
    int64_t every; /* steps between two that are watched; 0: by time */
    int epochs;
    double lr;
} TrainStatsInput;

TrainStats train_stats_new(const TrainStatsInput *);

#endif
