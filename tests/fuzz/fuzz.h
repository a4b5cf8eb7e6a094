/*
 * fuzz: random nets, and what must hold for every one of them.
 *
 * A seed is one net: generate.c writes it as source text, plans.c follows its
 * memory plans, texts.c formats and reports it, form.c compiles it in several
 * forms and runs them, checks.c compares what they gave.  main.c runs each seed in
 * a process of its own.
 */
#ifndef NNC_FUZZ_H
#define NNC_FUZZ_H

#include "backend/backend.h"
#include "elab/objectives.h"
#include "emit/emit.h"
#include "front/front.h"
#include "graph/graph.h"
#include "plan/plan.h"

/* ---- random numbers: a function of the seed alone --------------------------- */

typedef struct Random {
    uint64_t seed, drawn; /* numbers so far */
} Random;

uint64_t random_bits(Random *);
double random_real(Random *);                            /* in (0, 1) */
double random_normal(Random *);                          /* N(0, 1) */
int64_t random_int(Random *, int64_t low, int64_t high); /* both inclusive */
bool random_chance(Random *, double p);

/* ---- a net -------------------------------------------------------------------- */

typedef struct FuzzNet {
    uint64_t seed;
    const char *source; /* text of the whole file */
    int64_t batch;
    Compilation *c;
    Graph *net;
    TrainSpec *spec;
} FuzzNet;

/* The net of this seed, parsed and elaborated.  Candidates that the compiler
 * refuses are dropped on the way, so its messages are exercised too. */
FuzzNet *fuzz_generate(uint64_t seed);
FuzzNet *fuzz_net(uint64_t seed, const char *source); /* a net given as text, or NULL */
void fuzz_free(FuzzNet *);

/* ---- failures ------------------------------------------------------------------- */

/* Prints the text under the seed and counts. */
typedef struct Verdict {
    const FuzzNet *net;
    int failures;
    int unsure; /* comparisons given up: values that are not finite */
} Verdict;

void verdict_fail(Verdict *, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- plans ----------------------------------------------------------------------- */

/* Plays every program of the net on its plan: each value must still be there
 * when it is read. */
void check_plans(Verdict *);

/* ---- forms ------------------------------------------------------------------------ */

/* One way of compiling the net. */
typedef struct FormOptions {
    const char *name; /* for messages */
    JitKind jit;
    bool use_double, plain, poison;
    bool bf16;        /* LowerOptions.bf16_values */
    Target target;    /* whose variants are chosen; kernels are those of this machine */
    bool noise;       /* what layers make is moved by a unit in the last place */
    unsigned without; /* EmitOptions.without */
    bool accumulate;  /* the second step is grad_add and update */
    bool tight;       /* within the least memory: values are recomputed */
    int threads;
    int64_t batch;
} FormOptions;

/* Named values, in the order in which they were computed. */
typedef struct Values {
    const char *name;
    size_t count;
    double *at;
} Values;

typedef struct Outcome {
    Values *at;
    int count;
} Outcome;

/* What a net is run on; all forms get the same. */
typedef struct Feed {
    int64_t batch;
    double *x, *dy, *target; /* labels are whole numbers */
    Outcome model;           /* parameters and buffers to begin with */
} Feed;

typedef struct Form Form;

/* NULL and a failure in the verdict when it cannot be compiled. */
Form *form_open(Verdict *, const FormOptions *);
void form_close(Form *);
const FormOptions *form_options(const Form *);
Arena *form_arena(const Form *);

/* Random values; parameters are what the form initialises them to, moved a bit,
 * and single precision throughout. */
Feed *feed_new(Form *, Random *);

/* Inference, evaluation of all and of some samples, gradients, the backward pass
 * from dy, two training steps. */
Outcome *form_run(Form *, const Feed *);
Outcome *form_infer(Form *, const Feed *, int64_t sample); /* inference and evaluation, samples from there on */

/* For differences: parts of the above.  L = Σ y·dy, or the loss of training. */
double form_vjp(Form *, const Feed *, double *magnitude); /* *magnitude: Σ |y·dy| */
double form_loss(Form *, const Feed *);
const double *form_gradient(Form *, const char *param, size_t count, bool of_loss); /* of the last run; NULL: none */
const double *form_dx(Form *);
void form_set(Form *, const char *name, const double *values, size_t count);
void form_reset(Form *, const Feed *); /* the model as the feed says */
size_t form_inputs(const Form *);      /* elements per sample */
size_t form_outputs(const Form *);

const Values *outcome_find(const Outcome *, const char *name);

/* ---- texts ------------------------------------------------------------------------- */

/* The formatted text is the same net; every report comes out. */
void check_texts(Verdict *);

/* All that an output depends on is in its receptive field, by a form in double precision. */
void check_field(Verdict *, Form *, Random *);

/* ---- checks ------------------------------------------------------------------------ */

void check_forms(Verdict *, Random *, bool with_cc);

/* The same bits however the form is run; sample by sample to a part of the largest value (< 0: not). */
void check_bits(Verdict *, Form *, Random *, double tolerance);

/* The net in int8 of the seed, one of its own: int8.c.  Failures. */
int check_int8(uint64_t seed, bool with_cc);

#endif
