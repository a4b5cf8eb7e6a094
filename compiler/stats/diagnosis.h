/*
 * diagnosis: the observer of a run that looks for findings.
 *
 * Enters: statistics and the data.  Leaves: findings, printed as they are made.
 */
#ifndef NNC_STATS_DIAGNOSIS_H
#define NNC_STATS_DIAGNOSIS_H

#include "stats/findings.h"

typedef struct DiagnosisInput {
    Graph *net;
    const TrainSpec *spec;
    Stats *stats;
    const Feed *feed;
    int64_t batch; /* of a micro-batch, where there are several */
    int64_t last;  /* samples of the last batch of an epoch; 0: it is whole */
    int epochs;
    double lr;  /* of the optimizer, or the peak of its schedule */
    bool color; /* of what is printed */
} DiagnosisInput;

typedef struct Diagnosis Diagnosis;

Diagnosis *diagnosis_new(const DiagnosisInput *);
void diagnosis_start(Diagnosis *); /* what the data show before the first step */
const NnObserver *diagnosis_observer(const Diagnosis *);
void diagnosis_end(Diagnosis *, bool diverged);
const Findings *diagnosis_findings(const Diagnosis *);

/* data_seen.c */
DataSeen data_seen(Arena *, const Feed *);

/* bad_number.c: does the step once more; true where it made a number that is not finite. */
bool bad_number_in_step(const Stats *, const NnStep *, BadNumber *);

#endif
