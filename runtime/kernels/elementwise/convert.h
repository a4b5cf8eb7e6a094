/*
 * convert.h: floats and bf16 (system/bf16.h has the rounding).
 *
 * Thread t of T computes part t of the elements.
 */
#ifndef NN_CONVERT_H
#define NN_CONVERT_H

#ifdef NN_LINKED

void nn_widen(long count, const uint16_t *x, float *y, int t, int T);
void nn_narrow(long count, const float *x, uint16_t *y, int t, int T);
void nn_round_bf16(long count, const float *x, float *y, int t, int T);

#else

#include "runtime/kernels/simd/bf16_vector.h"
#include "runtime/kernels/simd/lanes.h"

/* y = x */
NN_KERNEL void nn_widen(long count, const uint16_t *x, float *y, int t, int T)
{
    const nn_range part = nn_range_of(count, t, T);
    for (long i = part.first; i < part.end; i += NN_W)
        nn_store_part(y + i, part.end - i, nn_load_bf16_some(x + i, part.end - i));
}

/* y = x, rounded */
NN_KERNEL void nn_narrow(long count, const float *x, uint16_t *y, int t, int T)
{
    const nn_range part = nn_range_of(count, t, T);
    for (long i = part.first; i < part.end; i += NN_W)
        nn_store_bf16_some(y + i, part.end - i, nn_load_part(x + i, part.end - i));
}

/* y = x, rounded to bf16; y may be x */
NN_KERNEL void nn_round_bf16(long count, const float *x, float *y, int t, int T)
{
    const nn_range part = nn_range_of(count, t, T);
    for (long i = part.first; i < part.end; i += NN_W)
        nn_store_part(y + i, part.end - i, nn_rounded_to_bf16(nn_load_part(x + i, part.end - i)));
}

#endif /* NN_LINKED */

#endif
