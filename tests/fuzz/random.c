/* Random numbers: SplitMix64, a function of the seed alone. */
#include "fuzz.h"
#include "runtime/core/core.h"
#include "runtime/kernels/system/random.h"

uint64_t random_bits(Random *r) { return nn_mix_at(r->seed, r->drawn++); }

double random_real(Random *r) { return nn_open_unit_real(random_bits(r)); }

double random_normal(Random *r)
{
    const uint64_t a = random_bits(r), b = random_bits(r);
    return nn_normal(a, b);
}

int64_t random_int(Random *r, int64_t low, int64_t high)
{
    return low + (int64_t)(random_bits(r) % (uint64_t)(high - low + 1));
}

bool random_chance(Random *r, double p) { return random_real(r) < p; }
