/*
 * snapshot: the last finite weights of a run.
 *
 * A step that diverges leaves NaN in every weight, and the loss says so only
 * after the update.  So the weights are copied now and then while they are
 * finite: before steps 0, 1, 2, 4, 8, 16, 32, and from there on before every
 * 32nd.  A copy reads and writes each weight once, a step does so several times
 * for the update alone: all copies together take about 1 % of the time.  Which
 * steps are copied depends on their number only, so a run that diverges ends
 * with the same weights every time.
 */
#ifndef NN_SNAPSHOT_H
#define NN_SNAPSHOT_H

#include "runtime/core/core.h"
#include "runtime/nn.h"

typedef struct Snapshot {
    const nn_model_info *info;
    float *values;  /* what a weights file holds, tensor after tensor */
    float *scratch; /* [the largest of them] */
    int64_t steps;  /* done when it was taken; −1: never */
} Snapshot;

int snapshot_init(Snapshot *, const nn_model_info *, NnError *);
void snapshot_free(Snapshot *);
/* Whether there is one before step `step`, from 0. */
bool snapshot_is_due(int64_t step);
/* Copies the model's weights; false where one is not finite, and then the copy of before stays. */
bool snapshot_take(Snapshot *, const void *model, int64_t steps);
void snapshot_restore(const Snapshot *, void *model);
/* Whether all weights are finite. */
bool snapshot_finite(const Snapshot *, const void *model);

/* Whether all of the numbers are. */
bool all_finite(const float *values, size_t count);

#endif
