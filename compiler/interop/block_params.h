/* block_params: the holes of a pattern become the parameters of a block. */
#ifndef NNC_INTEROP_BLOCK_PARAMS_H
#define NNC_INTEROP_BLOCK_PARAMS_H

#include "interop/anti_unify.h"

/*
 * Sets the parameters of the block and the arguments of the pattern's items, which name them.
 * The result has the arguments of each run's call.  What follows from another parameter
 * (out / 4) or from the incoming value (in.channels) is no parameter.
 */
SourceValue **block_parameters(SourceBlock *, Pattern *);

#endif
