/*
 * backend: C text → running code in this process.
 */
#ifndef NNC_BACKEND_H
#define NNC_BACKEND_H

#include "base/base.h"

typedef enum JitKind {
    JIT_TCC, /* libtcc: at once; needs none of TinyCC's own files */
    JIT_CC   /* the system compiler ($CC, else cc) and dlopen */
} JitKind;

typedef struct Jit Jit;

/* `source` is standalone text (EmitOptions.standalone).  On failure NULL, and
 * *error says why in one line (allocated in the arena). */
Jit *jit_compile(JitKind, const char *source, Arena *, const char **error);
void *jit_symbol(const Jit *, const char *name); /* NULL where there is none */
void jit_free(Jit *);

#endif
