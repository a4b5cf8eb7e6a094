/*
 * mat: the library for MATLAB's files, which nnc can be built without.
 */
#ifndef NN_MAT_H
#define NN_MAT_H

#include <stdbool.h>

enum { MAT_LIBRARY_TEXT = 64 };

/* "libmatio 1.5.23"; false where there is none, and then the reason. */
bool mat_library(char out[MAT_LIBRARY_TEXT]);

#endif
