/*
 * exp and tanh of sums and products alone, in place of those of libm: C libraries differ in the
 * last digit of theirs, and what is compared is the code between.
 */
#ifndef SAME_LIBM_H
#define SAME_LIBM_H

#include <math.h>

/* exp x = 2^k · exp r, |r| ≤ ln 2 / 2, by the Taylor polynomial of r: the rest is below 2e-8. */
static inline float same_expf(float x)
{
    const float k = x < 0 ? -(float)(int)(0.5f - x * 1.44269504f) : (float)(int)(x * 1.44269504f + 0.5f);
    const float r = x - k * 0.693147181f;
    float sum = 1;
    if (x < -87) return 0;
    for (int n = 7; n > 0; n--) sum = 1 + sum * r / (float)n;
    for (int i = 0; i < (int)k; i++) sum *= 2;
    for (int i = 0; i > (int)k; i--) sum /= 2;
    return sum;
}

static inline float same_tanhf(float x)
{
    const float e = same_expf(x < 0 ? 2 * x : -2 * x), y = (1 - e) / (1 + e);
    return x < 0 ? -y : y;
}

#define expf  same_expf
#define tanhf same_tanhf

#endif
