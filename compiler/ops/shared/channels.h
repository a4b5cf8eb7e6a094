/*
 * Operators that work along the channels, place by place (softmax, maxout, a
 * slope per channel): an image [C][H][W] and a vector [F] are both arrays
 * [N][C][P], with P = H·W places or 1.
 *
 * In templates: @name(n, c, $p), where $p is the loop's p, or 0 of a vector.
 */
#ifndef NNC_OPS_SHARED_CHANNELS_H
#define NNC_OPS_SHARED_CHANNELS_H

#include "graph/graph.h"

static inline int64_t channels_of(Shape s) { return s.dim[0]; }
static inline int64_t places_of(Shape s) { return shape_count(s) / s.dim[0]; }

/* Binds @name, a parameter of the emitted function, as [N][C][P] of that shape. */
void channels_array(Writer *, const char *name, Shape);

/* Binds $C, $P and $p. */
void channels_bind(Writer *, Shape);

/* Declares `size`, the kernels' nn_shape, of `samples` ("$N") of that shape.  In NHWC each place is
 * a sample of one place; batch-blocked, a block is a sample of 16 times as many places. */
void channels_put_size(Writer *, const char *samples, Shape, Layout);

/* The loop over the places; nothing where there is only one. */
void channels_open(Writer *, Shape);
void channels_close(Writer *, Shape);

/* In the loops over n and p.  top: the largest of @name(n, …, $p); NaN may be
 * missed here, since it comes out in whatever is computed next. */
void channels_top(Writer *, const char *name, Shape);

/* After channels_top.  log_sum = log Σ_c exp(@name(n, c, $p) − top). */
void channels_log_sum(Writer *, const char *name, Shape);

#endif
