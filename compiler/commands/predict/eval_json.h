/*
 * What nnc eval has counted, as JSON.
 */
#ifndef NNC_EVAL_JSON_H
#define NNC_EVAL_JSON_H

#include "commands/predict/calibration.h"
#include "commands/support/load.h"
#include "runtime/train/train.h"

typedef struct EvalResults {
    const nn_model_info *info;
    const Dataset *data;
    const NnScore *score;
    const int64_t *confusion;        /* [truth][predicted]; NULL: there are no classes */
    const int64_t (*labels)[2][2];   /* [truth][predicted] of each output; NULL: no labels */
    const double *absolute, *square; /* sums per output, of values; or NULL */
    const Calibration *calibration;  /* or NULL */
    size_t outputs;
} EvalResults;

void eval_print_json(const EvalResults *);

#endif
