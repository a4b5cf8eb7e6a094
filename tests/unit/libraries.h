/* What the tests of kernels begin with: the tables of kernels that a JIT calls, each by itself
 * (0 generic, 1 avx2, 2 avx512), and arrays behind which nothing may be written. */
#ifndef NNC_TESTS_UNIT_LIBRARIES_H
#define NNC_TESTS_UNIT_LIBRARIES_H

#include <stdbool.h>

#include "runtime/kernels/library.h"

enum { KERNEL_TABLES = 3 };

/* NULL where this machine cannot run it. */
const nn_symbol *kernels_of(int index);

/* The kernel of that name; the test fails where there is none. */
void *kernel_named(const nn_symbol *table, const char *name);

/* `count` floats and GUARD behind them, all of them GUARD_VALUE; for free(). */
enum { GUARD = 16 };
#define GUARD_VALUE 12345.0F
float *guarded(long count);

/* Whether nothing was written behind the `count` floats. */
bool guard_holds(const float *x, long count);

#endif
