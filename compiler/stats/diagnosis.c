/*
 * What a run shows, epoch by epoch, and when it is judged.
 */
#include "stats/diagnosis.h"

#include <math.h>
#include <string.h>

struct Diagnosis {
    DiagnosisInput in;
    Arena *arena;
    Evidence evidence;
    Findings *findings;
    DataSeen data;
    ClassesSeen classes;
    BadNumber bad;
    DataPart part; /* that is shown */
    EpochSeen *epoch;
    int epochs, epoch_capacity;
    NnObserver observer;
};

static float pass_step(void *user, const NnStep *step)
{
    const NnObserver *stats = stats_observer(((const Diagnosis *)user)->in.stats);
    return stats->step(stats->user, step);
}

static bool find_bad_number(void *user, const NnStep *step)
{
    Diagnosis *d = user;
    return bad_number_in_step(d->in.stats, step, &d->bad);
}

/* ---- predictions ------------------------------------------------------------------- */

static void see_prediction(void *user, int row, const float *y, const void *target, int predicted)
{
    Diagnosis *d = user;
    ClassesSeen *c = &d->classes;
    const Samples *s = &d->in.feed->data->part[d->part];
    (void)y;
    (void)target;
    if (predicted < 0 || predicted >= c->count || !s->labels) return;
    const int label = s->labels[row];
    c->samples++;
    c->predicted[predicted]++;
    if (label >= 0 && label < c->count) c->present[label]++;
}

static void begin_predictions(ClassesSeen *c)
{
    memset(c->present, 0, (size_t)c->count * sizeof *c->present);
    memset(c->predicted, 0, (size_t)c->count * sizeof *c->predicted);
    c->samples = 0;
}

enum { FEW_PRESENT = 3 };

static void end_predictions(ClassesSeen *c)
{
    for (int i = 0; i < c->count && c->samples; i++)
        c->missed[i] = c->present[i] >= FEW_PRESENT && !c->predicted[i] ? c->missed[i] + 1 : 0;
}

/* ---- epochs -------------------------------------------------------------------------- */

static void add_epoch(Diagnosis *d, const NnEpochEnd *end)
{
    d->epoch = array_grow(d->arena, d->epoch, &d->epoch_capacity, d->epochs + 1, sizeof *d->epoch);
    d->epoch[d->epochs++] = (EpochSeen){
        .epoch = end->epoch, .step = end->step, .loss = end->loss, .valid = end->score ? end->score->loss : NAN};
    d->evidence.epoch = d->epoch;
    d->evidence.epoch_count = d->epochs;
}

static bool end_epoch(void *user, const NnEpochEnd *end)
{
    Diagnosis *d = user;
    const NnObserver *stats = stats_observer(d->in.stats);
    const bool logged = stats->epoch(stats->user, end);
    add_epoch(d, end);
    end_predictions(&d->classes);
    findings_look(d->findings, finding_kinds, &d->evidence, FIND_AFTER_EPOCH, d->in.color);
    begin_predictions(&d->classes);
    return logged;
}

/* ---- the whole ------------------------------------------------------------------------ */

static void init_classes(Diagnosis *d)
{
    const int count = d->data.class_count > 1 ? d->data.class_count : 0;
    const size_t bytes = (size_t)(count + 1) * sizeof(int);
    d->classes = (ClassesSeen){.count = count,
                               .present = arena_alloc(d->arena, bytes),
                               .predicted = arena_alloc(d->arena, bytes),
                               .missed = arena_alloc(d->arena, bytes)};
}

Diagnosis *diagnosis_new(const DiagnosisInput *in)
{
    Arena *arena = in->net->compilation->arena;
    Diagnosis *d = arena_alloc(arena, sizeof *d);
    *d = (Diagnosis){.in = *in, .arena = arena, .findings = findings_new(in->net->compilation)};
    d->part = in->feed->data->part[DATA_VALID].count ? DATA_VALID : DATA_TEST;
    d->data = data_seen(arena, in->feed);
    init_classes(d);
    d->evidence = (Evidence){.net = in->net,
                             .spec = in->spec,
                             .batch = in->batch,
                             .last = in->last,
                             .epochs = in->epochs,
                             .lr = in->lr,
                             .stats = in->stats,
                             .data = &d->data,
                             .classes = &d->classes,
                             .bad = &d->bad,
                             .valid_name = dataset_part_name(d->part)};
    d->observer = *stats_observer(in->stats);
    d->observer.user = d;
    d->observer.step = pass_step;
    d->observer.sample = see_prediction;
    d->observer.epoch = end_epoch;
    d->observer.replay = find_bad_number;
    return d;
}

void diagnosis_start(Diagnosis *d)
{
    findings_look(d->findings, finding_kinds, &d->evidence, FIND_AT_START, d->in.color);
}

void diagnosis_end(Diagnosis *d, bool diverged)
{
    if (diverged) findings_look(d->findings, finding_kinds, &d->evidence, FIND_DIVERGED, d->in.color);
}

const NnObserver *diagnosis_observer(const Diagnosis *d) { return &d->observer; }
const Findings *diagnosis_findings(const Diagnosis *d) { return d->findings; }
