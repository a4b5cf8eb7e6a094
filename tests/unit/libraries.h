/* The tables of kernels that a JIT calls, each by itself: 0 generic, 1 avx2, 2 avx512. */
#ifndef NNC_TESTS_UNIT_LIBRARIES_H
#define NNC_TESTS_UNIT_LIBRARIES_H

#include "runtime/kernels/library.h"

enum { KERNEL_TABLES = 3 };

/* NULL where this machine cannot run it. */
const nn_symbol *kernels_of(int index);

/* The kernel of that name; the test fails where there is none. */
void *kernel_named(const nn_symbol *table, const char *name);

#endif
