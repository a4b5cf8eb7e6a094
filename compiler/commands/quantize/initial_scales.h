/*
 * initial_scales: those that training with simulated int8 begins with.
 */
#ifndef NNC_INITIAL_SCALES_H
#define NNC_INITIAL_SCALES_H

#include "commands/support/feeding.h"

/* The scales that training begins with. */
typedef struct FoundScales {
    bool found;
    int64_t samples;
    List values; /* of FoundScale */
} FoundScales;

typedef struct FoundScale {
    const char *name; /* of a tensor of the model */
    int64_t count;
    float *values;
} FoundScale;

/* Finds the scales, by samples of the training part, with the weights of the file, which are complete;
 * where these have learned scales, none are looked for.  Before simulated_apply. */
int initial_scales_find(const LoadOptions *, const Model *, const DataRequest *, const char *weights, FoundScales *);
void initial_scales_set(const FoundScales *, const nn_model_info *, void *model);

#endif
