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
} Backend;

extern const Backend backend_tcc, backend_cc;

#endif
