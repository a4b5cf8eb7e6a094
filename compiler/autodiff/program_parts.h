/*
 * A program that is being built: what the files of autodiff/program*.c share.
 */
#ifndef NNC_AUTODIFF_PROGRAM_PARTS_H
#define NNC_AUTODIFF_PROGRAM_PARTS_H

#include "elab/objectives.h"

typedef struct Build {
    Graph *net;
    Graph *graph;
    const TrainSpec *spec;
    Objectives objectives; /* of programs with losses */
    Arena *arena;
    bool training;
    bool *needed;  /* by node id of the net */
    bool *reached; /* by tensor id of the net: a gradient may come to it */
    Tensor **copy; /* by tensor id of the net: its tensor in the program */
    List losses;   /* of Tensor: single numbers to be added up */
    List norms;    /* of Tensor: squared norms of the gradients */
    List pending;  /* of ParamGrad: updates that wait for the last micro-batch */
    int after;     /* the first of the nodes that are run after it; 0: there are none */
    bool failed;
} Build;

/* ---- tensors (program_tensors.c) ---- */

/* The net's tensor in the program. */
Tensor *build_copy(Build *, Tensor *);

/* What the micro-batches make of a number or a gradient, added up. */
Tensor *build_summed(Build *, Tensor *, const char *name);

/* ---- losses (program_losses.c) ---- */

/* The scores that a loss takes: those before a final softmax that it absorbs. */
Tensor *objective_scores(const Objective *);

/* Adds the losses of all objectives, and the parts of the targets that they take. */
void build_losses(Build *);

/* The sum of any count of numbers. */
Tensor *build_total(Build *, const List *numbers, const char *name);

/* ---- sums over batches (program_sums.c) ---- */

/* Adds the gradient to the caller's sum for the parameter. */
void build_add_to_sum(Build *, Tensor *param, Tensor *gradient);

/* Calls `is_final` for each of the gradients (of ParamGrad) with its parameter and the mean of what was added. */
void build_mean_gradients(Build *, const List *gradients, void (*is_final)(Build *, Tensor *param, Tensor *gradient));

#endif
