/* Graphs of layers for the writer of sources, and whether what it wrote is the same graph. */
#ifndef NNC_SOURCE_GRAPHS_H
#define NNC_SOURCE_GRAPHS_H

#include "graph/graph.h"
#include "interop/source_graph.h"

/* The layers of a net; without `named` nobody has named them. */
SourceGraph *source_of_net(const Graph *net, bool named);

/* Writes the graph, elaborates the text, and compares: every layer is there once, with its
 * arguments, its inputs (of a sum in any order) and its shape.  The text is as `nnc fmt`
 * leaves it.  Returns it. */
const char *check_written(Compilation *c, const SourceGraph *g);

#endif
