/*
 * What the numbers of a tensor are like.
 */
#ifndef NNC_TENSOR_SUMMARY_H
#define NNC_TENSOR_SUMMARY_H

#include "base/base.h"

enum { SUMMARY_BINS = 16 };

/* All but the counts are of the finite numbers; 0 where there are none. */
typedef struct TensorSummary {
    size_t count, zeros, nans, infinities;
    double min, max, mean;
    double deviation;          /* of the population: √(Σ(x − mean)² / n) */
    double norm;               /* √Σx² */
    size_t bins[SUMMARY_BINS]; /* of equal width, from min to max */
} TensorSummary;

TensorSummary tensor_summary(const double *values, size_t count);

/* A bar for each bin, as high as its share of the fullest: "▁▂▅█▅▂▁". */
const char *tensor_histogram(Arena *, const TensorSummary *);

#endif
