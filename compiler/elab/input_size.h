/*
 * A net with inputs of another size.
 */
#ifndef NNC_ELAB_INPUT_SIZE_H
#define NNC_ELAB_INPUT_SIZE_H

#include "front/front.h"
#include "graph/graph.h"

/* Another shape for an input: "3x256x256", or "LABEL=3x256x256" where the net
 * has several. */
typedef struct InputSize {
    const char *label; /* NULL: the only one */
    Shape shape;
} InputSize;

bool input_size_parse(Arena *, const char *text, InputSize *); /* false where it is none */

/* Puts the sizes into the syntax tree, and takes out what the file asserts of
 * its own: shapes after -> and expectations.  False and a diagnostic where an
 * input is not there. */
bool input_sizes_apply(Compilation *, File *, const char *net, const List *sizes /* of InputSize */);

#endif
