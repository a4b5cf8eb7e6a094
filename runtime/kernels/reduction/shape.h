/*
 * shape.h: the shape of arrays [n][c][p]: n samples of c channels of p pixels.
 *
 * A vector has p = 1.  In NHWC each pixel may be taken as a sample of p = 1; in the batch-blocked
 * layout a block of 16 samples is one sample with 16 times as many pixels.
 */
#ifndef NN_SHAPE_H
#define NN_SHAPE_H

typedef struct nn_shape {
    long n, c, p;
} nn_shape;

#endif
