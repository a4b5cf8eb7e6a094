/* Factors as a mantissa of 31 bits and a power of two; scales of int8 numbers. */
#include "quantize/multiplier.h"

#include <math.h>

Multiplier multiplier_of(double factor)
{
    int shift = 0;
    if (factor == 0) return (Multiplier){0, 0};
    int64_t value = (int64_t)round(frexp(factor, &shift) * 2147483648.0);
    if (value == INT64_C(1) << 31 || value == -(INT64_C(1) << 31)) {
        value /= 2;
        shift++;
    }
    if (shift < -31) return (Multiplier){0, 0};
    if (shift > 30) return (Multiplier){factor < 0 ? -INT32_MAX : INT32_MAX, 30};
    return (Multiplier){(int32_t)value, shift};
}

Affine affine_of_range(double low, double high)
{
    low = fmin(low, 0);
    high = fmax(high, 0);
    /* No scale of zero, and none whose quotients a float has not. */
    const double scale = (double)(float)fmax((high - low) / 255, 1e-30);
    const double zero = round(-128 - low / scale);
    return (Affine){scale, (int)fmin(fmax(zero, -128), 127)};
}

int affine_quantize(Affine a, double x)
{
    const double q = round(x / a.scale) + a.zero;
    return (int)fmin(fmax(q, -128), 127);
}
