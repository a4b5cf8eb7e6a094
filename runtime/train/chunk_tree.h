/*
 * chunk_tree: the binary tree in which what the chunks of a batch have made is put together.
 *
 * Its shape depends on the number of chunks alone: node i of level l has the nodes 2i and 2i + 1 of level
 * l − 1 below it, the second only where it has leaves; node i of level 0 is chunk i, a leaf.
 */
#ifndef NN_CHUNK_TREE_H
#define NN_CHUNK_TREE_H

#include <stdbool.h>
#include <stddef.h>

enum { CHUNK_LEVELS = 24, CHUNK_NODES = 2 * CHUNK_LEVELS };

/* Node i of a level; of a batch of `leaves` chunks. */
typedef struct ChunkNode {
    int level, index;
} ChunkNode;

/* The largest nodes of a tree of `leaves` leaves with no leaves but begin … end−1, from left to right;
 * returns how many. */
int chunk_nodes(int leaves, int begin, int end, ChunkNode node[CHUNK_NODES]);

ChunkNode chunk_root(int leaves);

static inline ChunkNode chunk_left(ChunkNode n) { return (ChunkNode){n.level - 1, 2 * n.index}; }
static inline ChunkNode chunk_right(ChunkNode n) { return (ChunkNode){n.level - 1, 2 * n.index + 1}; }
static inline bool chunk_has_leaves(ChunkNode n, int leaves) { return n.index << n.level < leaves; }
static inline bool chunk_is_node(ChunkNode a, ChunkNode b) { return a.level == b.level && a.index == b.index; }

/* The first chunk of a rank, of a whole batch. */
static inline int chunk_begin(int chunks, int rank, int size) { return (int)((long long)chunks * rank / size); }

/* What a node is of the two below it: `to` may be one of them. */
typedef void ChunkJoin(float *to, const float *left, const float *right, size_t count);

ChunkJoin chunk_add; /* to = left + right, element by element */

/* Where part `part` of `parts` of a vector begins, as the kernels cut it among threads (nn_partition): at a whole
 * cache line. */
size_t chunk_part_begin(size_t count, int part, int parts);

/* The nodes of all ranks, in the order of the leaves. */
typedef struct ChunkShares {
    int rank, size; /* 0 of 1 without ranks */
    int chunks;     /* of a whole batch */
    int leaves;     /* of this one */
    ChunkNode *node;
    int *nodes; /* [size]: how many are each rank's */
} ChunkShares;

void chunk_shares_list(ChunkShares *, int leaves);
int chunk_shares_count(const ChunkShares *); /* of all ranks */
int chunk_shares_first(const ChunkShares *); /* of this rank, in `node` */
int chunk_shares_begin(const ChunkShares *); /* the leaves of this rank, */
int chunk_shares_end(const ChunkShares *);   /* as far as this batch has them */

/* What all nodes of the shares become, put together in the order of the tree. */
typedef struct ChunkReduction {
    const ChunkShares *shares;
    const float *const *node;   /* [nodes of all ranks]: each one's vector */
    float *const (*partial)[2]; /* [CHUNK_LEVELS]: memory for two nodes of each level that has none in `node` */
    ChunkJoin *join;
    size_t count; /* of a vector */
} ChunkReduction;

/* Where the root's vector is: in `node`, else in `to` if it is not NULL, else in `partial`. */
const float *chunk_reduce(const ChunkReduction *, float *to);

#endif
