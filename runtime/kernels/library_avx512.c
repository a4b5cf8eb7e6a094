/* The kernels for avx512; the Makefile gives the flags. */
#if defined(__x86_64__)
#define NN_LIBRARY nn_library_avx512
#include "runtime/kernels/library_table.h"
#endif
