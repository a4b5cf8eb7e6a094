/*
 * pool_common.h: what the pools of both layouts share: the extents of pooling regions, and stores
 * of the argmax.
 */
#ifndef NN_POOL_COMMON_H
#define NN_POOL_COMMON_H

#include "runtime/kernels/pool/pool_types.h"
#include "runtime/kernels/simd/lanes.h"

typedef unsigned char nn_bytes __attribute__((vector_size(NN_W), aligned(1), may_alias));

NN_INLINE void nn_set_run(float *p, long count, float value)
{
    for (long i = 0; i < count; i += NN_W) nn_store_part(p + i, count - i, nn_broadcast(value));
}

NN_INLINE void nn_store_argmax(void *argmax, int wide, long at, long end, int count, nn_ints winner)
{
    if (end - at >= NN_W) count = NN_W;
    if (!wide && count == NN_W) {
        *(nn_bytes *)((unsigned char *)argmax + at) = __builtin_convertvector(winner, nn_bytes);
        return;
    }
    if (count == NN_W) {
        *(nn_ints *)((int *)argmax + at) = winner;
        return;
    }
    int lane[NN_W] __attribute__((aligned(64)));
    *(nn_ints *)lane = winner;
    for (int k = 0; k < count; k++) {
        if (wide)
            ((int *)argmax)[at + k] = lane[k];
        else
            ((unsigned char *)argmax)[at + k] = (unsigned char)lane[k];
    }
}

typedef struct nn_region_span {
    int first, last; /* the elements of a region: first … last − 1 */
    int count;       /* what an average divides by */
} nn_region_span;

NN_INLINE nn_region_span nn_region_span_of(const nn_region_axis *a, int i)
{
    nn_region_span s;
    int start = i * a->stride - a->before;
    if (a->region) {
        s.first = (int)((long)i * a->region / a->small) - a->before;
        s.last = (int)(((long)(i + 1) * a->region + a->small - 1) / a->small) - a->before;
    } else {
        s.first = start < 0 ? 0 : start;
        s.last = start + a->k < a->large ? start + a->k : a->large;
    }
    int left = a->padded - i * a->stride;
    s.count = a->count > 0 ? a->count : a->count == 0 ? s.last - s.first : left < a->k ? left : a->k;
    return s;
}

#endif
