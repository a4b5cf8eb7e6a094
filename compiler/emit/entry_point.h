/*
 * Entry points while they are written: what places.c, barriers.c, calls.c and
 * entry_points.c share.
 *
 * What statements use is recorded where a name is printed; declarations of what is
 * used, and (void) casts of what is not, are made from that record.
 */
#ifndef NNC_EMIT_ENTRY_POINT_H
#define NNC_EMIT_ENTRY_POINT_H

#include "emit/emitter.h"

/* Names that statements may use; a set of them is an unsigned int. */
typedef enum Name {
    NAME_M = 1u << 0, /* arguments of entry points */
    NAME_X = 1u << 1,
    NAME_TARGET = 1u << 2,
    NAME_COUNT = 1u << 3,
    NAME_LR = 1u << 4,
    NAME_Y = 1u << 5,
    NAME_DY = 1u << 6,
    NAME_DX = 1u << 7,
    NAME_SPENT = 1u << 8,
    NAME_SCRATCH = 1u << 9,
    NAME_GRADIENTS = 1u << 10,
    NAME_THREAD = 1u << 11, /* of a team: t, T, team, and the thread's samples, first and how many */
    NAME_THREADS = 1u << 12,
    NAME_TEAM = 1u << 13,
    NAME_SAMPLES = 1u << 14,
    NAME_ARENA = 1u << 15,   /* the scratch as numbers, `arena` */
    NAME_WEIGHTS = 1u << 16, /* of the plain form: the model to read, `w` */
    NAME_SEEN = 1u << 17,
    NAME_WATCH = 1u << 18,
    NAME_HOOKS = 1u << 19,
    NAME_CHUNK = 1u << 20,
    NAME_SHARE = 1u << 21,
    NAME_ARGUMENTS = (NAME_THREAD - 1) | NAME_WATCH | NAME_HOOKS | NAME_CHUNK | NAME_SHARE
} Name;

/* A value in the scratch. */
typedef struct NamedValue {
    const Tensor *tensor;
    const char *name;     /* dx_conv1: in the plain form a local pointer */
    const char *constant; /* STEP_DX_CONV1: the element at which it starts */
    ArrayShape shape;
} NamedValue;

typedef struct EntryPoint {
    Emitter *e;
    const Graph *program;
    const Plan *plan;
    Text text;
    unsigned used; /* of Name: by the text */
    Text outside;  /* what stands before the loop over the micro-batches, or the segments, while these are written */
    int segment;   /* of a program for a chunk: the one that is written now */
    List values;   /* of NamedValue: what of the scratch has a name */
    const NamedValue **value_of; /* by tensor id: the same; NULL: it has none */
    Map *names;                  /* of them, taken */
    List touched;                /* of Region: since the last barrier */
    Phase phase;                 /* of the statements that are written now */
    bool timed;                  /* this form takes the time of its calls */
    int laps;                    /* taken so far */
    bool traced;                 /* this form copies what its calls write */
    int copies;                  /* made so far */
    bool watched;                /* this form shows what its calls write */
    int views;                   /* written so far */
    bool hooked;                 /* this form says when a gradient is final */
    bool partial;                /* this form does a share of the updates */
} EntryPoint;

static inline void entry_point_uses(EntryPoint *p, unsigned names) { p->used |= names; }

/* entry_point.c */
const char *entry_point_name(const EntryPoint *);  /* infer, step_profile */
bool entry_point_is_converted(const EntryPoint *); /* trained.c writes the function of the interface */

/* scratch.c: values in the scratch have names, and constants for where they start */
const NamedValue *scratch_value(EntryPoint *, const Tensor *);
const char *scratch_place(EntryPoint *, const Tensor *); /* arena + STEP_DX_CONV1 */
void scratch_write_table(EntryPoint *);
long long scratch_elements(const EntryPoint *, int64_t bytes);

/* plain_places.c: the same for the plain form, where arrays have types */
const char *plain_argument(EntryPoint *, const Tensor *, bool written, ArrayShape as);
void plain_write_values(EntryPoint *); /* their declarations */

/* places.c: expressions for where tensors are */
const char *place_outside(EntryPoint *, const Tensor *root); /* of the caller's */
bool place_is_callers_input(const Tensor *);                 /* it, or a view of it */
const char *place_text(EntryPoint *, const Tensor *);
const char *place_of_samples(EntryPoint *, const Tensor *, Share); /* of the thread's first sample */
const char *place_of_sum(EntryPoint *, const Tensor *);            /* the caller's sum of gradients, or a part of it */

/* barriers.c: threads wait for each other before a call that needs it */
void barrier_before_node(EntryPoint *, const Node *, Share);
void barrier_before_read(EntryPoint *, const Tensor *);                /* by the first thread alone */
void barrier_before_write(EntryPoint *, const Tensor *);               /* the same */
void barrier_before_fill(EntryPoint *, int64_t offset, int64_t bytes); /* the same, of the arena */
void barrier_write(EntryPoint *);                                      /* here, for all */

/* trace.c: copies of what a node has written */
void trace_write_copies(EntryPoint *, const Node *);

/* watch.c: what a node reads and writes is shown */
void watch_write_type(Emitter *);
void watch_write_before(EntryPoint *, const Node *);
void watch_write_after(EntryPoint *, const Node *);

/* chunks.c: the segments of a program for a chunk of a batch */
void chunks_open(EntryPoint *);
void chunks_next_segment(EntryPoint *);
void chunks_close(EntryPoint *);
void chunks_write_at_end(EntryPoint *);

bool chunks_update_is_local(const Emitter *); /* an update of some elements needs their gradients alone */

/* hooks.c: the caller hears when a sum of gradients is final */
void hooks_write_after(EntryPoint *, const Node *);
void hooks_write_at_end(EntryPoint *);

/* factors.c: gradients that are given as their factors; the begin of a statement where the node may be left out */
void factors_write_before(EntryPoint *, const Node *);

/* statements.c */
void statement_begin(EntryPoint *, bool alone); /* alone: the first thread of a team does it */
void statement_write_arrays(EntryPoint *, const Node *, const Function *); /* name(inputs, outputs */
const char *statement_argument(EntryPoint *, const Node *, const Function *, int i);
void statement_write_scalars(EntryPoint *, const Node *);
void statements_indent(EntryPoint *); /* the text goes behind p->outside, one level in */

/* calls.c: the statements of an entry point */
void calls_write(EntryPoint *);

#endif
