/*
 * train_facts: what a run is about, before it begins: the head that `nnc train` prints.
 */
#ifndef NNC_TRAIN_FACTS_H
#define NNC_TRAIN_FACTS_H

#include "commands/support/feeding.h"

typedef struct TrainFact {
    const char *name, *text;
} TrainFact;

typedef struct TrainFactsInput {
    const Model *m, *teacher; /* teacher: no info where there is none */
    const Feeding *feeding;
    int64_t chunked; /* the batch, where the code's is a chunk of it; else 0 */
    int64_t scales;  /* samples that those of simulated int8 were found by; 0: none were looked for */
    int ranks;
    int64_t threads;          /* of each */
    const char *engine;       /* by which they speak */
    const NnTensors *resumed; /* the checkpoint that it goes on from, or NULL */
    const char *resume_path;
} TrainFactsInput;

List train_facts(const TrainFactsInput *); /* of TrainFact */
void train_facts_print(const List *, FILE *);

#endif
