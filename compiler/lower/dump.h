/*
 * A graph as text, one node a line, for --dump and for golden tests.
 */
#ifndef NNC_LOWER_DUMP_H
#define NNC_LOWER_DUMP_H

#include <stdio.h>

#include "graph/graph.h"

void graph_dump(const Graph *, FILE *out);

#endif
