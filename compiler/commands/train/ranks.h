/*
 * ranks: this process as one of several that train a net together (mpirun -n N nnc train …).
 *
 * Enters: what a launcher has left in the environment.  Leaves: the engine's functions, from a
 * library that is loaded only then.  Rank 0 alone prints and writes files; what the others say on
 * standard error is kept until it is known whether they have failed.
 */
#ifndef NNC_RANKS_H
#define NNC_RANKS_H

#include <stdio.h>

#include "commands/support/command.h"
#include "runtime/train/ranks.h"

enum { RANKS_PATH_BYTES = 4096 };

typedef struct Ranks {
    NnRanks engine; /* of size 1 where there is no launcher */
    bool launched;
    bool agreed; /* all ranks have come to the start of the run, and are alike */
    void *library;
    FILE *kept;   /* what this rank has said; of rank 0 NULL */
    int error;    /* descriptor of the standard error from before */
    double limit; /* seconds without an answer after which a rank counts as lost: NNC_RANK_TIMEOUT */
    bool apart;   /* from ranks of the same machine, as if they were on others: NNC_SHARE_WEIGHTS=no */
} Ranks;

/* A property of the run that must be the same on all ranks. */
typedef struct RankFact {
    const char *what, *value; /* "the data", "CIFAR-10, hash 01234"; what: NULL at the end of a list */
} RankFact;

/* STATUS_OK, also where no launcher has started this process. */
int ranks_open(Ranks *);

static inline bool ranks_is_first(const Ranks *r) { return r->engine.rank == 0; }

/* The threads of a rank that was not told: the processors that it is bound to, or its share of the machine's. */
int ranks_threads(void);

/* Waits for all ranks, each as long as the limit.  Not STATUS_OK on any of them where one has failed or has other facts than rank 0,
 * which says so. */
int ranks_agree(Ranks *, const RankFact *);

/* At the end, with the status until now.  lost: the others wait for this rank in vain, and are ended. */
int ranks_close(Ranks *, int status, bool lost);

/* The path of the engine's library, or NULL: there is none. */
const char *ranks_library(char *path, size_t size);

#endif
