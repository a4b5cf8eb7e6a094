/* The kernels with the tile sizes of config/avx2.h, whatever instructions there are. */
#define NN_EMULATED 1
#define NN_LIBRARY  nn_library_emulated_avx2
#include "runtime/kernels/config/avx2.h"

#include "runtime/kernels/library_table.h"
