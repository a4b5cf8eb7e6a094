/* The kernels for any machine. */
#define NN_LIBRARY nn_library_generic
#include "library_table.h"
