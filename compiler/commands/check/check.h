/*
 * check: what the files of `nnc check` share.
 */
#ifndef NNC_CHECK_H
#define NNC_CHECK_H

#include "commands/support/load.h"

typedef struct CheckOptions {
    LoadOptions load;
    bool gradients;
    int64_t samples; /* elements per tensor; −1: all */
    int64_t seed;
    double eps;
    double tolerance; /* 0: the default of what is checked */
    const char *reference;
    double rtol, atol; /* of an ONNX model's outputs: |y - expected| <= atol + rtol |expected|; 0: the defaults */
} CheckOptions;

/* Each prints its table on standard output and returns a Status. */
int check_gradients(const CheckOptions *);
int check_reference(const CheckOptions *);
int check_onnx(CheckOptions *); /* an ONNX model with a folder of inputs and outputs */

/* The generated PREFIX_sizes. */
enum { SIZE_INPUTS, SIZE_OUTPUTS, SIZE_MODEL, SIZE_SCRATCH, SIZE_TARGETS, SIZE_TENSORS };

#endif
