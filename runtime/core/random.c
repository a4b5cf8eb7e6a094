/*
 * Random numbers by counter: Philox4x32-10, and the reals and the shuffle made of it.
 *
 * Ten rounds of two 32×32→64 bit products; the key grows by a Weyl constant
 * from round to round.  Only exact integer operations, so that a seed means the
 * same on every machine.
 */
#include "runtime/core/core.h"

#include <math.h>

enum { ROUNDS = 10 };

void nn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        uint32_t d0 = (uint32_t)(b >> 32) ^ c1 ^ k0, d2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        c0 = d0;
        c2 = d2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Counter: half the index (two 64-bit words a block), then the stream.  Key: the seed. */
uint64_t nn_random(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint64_t block = index >> 1;
    uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, out[4];
    nn_philox(counter, key, out);
    int at = index & 1 ? 2 : 0;
    return (uint64_t)out[at + 1] << 32 | out[at];
}

double nn_unit_real(uint64_t bits) { return (double)(bits >> 11) * 0x1p-53; }

double nn_open_unit_real(uint64_t bits) { return ((double)(bits >> 11) + 0.5) * 0x1p-53; }

double nn_normal(uint64_t a, uint64_t b)
{
    return sqrt(-2 * log(nn_open_unit_real(a))) * cos(6.283185307179586 * nn_open_unit_real(b));
}

/* Position i changes places with one of 0 … i.  The high half of a 64×64 bit
 * product is uniform in 0 … i but for a bias of i/2^64. */
void nn_shuffle(int32_t *order, int count, uint64_t seed, uint64_t epoch)
{
    for (int i = 0; i < count; i++) order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        uint64_t bits = nn_random(seed, epoch, (uint64_t)i);
        int j = (int)((unsigned __int128)bits * (uint64_t)(i + 1) >> 64);
        int32_t held = order[i];
        order[i] = order[j];
        order[j] = held;
    }
}
