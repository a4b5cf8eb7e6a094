/*
 * emit: programs and their plans → C text.
 *
 * Enters: a net, its train section, options.  Leaves: the text of NET.h and
 * NET.c, the interface documented in README.md.  All checking is over before
 * the first byte is written.
 */
#ifndef NNC_EMIT_H
#define NNC_EMIT_H

#include "plan/plan.h"

typedef struct EmitOptions {
    const char *prefix;   /* NULL: the net's name */
    const char *header;   /* file name for #include "…" */
    int64_t batch;
    bool infer, train;    /* which programs; train includes infer and eval */
    bool vjp;             /* also PREFIX_vjp, for checks */
    bool plain;           /* strict C99: no kernels, no extensions */
    bool use_double;      /* all reals are double: gradient checks (implies plain) */
    bool standalone;      /* for the JIT: one text, no #include at all */
    bool paste_kernels;   /* fast form: kernels inside the text; else they are linked */
    int threads;          /* of a pass; 0: one for each processor */
    bool no_fusion;       /* leave out passes/fuse.c */
    bool poison;          /* fill arena regions with NaN when they die: tests of the plan */
} EmitOptions;

typedef struct Emitted {
    const char *header; /* text of NET.h (empty when standalone) */
    const char *source; /* text of NET.c */
    const char *prefix; /* of all its symbols */
    int64_t model_bytes, infer_scratch, train_scratch;
} Emitted;

/* `spec` may be NULL when options.train is false.  NULL after an error. */
Emitted *emit_c(Graph *net, const TrainSpec *spec, const EmitOptions *);

#endif
