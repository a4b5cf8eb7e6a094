/*
 * backend: C text → running code in this process.
 */
#ifndef NNC_BACKEND_H
#define NNC_BACKEND_H

#include "base/base.h"

typedef enum JitKind {
    JIT_TCC,      /* libtcc: at once; needs none of TinyCC's own files */
    JIT_CC,       /* the system compiler ($CC, else cc) and dlopen */
    JIT_CC_EXACT, /* the same, but no result differs from tcc's by a bit */
    JIT_TIERED    /* tcc's code at once, cc's when it is ready: see jit_poll */
} JitKind;

typedef struct Jit Jit;

/* The kind that can compile a model of so many bytes: sizes of TinyCC's types are ints, so beyond INT_MAX it
 * is JIT_CC_EXACT in the place of JIT_TCC and JIT_TIERED. */
JitKind jit_kind_for(JitKind, int64_t model_bytes);

/* `source` is standalone text (EmitOptions.standalone); for JIT_CC with its kernels pasted,
 * for the others with its kernels linked.  It must live as
 * long as the Jit.  On failure NULL, and *error says why in one line (allocated in
 * the arena). */
Jit *jit_compile(JitKind, const char *source, Arena *, const char **error);
JitKind jit_kind(const Jit *);                   /* as it was compiled */
void *jit_symbol(const Jit *, const char *name); /* NULL where there is none */
void jit_free(Jit *);

/* The system compiler with its first arguments, as the environment's CC says it; else "cc". */
const char *jit_compiler_command(void);

typedef enum JitNews {
    JIT_NO_NEWS,
    JIT_FASTER,   /* said once: from now on jit_symbol finds the faster code */
    JIT_NO_FASTER /* said once: there will be none, and *why says why in one line */
} JitNews;

/*
 * JIT_TIERED: what has become of the faster code, which is begun by the first call; other
 * kinds have no news.  What jit_symbol gave before stays good until jit_free.  Both codes
 * come from one text, lie in memory alike and call the same kernels, so the caller may
 * change from one to the other between two calls, and no result changes by a bit.
 */
JitNews jit_poll(Jit *, const char **why);

#endif
