/*
 * scalar_math.h: math functions in C99 for machines whose plain form takes none from a library.
 *
 * They are those of vector_math.h, a number at a time and without fused multiply-add, so their
 * largest errors are those that stand there; sqrt is rounded correctly.  Only +, −, ·, / and
 * moves of bits are used: the same bits on every machine that rounds as IEEE 754 says, whatever
 * its C library is.  NaN gives NaN, infinities what libm gives.
 */
#ifndef NN_SCALAR_MATH_H
#define NN_SCALAR_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t nn_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float nn_float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float nn_power_of_two(int32_t k) { return nn_float_of((uint32_t)(k + 127) << 23); }

/* x = k ln 2 + r with |r| <= ln 2 / 2; returns e^r - 1 for |x| < 2^7.  The higher part of ln 2
 * has 16 bits, so that k times it is exact. */
static float nn_reduce_exp(float x, int32_t *k)
{
    const float shifted = x * 1.44269502f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer, in the low bits */
    const float n = shifted - 12582912.0f;
    float r = x - n * 0.693145752f;
    *k = (int32_t)(nn_bits_of(shifted) - 0x4b400000u);
    r = r - n * 1.42860677e-06f;
    float q = r * 0.00139389466f + 0.00836655591f;
    q = q * r + 0.041666422f;
    q = q * r + 0.166665435f;
    q = q * r + 0.5f;
    return q * (r * r) + r;
}

/* e^x; the power of two is applied in two factors, since it alone may be out of range. */
static float nn_expf(float x)
{
    int32_t k;
    if (x != x) {
        return x;
    }
    const float less_1 = nn_reduce_exp(x < -104 ? -104 : x > 89 ? 89 : x, &k);
    const int32_t half = (k - (k & 1)) / 2;
    return (1 + less_1) * nn_power_of_two(half) * nn_power_of_two(k - half);
}

/* e^x - 1 = 2 (2^(k-1) (e^r - 1) + (2^(k-1) - 1/2)) */
static float nn_expm1f(float x)
{
    int32_t k;
    if (x != x) {
        return x;
    }
    const float less_1 = nn_reduce_exp(x < -25 ? -25 : x > 89 ? 89 : x, &k);
    const float power = nn_power_of_two(k - 1);
    return 2 * (power * less_1 + (power - 0.5f));
}

/* |x| < 1: x + x^3 P(x^2), else 1 - 2 / (e^(2|x|) + 1) */
static float nn_tanhf(float x)
{
    const float a = fabsf(x), s = a * a;
    if (x != x) {
        return x;
    }
    float y = 1 - 2 / (nn_expf(2 * a) + 1);
    if (a < 1) {
        y = s * -0.000358595862f + 0.00230188458f;
        y = y * s - 0.00794684514f;
        y = y * s + 0.0214871764f;
        y = y * s - 0.0538799874f;
        y = y * s + 0.133323476f;
        y = y * s - 0.333332956f;
        y = a + a * (s * y);
    }
    return x < 0 ? -y : a < 1 && a == 0 ? x : y;
}

/* x = 2^k (1 + f), 1/sqrt(2) <= 1 + f < sqrt(2), for normal x: log(1 + f) + k ln 2 */
static float nn_log_of_normal(float x)
{
    const int32_t bits = (int32_t)nn_bits_of(x), above = bits - 0x3f3504f3;
    const int32_t k = above >= 0 ? above / 8388608 : -((8388607 - above) / 8388608);
    const float f = nn_float_of((uint32_t)(bits - k * 8388608)) - 1, n = (float)k, s = f * f;
    float q = f * -0.0763689056f + 0.127624273f;
    q = q * f - 0.131595373f;
    q = q * f + 0.142015442f;
    q = q * f - 0.166234121f;
    q = q * f + 0.200012431f;
    q = q * f - 0.250008196f;
    q = q * f + 0.333333313f;
    const float low = (q * f - 0.5f) * s + n * 1.42860677e-06f;
    return n * 0.693145752f + (f + low);
}

static float nn_logf(float x)
{
    if (x != x || x == INFINITY) {
        return x;
    }
    if (x <= 0) {
        return x == 0 ? -INFINITY : NAN;
    }
    return x < 1.17549435e-38f ? nn_log_of_normal(x * 33554432.0f) - 17.3286795f : nn_log_of_normal(x);
}

/* log(1 + x); what the sum 1 + x loses is added back, d log(u) = du / u. */
static float nn_log1pf(float x)
{
    const float u = 1 + x, lost = x - (u - 1);
    if (x != x || x == INFINITY) {
        return x;
    }
    if (x <= -1) {
        return x == -1 ? -INFINITY : NAN;
    }
    return nn_log_of_normal(u) + lost / u;
}

/* |x| < 1: x + x P(x^2), else 1 - e^-Q(|x|); above 3.93 it is 1. */
static float nn_erff(float x)
{
    const float a = fabsf(x), s = a * a, b = a > 3.95f ? 3.95f : a;
    if (x != x) {
        return x;
    }
    float p = s * 7.80697446e-05f - 0.000799786474f;
    float q = b * -0.000186381876f + 0.00294767809f;
    p = p * s + 0.00518716266f;
    p = p * s - 0.0268533472f;
    p = p * s + 0.112835787f;
    p = p * s - 0.37612626f;
    p = p * s + 0.128379166f;
    q = q * b - 0.0218381137f;
    q = q * b + 0.103106797f;
    q = q * b + 0.638144851f;
    q = q * b + 1.12708914f;
    q = q * b + 0.00034154288f;
    const float y = a < 1 ? p * a + a : 1 - nn_expf(-q);
    return x < 0 ? -y : y;
}

/* Rounded correctly: the root of the significand, a bit at a time. */
static float nn_sqrtf(float x)
{
    uint32_t bits = nn_bits_of(x);
    int32_t exponent = (int32_t)(bits >> 23) - 127;
    if (x != x || x == 0 || x == INFINITY) {
        return x;
    }
    if (x < 0) {
        return NAN;
    }
    if (exponent == -127) { /* subnormal */
        bits = nn_bits_of(x * 16777216.0f);
        exponent = (int32_t)(bits >> 23) - 151;
    }
    uint32_t rest = (bits & 0x7fffffu) | 0x800000u, root = 0, sum = 0;
    if (exponent & 1) {
        rest *= 2;
        exponent--;
    }
    rest *= 2;
    for (uint32_t bit = 0x1000000u; bit; bit /= 2) { /* 25 bits, of which the last one rounds */
        if (sum + bit <= rest) {
            sum += bit;
            rest -= sum;
            sum += bit;
            root += bit;
        }
        rest *= 2;
    }
    root += root & 1;
    return nn_float_of((root >> 1) + (uint32_t)(exponent / 2 + 126) * 0x800000u);
}

static float nn_floorf(float x)
{
    if (!(fabsf(x) < 8388608.0f)) {
        return x;
    }
    const float whole = (float)(int32_t)x;
    return whole > x ? whole - 1 : whole == 0 ? x * 0 : whole;
}

static inline float nn_ceilf(float x) { return -nn_floorf(-x); }

static inline float nn_fmaxf(float x, float y) { return x > y || y != y ? x : y; }
static inline float nn_fminf(float x, float y) { return x < y || y != y ? x : y; }

#endif
