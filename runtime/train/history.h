/*
 * history: a chain of hashes over the steps of a run, which its checkpoints carry.
 *
 *   chain(0) = 0,  chain(k) = hash(chain(k−1), samples of step k in their order, loss, learning rate)
 *
 * with all bits of the loss, which depends on all weights before it: two runs with one chain have done the
 * same.  Some of the values are kept, to find where two runs part: those of every stride-th step, where
 * the stride doubles when there are too many.
 */
#ifndef NN_HISTORY_H
#define NN_HISTORY_H

#include "runtime/core/core.h"

enum { HISTORY_MARKS = 1024 };

typedef struct History {
    int64_t begin; /* the steps before it are not in the chain: of a checkpoint that had none */
    int64_t steps; /* in the chain */
    uint64_t chain;
    int64_t stride;
    int count;
    uint64_t mark[HISTORY_MARKS]; /* [i]: the chain after (i + 1) · stride steps of it */
} History;

void history_init(History *, int64_t begin);
void history_add(History *, const int32_t *rows, int count, double loss, double lr);

/* As metadata history.*; a file that has none leaves a chain that begins at `step`. */
int history_write(const History *, NnTensorWriter *, NnError *);
int history_read(History *, const NnTensors *, const char *path, int64_t step, NnError *);

/* Of two chains with one beginning, the steps first … last of the run (from 1) among which they part; false: as far
 * as both go, they are the same. */
typedef struct HistoryParting {
    int64_t first, last;
} HistoryParting;
bool history_parts(const History *, const History *, HistoryParting *);

#endif
