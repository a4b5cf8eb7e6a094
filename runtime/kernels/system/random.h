/*
 * random.h: initial weights.  compiler/emit/model.c has the same algorithm for forms without
 * kernels; both give the same numbers.
 */
#ifndef NN_RANDOM_H
#define NN_RANDOM_H

#ifdef NN_LINKED

void nn_fill_normal(float *p, int64_t count, float deviation, uint64_t seed);

#else

#include <math.h>
#include <stdint.h>

/* SplitMix64: the finaliser of Steele, Lea and Flood, 2014. */
static inline uint64_t nn_random_bits(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Marsaglia and Bray 1964: two normal numbers from a point of the unit disc, whose
 * coordinates are odd multiples of 2^-24, so that its distance is exact. */
static __attribute__((unused)) void nn_fill_normal(float *p, int64_t count, float deviation, uint64_t seed)
{
    const int64_t one = (int64_t)1 << 48;
    for (int64_t k = 0; k < count; k += 2) {
        uint64_t bits = seed + (uint64_t)k * 0xd1342543de82ef95u;
        int64_t u, v, square;
        do {
            bits = nn_random_bits(bits);
            u = 2 * (int64_t)(bits >> 40) - 16777215;
            v = 2 * (int64_t)(bits >> 16 & 16777215) - 16777215;
            square = u * u + v * v;
        } while (square >= one);
        const float s = (float)square / (float)one;
        const float length = deviation * sqrtf(-2 * logf(s) / s);
        p[k] = length * ((float)u / 16777216);
        if (k + 1 < count) p[k + 1] = length * ((float)v / 16777216);
    }
}

#endif

#endif
