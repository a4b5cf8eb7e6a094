/*
 * activation.h: the smooth activations and their gradients, element by element.
 *
 *   x, y, dy, dx: `count` elements
 *
 * The formulas are those of the plain form, with the functions of vector_math.h;
 * gradients are in terms of the input or the output, whichever the operator stores.  Those of bf16 compute
 * with floats and round their results.
 * Thread t of T computes part t of the elements.
 */
#ifndef NN_ACTIVATION_H
#define NN_ACTIVATION_H

/* y = above · x for x > 0, else below · (e^x − 1) */
typedef struct nn_elu_params {
    float above, below;
} nn_elu_params;

#ifdef NN_LINKED

void nn_tanh(long count, const float *x, float *y, int t, int T);
void nn_tanh_grad(long count, const float *dy, const float *y, float *dx, int t, int T);
void nn_sigmoid(long count, const float *x, float *y, int t, int T);
void nn_sigmoid_grad(long count, const float *dy, const float *y, float *dx, int t, int T);
void nn_silu(long count, const float *x, float *y, int t, int T);
void nn_silu_grad(long count, const float *dy, const float *x, float *dx, int t, int T);
void nn_softplus(long count, const float *x, float *y, int t, int T);
void nn_softplus_grad(long count, const float *dy, const float *y, float *dx, int t, int T);
void nn_elu(const nn_elu_params *, long count, const float *x, float *y, int t, int T);
void nn_elu_grad(const nn_elu_params *, long count, const float *dy, const float *y, float *dx, int t, int T);
void nn_elu_grad_x(long count, const float *dy, const float *x, float *dx, float alpha, int t, int T);
void nn_gelu(long count, const float *x, float *y, int t, int T);
void nn_gelu_grad(long count, const float *dy, const float *x, float *dx, int t, int T);
void nn_gelu_tanh(long count, const float *x, float *y, int t, int T);
void nn_gelu_tanh_grad(long count, const float *dy, const float *x, float *dx, int t, int T);
void nn_tanh_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T);
void nn_tanh_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T);
void nn_sigmoid_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T);
void nn_sigmoid_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T);
void nn_silu_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T);
void nn_silu_grad_bf16(long count, const uint16_t *dy, const uint16_t *x, uint16_t *dx, int t, int T);
void nn_gelu_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T);
void nn_gelu_grad_bf16(long count, const uint16_t *dy, const uint16_t *x, uint16_t *dx, int t, int T);
void nn_gelu_tanh_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T);
void nn_gelu_tanh_grad_bf16(long count, const uint16_t *dy, const uint16_t *x, uint16_t *dx, int t, int T);

#else

#include "runtime/kernels/simd/elements.h"
#include "runtime/kernels/simd/vector_math.h"

/* ---- tanh ------------------------------------------------------------------- */

NN_INLINE nn_vec nn_tanh_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return nn_tanh_of(x);
}

NN_INLINE nn_vec nn_tanh_slope(nn_vec dy, nn_vec y, float p, float q)
{
    (void)p, (void)q;
    return dy * (1 - y * y);
}

