/*
 * The largest or the smallest of several branches, element by element.
 *
 * Three branches or more fold from the left: max(max(x0, x1), x2).  NaN wins, as
 * in PyTorch, and so does PyTorch's rule for equal values: each side of a fold
 * gets half of the gradient.  Of three equal branches the third therefore gets
 * dy / 2, the first two dy / 4 each.  The branches that lose get dy · 0, so a NaN or
 * an infinity in dy is NaN for them too (PyTorch: 0).
 *
 *   m_0 = x0,  m_i = max(m_{i−1}, x_i)
 *   d m_i / d x_i = 1, ½ or 0 as x_i >, = or < m_{i−1};  d m_i / d m_{i−1} the same, seen from m_{i−1}
 *   dx_i = dy · (d m_i / d x_i) · Π_{j>i} (d m_j / d m_{j−1})
 */
#ifndef NNC_OPS_SHARED_EXTREME_BRANCH_H
#define NNC_OPS_SHARED_EXTREME_BRANCH_H

#include "graph/graph.h"

typedef struct BranchAttrs {
    int64_t branch; /* whose gradient it is */
} BranchAttrs;

/* Op.plain; `wins` is ">" or "<". */
void extreme_branch_plain(Writer *, const Node *, const char *wins);

/* Op.plain of the gradient: after dy stand all the branches. */
void extreme_branch_dx_plain(Writer *, const Node *, const char *wins);

/* Op.grad: nodes of `dx`. */
void extreme_branch_grad(Backward *, const Node *, const Op *dx);

#endif
