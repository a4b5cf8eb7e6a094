/*
 * dropout.h: what is random in training: dropout, and the slopes of rrelu.
 *
 *   x, y, dy, dx: `count` elements; mask: a byte per element, slope: a float
 *
 * The random number of element k is a hash of (seed, k), as in the plain form (system/random.h);
 * it does not depend on the thread that draws it.
 */
#ifndef NN_DROPOUT_H
#define NN_DROPOUT_H

/* An element is kept with probability 1 − p, and multiplied by factor. */
typedef struct nn_dropout_params {
    float p, factor;
    unsigned long long seed;
} nn_dropout_params;

/* Slopes below 0 are from lower to lower + range. */
typedef struct nn_rrelu_params {
    float lower, range;
    unsigned long long seed;
} nn_rrelu_params;

#ifdef NN_LINKED

void nn_dropout(const nn_dropout_params *, long count, const float *x, float *y, unsigned char *mask, int t, int T);
void nn_dropout_grad(long count, const float *dy, const unsigned char *mask, float *dx, float factor, int t, int T);
void nn_dropout_bf16(const nn_dropout_params *, long count, const uint16_t *x, uint16_t *y, unsigned char *mask, int t,
                     int T);
void nn_dropout_grad_bf16(long count, const uint16_t *dy, const unsigned char *mask, uint16_t *dx, float factor, int t,
                          int T);
void nn_rrelu(const nn_rrelu_params *, long count, const float *x, float *y, float *slope, int t, int T);
void nn_rrelu_grad(long count, const float *dy, const float *slope, float *dx, int t, int T);

#else

#include "runtime/kernels/simd/elements.h"
#include "runtime/kernels/system/random.h"

NN_INLINE nn_vec nn_draws(unsigned long long seed, long k)
{
    nn_lanes number;
    for (int i = 0; i < NN_W; i++) number[i] = nn_uniform(seed, (uint64_t)(k + i));
    return nn_load(number);
}

/* mask = number ≥ p;  y = factor · x where it is 1, else 0 */
NN_INLINE void nn_dropout_of(const int half, const nn_dropout_params d, nn_range part, const void *x, void *y,
                             unsigned char *mask)
{
    for (long i = part.first; i < part.end; i += NN_W) {
        const long left = part.end - i;
        nn_ints keep = nn_draws(d.seed, i) >= d.p;
        const nn_vec value = d.factor * nn_load_part_as(half, nn_at(half, x, i), left);
        nn_store_part_as(half, nn_place(half, y, i), left, nn_select(keep, value, nn_zero()));
        nn_lanes lane;
        nn_store(lane, nn_select(keep, nn_broadcast(1), nn_zero()));
        for (int k = 0; k < NN_W && k < left; k++) mask[i + k] = (unsigned char)lane[k];
    }
}

NN_KERNEL void nn_dropout(const nn_dropout_params *params, long count, const float *x, float *y, unsigned char *mask,
                          int t, int T)
{
    nn_dropout_of(0, *params, nn_range_of(count, t, T), x, y, mask);
}

NN_KERNEL void nn_dropout_bf16(const nn_dropout_params *params, long count, const uint16_t *x, uint16_t *y,
                               unsigned char *mask, int t, int T)
{
    nn_dropout_of(1, *params, nn_range_of(count, t, T), x, y, mask);
}

/* dx = factor · dy where mask is 1, else 0 */
NN_INLINE void nn_dropout_grad_of(const int half, float factor, nn_range part, const void *dy,
                                  const unsigned char *mask, void *dx)
{
    for (long i = part.first; i < part.end; i += NN_W) {
        const long left = part.end - i;
        nn_lanes lane;
        for (int k = 0; k < NN_W; k++) lane[k] = k < left ? mask[i + k] : 0;
        const nn_vec value = factor * nn_load_part_as(half, nn_at(half, dy, i), left);
        nn_store_part_as(half, nn_place(half, dx, i), left, nn_select(nn_load(lane) != 0, value, nn_zero()));
    }
}

NN_KERNEL void nn_dropout_grad(long count, const float *dy, const unsigned char *mask, float *dx, float factor, int t,
                               int T)
{
    nn_dropout_grad_of(0, factor, nn_range_of(count, t, T), dy, mask, dx);
}

NN_KERNEL void nn_dropout_grad_bf16(long count, const uint16_t *dy, const unsigned char *mask, uint16_t *dx,
                                    float factor, int t, int T)
{
    nn_dropout_grad_of(1, factor, nn_range_of(count, t, T), dy, mask, dx);
}

/* slope = lower + range · number for x ≤ 0, else 1;  y = slope · x */
NN_KERNEL void nn_rrelu(const nn_rrelu_params *params, long count, const float *x, float *y, float *slope, int t, int T)
{
    const nn_rrelu_params d = *params;
    long end = nn_partition(count, t + 1, T);
    for (long i = nn_partition(count, t, T); i < end; i += NN_W) {
        nn_vec v = nn_load_part(x + i, end - i);
        nn_vec s = nn_select(v <= 0, d.lower + d.range * nn_draws(d.seed, i), nn_broadcast(1));
        nn_store_part(slope + i, end - i, s);
        nn_store_part(y + i, end - i, s * v);
    }
}

NN_INLINE nn_vec nn_product(nn_vec a, nn_vec b, float p, float q)
{
    (void)p, (void)q;
    return a * b;
}

/* dx = slope · dy */
NN_KERNEL void nn_rrelu_grad(long count, const float *dy, const float *slope, float *dx, int t, int T)
{
    nn_map2(nn_product, 0, 0, nn_range_of(count, t, T), dy, slope, dx);
}

#endif /* NN_LINKED */

#endif