NN_KERNEL void nn_tanh(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_tanh_value, 0, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_tanh_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_map_bf16(nn_tanh_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy · (1 − y²) */
NN_KERNEL void nn_tanh_grad(long count, const float *dy, const float *y, float *dx, int t, int T)
{
    nn_map2(nn_tanh_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

NN_KERNEL void nn_tanh_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T)
{
    nn_map2_bf16(nn_tanh_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

/* ---- sigmoid ---------------------------------------------------------------- */

NN_INLINE nn_vec nn_sigmoid_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return nn_logistic(x);
}

NN_INLINE nn_vec nn_sigmoid_slope(nn_vec dy, nn_vec y, float p, float q)
{
    (void)p, (void)q;
    return dy * y * (1 - y);
}

NN_KERNEL void nn_sigmoid(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_sigmoid_value, 0, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_sigmoid_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_map_bf16(nn_sigmoid_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy · y · (1 − y) */
NN_KERNEL void nn_sigmoid_grad(long count, const float *dy, const float *y, float *dx, int t, int T)
{
    nn_map2(nn_sigmoid_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

NN_KERNEL void nn_sigmoid_grad_bf16(long count, const uint16_t *dy, const uint16_t *y, uint16_t *dx, int t, int T)
{
    nn_map2_bf16(nn_sigmoid_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

/* ---- silu ------------------------------------------------------------------- */

NN_INLINE nn_vec nn_silu_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return x / (1 + nn_exp(-x));
}

NN_INLINE nn_vec nn_silu_slope(nn_vec dy, nn_vec x, float p, float q)
{
    (void)p, (void)q;
    nn_vec s = nn_logistic(x);
    return dy * s * (1 + x * (1 - s));
}

NN_KERNEL void nn_silu(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_silu_value, 0, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_silu_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_map_bf16(nn_silu_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy · s · (1 + x · (1 − s)), s the logistic function of x */
NN_KERNEL void nn_silu_grad(long count, const float *dy, const float *x, float *dx, int t, int T)
{
    nn_map2(nn_silu_slope, 0, 0, nn_range_of(count, t, T), dy, x, dx);
}

NN_KERNEL void nn_silu_grad_bf16(long count, const uint16_t *dy, const uint16_t *x, uint16_t *dx, int t, int T)
{
    nn_map2_bf16(nn_silu_slope, 0, 0, nn_range_of(count, t, T), dy, x, dx);
}

/* ---- softplus --------------------------------------------------------------- */

NN_INLINE nn_vec nn_softplus_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return nn_select(x > 20, x, nn_log1p(nn_exp(x)));
}

NN_INLINE nn_vec nn_softplus_slope(nn_vec dy, nn_vec y, float p, float q)
{
    (void)p, (void)q;
    return nn_select(y > 20, dy, -dy * nn_expm1(-y));
}

/* y = log(1 + e^x), x itself above 20 */
NN_KERNEL void nn_softplus(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_softplus_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy · (1 − e^−y) */
NN_KERNEL void nn_softplus_grad(long count, const float *dy, const float *y, float *dx, int t, int T)
{
    nn_map2(nn_softplus_slope, 0, 0, nn_range_of(count, t, T), dy, y, dx);
}

/* ---- elu, selu -------------------------------------------------------------- */

NN_INLINE nn_vec nn_elu_value(nn_vec x, float above, float below)
{
    return nn_select(x <= 0, below * nn_expm1(x), above * x);
}

NN_INLINE nn_vec nn_elu_slope(nn_vec dy, nn_vec y, float above, float below)
{
    return nn_select(y > 0, above * dy, dy * (y + below));
}

NN_INLINE nn_vec nn_elu_slope_x(nn_vec dy, nn_vec x, float alpha, float q)
{
    (void)q;
    return nn_select(x > 0, dy, dy * alpha * nn_exp(x));
}

/* elu has above = 1 */
NN_KERNEL void nn_elu(const nn_elu_params *params, long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_elu_value, params->above, params->below, nn_range_of(count, t, T), x, y);
}

/* dx = dy · above for y > 0, else dy · (y + below); below ≥ 0 */
NN_KERNEL void nn_elu_grad(const nn_elu_params *params, long count, const float *dy, const float *y, float *dx, int t,
                           int T)
{
    nn_map2(nn_elu_slope, params->above, params->below, nn_range_of(count, t, T), dy, y, dx);
}

/* elu's from the input, for a negative alpha: dx = dy for x > 0, else dy · alpha · e^x */
NN_KERNEL void nn_elu_grad_x(long count, const float *dy, const float *x, float *dx, float alpha, int t, int T)
{
    nn_map2(nn_elu_slope_x, alpha, 0, nn_range_of(count, t, T), dy, x, dx);
}

/* ---- gelu ------------------------------------------------------------------- */

NN_INLINE nn_vec nn_gelu_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return x * ((1 + nn_erf(0.707106769f * x)) * 0.5f);
}

NN_INLINE nn_vec nn_gelu_slope(nn_vec dy, nn_vec x, float p, float q)
{
    (void)p, (void)q;
    nn_vec share = (1 + nn_erf(0.707106769f * x)) * 0.5f;
    nn_vec density = 0.398942292f * nn_exp(-x * x * 0.5f);
    return dy * (share + x * density);
}

/* √(2/π) · (x + 0.044715 x³) */
NN_INLINE nn_vec nn_gelu_argument(nn_vec x) { return 0.797884583f * (x + 0.0447149985f * (x * x) * x); }

NN_INLINE nn_vec nn_gelu_tanh_value(nn_vec x, float p, float q)
{
    (void)p, (void)q;
    return x * ((1 + nn_tanh_of(nn_gelu_argument(x))) * 0.5f);
}

NN_INLINE nn_vec nn_gelu_tanh_slope(nn_vec dy, nn_vec x, float p, float q)
{
    (void)p, (void)q;
    nn_vec h = nn_tanh_of(nn_gelu_argument(x));
    nn_vec slope = (1 - h * h) * 0.797884583f * (1 + 0.134144992f * (x * x));
    return dy * (1 + h + x * slope) * 0.5f;
}

/* y = x · (1 + erf(x / √2)) / 2 */
NN_KERNEL void nn_gelu(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_gelu_value, 0, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_gelu_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_map_bf16(nn_gelu_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy · ((1 + erf(x / √2)) / 2 + x · e^(−x²/2) / √(2π)) */
NN_KERNEL void nn_gelu_grad(long count, const float *dy, const float *x, float *dx, int t, int T)
{
    nn_map2(nn_gelu_slope, 0, 0, nn_range_of(count, t, T), dy, x, dx);
}

NN_KERNEL void nn_gelu_grad_bf16(long count, const uint16_t *dy, const uint16_t *x, uint16_t *dx, int t, int T)
{
    nn_map2_bf16(nn_gelu_slope, 0, 0, nn_range_of(count, t, T), dy, x, dx);
}

/* y = x · (1 + h) / 2, h = tanh(√(2/π) · (x + 0.044715 x³)) */
NN_KERNEL void nn_gelu_tanh(long count, const float *x, float *y, int t, int T)
{
    nn_map(nn_gelu_tanh_value, 0, 0, nn_range_of(count, t, T), x, y);
}

NN_KERNEL void nn_gelu_tanh_bf16(long count, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_map_bf16(nn_gelu_tanh_value, 0, 0, nn_range_of(count, t, T), x, y);
}

/* dx = dy · ((1 + h) / 2 + x · (1 − h²) / 2 · √(2/π) · (1 + 3 · 0.044715 x²)) */
NN_KERNEL void nn_gelu_tanh_grad(long count, const float *dy, const float *x, float *dx, int t, int T)
{
    nn_map2(nn_gelu_tanh_slope, 0, 0, nn_range_of(count, t, T), dy, x, dx);
}

NN_KERNEL void nn_gelu_tanh_grad_bf16(long count, const uint16_t *dy, const uint16_t *x, uint16_t *dx, int t, int T)
{
    nn_map2_bf16(nn_gelu_tanh_slope, 0, 0, nn_range_of(count, t, T), dy, x, dx);
}

#endif /* NN_LINKED */

#endif
