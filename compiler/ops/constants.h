/* Lists of numbers in the emitted code. */
#ifndef NNC_OPS_CONSTANTS_H
#define NNC_OPS_CONSTANTS_H

#include "graph/graph.h"

/* static const real name[count] = {…}, at the head of a function's body. */
void constants_put(Writer *, const char *name, const Reals *);

#endif
