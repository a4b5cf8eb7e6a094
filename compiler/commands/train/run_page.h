/*
 * run_page: `nnc train --page FILE.html`: a page about a run while it runs.
 *
 * Enters: what the run's observer sees.  Leaves: a self-contained file that is written anew after
 * epochs, twice a second at most, and when the run ends: whole or not at all.
 */
#ifndef NNC_RUN_PAGE_H
#define NNC_RUN_PAGE_H

#include "commands/train/train_facts.h"
#include "commands/train/train_stats.h"

typedef struct RunPageInput {
    const char *path;
    const Model *m;
    const Feeding *feeding;
    const TrainStats *watch;
    const NnWeightsNote *notes; /* the run's, with hashes: up to a key of NULL */
    int epochs;
} RunPageInput;

typedef struct RunPage RunPage;

RunPage *run_page_new(const RunPageInput *);
const NnObserver *run_page_observer(const RunPage *);
void run_page_facts(RunPage *, List facts /* of TrainFact */);
/* The last time; returns a Status, the message printed. */
int run_page_end(RunPage *);

#endif
