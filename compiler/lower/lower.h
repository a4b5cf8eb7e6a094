/*
 * lower: a net → the programs that are written, planned.
 *
 * Enters: a net, the kind of program, options.  Leaves: a program after all passes
 * (pass_table.h has their order) and its plan, within the memory limit where one is
 * given.  The graph is verified after every pass in debug builds.
 */
#ifndef NNC_LOWER_H
#define NNC_LOWER_H

#include "elab/train_spec.h"
#include "lower/pass_table.h"
#include "passes/passes.h"
#include "plan/plan.h"

typedef struct LowerOptions {
    int64_t batch;
    Target target;   /* whose costs choose between variants */
    bool infer;      /* the text is asked for inference */
    bool train;      /* the text has the training programs: weights are not constant */
    bool vjp;        /* and PREFIX_vjp, for checks */
    bool accumulate; /* with `train`: and PREFIX_grad_add and PREFIX_update */
    bool constants;  /* with `train`: what steps do not write are constants of the C, not of the model's block */
    bool chunks;     /* with `train`: PREFIX_grad_chunk and PREFIX_update in the place of PREFIX_step and PREFIX_grad */
    bool plain;      /* the plain form: no pass but rematerialization on request */
    bool bf16_weights;    /* weights of layers are stored in bf16; for inference alone */
    bool bf16_values;     /* weights are rounded to bf16, and what layers hand to each other is stored so */
    bool use_double;      /* all reals are double: gradient checks (implies plain) */
    int64_t memory_limit; /* bytes of the model's block and the scratch while training; 0: none */
    unsigned disabled;    /* PASS_BIT(…) of the passes to leave out */
    int last_pass;        /* 1 + the id of the last pass to run (--dump=NAME); 0: all of them */
} LowerOptions;

static inline bool lower_is_fast(const LowerOptions *o) { return !o->plain && !o->use_double; }

/* The model's block has them so: its code does not train. */
static inline bool lower_stores_bf16_weights(const LowerOptions *o)
{
    return o->bf16_weights || (o->bf16_values && !o->train && !o->vjp);
}

static inline DType lower_real(const LowerOptions *o) { return o->use_double ? DTYPE_F64 : DTYPE_F32; }

/* What a memory limit has led to. */
typedef struct MemoryLimitResult {
    int64_t limit; /* of the options; 0: none */
    RematResult recomputed;
    int64_t micro_batch;   /* samples of a micro-batch, where the limit has made it smaller; else 0 */
    int64_t before, after; /* bytes of the scratch without it and with it */
} MemoryLimitResult;

enum { PROGRAM_KINDS = 8 }; /* that are lowered: all but the net */

const char *pass_name(PassId); /* "batch-blocking", as in pass_table.h */

/* Is the pass on, and all that it requires? */
bool pass_is_enabled(const LowerOptions *, PassId);

/* The program and its plan: with a memory limit some values may be recomputed while
 * training; `result`, if not NULL, says what the limit has led to.  NULL after an error. */
const Plan *lower_program(Graph *net, ProgramKind, const TrainSpec *, const LowerOptions *, MemoryLimitResult *result);

/* The smallest memory limit that was found to be enough. */
int64_t lower_least_memory(Graph *net, const TrainSpec *, const LowerOptions *);

#endif
