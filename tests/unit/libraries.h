/* What the tests of kernels begin with: the tables of kernels that a JIT calls, each by itself,
 * and arrays beside which nothing may be written or read. */
#ifndef NNC_TESTS_UNIT_LIBRARIES_H
#define NNC_TESTS_UNIT_LIBRARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/kernels/library.h"

/* The kernels for this machine's instructions, and the tiles of every target in vectors that
 * the C compiler makes of them (the Makefile's emulated_NAME.c). */
int kernel_tables(void);
const nn_symbol *kernels_of(int index); /* NULL where this processor cannot run it */

/* The same without the last ones that fall through to others for all kernels whose names begin with one of
 * the words: what there is to test is tested with the others. */
int kernel_tables_of(const char *words);

extern const nn_symbol *const emulated_libraries[]; /* up to NULL */

/* The kernel of that name; the test fails where there is none. */
void *kernel_named(const nn_symbol *table, const char *name);

/* The sizes of the table's target. */
const nn_sizes *sizes_of(const nn_symbol *table);

/* `count` floats, all of them GUARD_VALUE, that end where a page begins which may be neither
 * read nor written, with GUARD more before them; for guarded_free. */
enum { GUARD = 16 };
#define GUARD_VALUE 12345.0F
float *guarded(long count);
void guarded_free(float *x); /* may be NULL */

/* Whether nothing was written before the first of them. */
bool guard_holds(const float *x);

/* ck_assert_msg for the elements of an array: Check writes to its runner for each assertion
 * that holds, which takes longer than most kernels. */
#define assert_element(condition, ...)               \
    do {                                             \
        if (!(condition)) ck_abort_msg(__VA_ARGS__); \
    } while (0)

/* Zeros, aligned to 64 bytes; for free. */
void *zeroed(size_t bytes);

/* Numbers from 0 to 1 that depend on nothing but k and the stream. */
float uniform(unsigned stream, unsigned k);

/* `count` bytes that end at such a page, and the floats that they lie in, for guarded_free. */
typedef struct Bytes {
    float *floats;
    int8_t *at;
} Bytes;

Bytes guarded_bytes(long count);
Bytes random_bytes(long count, uint32_t *state, int least); /* least … 127 */
uint32_t next_bits(uint32_t *state);                        /* 24 of a linear congruential generator */

#endif
