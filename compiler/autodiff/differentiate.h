/* The backward pass of one program under construction; inside autodiff/ only. */
#ifndef NNC_AUTODIFF_DIFFERENTIATE_H
#define NNC_AUTODIFF_DIFFERENTIATE_H

#include "graph/graph.h"

/* Differentiates the nodes that stand in the graph now.  `input_wanted`: the
 * gradient of the net's input is asked for, too. */
Backward *backward_new(Graph *, bool input_wanted);

/* Calls the gradient rule of forward node `n`, if its output has a gradient. */
void backward_visit(Backward *, const Node *n);

#endif
