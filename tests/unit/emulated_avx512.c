/* The kernels with the tile sizes of config/avx512.h, whatever instructions there are. */
#define NN_EMULATED 1
#define NN_LIBRARY  nn_library_emulated_avx512
#include "runtime/kernels/config/avx512.h"

#include "runtime/kernels/library_table.h"
