/*
 * From a net to a program: what is to be executed, and nothing else.
 */
#ifndef NNC_AUTODIFF_PROGRAM_H
#define NNC_AUTODIFF_PROGRAM_H

#include "elab/train_spec.h"
#include "graph/graph.h"

/* What is to be run, as a graph of its own that shares the net's model tensors.
 * STEP appends the optimizer's states to the net's `model`. `spec` may be NULL
 * for INFER and VJP.  NULL after an error (a loss that does not fit the output).
 *
 * `micro_batches` micro-batches of `batch` samples each are run one after the other, and what
 * they make of the loss and the gradients is added up, so that only these live from one
 * to the next.  Not of VJP, nor where an operator mixes the samples (OP_BATCH_COUPLED). */
Graph *program_build(Graph *net, ProgramKind, const TrainSpec *spec, int64_t batch, int64_t micro_batches);

#endif
