/*
 * Schedules of the language → those of the runtime.
 */
#include "commands/train_schedule.h"

NnSchedule train_schedule(const TrainSpec *spec, double lr)
{
    static const NnScheduleKind kinds[] = {
        [SCHEDULE_CONSTANT] = NN_CONSTANT,   [SCHEDULE_STEP] = NN_STEP,
        [SCHEDULE_MULTISTEP] = NN_MULTISTEP, [SCHEDULE_COSINE] = NN_COSINE,
        [SCHEDULE_ONECYCLE] = NN_ONECYCLE,   [SCHEDULE_EXPONENTIAL] = NN_EXPONENTIAL,
        [SCHEDULE_PLATEAU] = NN_PLATEAU,     [SCHEDULE_BOLD_DRIVER] = NN_BOLD_DRIVER,
    };
    const Schedule *s = &spec->schedule;
    return (NnSchedule){
        .kind = kinds[s->kind],
        .lr = lr > 0 ? lr : spec->lr,
        .every = s->every,
        .gamma = s->gamma,
        .warmup = s->warmup,
        .floor = s->floor,
        .peak = lr > 0 ? lr : s->peak,
        .patience = s->patience,
        .grow = s->grow,
        .cut = s->cut,
        .at = s->at.at,
        .at_count = s->at.count,
    };
}
