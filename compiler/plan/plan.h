/*
 * plan: where every tensor of a program lives.
 *
 * Enters: a verified program.  Leaves: a place for each tensor, all known when
 * compiling.  One arena serves the program; two tensors share bytes only when
 * their lifetimes do not overlap, or when one is written in place over the other.
 */
#ifndef NNC_PLAN_H
#define NNC_PLAN_H

#include "graph/liveness.h"

typedef struct Place {
    const Tensor *root; /* whose memory this is: itself, or what it is a view of or written over */
    int64_t offset;     /* in the arena, bytes, for roots that live there; −1: the caller's or the model's */
    int64_t bytes;
    int first, last; /* nodes between which it is live, inclusive; of the whole group, in the root's place */
} Place;

typedef struct Plan {
    const Graph *program;
    Place *place; /* by tensor id */
    int64_t arena_bytes;
    int64_t lower_bound; /* the largest sum of bytes live at once */
} Plan;

/* The model's block, with the optimizer's states: a head of MODEL_ALIGN elements (random seed
 * and step), then every tensor rounded up to as many. */
enum { MODEL_ALIGN = 16 };
int64_t model_padded_count(const Tensor *); /* elements */
int64_t model_padded_bytes(const Tensor *);
int64_t model_head_bytes(const Graph *net);
int64_t model_bytes(const Graph *net);

/* Marks what a step writes: trained parameters, running statistics, the optimizer's states.  The block is
 * of these alone where all other tensors are constants of the C. */
void model_mark_updated(const Graph *step);
int64_t model_updated_bytes(const Graph *net);

/* NULL after an error: the program does not fit an
 * address space. */
Plan *plan_build(const Graph *program);

/* The copy of a program's outputs onto outside memory is part of the plan: a
 * tensor whose root is the program's output lives at the caller's pointer. */
void plan_dump(const Plan *, FILE *);

#endif
