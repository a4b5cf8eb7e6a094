/* simulated_types.h: descriptors of the kernels of training with simulated int8. */
#ifndef NN_SIMULATED_TYPES_H
#define NN_SIMULATED_TYPES_H

/*
 * Values of samples: c rows of p places each, [c][p], or [p][c] with `last`; with lanes = 16 each
 * place is the numbers of 16 samples.  Each row has a unit of its own; without units c is 1.
 */
typedef struct nn_simulated {
    long c, p;
    int last, lanes;
    int averages; /* of integers: 1: halves are rounded away from the number 0, 2: from the integer 0 */
} nn_simulated;

/* A gradient is dy where there is one.  unit: of sums, what 1 of them is, by row; or NULL. */
typedef struct nn_simulated_args {
    const float *dy, *x, *scale, *zero, *unit;
    float *y; /* dx; or the errors, one for each sample */
} nn_simulated_args;

/* Weights: `rows` of `columns` elements. */
typedef struct nn_weight_rows {
    long rows, columns;
} nn_weight_rows;

#endif
