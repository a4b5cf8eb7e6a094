/*
 * piecewise.h: piecewise linear and quadratic activations and their gradients, element by
 * element; bitwise equal to the plain form.
 *
 *   x, y, dy, dx: `count` elements
 *
 * Those of bf16 compute with floats and round their results.
 * Thread t of T computes part t of the elements.
 */
#ifndef NN_PIECEWISE_H
#define NN_PIECEWISE_H

/* y = replace for x ≤ value, else x */
typedef struct nn_threshold_params {
    float value, replace;
} nn_threshold_params;

#ifdef NN_LINKED

void nn_relu(long count, const float *x, float *y, int t, int T);
void nn_relu_grad(long count, const float *dy, const float *y, float *dx, int t, int T);
void nn_leaky_relu(long count, const float *x, float *y, float slope, int t, int T);
void nn_leaky_relu_grad(long count, const float *dy, const float *s, float *dx, float slope, int t, int T);
void nn_relu6(long count, const float *x, float *y, int t, int T);
void nn_relu6_grad(long count, const float *dy, const float *y, float *dx, int t, int T);
void nn_hardsigmoid(long count, const float *x, float *y, int t, int T);
void nn_hardsigmoid_grad(long count, const float *dy, const float *y, float *dx, int t, int T);
void nn_hardswish(long count, const float *x, float *y, int t, int T);
void nn_hardswish_grad(long count, const float *dy, const float *x, float *dx, int t, int T);
void nn_threshold(const nn_threshold_params *, long count, const float *x, float *y, int t, int T);
void nn_threshold_grad(long count, const float *dy, const float *s, float *dx, float value, int t, int T);
void nn_step(long count, const float *x, float *y, float at, int t, int T);
void nn_relu_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T);
void nn_relu_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T);
void nn_leaky_relu_bf16(long count, const uint16_t *x, uint16_t *y, float slope, int t, int T);
void nn_leaky_relu_grad_bf16(long count, const uint16_t *dy, const uint16_t *s, uint16_t *dx, float slope, int t,
                             int T);
void nn_relu6_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T);
void nn_relu6_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T);
void nn_hardsigmoid_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T);
void nn_hardsigmoid_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T);
void nn_hardswish_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T);
void nn_hardswish_grad_bf16(long count, const uint16_t *dy, const uint16_t *x, uint16_t *dx, int t, int T);

#else

#include "runtime/kernels/simd/elements.h"
#include "runtime/kernels/simd/lanes.h"

/* ---- relu, leaky_relu ------------------------------------------------------- */

NN_INLINE nn_vec nn_relu_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return nn_select(x < 0, nn_zero(), x);
}

NN_INLINE nn_vec nn_relu_slope(nn_vec dy, nn_vec y, float p, float q)
{
    (void)p, (void)q;
    return nn_select(y <= 0, nn_zero(), dy);
}

NN_INLINE nn_vec nn_leaky_relu_value(nn_vec x, float slope, float q)
{
    (void)q;
    return nn_select(x > 0, x, slope * x);
}

NN_INLINE nn_vec nn_leaky_relu_slope(nn_vec dy, nn_vec s, float slope, float q)
{
    (void)q;
    return nn_select(s > 0, dy, slope * dy);
}

