/*
 * What losses share: their arrays, their checks, the loops over a batch and the
 * wiring of the gradient.
 *
 * A loss is the mean over the $all samples that count, times $scale; of a micro-batch
 * with $count of them its share in that mean.  Its gradient is computed from the scores
 * again, for all $N: nothing is stored in between.
 */
#ifndef NNC_OPS_SHARED_LOSSES_H
#define NNC_OPS_SHARED_LOSSES_H

#include "graph/graph.h"

extern const char *const loss_in[];           /* scores, target; targets of all micro-batches */
extern const char *const loss_out[];          /* loss */
extern const char *const loss_gradient_out[]; /* dscores */

/* Op.shape of a loss against values shaped like the scores. */
bool loss_values_shape(Graph *, Node *);

/* Op.shape of a loss against classes, one for each place of the scores [C][…]. */
bool loss_classes_shape(Graph *, Node *);

/* Op.target of such a loss. */
LossTarget loss_classes_target(const void *attrs, Shape scores);

enum { LOSS_IGNORED = -100 }; /* PyTorch's default of `ignore_index` */

/* Op.grad: one node of `gradient`, from the scores, the target or both, as
 * gradient->in names them. */
void loss_grad(Backward *, const Node *, const Op *gradient);

/* For Op.flops. */
int64_t loss_cost(const Node *, int per_score);

/* $total: total times the scale; a scale of 1 is not written. */
void loss_bind_total(Writer *, const Node *);

/* ---- against values: the mean over samples and elements ---------------- */

/* Op.plain.  The lines stand in a loop over all elements; they see $s, a score,
 * and $t, its target, and add to total. */
void loss_values(Writer *, const Node *, const char *lines);

/* Op.plain of the gradient.  The lines set $ds to the derivative of what was
 * added, times part = $scale / elements. */
void loss_values_gradient(Writer *, const Node *, const char *lines);

/* ---- against classes: the mean over the places that have one ----------- */

/* Op.plain: what is written between the two stands in a loop over the samples n and their
 * places $p (channels.h), which have class t of $C, with @scores(n, c, $p).  It adds to
 * total, which becomes the loss divided by used, the sum of all places' `weight`s, an
 * expression of t.  A place is left out if its class is the one that
 * Op.target ignores, or not 0 … C − 1. */
void loss_classes_open(Writer *, const Node *, const char *weight);
void loss_classes_close(Writer *, const Node *);

/* Op.plain of the gradient: the same loop.  The body sets @dscores(n, …, $p) to the
 * derivatives times part = $scale / used; those of a place left out are 0. */
void loss_classes_open_gradient(Writer *, const Node *, const char *weight);
void loss_classes_close_gradient(Writer *, const Node *);

#endif
