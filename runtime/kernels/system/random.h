/*
 * random.h: the random numbers of models and of dropout: SplitMix64 with a counter.  The compiler
 * and the tests call these functions too, and the plain form contains their text, in its number
 * type; a seed therefore gives the same numbers everywhere.
 */
#ifndef NN_RANDOM_H
#define NN_RANDOM_H

#ifdef NN_LINKED

uint64_t nn_mix(uint64_t z);
uint64_t nn_mix_at(uint64_t state, uint64_t k);
uint64_t nn_skip(uint64_t seed, uint64_t k);
float nn_uniform(uint64_t seed, uint64_t k);
void nn_fill_uniform(float *p, int64_t count, float low, float high, uint64_t seed);
void nn_fill_normal(float *p, int64_t count, float deviation, uint64_t seed);

#else

#include <math.h>
#include <stdint.h>

/* SplitMix64: number k of the generator that starts in this state, 64 random bits (Steele, Lea
 * and Flood, "Fast splittable pseudorandom number generators", 2014). */
static inline uint64_t nn_mix_at(uint64_t state, uint64_t k)
{
    uint64_t z = state + (k + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Its first number. */
static inline uint64_t nn_mix(uint64_t z) { return nn_mix_at(z, 0); }

/* The sequence of nn_uniform from its number k on. */
static inline uint64_t nn_skip(uint64_t seed, uint64_t k) { return seed + k * 0xd1342543de82ef95u; }

/* The upper 24 of random bits as a fraction in [0, 1). */
static inline float nn_fraction(uint64_t bits) { return (float)(int32_t)(bits >> 40) / 16777216; }

/* Number k of a sequence, in [0, 1). */
static inline float nn_uniform(uint64_t seed, uint64_t k) { return nn_fraction(nn_mix(nn_skip(seed, k))); }

/* In two loops, since in one the product and the sum would be rounded once on processors with
 * fused multiply-add and twice on others: other weights from the same seed. */
static inline void nn_fill_uniform(float *p, int64_t count, float low, float high, uint64_t seed)
{
    for (int64_t k = 0; k < count; k++) {
        p[k] = (high - low) * nn_uniform(seed, (uint64_t)k);
    }
    for (int64_t k = 0; k < count; k++) {
        p[k] += low;
    }
}

/* Marsaglia and Bray 1964: two normal numbers from a point of the unit disc, whose
 * coordinates are odd multiples of 2^-24, so that its distance is exact. */
static inline void nn_fill_normal(float *p, int64_t count, float deviation, uint64_t seed)
{
    const int64_t one = (int64_t)1 << 48;
    for (int64_t k = 0; k < count; k += 2) {
        uint64_t bits = nn_skip(seed, (uint64_t)k);
        int64_t u, v, square;
        do {
            bits = nn_mix(bits);
            u = 2 * (int64_t)(bits >> 40) - 16777215;
            v = 2 * (int64_t)(bits >> 16 & 16777215) - 16777215;
            square = u * u + v * v;
        } while (square >= one);
        const float s = (float)square / (float)one;
        const float length = deviation * sqrtf(-2 * logf(s) / s);
        p[k] = length * ((float)u / 16777216);
        if (k + 1 < count) {
            p[k + 1] = length * ((float)v / 16777216);
        }
    }
}

#endif

#endif
