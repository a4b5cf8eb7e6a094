/* Lists of numbers in the emitted code, and one number per channel of an image or per feature of a vector. */
#ifndef NNC_OPS_SHARED_CONSTANTS_H
#define NNC_OPS_SHARED_CONSTANTS_H

#include "graph/graph.h"

/* static const real name[count] = {…}, at the head of a function's body. */
void constants_put(Writer *, const char *name, const Reals *);
/* With that many; where there is one number, all are that one. */
void constants_fill(Writer *, const char *name, const Reals *, int count);

/* Is there one number for each channel, or one for all?  Else an error that names the argument. */
bool constants_fit(Graph *, const Node *, const char *argument, const Reals *);

/* Binds `name` to the number of channel c: a literal, or an element of a table. */
void constants_of_channel(Writer *, const char *name, const Reals *);

/* The line in a loop over all elements k of the batch, c being the channel. */
void constants_loop(Writer *, const Node *, const char *line);

#endif
