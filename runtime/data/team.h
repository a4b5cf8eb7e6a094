/*
 * team: the same work on many things, by a thread for each processor.
 */
#ifndef NN_DATA_TEAM_H
#define NN_DATA_TEAM_H

#include "runtime/core/core.h"

/* Memory of one thread, which grows and lasts from one piece of work to the next. */
typedef struct Workspace {
    uint8_t *bytes;
    float *floats;
    size_t byte_count, float_count;
} Workspace;

/* At least as much of each; what was in it is lost. */
int workspace_provide(Workspace *, size_t bytes, size_t floats, NnError *);
void workspace_free(Workspace *);

/* Who is told how far the work is, every so often and by any of the threads. */
typedef struct TeamWatch {
    void (*show)(void *user, const char *what, size_t done, size_t count); /* NULL: nobody */
    void *user;
} TeamWatch;

/* 0, or −1 and the error.  Called for different indices at once. */
typedef int (*TeamWork)(void *user, size_t index, Workspace *, NnError *);

/* Work for 0 … count−1, begun in this order; so of several indices that fail, the error is that
 * of the first, whatever the number of threads.  what: the work, for the watch. */
int team_run(size_t count, TeamWork, void *user, const char *what, const TeamWatch *, NnError *);

#endif
