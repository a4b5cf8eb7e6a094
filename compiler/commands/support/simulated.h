/*
 * simulated: training with simulated int8 (`nnc train --quantize int8`), and the weights that come of it.
 *
 * Such a file has the weights in f32, the scales that were learned (quantize/simulate.h) and in its
 * metadata `quantization.simulated`, as JSON.  eval and predict compute with the rounding then, and
 * `nnc quantize` takes the scales as they are.
 */
#ifndef NNC_COMMANDS_SIMULATED_H
#define NNC_COMMANDS_SIMULATED_H

#include "commands/support/feeding.h"
#include "commands/support/quantized.h"

#define SIMULATED_NOTE "quantization.simulated"

/* The model's net becomes the simulated one.  Returns a Status, after a message. */
int simulated_apply(Model *);

/* Whether the file is of weights that were trained so. */
bool simulated_is_of(const NnTensors *);

/* ---- of such a file ------------------------------------------------------------------------------ */

/* The learned scale of a value, or of the rows of a layer's weight; false, or NULL, and a message where it has none. */
bool simulated_value_scale(NnTensors *, Arena *, const char *path, const char *value, Affine *);
const double *simulated_weight_scales(NnTensors *, Arena *, const char *path, const char *layer, int64_t rows);

#endif
