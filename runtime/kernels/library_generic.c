/* The kernels for any machine. */
#define NN_LIBRARY nn_library_generic
#include "runtime/kernels/library_table.h"
