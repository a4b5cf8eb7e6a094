/*
 * GraphRewriter: how a pass changes a program.
 *
 *     GraphRewriter *r = rewriter_begin(g);
 *     for (int i = 0, count = g->nodes.count; i < count; i++) { … g->nodes.at[i] … }
 *     rewriter_end(r);
 *
 * Between the two calls `g->nodes` keeps its order and every node its id, so that tables
 * by node or tensor id stay valid; new nodes get further ids at the end.  The order of
 * execution is kept beside it and is what these functions change.  rewriter_end puts the
 * nodes into that order, drops erased ones and the tensors that nothing refers to any
 * more, renumbers both and verifies the graph.
 *
 * A node made by graph_node, or by an operator's function that calls it, is the last in
 * the order until it is moved.
 */
#ifndef NNC_GRAPH_REWRITE_H
#define NNC_GRAPH_REWRITE_H

#include "graph/graph.h"

typedef struct GraphRewriter GraphRewriter;

GraphRewriter *rewriter_begin(Graph *);
void rewriter_end(GraphRewriter *);
Graph *rewriter_graph(const GraphRewriter *);

/* ---- nodes ------------------------------------------------------------ */

/* A new node without inputs and outputs, before the node `at`; NULL: at the end. */
Node *rewriter_node(GraphRewriter *, Node *at, const Op *, void *attrs, const char *name, Span);

/* Another node like `n` with neither inputs nor outputs, before `at`: operator, attributes,
 * name, span, random numbers, layout, phase, scale and epilogue are the same, and so is the
 * origin of a gradient or update; any other node is its own origin. */
Node *rewriter_clone(GraphRewriter *, const Node *n, Node *at);

/* One more output of `n`, of the type, shape, layout and receptive field of `t`. */
Tensor *rewriter_clone_output(GraphRewriter *, Node *n, const Tensor *t);

void rewriter_move_before(GraphRewriter *, Node *, Node *at);
void rewriter_move_after(GraphRewriter *, Node *, Node *at);
void rewriter_move_to_front(GraphRewriter *, Node *);

/* The node is not executed; its outputs must not be used any more. */
void rewriter_erase(GraphRewriter *, Node *);
bool rewriter_is_erased(const GraphRewriter *, const Node *);

/* `n` takes the place of `last`, a node after it, in the order, and computes its first output
 * instead of its own; `last` is erased.  What `n` reads of other nodes must be made before
 * that place. */
void rewriter_replace(GraphRewriter *, Node *last, Node *n);

/* Does `a` come before `b` in the order of execution?  Walks over the nodes between them. */
bool rewriter_is_before(const GraphRewriter *, const Node *a, const Node *b);

/* ---- inputs and users -------------------------------------------------- */

/* One more input, or another one in place of in[index]; keeps the users up to date, as
 * erasing does.  Inputs given by node_in count from the first move of the node on. */
void rewriter_add_input(GraphRewriter *, Node *, Tensor *);
void rewriter_add_input_named(GraphRewriter *, Node *, Tensor *, const char *name); /* where op->in has none for it */
void rewriter_set_input(GraphRewriter *, Node *, int index, Tensor *);

/* All users of `old` read `t` in its place. */
void rewriter_use_instead(GraphRewriter *, const Tensor *old, Tensor *t);

/* The nodes that read the tensor, in order of their ids or of the change that made them users;
 * a node is listed once for each input that is the tensor.  Valid until the next change. */
const List *rewriter_users(const GraphRewriter *, const Tensor *);

/* The node that alone reads the tensor, once, when the caller does not; else NULL. */
Node *rewriter_only_user(const GraphRewriter *, const Tensor *);

#endif
