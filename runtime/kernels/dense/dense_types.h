/* dense_types.h: the descriptors of fully connected layers. */
#ifndef NN_DENSE_TYPES_H
#define NN_DENSE_TYPES_H

typedef struct nn_dense {
    int n, i, o;
} nn_dense;

/* Some rows of dweight: outputs first … first + count − 1. */
typedef struct nn_dense_rows {
    int n, i, o, first, count;
} nn_dense_rows;

/* The arrays of dense_pairs.h: it reads x in bf16 and writes y in bf16, or with half = 0 in floats.  bias may be
 * NULL. */
typedef struct nn_dense_pairs_args {
    const void *x;
    const float *weight, *bias;
    void *y;
    int half;
} nn_dense_pairs_args;

#endif
