/*
 * range_test: which learning rate (L. N. Smith, "Cyclical Learning Rates for Training Neural
 * Networks", 2017, section 3.3).
 *
 * Enters: a model at its beginning and training data.  Leaves: the loss while the rate rises
 * step by step, and a proposal; the model is spoilt.
 */
#ifndef NN_RANGE_TEST_H
#define NN_RANGE_TEST_H

#include "runtime/train/train.h"

enum { NN_RANGE_STEPS = 100 };

typedef struct NnRangePoint {
    double lr, loss; /* of the batch */
    double smooth;   /* exponential average of the losses so far */
} NnRangePoint;

typedef struct NnRangeTest {
    NnRangePoint point[NN_RANGE_STEPS];
    int count;
    bool diverged; /* the last loss is not finite, or far above the lowest */
    int lowest;    /* the point of the lowest average */
    int steepest;  /* where the average falls fastest; −1: nowhere */
} NnRangeTest;

/* Seed, stop, between and user of the configuration are used; 0, or −1: no memory. */
int nn_range_test(const nn_model_info *, void *model, const Feed *, const NnTrainConfig *, NnRangeTest *, NnError *);

#endif
