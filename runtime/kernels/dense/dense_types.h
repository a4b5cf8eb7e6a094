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

#endif
