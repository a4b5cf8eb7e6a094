/* Random numbers: SplitMix64, a function of the seed alone. */
#include <math.h>

#include "fuzz.h"

uint64_t random_bits(Random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u; /* SplitMix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double random_real(Random *r) { return ((double)(random_bits(r) >> 11) + 0.5) * 0x1p-53; }

double random_normal(Random *r)
{
    double u = random_real(r), v = random_real(r);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

int64_t random_int(Random *r, int64_t low, int64_t high)
{
    return low + (int64_t)(random_bits(r) % (uint64_t)(high - low + 1));
}

bool random_chance(Random *r, double p) { return random_real(r) < p; }
