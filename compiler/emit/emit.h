/*
 * emit: programs and their plans → C text.
 *
 * Enters: a net, its train section, options.  Leaves: the text of NET.h and
 * NET.c, the interface documented in README.md.  All checking is over before
 * the first byte is written.
 */
#ifndef NNC_EMIT_H
#define NNC_EMIT_H

#include "elab/train_spec.h"
#include "emit/code_size.h"
#include "emit/trained.h"
#include "lower/lower.h"

/* What the kernels in the text are tuned for besides what the flags of the
 * compiler that gets it allow; where the processor lacks it, they are as for
 * generic.  Any of them is right anywhere. */
Target target_native(void); /* of the machine that this runs on */

typedef struct EmitOptions {
    LowerOptions lower; /* which programs, and the passes; train includes infer and eval */
    const char *prefix; /* NULL: the net's name */
    const char *header; /* file name for #include "…" */

    bool standalone;             /* for the JIT: one text, no #include at all */
    bool paste_kernels;          /* fast form: kernels inside the text; else they are linked */
    Target target;               /* of pasted kernels */
    int threads;                 /* of a pass; 0: one for each processor */
    bool profile;                /* also PREFIX_infer_profile and PREFIX_step_profile: see EmitResult */
    bool trace;                  /* plain form: also PREFIX_step_trace and PREFIX_vjp_trace: see trace_values */
    bool watch;                  /* also PREFIX_step_watched: see watch_values */
    bool hooks;                  /* with accumulation: also PREFIX_grad_add_hooked and PREFIX_step_hooked */
    bool poison;                 /* fill arena regions with NaN when they die: tests of the plan */
    const TrainedModel *trained; /* built in; NULL: the caller sets the weights.  With lower.constants the block
                                  * has no states, and NULL is for the sizes alone */
    bool main;                   /* with a main function, which needs `trained` */
    bool noise; /* what layers make is moved by a unit in the last place: tests of what rounding may do */
} EmitOptions;

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
    int64_t infer_bytes;       /* of the model for inference alone */
    int64_t constant_bytes;    /* with lower.constants: of the tensors that are not in the block */
    MemoryLimitResult limited; /* scratch of training; what a step computes again */
    CodeParts code;            /* of the plain form: the layers, and the math functions that they call */
    const char *trained_file;  /* [TRAINED_HEADER_BYTES + model_bytes], where they are beside the C */
    const Graph *infer_program, *step_program, *vjp_program; /* as they were emitted; NULL: not there */
} EmitResult;

/*
 * With options.trace, PREFIX_step_trace and PREFIX_vjp_trace take one more argument at the end,
 * void *const *seen: after a call, what it has written is copied to seen[i], where i is the
 * value's position in this list.
 */
typedef struct TracedValue {
    const Node *node;
    const Tensor *tensor; /* an output, or an input that is written: a parameter, a state */
    bool slope;           /* instead: dy/dx of the element-wise function whose gradient the node is; the
                           * node is called once more for it, with a gradient of ones in seen[i] */
} TracedValue;

List trace_values(Arena *, const Graph *program); /* of TracedValue, call by call */

/*
 * With options.watch, PREFIX_step_watched takes one more argument at the end, const StepWatch *watch,
 * and calls watch->see(watch->user, i, value) with each value of this list, in its order and
 * as often as there are micro-batches, while the value is there.  The first thread calls it.  All
 * else is the same as in PREFIX_step, to the last bit of its results.
 */
typedef struct StepWatch {
    void (*see)(void *user, int i, const float *value);
    void *user;
} StepWatch;

typedef struct WatchedValue {
    const Node *node;
    const Tensor *tensor; /* an output; of an update its gradient, and the parameter before and after it */
    bool before;          /* the node is called */
} WatchedValue;

List watch_values(Arena *, const Graph *program); /* of WatchedValue */

/* `spec` may be NULL when options.train is false.  NULL after an error. */
EmitResult *emit_c(Graph *net, const TrainSpec *spec, const EmitOptions *);

#endif
