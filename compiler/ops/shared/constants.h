/* Lists of numbers in the emitted code. */
#ifndef NNC_OPS_SHARED_CONSTANTS_H
#define NNC_OPS_SHARED_CONSTANTS_H

#include "graph/graph.h"

/* static const real name[count] = {…}, at the head of a function's body. */
void constants_put(Writer *, const char *name, const Reals *);
/* With that many; where there is one number, all are that one. */
void constants_fill(Writer *, const char *name, const Reals *, int count);

#endif
