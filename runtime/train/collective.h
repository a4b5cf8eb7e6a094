/*
 * collective: what a batch in chunks computes of all its samples together, in the middle of a step.
 *
 * Each chunk's scratch has values (nn_collective) that are put together in the tree of the chunks: sums,
 * or means and squared differences.  Every rank gets the nodes of all others and computes the root itself.
 */
#ifndef NN_COLLECTIVE_H
#define NN_COLLECTIVE_H

#include "runtime/core/core.h"
#include "runtime/nn.h"
#include "runtime/train/chunk_tree.h"
#include "runtime/train/ranks.h"

typedef struct CollectiveRun CollectiveRun;

/* The shares are the caller's and listed anew for each batch. */
CollectiveRun *collective_new(const nn_model_info *info, const ChunkShares *, const NnRanks *, double limit, NnError *);
void collective_free(CollectiveRun *);

/* What one chunk of this rank has it from, and to: a row for each, from the first on. */
typedef struct CollectivePart {
    const nn_collective *at;
    float *scratch;
    float weight; /* its samples, in whole chunks */
} CollectivePart;

/* samples: of the batch, in whole chunks. */
void collective_reduce(CollectiveRun *, const nn_collective *, const CollectivePart *, float samples);

#endif
