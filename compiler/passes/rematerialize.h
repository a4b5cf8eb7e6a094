/*
 * What the files of passes/rematerialize share: a choice of values that are computed
 * again, and what comes of it.
 *
 * A program's first nodes, up to the first that is the gradient of another, are its
 * forward part.  A value of the forward part is kept until its last use, or it is
 * forgotten after its last use in the forward part and computed again before it is
 * needed in the rest: from values that are kept, or that are computed again themselves.
 */
#ifndef NNC_PASSES_RECOMPUTE_H
#define NNC_PASSES_RECOMPUTE_H

#include "passes/passes.h"

typedef enum Fate {
    FATE_KEPT,
    FATE_ONCE, /* computed once more, and kept from then on to its last use */
    FATE_BRIEF /* forgotten again after each layer that needs it, so that it may be computed several times */
} Fate;

/* One tensor of the program, as a choice sees it. */
typedef struct Value {
    int64_t bytes;  /* in the arena; 0 where it lies elsewhere */
    int producer;   /* the node of the forward part that makes it, or −1 */
    int base;       /* the tensor that it is a view of; else itself */
    int early;      /* the last node of the forward part that makes or reads it or a view of it */
    bool droppable; /* may be computed again */
    bool needed;    /* the rest reads it or a view of it */
} Value;

/* A call of the program as it would be: a node, or the copy of one. */
typedef struct Step {
    int node;
    bool again;
    int in;  /* its inputs in Course.in */
    int out; /* the instance of its first output; of a node itself: −1, they are its own tensors */
} Step;

/* The program as it would be.  An instance is a tensor, or a copy of one that is computed again. */
typedef struct Course {
    Step *step;
    int *in;       /* instances */
    int *of;       /* by instance: the tensor it is a copy of; the first ones are the tensors themselves */
    int64_t *live; /* by step: bytes */
    int steps, ins, instances;
    int forward_ins; /* of the forward part */
    int step_room, in_room, instance_room, live_room;
    double work;    /* of what is computed again: in multiplications */
    int64_t peak;   /* the largest of `live` */
    double excess;  /* the sum over all steps of the bytes above the target */
    int64_t target; /* that excess is measured from */
} Course;

typedef struct Recompute {
    Graph *graph;
    Arena *arena; /* for what is not needed after the pass */
    int forward;  /* nodes of the forward part */
    int real_size;
    Value *value; /* by tensor id */
    int values;
    Node **copied; /* by node id, of the forward part: the node that computes it again; NULL: it cannot be */
    double *work;  /* by node id, of the forward part */
    int *visit;    /* by node id, of the rest: rises with each layer whose gradients come */
    Fate *fate;    /* by tensor id: the choice */
    int64_t steps; /* rehearsed so far, in all */
    struct Room *room;
} Recompute;

/* rematerialize_simulate.c: the program as the choice makes it, and the bytes that it needs. */
void recompute_rehearse(Recompute *, Course *);

/* rematerialize_policy.c: chooses until no step needs more than the course's target; false
 * where that was not reached, with the best that was. */
bool recompute_choose(Recompute *, Course *);

static inline Fate recompute_fate(const Recompute *r, int tensor) { return r->fate[r->value[tensor].base]; }

#endif
