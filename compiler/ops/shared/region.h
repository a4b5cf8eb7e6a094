/*
 * A smaller image as a part of a larger one: what pad and crop, and their
 * gradients, have in common.
 */
#ifndef NNC_OPS_SHARED_REGION_H
#define NNC_OPS_SHARED_REGION_H

#include "graph/graph.h"

/* part[n][c][i][j] = whole[n][c][i + top][j + left], over the shape of the part; of `sides`, top
 * and left count. */
void region_take(Writer *, const char *part, const char *whole, Shape part_shape, const Pad *sides);

/* The other way round: whole[n][c][i + top][j + left] = part[n][c][i][j], and
 * `value` everywhere else. */
void region_place(Writer *, const char *whole, const char *part, Shape whole_shape, Shape part_shape, const Pad *sides,
                  double value);

/* Variant.emit of the same, from the node's input to its output. */
void region_take_emit(Writer *, const Node *, const Pad *sides);
void region_place_emit(Writer *, const Node *, const Pad *sides, double value);

/* Writes a call of the kernel "crop", in which $from and $to are the arrays. */
void region_call(Writer *, const Node *, const char *call);

/* Over the whole batch: the images @array are `value`; array[k] = 0, for any rank. */
void region_fill(Writer *, const char *array, Shape, const char *value);
void region_zero(Writer *, const char *array, Shape);

/* Op.flops of what only moves numbers. */
int64_t region_no_flops(const Node *);

#endif
