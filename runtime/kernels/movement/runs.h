/*
 * runs.h: copies and fills of runs of floats.
 */
#ifndef NN_RUNS_H
#define NN_RUNS_H

#include "runtime/kernels/simd/lanes.h"

NN_INLINE void nn_copy_run_of(float *to, const float *from, long count)
{
    for (long i = 0; i < count; i += NN_W) nn_store_some(to + i, count - i, nn_load_some(from + i, count - i));
}

NN_INLINE void nn_fill_run(float *to, long count, float value)
{
    for (long i = 0; i < count; i += NN_W) nn_store_some(to + i, count - i, nn_broadcast(value));
}

#endif
