/* The schedule of a train section, as the runtime takes it. */
#include "commands/train/schedule.h"

NnSchedule schedule_of(const TrainSpec *spec, double lr)
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
        .cycle_momentum = s->cycle_momentum,
        .base_momentum = s->base_momentum,
        .max_momentum = s->max_momentum,
        .at = s->at.at,
        .at_count = s->at.count,
    };
}
