/*
 * chunks: a step whose result does not depend on the number of processes and threads that share it.
 *
 * A batch of B samples is cut into C = B/b chunks of b samples.  Their gradients are the leaves of a
 * binary tree, whose shape depends on C alone:
 *
 *   sum(0, i) = gradient of chunk i
 *   sum(l, i) = sum(l−1, 2i) + sum(l−1, 2i+1)       the second only where 2i+1 has leaves
 *
 * and the update takes the root divided by C.  Rank r of R has the chunks ⌊Cr/R⌋ … ⌊C(r+1)/R⌋ − 1 and
 * computes the nodes of the tree that have no other leaves.  Then every rank gets these nodes of
 * all ranks for its slice of the gradients, adds them up to the root, in the order of the tree
 * again, and sends the slice of the root to all (a reduce-scatter and an allgather).
 *
 * The last batch of an epoch may be shorter: a chunk of r < b samples counts as r/b chunks.
 */
#ifndef NN_CHUNKS_H
#define NN_CHUNKS_H

#include "runtime/train/chunk_tree.h"
#include "runtime/train/ranks.h"
#include "runtime/train/train.h"

typedef struct Chunks Chunks;

/* What a rank wants, before a step, and some rank wanted, after it. */
typedef struct ChunkVotes {
    bool stop, out_of_time, checkpoint;
} ChunkVotes;

/* info: of code for a chunk; `last`: for the chunk of the last batch that is not whole, or NULL; ranks: NULL: alone. */
Chunks *chunks_new(const nn_model_info *info, const nn_model_info *last, const NnChunking *, NnError *);
void chunks_free(Chunks *);

/* All ranks together, before the first step: where ranks of one machine can, they have the large parameters of their
 * models in the same memory.  Nothing but steps may change them, until after the last step each has its own again. */
int chunks_share_weights(Chunks *, void *model, NnError *);
void chunks_part_weights(Chunks *);

/* Returns the mean loss of the batch, the same on every rank. */
double chunks_step(Chunks *, void *model, const Batch *, float lr, void *scratch, ChunkVotes *);
/* Where the optimizer's state is sharded: rank 0 gets all of it for a checkpoint; every rank has that of its own
 * tensors alone again.  Nothing else. */
void chunks_collect_state(const Chunks *, void *model);
void chunks_forget_state(const Chunks *, void *model);
bool chunks_is_sharded(const Chunks *);

/* Of that step, each without its weight; NULL where there are not several. */
const float *chunks_losses(const Chunks *);

#endif
