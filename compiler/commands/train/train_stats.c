/*
 * Statistics and findings of a run.
 */
#include "commands/train/train_stats.h"

static StatsCode code_of_model(const Model *m) { return (StatsCode){m->info, m->jit, m->emitted}; }

/* Of a micro-batch, where there are several. */
static int64_t batch_of(const Model *m) { return m->emitted->step_program->batch; }

TrainStats train_stats_new(const TrainStatsInput *in)
{
    const Model *m = in->m;
    TrainStats t = {.stats = stats_new(m->net, in->every, in->feeding->data->part[DATA_TRAIN].count, in->flow)};
    stats_add_code(t.stats, code_of_model(m));
    if (in->last->info) stats_add_code(t.stats, code_of_model(in->last));
    t.diagnosis = diagnosis_new(&(DiagnosisInput){.net = m->net,
                                                  .spec = m->spec,
                                                  .stats = t.stats,
                                                  .feed = &in->feeding->feed,
                                                  .batch = batch_of(m),
                                                  .last = in->last->info ? batch_of(in->last) : 0,
                                                  .epochs = in->epochs,
                                                  .lr = in->lr,
                                                  .color = stderr_color()});
    return t;
}
