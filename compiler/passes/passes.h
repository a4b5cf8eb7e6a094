/*
 * passes: transformations of a program, between its making and its plan.
 *
 * Each takes a verified program and leaves one that computes the same (up to
 * rounding where it says so); graph_verify holds again after each.
 */
#ifndef NNC_PASSES_H
#define NNC_PASSES_H

#include "graph/graph.h"

/* At inference: lets an operator with a fused form do what follows it (a
 * batchnorm by its running statistics, a sum, a relu) while its result is still
 * in registers or cache.  Rounding differs, since the batchnorm becomes one
 * multiplication and addition.  Requires the fast form. */
void pass_fuse(Graph *);

/* Takes the operators' forms with fewer multiplications (Op.winograd) where they pay.
 * Rounding differs.  `constant_weights`: pass_prepack will follow.  Requires the fast form, and
 * pass_fuse before it. */
void pass_winograd(Graph *, bool constant_weights);

/* Lets an operator with Op.finish do the sum and the relu that follow it, and while
 * training its gradients do relu's.  Results are the same to the bit.  Requires
 * pass_layout. */
void pass_batchnorm_epilogue(Graph *);

/* A program of few channels and a batch of whole blocks of 16 samples: lets all that it
 * computes between the caller's x and the loss lie samples last, and returns true; false,
 * and nothing changed, where an operator on images does not take them so.  Instead of
 * pass_layout and of what requires that.  Requires the fast form. */
bool pass_batch_blocking(Graph *);

/* Chooses for every image whether its channels come first or last, by what the
 * operators' kernels take (Op.last, OP_ANY_LAYOUT); turns images where two that
 * differ meet, and packs weights for the kernels that want them so.  What comes
 * from the caller and goes to it stays planar.  Requires the fast form. */
void pass_layout(Graph *);

/* Has operators with OP_STRIDED_CHANNELS write the inputs of a concat straight into its output, and
 * read slices of a gradient in place (Tensor.parent).  Results are bitwise identical.
 * Requires pass_layout, and pass_batchnorm_epilogue before it where that is wanted. */
void pass_concat_elimination(Graph *);

/* Computes a large gradient whose only user is an element-wise update (OP_SPLITTABLE) some rows
 * at a time, each part followed by its update, so that it never exists as a whole (Op.rows).
 * Results are bitwise identical. */
void pass_gradient_splitting(Graph *);

/* At inference, when the model is not trained in the same text: what depends on
 * nothing but the model is made once, when parameters are set, and becomes part of
 * the model (TENSOR_PREPACKED).  Requires pass_layout, pass_fuse. */
void pass_prepack(Graph *);

/* What pass_rematerialize has done to a program. */
typedef struct RematResult {
    int values;             /* results of nodes that are computed again */
    int64_t macs, all_macs; /* of computing them; of the program without */
    double work;            /* of computing them, as a choice weighs it */
    bool reached;           /* no step needs more than the target */
} RematResult;

/* Forgets values of the forward part of a program that trains and computes them again where
 * the gradients need them, until no step needs more than `target` bytes in the arena, with
 * little work more.  Results are the same to the bit.  The last of the passes. */
RematResult pass_rematerialize(Graph *, int64_t target, int real_size);

/* How often each tensor is used, and the last node that does; by tensor id. */
typedef struct Uses {
    int *count;
    Node **user;
} Uses;
Uses uses_of(const Graph *);

/* The other input of a sum of two, or NULL where the sum cannot be a tail. */
Tensor *epilogue_residual(const Node *sum, const Tensor *value);

/* Drops the nodes that are marked in `dropped`, by node id, and the tensors that
 * nothing names any more; renumbers the rest. */
void pass_compact(Graph *, const bool *dropped);

#endif
