/*
 * Shapes: [C][H][W] of an image or [F] of a vector, per sample; [O][I][kh][kw] of a weight.
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
int64_t shape_count(Shape);             /* product; 1 for rank 0 */
const char *shape_text(Arena *, Shape); /* 6x28x28 */
static inline Shape shape_vector(int64_t features) { return (Shape){1, {features}}; }
static inline Shape shape_image(int64_t channels, int64_t height, int64_t width)
{
    return (Shape){3, {channels, height, width}};
}

#endif
