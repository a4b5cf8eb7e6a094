/*
 * fill: one sample of a batch, with its target.
 */
#ifndef NN_FILL_H
#define NN_FILL_H

#include "runtime/data/source.h"

/* What all batches of an epoch are made from. */
typedef struct Filler {
    Feed feed;
    const Samples *samples;
    DataPart part;
    bool training;
    uint64_t seed, epoch;
} Filler;

/* The memory of a thread that fills batches. */
typedef struct FillMemory {
    SampleBuffer buffer;
    float *scratch;
} FillMemory;

int fill_memory_init(FillMemory *, const Filler *, NnError *);
void fill_memory_free(FillMemory *);

/* Sample `row` of the part becomes sample i of the batch. */
int fill_row(const Filler *, int row, int i, const Batch *, FillMemory *, NnError *);

#endif
