/*
 * What coral and mmd share: losses that compare the rows of one domain with those of another.
 *
 * The rows are the scores of the samples, x[i] of d elements; the target of a sample is its
 * domain.  Rows of domain 0 are compared with those of domain 1, any others are left out, and
 * so are the rows that do not count.  A batch with too few rows of a domain has a loss of 0.
 *
 * Such a loss is a sum over pairs of rows, and so is its gradient: with pull[i][j], which the
 * loss leaves to it, and a v[i] that differs from x[i] by what is the same for its whole domain,
 *
 *   dx[i] = Σ_j pull[i][j] · (v[j] − v[i])
 *
 * For N rows that is N² · d multiply-adds, whatever the domains are.
 */
#ifndef NNC_OPS_SHARED_DOMAINS_H
#define NNC_OPS_SHARED_DOMAINS_H

#include "graph/graph.h"

/* Outputs of such a loss: loss, pull [N][N], side [N] and, where it has one, centred [N][d]. */
extern const char *const domains_out[];
enum { DOMAINS_PULL = 1, DOMAINS_SIDE, DOMAINS_CENTRED };

/* Op.target: a number for each sample. */
LossTarget domains_target(const void *attrs, Shape scores);

/* In Op.shape: all outputs but `centred`. */
void domains_shape(Graph *, Node *);

int64_t domains_flops(const Node *);

/* Begins Op.plain.  Sets side[n] to 1 / (rows − spared) for a row of domain 0, to
 * −1 / (rows − spared) for one of domain 1, and to 0 for one that is left out, as all are if a
 * domain has no more than `spared`; zeros and ones: how many rows the domains have.
 * Binds $d, and @scores(n, k) as rows. */
void domains_open(Writer *, const Node *, int spared);

/* Op.grad, v being an input or an output of the loss. */
void domains_grad(Backward *, const Node *, Tensor *v);

#endif
