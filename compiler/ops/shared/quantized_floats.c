/*
 * Whether the products of floats of runtime/kernels/quantized/int8_floats.h give a layer's results: its
 * formula in scalars, beside nn_rescale.
 *
 * Both grow with the sum, so they are the same where each result begins at the same sum.  The formula misses
 * the product of the sum by a little, and most results begin at a product farther than that from the next.
 */
#include "ops/shared/quantized.h"

#include <math.h>

#include "runtime/kernels/limits.h"

enum { SMALL_BITS = 7 }; /* NN_QUANT_FLOATS_LEAST */

typedef struct FloatFactor {
    float large, small, rest, more_above; /* of sums from 0 on, where the two roundings differ */
    int32_t z;
} FloatFactor;

static FloatFactor float_factor(Multiplier m, int zero, bool rectified)
{
    const float unit = ldexpf(1, m.shift - 31), half = ldexpf(1, m.shift - 1);
    const int32_t last = m.value & ((1 << SMALL_BITS) - 1);
    FloatFactor f = {.large = (float)(m.value - last) * unit, .small = (float)last * unit};
    const float middle = (float)zero + 0.5f, whole = rectified ? middle + half : middle - half;
    f.z = (int32_t)(whole / f.large);
    f.rest = fmaf((float)-f.z, f.small, fmaf((float)-f.z, f.large, whole));
    f.more_above = rectified ? 0 : half + half;
    return f;
}

/* The result is y at least.  The product has 48 bits, and y − inner few: both are exact. */
static bool float_reaches(const FloatFactor *f, int64_t x, int y)
{
    const float number = (float)(x + f->z);
    float inner = fmaf(number, f->small, f->rest);
    if (x >= 0) inner += f->more_above;
    return (double)number * f->large >= y - (double)inner;
}

/* The least product x · m whose result, without its zero, is y: a rounded one of (2y − 1) · 2^(−1 − shift), ties
 * away from zero (int8_results.h). */
static int64_t first_product(Multiplier m, int y)
{
    const int64_t high = (2 * (int64_t)y - 1) * ((int64_t)1 << (-1 - m.shift)) + (y <= 0);
    return high * ((int64_t)1 << 31) - (1 << 30);
}

/* By how much the formula may miss x · m, for all x whose results are not cut off.  Exact but for that are the
 * constant, and two roundings of inner, which is below 2^-15 + 3 large. */
static int64_t largest_miss(const FloatFactor *f, Multiplier m, int zero, bool rectified)
{
    const double half = ldexp(rectified ? 1 : -1, m.shift - 1);
    const double rest = zero + 0.5 + half - ldexp((double)f->z * m.value, m.shift - 31);
    const double inner = ldexp(1, -15) + 3 * (double)f->large;
    return (int64_t)ldexp(fabs((double)f->rest - rest) + ldexp(inner, -22), 31 - m.shift) + 1;
}

/* Whether results up to y begin at the same sum; only where that is near are the products done. */
static bool float_serves(Multiplier m, int zero, int low, int high)
{
    const FloatFactor f = float_factor(m, zero, low >= zero);
    const int64_t miss = largest_miss(&f, m, zero, low >= zero);
    for (int y = low + 1; y <= high; y++) {
        const int64_t product = first_product(m, y - zero), below = product / m.value - (product % m.value <= 0);
        const int64_t last = product - below * m.value; /* of below, the last sum with the result before it */
        if (last > miss && m.value - last >= miss) continue;
        if (!float_reaches(&f, below + 1, y) || float_reaches(&f, below, y)) return false;
    }
    return true;
}

bool quantized_floats_serve(const Multiplier *factor, int64_t count, int zero, int low, int high)
{
    for (int64_t i = 0; i < count; i++) {
        if (!factor[i].value) continue;
        if (factor[i].shift >= 0 || factor[i].value < 0) return false;
        if (factor[i].shift >= -NN_INT8_FLOATS_SHIFT && !float_serves(factor[i], zero, low, high)) return false;
    }
    return true;
}
