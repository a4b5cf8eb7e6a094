/*
 * fixed_point.h: the integer arithmetic of quantised layers.  The compiler and the tests call these
 * functions too, and the plain form contains their text: the integers are the same everywhere.
 *
 * A number is scale · (q − zero) for an int8 q.  A sum of products, in 32 bits, is brought to the
 * scale of the result by a factor m · 2^(shift − 31), where 2^30 <= m < 2^31.  The rounding is that of
 * TensorFlow Lite and gemmlowp (Jacob et al., "Quantization and Training of Neural Networks for
 * Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 2.2), in two steps:
 *
 *   nn_high_product   SaturatingRoundingDoublingHighMul: a·b / 2^31 to nearest, ties up
 *   nn_divide_power   RoundingDivideByPOT: x / 2^e to nearest, ties away from zero
 *   nn_rescale        MultiplyByQuantizedMultiplier: the one after the other
 */
#ifndef NN_FIXED_POINT_H
#define NN_FIXED_POINT_H

#ifdef NN_LINKED

int32_t nn_rescale(int32_t x, int32_t multiplier, int shift);
int8_t nn_clamp_int8(int32_t x, int32_t low, int32_t high);
int8_t nn_quantize(float x, float scale, int32_t zero);

#else

#include <stdint.h>

/* Right shifts of negative numbers round down, as in every compiler that there is. */
static inline int32_t nn_high_product(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    if (a == b && a == -2147483647 - 1) {
        return 2147483647;
    }
    return (int32_t)((product + (1 << 30)) >> 31);
}

static inline int32_t nn_divide_power(int32_t x, int exponent)
{
    const int32_t mask = (int32_t)(((int64_t)1 << exponent) - 1);
    const int32_t rest = x & mask, half = (mask >> 1) + (x < 0);
    return (x >> exponent) + (rest > half);
}

/* x · multiplier · 2^(shift − 31).  Before a shift to the left takes x out of 32 bits, it saturates. */
static inline int32_t nn_rescale(int32_t x, int32_t multiplier, int shift)
{
    if (shift <= 0) {
        return nn_divide_power(nn_high_product(x, multiplier), -shift);
    }
    const int64_t wide = (int64_t)x * ((int64_t)1 << shift);
    const int64_t most = 2147483647;
    return nn_high_product((int32_t)(wide > most ? most : wide < -most - 1 ? -most - 1 : wide), multiplier);
}

static inline int8_t nn_clamp_int8(int32_t x, int32_t low, int32_t high)
{
    return (int8_t)(x < low ? low : x > high ? high : x);
}

/* x / scale + zero to nearest, ties of x / scale away from zero; NaN becomes zero. */
static inline int8_t nn_quantize(float x, float scale, int32_t zero)
{
    const float ratio = x / scale;
    const float kept = ratio > 512 ? 512 : ratio < -512 ? -512 : ratio == ratio ? ratio : 0;
    const int32_t whole = (int32_t)kept;
    const float rest = kept - (float)whole;
    return nn_clamp_int8(whole + (rest >= 0.5f) - (rest <= -0.5f) + zero, -128, 127);
}

#endif /* NN_LINKED */

#endif
