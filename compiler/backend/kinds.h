/*
 * kinds: the contract between backend.c and the ways of running C text.
 * Adding one is a file with such a record, and a row in backend.c.
 */
#ifndef NNC_BACKEND_KINDS_H
#define NNC_BACKEND_KINDS_H

#include "backend/backend.h"

typedef struct Backend {
    /* The handle of the running code, or NULL and *error. */
    void *(*compile)(const char *source, Arena *, const char **error);
    void *(*symbol)(void *handle, const char *name);
    void (*release)(void *handle);
    JitNews (*poll)(void *handle, const char **why); /* NULL: never any news */
} Backend;

extern const Backend backend_tcc, backend_cc, backend_cc_exact, backend_tiered;

/* cc.c, for code whose kernels are linked: in a thread that is not the main one,
 * until *cancelled is set.  No signal ends it, and none is taken. */
void *cc_compile_linked(const char *source, const int *cancelled, Arena *, const char **error);

#endif
