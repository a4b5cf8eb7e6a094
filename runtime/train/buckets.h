/*
 * buckets: gradients that travel while the backward pass goes on, and their updates.
 *
 * A large tensor is cut into buckets, and a bucket into a slice for each rank.  As soon as a bucket is final
 * on a rank, and its parameters are not read any more, the rank sends each other rank its slice.  That one
 * adds the slices of all in the order of the tree (chunk_tree.h), updates its slice of the parameters, and sends
 * these values to all: a reduce-scatter, an update of 1/R of the elements, an allgather.  Where it is much less,
 * what a gradient is made of travels in its place, and is put together by the slices (factors.h).  The optimizer's
 * state of a slice is with its rank alone (ZeRO, stage 1; Rajbhandari, Rasley, Ruwase and He 2020).
 *
 * Ranks of one machine may have the parameters in the same memory (shared_weights.h): then a slice's new values
 * are there for the others when its rank has written them, which it does when all have sent what they have for it,
 * and read the parameter no more.
 *
 * An element's update must depend on its own gradient alone (nn_model_info.update_is_local); then the result
 * is that of an update on each rank, to the bit.  Where all gradients are needed, as for clip, see sharding.h.
 */
#ifndef NN_BUCKETS_H
#define NN_BUCKETS_H

#include "runtime/core/core.h"
#include "runtime/nn.h"
#include "runtime/train/chunk_tree.h"
#include "runtime/train/factors.h"
#include "runtime/train/ranks.h"

typedef struct Buckets Buckets;

typedef struct BucketSizes {
    size_t slice; /* floats of a rank's slice of a bucket; 0: the usual number */
    size_t rows;  /* the same of rows that are computed of factors */
    size_t least; /* of a tensor that is cut; 0: the usual number */
} BucketSizes;

/* The shares are the caller's and listed anew for each batch. */
Buckets *buckets_new(const ChunkCode *, const ChunkShares *, const NnRanks *, double limit, BucketSizes, NnError *);
void buckets_free(Buckets *);

/* [tensor] 1: it is in buckets, and nothing else sends or updates it. */
const unsigned char *buckets_tensors(const Buckets *);
/* Of some of them the factors are exchanged, which are taken from each chunk of this rank. */
RankFactors *buckets_factors(const Buckets *);

/* All ranks together, before the first step: ranks of one machine have the parameters of buckets in the same memory
 * until buckets_part_weights, after the last.  Nothing but steps may change them. */
int buckets_share_weights(Buckets *, void *model, NnError *);
void buckets_part_weights(Buckets *);

/* Of a step.  own: this rank's nodes of the tree, in the form of the block of gradients; the first has the
 * number of batches already. */
typedef struct BucketStep {
    void *model, *scratch;
    float *const *own;
    float lr;
    int samples; /* of the batch */
} BucketStep;

void buckets_begin(Buckets *, const BucketStep *);
/* These elements of a tensor, from that one of the block of gradients on, are final in all of this rank's nodes. */
void buckets_ready(Buckets *, int tensor, size_t begin, size_t count);
/* All are: returns when every parameter of the buckets has its new value. */
void buckets_end(Buckets *);

/* Every rank: rank 0 has the whole state until it forgets it again.  values: room for the largest tensor. */
void buckets_collect_state(const Buckets *, void *model, float *values);
void buckets_forget_state(const Buckets *, void *model, float *values);

#endif
