/*
 * Schedule → NnSchedule.
 */
#ifndef NNC_COMMANDS_SCHEDULE_H
#define NNC_COMMANDS_SCHEDULE_H

#include "elab/train_spec.h"
#include "runtime/train/train.h"

/* lr above 0 takes the place of the rate, or of onecycle's peak. */
NnSchedule schedule_of(const TrainSpec *, double lr);

#endif
