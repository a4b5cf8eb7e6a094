/*
 * Factors of fixed-point arithmetic, and scales of int8 numbers: what the compiler computes in
 * double precision, so that the code that it writes has integers alone.
 */
#ifndef NNC_QUANTIZE_MULTIPLIER_H
#define NNC_QUANTIZE_MULTIPLIER_H

#include <stdint.h>

/* The factor value · 2^(shift − 31); 2^30 <= |value| < 2^31, or 0. */
typedef struct Multiplier {
    int32_t value;
    int shift;
} Multiplier;

/* TensorFlow Lite's QuantizeMultiplier: the nearest such factor; 0 below 2^-32, the largest above 2^30. */
Multiplier multiplier_of(double factor);

/* A number is scale · (q − zero), −128 <= q <= 127. */
typedef struct Affine {
    double scale; /* a float */
    int zero;
} Affine;

/* The scale that has low … high between its smallest and largest number, 0 among them exactly:
 * TensorFlow Lite's ChooseQuantizationParams. */
Affine affine_of_range(double low, double high);

/* The number nearest to x, ties away from zero. */
int affine_quantize(Affine, double x);

#endif
