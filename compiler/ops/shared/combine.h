/*
 * What the combinators share: several branches of equal shape become one value,
 * element by element.  The inputs of a combinator are called x0, x1, … in its
 * templates.
 */
#ifndef NNC_OPS_SHARED_COMBINE_H
#define NNC_OPS_SHARED_COMBINE_H

#include "graph/graph.h"

/* Op.shape: all inputs agree; one output like them. */
bool combine_shape(Graph *, Node *);

/* Says which branch disagrees with the first one; `rule` ends the sentence. */
void combine_disagree(Graph *, const Node *, int branch, const char *rule);

/* Op.flops of a fold: one operation per element for each branch after the first. */
int64_t combine_flops(const Node *);

/* Opens a loop over all elements of the tensor, k the index; close it with "}". */
void combine_loop(Writer *, const Tensor *);

/* Inside it: `step` once for each of the inputs x_first … x_(end − 1), whose
 * element is $x: "value += $x;". */
void combine_steps(Writer *, int first, int end, const char *step);

/* Op.plain: y = x0 + x1 + …, the operator being "+" or "*". */
void combine_fold(Writer *, const Node *, const char *operator);

/* Variant.emit: the call kernel(count, arrays, n, elements, y, t, T). */
void combine_emit(Writer *, const Node *, const char *kernel);

/* For other calls of the kernel "combine": declares x, the `count` arrays named
 * `first`, if it is not NULL, and then x0, x1, …; binds $count and $elements. */
void combine_arrays(Writer *, const Node *, const char *first, int count);

/* Names for Op.in and Op.out: a combinator's own inputs have numbers only. */
extern const char *const combine_out[];    /* y */
extern const char *const combine_dx_in[];  /* dy, and then x0, x1, … */
extern const char *const combine_dx_out[]; /* dx */

#endif
