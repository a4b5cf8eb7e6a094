/*
 * What the combinators share: several branches become one value, element by element.
 * A dimension of 1 is stretched over that dimension of the other branches, as NumPy and
 * PyTorch broadcast: 64x1x1 meets the channels of 64x8x8, 1x8x8 its places.  The inputs
 * of a combinator are called x0, x1, … in its templates.
 */
#ifndef NNC_OPS_SHARED_COMBINE_H
#define NNC_OPS_SHARED_COMBINE_H

#include "graph/graph.h"

/* Op.shape: dimensions are the same or 1; one output. */
bool combine_shape(Graph *, Node *);

/* The same of exactly two branches. */
bool combine_two_shape(Graph *, Node *);

/* Says which branch disagrees with the first one; `rule` ends the sentence. */
void combine_disagree(Graph *, const Node *, int branch, const char *rule);

/* Op.flops of a fold: one operation per element for each branch after the first. */
int64_t combine_flops(const Node *);

/* Op.window: what is stretched reaches every place of the result. */
void combine_window(const Node *, int axis, Window *);

/* Do all inputs and the output have one shape? */
bool combine_is_even(const Node *);

/* Variant.refuses of kernels over flat arrays. */
const char *combine_refusal(const Node *);

/* ---- plain form ----------------------------------------------------------- */

/* Op.plain: y = x0 + x1 + …, the operator being "+", "-", "*" or "/". */
void combine_fold(Writer *, const Node *, const char *operator);

/* Op.plain: value is x0, then `step` once for each other branch, whose element is $x
 * ("value += $x;"); y is `last`, an expression of value. */
void combine_values(Writer *, const Node *, const char *step, const char *last);

/* Op.plain of the gradient of one branch: dy is in[0], after it come branches; out[0] is
 * dx.  The body sees $dy and $x0, $x1, …, elements of the branches after dy, and changes
 * value, which begins as $dy.  dx is its sum over what was stretched. */
void combine_gradient(Writer *, const Node *, void (*body)(Writer *, const Node *));

/* In its body: binds $x to the element of branch i. */
void combine_bind_branch(Writer *, const Node *, int i);

/* ---- gradients -------------------------------------------------------------- */

/* Gives branch i the gradient factor · dy, summed over the dimensions along which it was
 * stretched; dy itself where that is the same. */
void combine_give_share(Backward *, const Node *, int i, double factor);

/* Gives branch i what a node of `op` computes of dy and then, with `all`, all branches,
 * else those other than i. */
Node *combine_give(Backward *, const Node *, int i, const Op *op, bool all);

/* ---- fast form: runtime/kernels/elementwise/combine.h ----------------------- */

/* Variant.emit: the call kernel(count, arrays, elements, y, t, T). */
void combine_emit(Writer *, const Node *, const char *kernel);

/* For other calls of the kernel "combine": declares x, the `count` arrays named
 * `first`, if it is not NULL, and then x0, x1, …; binds $count and $elements. */
void combine_arrays(Writer *, const Node *, const char *first, int count);

/* Names for Op.in and Op.out: a combinator's own inputs have numbers only. */
extern const char *const combine_out[];    /* y */
extern const char *const combine_dx_in[];  /* dy, and then x0, x1, … */
extern const char *const combine_dx_out[]; /* dx */

#endif
