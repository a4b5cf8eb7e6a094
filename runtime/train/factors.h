/*
 * factors: gradients that travel as what they are made of.
 *
 * The gradient of a dense layer's weights is a sum of outer products, of two vectors for each sample.  Where
 * these vectors are much smaller than the gradient, ranks exchange them instead ("sufficient factors": Xie,
 * Kim, Zhou, Ho, Kumar, Yu and Xing, Distributed machine learning via sufficient factor broadcasting, 2014;
 * Zhang, Zheng, Xu et al., Poseidon, 2017).  Every rank gets the factors of all chunks, and computes the
 * gradients of the chunks for the rows that it updates, a few rows at a time, and adds them up in the tree
 * (chunk_tree.h).  The gradient never exists as a whole, and its sum is, to the bit, that of the chunks'
 * own gradients.
 */
#ifndef NN_FACTORS_H
#define NN_FACTORS_H

#include "runtime/core/core.h"
#include "runtime/nn.h"
#include "runtime/train/chunk_tree.h"
#include "runtime/train/ranks.h"

typedef struct RankFactors RankFactors;

/* The code of a chunk, and of the last of a batch if that is shorter, or NULL. */
typedef struct ChunkCode {
    const nn_model_info *info, *last;
} ChunkCode;

/* The shares are the caller's and listed anew for each batch; no factors of tensors of fewer than `least` elements. */
RankFactors *factors_new(const ChunkCode *, const ChunkShares *, const NnRanks *, double limit, size_t least,
                         NnError *);
void factors_free(RankFactors *);
const unsigned char *factors_tensors(const RankFactors *); /* [tensor] 1: its factors are exchanged */
int factors_columns(const RankFactors *, int tensor);

/* For sums of so many elements, with so many bytes of addresses before each, which are neither read nor written: a sum
 * may stand where it would be in a block of gradients, of which the rest does not exist. */
int factors_reserve(RankFactors *, size_t count, size_t before, NnError *);

/* Of a step; samples: of its batch. */
void factors_begin(RankFactors *, int samples);
void factors_take(RankFactors *, int tensor, int leaf, const float *left, const float *right); /* a copy */
/* All of this rank's chunks are taken, and nothing reads the parameter any more: to and from all ranks.
 * A second time in a step it does nothing. */
void factors_exchange(RankFactors *, int tensor);
bool factors_test(RankFactors *, int tensor); /* those of all ranks are here */
void factors_wait(RankFactors *, int tensor);
/* The sum of all chunks' gradients, from that element on; until the next call. */
float *factors_sum(RankFactors *, int tensor, size_t begin, size_t count);
void factors_end(RankFactors *);

#endif
