/* What the files of lower/ share. */
#ifndef NNC_LOWER_PIPELINE_H
#define NNC_LOWER_PIPELINE_H

#include "lower/lower.h"

/* pipeline.c: a program after all passes that need no plan, its batch divided into so many
 * micro-batches.  NULL after an error. */
Graph *pipeline_run(Graph *net, ProgramKind, const TrainSpec *, const LowerOptions *, int64_t micro_batches);

/* Its plan; on machines of little memory after values were written over others (passes/in_place.c), which
 * has to be the last that changes the program.  NULL after an error. */
const Plan *pipeline_plan(Graph *program, const LowerOptions *);

/* micro_batches.c: in how many micro-batches, of at most so many samples each, the program's
 * batch can be run; 1 where it cannot. */
int64_t micro_batch_count(const Graph *program, int64_t samples);

/* The plan without a memory limit; NULL after an error. */
const Plan *micro_batch_plan(Graph *net, ProgramKind, const TrainSpec *, const LowerOptions *);

#endif
