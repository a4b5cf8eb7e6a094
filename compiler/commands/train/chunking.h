/*
 * chunking: how `nnc train` cuts a batch into chunks, for a result that does not depend on the number
 * of ranks (runtime/train/chunks.h).
 */
#ifndef NNC_CHUNKING_H
#define NNC_CHUNKING_H

#include "commands/train/ranks.h"
#include "commands/train/resume.h"
#include "commands/train/train_request.h"
#include "runtime/train/chunks.h"

/* Samples of a chunk where --chunk does not say it: the least of 16 or more that give at most 8 chunks; whole
 * blocks of 16 where the batch has them.  The number of ranks has no part in it. */
int64_t chunking_default(int64_t batch);

/* m->batch becomes that of a chunk, and *batch that of a step; 0, and m as it is, where neither
 * --reproducible nor a launcher asks for it. */
int chunking_decide(TrainRequest *, Model *m, const Ranks *, int64_t *batch);

/* STATUS_INPUT and a message where an operator of the loaded net, or the run, cannot be had in chunks. */
int chunking_check(const TrainRequest *, const Model *m);

/* What all ranks must have in common: their program, processor and data, and the notes of a checkpoint of the
 * run. */
const RankFact *chunking_facts(const TrainRequest *, const Model *m, const Dataset *, const NnWeightsNote *notes,
                               const NnTensors *resumed);

#endif
