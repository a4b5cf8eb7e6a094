/*
 * Operators over the rows of a weight, of which each has numbers of its own: weight[rows][columns], whatever
 * axes the columns have.
 */
#ifndef NNC_OPS_WEIGHT_ROWS_H
#define NNC_OPS_WEIGHT_ROWS_H

#include "graph/graph.h"

void weight_rows_bind(Writer *, const Tensor *weight); /* $rows and $columns */
/* Fast form: d, the nn_weight_rows of runtime/kernels/quantized/simulated_weights.h, and a call with it. */
void weight_rows_call(Writer *, const Tensor *weight, const char *call);

#endif
