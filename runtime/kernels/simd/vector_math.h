/*
 * vector_math.h: vector math: exp, log and functions of them.
 *
 * Largest errors over all floats, in units of the last place, with and without
 * fused multiply-add:
 *
 *   nn_exp       1.1   subnormal results included
 *   nn_expm1     1.7
 *   nn_log       0.9   subnormal arguments included
 *   nn_log1p     1.5   for x > −1
 *   nn_tanh_of   1.1
 *   nn_erf       1.3
 *   nn_logistic  2.4   for x > −87; below −88.7 it is 0
 *
 * NaN gives NaN, infinities what libm gives.  The coefficients minimise the
 * largest relative error on their interval (Remez), each rounded to a float
 * before those above it are fitted.
 */
#ifndef NN_VECTOR_MATH_H
#define NN_VECTOR_MATH_H

#include "runtime/kernels/simd/lanes.h"

NN_INLINE nn_vec nn_clamp(nn_vec x, float low, float high)
{
    x = nn_select(x < low, nn_broadcast(low), x);
    return nn_select(x > high, nn_broadcast(high), x);
}

/* ---- exponentials ----------------------------------------------------------- */

/* x = k · ln 2 + r with |r| ≤ ln 2 / 2; returns e^r − 1 for |x| < 2^7.  The higher
 * part of ln 2 has 16 bits, so that k times it is exact. */
NN_INLINE nn_vec nn_exp_reduce(nn_vec x, nn_ints *k)
{
    const float shift = 0x1.8p23f; /* adding it rounds to an integer, in the low bits */
    nn_vec shifted = x * 0x1.715476p0f + shift;
    *k = (nn_ints)shifted - 0x4b400000;
    nn_vec n = shifted - shift;
    nn_vec r = x - n * 0x1.62e4p-1f;
    r = r - n * 0x1.7f7d1cp-20f;
    nn_vec q = r * 0x1.6d66bp-10f + 0x1.1227c2p-7f;
    q = q * r + 0x1.5554d2p-5f;
    q = q * r + 0x1.5554bp-3f;
    q = q * r + 0.5f;
    return q * (r * r) + r;
}

NN_INLINE nn_vec nn_power_of_2(nn_ints k) { return (nn_vec)((k + 127) << 23); }

/* e^x; the power of two is applied in two factors, since it alone may be out of range. */
NN_INLINE nn_vec nn_exp(nn_vec x)
{
    nn_ints k;
    nn_vec less_1 = nn_exp_reduce(nn_clamp(x, -104, 89), &k);
    nn_ints half = k >> 1;
    return (1 + less_1) * nn_power_of_2(half) * nn_power_of_2(k - half);
}

/* e^x − 1 = 2 · (2^(k−1) · (e^r − 1) + (2^(k−1) − 1/2)) */
NN_INLINE nn_vec nn_expm1(nn_vec x)
{
    nn_ints k;
    nn_vec less_1 = nn_exp_reduce(nn_clamp(x, -25, 89), &k);
    nn_vec power = nn_power_of_2(k - 1);
    return 2 * (power * less_1 + (power - 0.5f));
}

/* 1 / (1 + e^−x) */
NN_INLINE nn_vec nn_logistic(nn_vec x) { return 1 / (1 + nn_exp(-x)); }

/* |x| < 1: x + x³ · P(x²), else 1 − 2 / (e^(2|x|) + 1).  (One formula by expm1
 * would do, but errs by 2.5 units instead of 1, and more often.) */
NN_INLINE nn_vec nn_tanh_of(nn_vec x)
{
    nn_vec a = nn_abs(x), s = a * a;
    nn_vec p = s * -0x1.7803d8p-12f + 0x1.2db66ep-9f;
    p = p * s - 0x1.0466f8p-7f;
    p = p * s + 0x1.600bcp-6f;
    p = p * s - 0x1.b96286p-5f;
    p = p * s + 0x1.110be6p-3f;
    p = p * s - 0x1.55553cp-2f;
    nn_vec far = 1 - 2 / (nn_exp(2 * a) + 1);
    return nn_with_sign(nn_select(a < 1, a + a * (s * p), far), x);
}

/* ---- logarithms --------------------------------------------------------------- */

/* x = 2^k · (1 + f), 1/√2 ≤ 1 + f < √2, for normal x: log(1 + f) + k · ln 2 */
NN_INLINE nn_vec nn_log_normal(nn_vec x)
{
    nn_ints k = ((nn_ints)x - 0x3f3504f3) >> 23;
    nn_vec f = (nn_vec)((nn_ints)x - (k << 23)) - 1, n = __builtin_convertvector(k, nn_vec), s = f * f;
    nn_vec q = f * -0x1.38ce9ap-4f + 0x1.055fep-3f;
    q = q * f - 0x1.0d81ep-3f;
    q = q * f + 0x1.22d8fep-3f;
    q = q * f - 0x1.54728ep-3f;
    q = q * f + 0x1.99a01ep-3f;
    q = q * f - 0x1.000226p-2f;
    q = q * f + 0x1.555554p-2f;
    nn_vec low = (q * f - 0.5f) * s + n * 0x1.7f7d1cp-20f;
    return n * 0x1.62e4p-1f + (f + low);
}

NN_INLINE nn_vec nn_log(nn_vec x)
{
    const nn_vec inf = nn_broadcast(__builtin_inff());
    nn_ints small = x < 0x1p-126f;
    nn_vec y = nn_log_normal(nn_select(small, x * 0x1p25f, x));
    y = nn_select(small, y - 17.3286795f, y);
    y = nn_select(x < inf, y, x); /* inf and NaN */
    y = nn_select(x == 0, -inf, y);
    return nn_select(x < 0, inf - inf, y);
}

/* log(1 + x); what the sum 1 + x loses is added back, d log(u) = du / u. */
NN_INLINE nn_vec nn_log1p(nn_vec x)
{
    nn_vec u = 1 + x, lost = x - (u - 1);
    nn_vec y = nn_log_normal(u) + lost / u;
    return nn_select(x < __builtin_inff(), y, x);
}

/* x^e for x ≥ 0, e not 0; about |e · log x| times the errors of exp and log. */
NN_INLINE nn_vec nn_power(nn_vec x, float e) { return nn_exp(e * nn_log(x)); }

/* ---- error function ------------------------------------------------------------- */

/* |x| < 1: x + x · P(x²), else 1 − e^−Q(|x|); above 3.93 it is 1. */
NN_INLINE nn_vec nn_erf(nn_vec x)
{
    nn_vec a = nn_abs(x), s = a * a;
    nn_vec p = s * 0x1.4772cp-14f - 0x1.a35186p-11f;
    p = p * s + 0x1.53f226p-8f;
    p = p * s - 0x1.b7f71ap-6f;
    p = p * s + 0x1.ce2ce6p-4f;
    p = p * s - 0x1.81273ep-2f;
    p = p * s + 0x1.06eba8p-3f;
    nn_vec b = nn_select(a > 3.95f, nn_broadcast(3.95f), a);
    nn_vec q = b * -0x1.86df02p-13f + 0x1.825baap-9f;
    q = q * b - 0x1.65cbbp-6f;
    q = q * b + 0x1.a6535p-4f;
    q = q * b + 0x1.46baecp-1f;
    q = q * b + 0x1.2088eap0f;
    q = q * b + 0x1.662238p-12f;
    return nn_with_sign(nn_select(a < 1, p * a + a, 1 - nn_exp(-q)), x);
}

#endif
