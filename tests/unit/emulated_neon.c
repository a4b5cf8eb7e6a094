/* The kernels with the tile sizes of config/neon.h, whatever instructions there are. */
#define NN_EMULATED 1
#define NN_LIBRARY  nn_library_emulated_neon
#include "runtime/kernels/config/neon.h"

#include "runtime/kernels/library_table.h"
