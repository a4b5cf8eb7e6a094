/* The kernels for avx2; the Makefile gives the flags. */
#if defined(__x86_64__)
#define NN_LIBRARY nn_library_avx2
#include "runtime/kernels/library_table.h"
#endif
