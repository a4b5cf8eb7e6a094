/*
 * calibrate: values that were seen → the scale of an int8 tensor.
 *
 *   range        from the smallest to the largest
 *   percentile   of all values but 0.01 %, half of them at either end
 *   mse          where the mean square error of the numbers is least, outliers cut off
 *   entropy      where the distribution of the numbers tells most of that of the values: the least
 *                Kullback-Leibler divergence (Migacz, "8-bit inference with TensorRT", 2017)
 */
#ifndef NNC_QUANTIZE_CALIBRATE_H
#define NNC_QUANTIZE_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "quantize/multiplier.h"

typedef enum RangeChoice { CALIBRATE_RANGE, CALIBRATE_PERCENTILE, CALIBRATE_MSE, CALIBRATE_ENTROPY } RangeChoice;

enum { CALIBRATION_BINS = 2048 };

/* First all values are shown to `range`, then, for the methods other than range, again to `count`. */
typedef struct Observer {
    double low, high; /* 0 lies between them */
    double bins[CALIBRATION_BINS];
} Observer;

bool calibration_named(const char *name, RangeChoice *);
const char *calibration_name(RangeChoice);

/* Values that are not finite are left out, and counted in the result. */
size_t observer_range(Observer *, const float *values, size_t count);
void observer_count(Observer *, const float *values, size_t count);
Affine observer_scale(const Observer *, RangeChoice);

#endif
