/*
 * train_schedule: a train section's schedule, as the training loop takes it.
 */
#ifndef NNC_TRAIN_SCHEDULE_H
#define NNC_TRAIN_SCHEDULE_H

#include "elab/train_spec.h"
#include "runtime/train/train.h"

/* lr: in place of the optimizer's, or the peak; 0: as the section says. */
NnSchedule train_schedule(const TrainSpec *, double lr);

#endif
