/*
 * workdir: a private directory for one compilation, in $TMPDIR or /tmp.
 *
 * It is locked while its process lives.  A process that is killed leaves it
 * behind unlocked, and the next one that opens a directory there removes it.
 */
#ifndef NNC_BACKEND_WORKDIR_H
#define NNC_BACKEND_WORKDIR_H

#include "base/base.h"

typedef struct Workdir {
    const char *path; /* NULL: not open */
    int lock;         /* its descriptor, which holds the lock */
} Workdir;

/* NULL, or why there is none, in one line (allocated in the arena). */
const char *workdir_open(Workdir *, Arena *);
/* Removes the directory and the files in it; one that is not open, too. */
void workdir_close(Workdir *);

#endif
