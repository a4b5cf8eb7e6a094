/*
 * calibration: how often a net is right when it says that it is with some probability.
 */
#ifndef NNC_CALIBRATION_H
#define NNC_CALIBRATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { CALIBRATION_BINS = 15 };

/* Of all predictions whose probability is in (b/15, (b + 1)/15]. */
typedef struct CalibrationBin {
    int64_t count, right;
    double confidence; /* the sum of the probabilities */
} CalibrationBin;

typedef struct Calibration {
    CalibrationBin bin[CALIBRATION_BINS];
    int64_t count;
} Calibration;

void calibration_add(Calibration *, double probability, bool right);

void calibration_print(const Calibration *);
json_t *calibration_json(const Calibration *);

#endif
