/*
 * Reverse-mode differentiation, as the gradient rules of operators (Op.grad) see it.
 */
#ifndef NNC_AUTODIFF_BACKWARD_H
#define NNC_AUTODIFF_BACKWARD_H

#include "graph/graph.h"

Graph *backward_graph(Backward *);
bool backward_wants(const Backward *, const Tensor *);      /* someone needs its gradient */
Tensor *backward_of(Backward *, Tensor *);                  /* dL/dt, all uses summed */
void backward_give(Backward *, Tensor *, Tensor *gradient); /* one use's share of dL/dt; same shape */
Node *backward_node(Backward *, const Op *,
                    const Node *forward); /* with the forward node's attributes, name and span */

/* The gradient of in[input], if someone needs it: by a node of the operator, which reads the gradient of the first
 * output and then the others. */
void backward_give_by(Backward *, const Op *, const Node *, int input, int others, Tensor *const *other);

#endif
