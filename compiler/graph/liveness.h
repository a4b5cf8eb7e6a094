/*
 * Liveness: which values of a schedule share memory, and between which steps it is in use.
 *
 * A schedule is a sequence of executed nodes, the steps, and the values that they read and
 * compute.  Of a program as it is, the values are its tensors and every node is one step
 * (exec_schedule_of).  Rematerialization adds steps that execute a node once more; the results are
 * values of their own.  The memory plan and the choice of what is rematerialized use the same
 * rules:
 *
 * 1. Aliases.  A view is its input's memory, a slice is part of its tensor's, and some
 *    channels of a larger image (passes/concat_elimination.c) are part of that one's.  An
 *    operator with OP_INPLACE overwrites its first input where that is dead afterwards.  The
 *    values that share memory form a group, named by its root.
 *    With OP_SHRINKS_INPLACE that holds for an output of fewer elements as well, in memory of the
 *    arena.  Where the graph's input has a place in the arena, it is memory like any other.
 * 2. Lifetimes.  A group is live from the step that computes its first value to the last that
 *    reads one, both inclusive; what the caller reads is live to the end.
 * 3. Sizes.  Memory is allocated in multiples of PLAN_ALIGN bytes.
 */
#ifndef NNC_GRAPH_LIVENESS_H
#define NNC_GRAPH_LIVENESS_H

#include "graph/graph.h"

enum { PLAN_ALIGN = 64 }; /* bytes: a cache line, and the largest vector */

/* An execution of a node. */
typedef struct ExecStep {
    const Node *node;
    bool rematerialized; /* computes values of its own, first_out and those after it; else its node's tensors */
    int source;          /* id of the program's node */
    int first_in;        /* its inputs are ExecSchedule.in[first_in + k] */
    int first_out;
} ExecStep;

typedef struct ExecSchedule {
    ExecStep *step;
    int *in;               /* values that the steps read, one step after the other */
    const Tensor **tensor; /* by value: itself, or the tensor that it is another copy of.  The program's
                            * tensors come first: of these the value is the tensor's id */
    int steps, ins, values;
    int tensors; /* values that are the program's tensors */
    int step_capacity, in_capacity, value_capacity;
} ExecSchedule;

/* The program as it is. */
ExecSchedule exec_schedule_of(const Graph *, Arena *);

/* Append a value; a step and its inputs, to be set by the caller. */
int exec_add_value(ExecSchedule *, Arena *, const Tensor *);
ExecStep *exec_add_step(ExecSchedule *, Arena *, const Node *, int source);

static inline int exec_out(const ExecStep *step, int k)
{
    return step->rematerialized ? step->first_out + k : step->node->out[k]->id;
}

typedef struct Liveness {
    const Graph *graph;
    Arena *arena;
    int *root;  /* by value: the value whose memory it is in */
    int *first; /* by root: the first step that computes a value of the group; −1: none does */
    int *last; /* by root: the last step that reads or computes one; ExecSchedule.steps − 1 where the caller reads it */

    /* workspace */
    bool *held;     /* by tensor id: the caller reads it after the program */
    int *last_read; /* by value: the last step that reads it; −1: none; beyond all: the caller does */
    int value_capacity;
} Liveness;

Liveness liveness_new(const Graph *, Arena *);

/* Of a schedule of the graph; replaces what was computed before. */
void liveness_compute(Liveness *, const ExecSchedule *);

/* Of the program as it is, and its schedule. */
Liveness liveness_of(const Graph *, Arena *, ExecSchedule *);

/* The memory is the caller's or the model's. */
bool liveness_is_external(const Liveness *, const ExecSchedule *, int root);

/* Bytes that are live at each step; `bytes`, by tensor id, are the allocated sizes. */
void liveness_add_up(const Liveness *, const ExecSchedule *, const int64_t *bytes, int64_t *live);

/* Bytes that are live: at the step that needs most, and of all steps together. */
typedef struct LiveBytes {
    int64_t most, total;
} LiveBytes;
LiveBytes liveness_most(const Liveness *, const ExecSchedule *);

/* By tensor id: bytes in the arena, in multiples of PLAN_ALIGN; 0 of tensors that live elsewhere. */
int64_t *liveness_sizes(const Graph *, Arena *);

#endif
