/* Arrays of bf16 for the tests of kernels, beside which nothing may be written or read. */
#ifndef NNC_TESTS_UNIT_HALVES_H
#define NNC_TESTS_UNIT_HALVES_H

#include <stdbool.h>
#include <stdint.h>

/* Elements, and the floats that they lie in (guarded() of libraries.h). */
typedef struct Halves {
    float *floats;
    uint16_t *at;
} Halves;

/* `count` of them, HALVES_VALUE each, that end where nothing may be read. */
#define HALVES_VALUE 0x4b1d
Halves halves(long count);

/* Integers from −2 to 2, or numbers from −1 to 1, that depend on the stream alone. */
Halves random_halves(long count, bool whole, unsigned stream);

/* The same of the first `channels` of each pixel; what is between pixels, `step` apart, is no number. */
Halves random_pixels(long count, long channels, long step, bool whole, unsigned stream);

/* The test fails where something was written before the array. */
void halves_free(Halves *);

#endif
