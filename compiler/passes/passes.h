/*
 * passes: transformations of a program, between its making and its plan.
 *
 * Each takes a verified program and leaves one that computes the same (up to
 * rounding where it says so); graph_verify holds again after each.
 */
#ifndef NNC_PASSES_H
#define NNC_PASSES_H

#include "graph/graph.h"

typedef struct SelectOptions {
    unsigned layouts;      /* IN_*: of the nodes */
    unsigned without;      /* VARIANT_*: traits of rows that are not to be taken */
    bool constant_weights; /* pass_prepack will follow */
    Target target;
} SelectOptions;

/* In a program for a chunk of a batch: what mixes samples mixes those of all chunks (Op.in_chunks).  The
 * first of the passes, in the plain form too. */
void pass_synchronize(Graph *);

/* Chooses a variant and a layout for every node (Op.variants), by cost.  Rows may round
 * differently.  Requires the fast form, and pass_legalize after it. */
void pass_select(Graph *, const SelectOptions *);

/* Which variants each node had to choose from, what they cost and which was taken, as a table.
 * Of a program after all passes. */
void explain_variants(const Graph *, Target, FILE *);

/* Lets a node do what follows it (a batchnorm by its running statistics at inference, a sum,
 * a relu) as far as its variant has epilogues, and gradients relu's gradient.  Rounding
 * differs where a batchnorm becomes one multiplication and addition; else results are bitwise
 * identical.  Requires pass_select. */
void pass_fuse(Graph *);

/* Inserts what the variants need: reorders between layouts, packed weights, workspaces.
 * Requires pass_select; the passes below require this. */
void pass_legalize(Graph *);

/* Has variants with VARIANT_STRIDED_CHANNELS write the inputs of a concat straight into its output,
 * and read slices of a gradient in place (Tensor.parent).  Results are bitwise identical. */
void pass_concat_elimination(Graph *);

/* Computes a large gradient whose only user is an element-wise update (OP_SPLITTABLE) some rows
 * at a time, each part followed by its update, so that it never exists as a whole (Op.rows).
 * Results are bitwise identical. */
void pass_gradient_splitting(Graph *);

/* At inference, when the model is not trained in the same text: what depends on
 * nothing but the model is made once, when parameters are set, and becomes part of
 * the model (TENSOR_PREPACKED). */
void pass_prepack(Graph *);

/* Executes the nodes of a program without updates in an order that needs the least memory.  Results are
 * bitwise identical.  For machines without kernels, before pass_in_place. */
void pass_order(Graph *);

/* Training with weights in bf16: what computes values of samples reads the f32 weights of layers
 * through a node that rounds them.  In both forms, before all passes but pass_synchronize. */
void pass_bf16_weights(Graph *, Target);

/* What layers and their gradients hand to each other is to be stored in bf16: Tensor.dtype says of each
 * value whether it is.  In both forms, before all other passes. */
void pass_bf16_formats(Graph *);

/* Such values are widened where they are read as floats, and rounded where they are stored.  In both
 * forms; after all passes but pass_rematerialize. */
void pass_bf16_values(Graph *);

/* Takes the forms of operators that write over their input (Op.in_place), where that is dead
 * afterwards.  Results are bitwise identical.  For the plain form. */
void pass_in_place(Graph *);

/* What pass_rematerialize has done to a program. */
typedef struct RematResult {
    int values;             /* results of nodes that are recomputed */
    int64_t macs, all_macs; /* of recomputing them; of the program without */
    double cost;            /* of recomputing them, as the search estimates it, in multiplications */
    bool reached;           /* no step needs more than the target */
} RematResult;

/* Drops values of the forward part of a program that trains and recomputes them where the
 * gradients need them, until no step needs more than `target` bytes in the arena, at a low
 * cost.  Results are bitwise identical.  The last of the passes. */
RematResult pass_rematerialize(Graph *, int64_t target);

#endif
