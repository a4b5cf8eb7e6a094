/*
 * Shapes of one to four axes.  Of a value, per sample: a vector [F], a sequence [L][D] (of layers in
 * one dimension [C][L]), an image [C][H][W], or four axes.  Of a parameter: [O][I][kh][kw] of a
 * convolution's weight; no axes of a single number.
 */
#ifndef NNC_GRAPH_SHAPE_H
#define NNC_GRAPH_SHAPE_H

#include "base/base.h"

enum { MAX_RANK = 4 };

typedef struct Shape {
    int rank;
    int64_t dim[MAX_RANK];
} Shape;

bool shape_equal(Shape, Shape);
bool shape_equal_inner(Shape, Shape);        /* but for axes of 1 before the others */
int64_t shape_count(Shape);                  /* product; 1 for rank 0 */
const char *shape_text(Arena *, Shape);      /* 6x28x28 */
const char *shape_kind_text(Arena *, Shape); /* "a vector of 5", "a sequence 7x5", "an image 6x28x28" */
Shape shape_strides(Shape); /* elements from one index of each axis to the next, the last axis contiguous */

/* The shape as [outer][size][inner], around one axis. */
typedef struct ShapeParts {
    int64_t outer, size, inner;
} ShapeParts;

ShapeParts shape_parts(Shape, int axis);

static inline Shape shape_vector(int64_t features) { return (Shape){1, {features}}; }
static inline Shape shape_image(int64_t channels, int64_t height, int64_t width)
{
    return (Shape){3, {channels, height, width}};
}

#endif
