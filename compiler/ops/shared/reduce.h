/*
 * What the reductions share: mean, sum, largest or smallest element over some axes.
 *
 * With keep=yes these axes have size 1 in the output, otherwise they are gone; over all axes
 * that is a vector of one element.
 *
 *   sum: dx = dy;   mean: dx = dy / count, count the number of elements that were reduced
 *   max, min: dx = dy · [x = y] / (how many elements are y), as PyTorch's amax; NaN wins, and
 *             makes the gradient NaN
 */
#ifndef NNC_OPS_SHARED_REDUCE_H
#define NNC_OPS_SHARED_REDUCE_H

#include "graph/graph.h"

typedef struct ReduceAttrs {
    Shape axes;
    bool keep;
} ReduceAttrs;

extern const Attr reduce_attrs[];

bool reduce_shape(Graph *, Node *);
void reduce_window(const Node *, int axis, Window *);
int64_t reduce_flops(const Node *);

/* Op.plain of sum and mean, and of max and min, where `wins` is ">" or "<". */
void reduce_sum_plain(Writer *, const Node *);
void reduce_mean_plain(Writer *, const Node *);
void reduce_extreme_plain(Writer *, const Node *, const char *wins);

/* Rows of the tables, of the kernels in runtime/kernels/reduction/reduce.h. */
extern const Variant reduce_sum_variants[], reduce_mean_variants[], reduce_max_variants[], reduce_min_variants[];

/* Op.grad. */
void reduce_sum_grad(Backward *, const Node *);
void reduce_mean_grad(Backward *, const Node *);
void reduce_extreme_grad(Backward *, const Node *);

#endif
