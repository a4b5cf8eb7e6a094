/*
 * ranks: the processes of a run on several machines, as the training loop sees them.
 *
 * Messages are all that is asked of an engine, so that the order of every sum is that of chunks.c.
 * An engine is a shared library of its own (runtime/mpi), which exports `nn_ranks_open`.
 */
#ifndef NN_RANKS_H
#define NN_RANKS_H

#include <stdbool.h>
#include <stddef.h>

enum { NN_RANKS_ABI = 3 };

/* To or from another rank.  Messages of one tag between two ranks arrive in the order in which they were sent. */
typedef struct NnMessage {
    int peer;
    bool sends;
    void *data;
    size_t bytes; /* the same on both sides */
    int tag;      /* 0 … NN_TAGS − 1 */
} NnMessage;

enum { NN_TAGS = 32768 };

/* Messages on their way: the engine's. */
typedef struct NnTransfer NnTransfer;

typedef struct NnRanks NnRanks;

struct NnRanks {
    int rank, size;
    char engine[64]; /* "Open MPI v4.1.4" */
    int said_to;     /* the descriptor of what the engine itself has to say */
    /* Returns when all messages are over.  With a limit, in seconds, a rank that has not answered for so
     * long is named and ends the job; 0: there is none. */
    void (*exchange)(const NnRanks *, const NnMessage *, int count, double limit);
    /* The same, while the caller goes on.  The list is not used after the first call, the data is; test: whether all
     * messages are over, and wait: until they are.  Then the transfer does not exist any more. */
    NnTransfer *(*start)(const NnRanks *, const NnMessage *, int count);
    bool (*test)(const NnRanks *, NnTransfer *);
    void (*wait)(const NnRanks *, NnTransfer *, double limit);
    void (*abort)(int status);                    /* ends all ranks, and does not return */
    void (*close)(const NnRanks *, double limit); /* waits so long for the end of the engine itself; 0: for ever */
};

/* 0, or -1: the engine's version is another one, or it does not start.  limit: seconds to wait for the other
 * ranks to start; then a message is printed, and the process ends. */
int nn_ranks_open(NnRanks *, int abi, double limit);
typedef int NnRanksOpen(NnRanks *, int abi, double limit);

#endif