/* y = 0 for x < 0, else x */
NN_KERNEL void nn_relu(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_relu_value, 0, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_relu_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_map_bf16(nn_relu_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy where y > 0, else 0 */
NN_KERNEL void nn_relu_grad(long count, const float *dy, const float *y, float *dx, int t, int T)
{
    nn_map2(nn_relu_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

NN_KERNEL void nn_relu_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T)
{
    nn_map2_bf16(nn_relu_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

/* y = x for x > 0, else slope · x */
NN_KERNEL void nn_leaky_relu(long count, const float *x, float *y, float slope, int t, int T)
{
    nn_map(nn_leaky_relu_value, slope, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_leaky_relu_bf16(long count, const uint16_t *x, uint16_t *y, float slope, int t, int T)
{
    nn_map_bf16(nn_leaky_relu_value, slope, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy where s > 0, else slope · dy; s has the sign of x */
NN_KERNEL void nn_leaky_relu_grad(long count, const float *dy, const float *s, float *dx, float slope, int t, int T)
{
    nn_map2(nn_leaky_relu_slope, slope, 0, nn_range_of(count, t, T), dy, s, dx);
}

NN_KERNEL void nn_leaky_relu_grad_bf16(long count, const uint16_t *dy, const uint16_t *s, uint16_t *dx, float slope,
                                       int t, int T)
{
    nn_map2_bf16(nn_leaky_relu_slope, slope, 0, nn_range_of(count, t, T), dy, s, dx);
}

/* ---- cut off at 0 and 6 ------------------------------------------------------- */

NN_INLINE nn_vec nn_cut_6(nn_vec x)
{
    x = nn_select(x < 0, nn_zero(), x);
    return nn_select(x > 6, nn_broadcast(6), x);
}

NN_INLINE nn_vec nn_relu6_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return nn_cut_6(x);
}

NN_INLINE nn_vec nn_relu6_slope(nn_vec dy, nn_vec y, float p, float q)
{
    (void)p, (void)q;
    return nn_select((y > 0) & (y < 6), dy, nn_zero());
}

NN_INLINE nn_vec nn_hardsigmoid_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return nn_cut_6(x + 3) / 6;
}

NN_INLINE nn_vec nn_hardsigmoid_slope(nn_vec dy, nn_vec y, float p, float q)
{
    (void)p, (void)q;
    return nn_select((y > 0) & (y < 1), dy / 6, nn_zero());
}

NN_INLINE nn_vec nn_hardswish_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return x * nn_cut_6(x + 3) / 6;
}

NN_INLINE nn_vec nn_hardswish_slope(nn_vec dy, nn_vec x, float p, float q)
{
    (void)p, (void)q;
    nn_vec middle = dy * (x / 3 + 0.5f);
    return nn_select(x <= -3, nn_zero(), nn_select(x >= 3, dy, middle));
}

/* y = min(max(x, 0), 6) */
NN_KERNEL void nn_relu6(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_relu6_value, 0, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_relu6_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_map_bf16(nn_relu6_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy where 0 < y < 6, else 0 */
NN_KERNEL void nn_relu6_grad(long count, const float *dy, const float *y, float *dx, int t, int T)
{
    nn_map2(nn_relu6_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

NN_KERNEL void nn_relu6_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T)
{
    nn_map2_bf16(nn_relu6_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

/* y = min(max(x + 3, 0), 6) / 6 */
NN_KERNEL void nn_hardsigmoid(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_hardsigmoid_value, 0, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_hardsigmoid_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_map_bf16(nn_hardsigmoid_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy / 6 where 0 < y < 1, else 0 */
NN_KERNEL void nn_hardsigmoid_grad(long count, const float *dy, const float *y, float *dx, int t, int T)
{
    nn_map2(nn_hardsigmoid_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

NN_KERNEL void nn_hardsigmoid_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T)
{
    nn_map2_bf16(nn_hardsigmoid_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

/* y = x · min(max(x + 3, 0), 6) / 6 */
NN_KERNEL void nn_hardswish(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_hardswish_value, 0, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_hardswish_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_map_bf16(nn_hardswish_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = 0 for x ≤ −3, dy for x ≥ 3, dy · (x / 3 + 1/2) between */
NN_KERNEL void nn_hardswish_grad(long count, const float *dy, const float *x, float *dx, int t, int T)
{
    nn_map2(nn_hardswish_slope, 0, 0, nn_range_of(count, t, T), dy, x, dx);
}

NN_KERNEL void nn_hardswish_grad_bf16(long count, const uint16_t *dy, const uint16_t *x, uint16_t *dx, int t, int T)
{
    nn_map2_bf16(nn_hardswish_slope, 0, 0, nn_range_of(count, t, T), dy, x, dx);
}

/* ---- threshold, step ---------------------------------------------------------- */

NN_INLINE nn_vec nn_threshold_value(nn_vec x, float value, float replace)
{
    return nn_select(x <= value, nn_broadcast(replace), x);
}

NN_INLINE nn_vec nn_threshold_slope(nn_vec dy, nn_vec s, float value, float q)
{
    (void)q;
    return nn_select(s <= value, nn_zero(), dy);
}

NN_INLINE nn_vec nn_step_value(nn_vec x, float at, float q)
{
    (void)q;
    return nn_select(x >= at, nn_broadcast(1), nn_zero());
}

NN_KERNEL void nn_threshold(const nn_threshold_params *params, long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_threshold_value, params->value, params->replace, nn_range_of(count, t, T), x, y);
}

/* dx = 0 where s ≤ value, else dy; s is on the same side of value as x */
NN_KERNEL void nn_threshold_grad(long count, const float *dy, const float *s, float *dx, float value, int t, int T)
{
    nn_map2(nn_threshold_slope, value, 0, nn_range_of(count, t, T), dy, s, dx);
}

/* y = 1 for x ≥ at, else 0 */
NN_KERNEL void nn_step(long count, const float *x, float *y, float at, int t, int T)
{
    nn_map(nn_step_value, at, 0, nn_range_of(count, t, T), x, y);
}

#endif /* NN_LINKED */

#endif
