/*
 * The schedule that follows from a policy of rematerialization, one choice per value of the
 * forward part, and its memory.
 *
 * The forward part of a program is its nodes up to the first gradient of another node; the
 * others are the backward part.  A value of the forward part is kept until its last read, or
 * it is dropped after its last read in the forward part and rematerialized before it is read
 * in the backward part: from values that are kept, or that are rematerialized themselves.
 */
#ifndef NNC_PASSES_REMATERIALIZE_SIMULATE_H
#define NNC_PASSES_REMATERIALIZE_SIMULATE_H

#include "graph/liveness.h"
#include "passes/passes.h"

typedef enum RematPolicy {
    REMAT_KEEP,
    REMAT_ONCE,     /* computed once more, and kept from then on to its last read */
    REMAT_EACH_TIME /* dropped again after each layer that reads it, so that it may be computed several times */
} RematPolicy;

/* What the policy may do with a tensor of the program. */
typedef struct RematValue {
    int producer;         /* the node of the forward part that computes it, or −1 */
    int base;             /* the tensor that it is a view of; else itself */
    int last_forward;     /* the last node of the forward part that computes or reads it or a view of it */
    bool droppable;       /* may be rematerialized */
    bool needed_backward; /* the backward part reads it or a view of it */
} RematValue;

/* The program as the policy makes it, and what it takes. */
typedef struct RematSchedule {
    ExecSchedule schedule;
    int forward_ins; /* ExecSchedule.ins of the forward part */
    int64_t *live;   /* by step: bytes */
    int live_capacity;
    double cost;    /* of what is rematerialized, in multiplications */
    double excess;  /* the sum over all steps of the bytes above the target */
    int64_t target; /* bytes */
} RematSchedule;

typedef struct Remat {
    Graph *graph;
    Arena *arena;      /* for what is not needed after the pass */
    int nodes;         /* of the program; those of operators' `rematerialize` come after them */
    int forward;       /* nodes of the forward part */
    RematValue *value; /* by tensor id */
    int values;
    int64_t *bytes;          /* by tensor id, in the arena: see liveness_sizes */
    Node **recomputation;    /* by node id, of the forward part: the node that computes it again; NULL: it cannot be */
    double *cost;            /* by node id, of the forward part */
    int *layer;              /* by node id, of the backward part: rises with each layer whose gradients are computed */
    RematPolicy *policy;     /* by tensor id */
    int64_t simulated_steps; /* so far, in all */
    struct RematWorkspace *workspace;
} Remat;

/* The schedule that follows from the policy, and its memory. */
void remat_simulate(Remat *, RematSchedule *);

static inline RematPolicy remat_policy(const Remat *r, int tensor) { return r->policy[r->value[tensor].base]; }

/* The value of the forward part is dropped in it. */
static inline bool remat_is_dropped(const Remat *r, int tensor)
{
    return r->value[tensor].producer >= 0 && remat_policy(r, tensor) != REMAT_KEEP;
}

#endif
