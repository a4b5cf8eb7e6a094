/*
 * shared_weights: the large parameters of ranks of one machine, in the same memory.
 *
 * Enters: models of the same content, one on each rank.  Leaves: on the ranks of one machine, or of one of its NUMA
 * nodes if they are bound to one, whole pages of some tensors are those of one file in memory (memfd_create), mapped
 * in the place of each model's own.  What one rank writes there, the others have without a message, and what all
 * of them read is in their caches once.  Ranks that cannot map the file, or whose pages differ, go on with pages of
 * their own.
 *
 * Who may write when is the caller's affair.
 */
#ifndef NN_SHARED_WEIGHTS_H
#define NN_SHARED_WEIGHTS_H

#include "runtime/core/core.h"
#include "runtime/train/ranks.h"

typedef struct SharedWeights SharedWeights;

/* Bytes of the model's block. */
typedef struct SharedSpan {
    size_t begin, end;
} SharedSpan;

/* All ranks together.  Of the spans, which are the same on all ranks and do not overlap, whole pages are
 * shared. */
SharedWeights *shared_weights_new(const NnRanks *, double limit, void *model, const SharedSpan *, int count, NnError *);
/* Each rank has its own pages again, with what is in them now; at any time after which no rank writes. */
void shared_weights_free(SharedWeights *);

/* The rank has the same pages.  Not this rank itself; no rank, of NULL. */
bool shared_weights_with(const SharedWeights *, int rank);
/* What of that span of bytes is in shared pages, if it is within one of the spans above. */
SharedSpan shared_weights_part(const SharedWeights *, SharedSpan);
/* Returns when all ranks with the same pages have come here. */
void shared_weights_meet(const SharedWeights *);

#endif
