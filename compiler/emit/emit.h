/*
 * emit: programs and their plans → C text.
 *
 * Enters: a net, its train section, options.  Leaves: the text of NET.h and
 * NET.c, the interface documented in README.md.  All checking is over before
 * the first byte is written.
 */
#ifndef NNC_EMIT_H
#define NNC_EMIT_H

#include "passes/passes.h"
#include "plan/plan.h"

/* What the kernels in the text are tuned for besides what the flags of the
 * compiler that gets it allow; where the processor lacks it, they are as for
 * generic.  Any of them is right anywhere. */
typedef enum Target { TARGET_GENERIC, TARGET_NEON, TARGET_AVX2, TARGET_AVX512, TARGET_COUNT } Target;

const char *target_name(Target); /* "avx512" */
Target target_native(void);      /* of the machine that this runs on */

/* Passes that may be left out; of the plain form they all are. */
enum {
    WITHOUT_FUSION = 1,    /* fuse.c, rectify.c */
    WITHOUT_WINOGRAD = 2,  /* winograd.c */
    WITHOUT_SAMPLES = 4,   /* samples.c */
    WITHOUT_SLICES = 8,    /* slices.c */
    WITHOUT_LAYOUT = 16,   /* layout.c and all above: images planar, plain convolutions, nothing fused */
    WITHOUT_MICRO = 32,    /* micro-batches: see emit/micro.c */
    WITHOUT_RECOMPUTE = 64 /* recompute.c, where no limit of memory asks for it */
};

typedef struct EmitOptions {
    const char *prefix; /* NULL: the net's name */
    const char *header; /* file name for #include "…" */
    int64_t batch;
    bool infer, train;    /* which programs; train includes infer and eval */
    bool vjp;             /* also PREFIX_vjp, for checks */
    bool plain;           /* strict C99: no kernels, no extensions */
    bool use_double;      /* all reals are double: gradient checks (implies plain) */
    bool standalone;      /* for the JIT: one text, no #include at all */
    bool paste_kernels;   /* fast form: kernels inside the text; else they are linked */
    Target target;        /* of pasted kernels */
    int threads;          /* of a pass; 0: one for each processor */
    int64_t memory_limit; /* bytes of the model's block and the scratch while training; 0: none */
    unsigned without;     /* passes to leave out */
    bool profile;         /* also PREFIX_infer_profile and PREFIX_step_profile: see EmitResult */
    bool poison;          /* fill arena regions with NaN when they die: tests of the plan */
    bool noise;           /* what layers make is moved by a unit in the last place: tests of what rounding may do */
} EmitOptions;

/* What a memory limit has led to. */
typedef struct MemoryLimitResult {
    int64_t limit; /* of the options; 0: none */
    RematResult recomputed;
    int64_t micro_batch;   /* samples of a micro-batch, where the limit has made it smaller; else 0 */
    int64_t before, after; /* bytes of the scratch without it and with it */
} MemoryLimitResult;

/*
 * With options.profile, PREFIX_infer_profile and PREFIX_step_profile take one
 * more argument at the end, int64_t *spent: to it they add the nanoseconds that each
 * call has taken, of all micro-batches.  The threads wait for each other after a call,
 * so that its time is that of its slowest thread.  The calls are the nodes of the
 * program that are not views, in their order.
 */
typedef struct EmitResult {
    const char *header; /* text of NET.h (empty when standalone) */
    const char *source; /* text of NET.c */
    const char *prefix; /* of all its symbols */
    int64_t model_bytes, infer_scratch, train_scratch;
    MemoryLimitResult limited;                 /* scratch of training; what a step computes again */
    const Graph *infer_program, *step_program; /* as they were emitted; NULL: not there */
} EmitResult;

/* One of the programs as it will be written, after the passes, and where its
 * values live.  With a memory limit some of them may be computed again while training.
 * NULL after an error. */
const Plan *emit_plan(Graph *net, ProgramKind, const TrainSpec *, const EmitOptions *);

/* The least memory limit that was found to do. */
int64_t emit_least_memory(Graph *net, const TrainSpec *, const EmitOptions *);

/* `spec` may be NULL when options.train is false.  NULL after an error. */
EmitResult *emit_c(Graph *net, const TrainSpec *spec, const EmitOptions *);

#endif
