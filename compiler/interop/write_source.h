/*
 * write_source: an imported network → the text of a .nn file.
 */
#ifndef NNC_INTEROP_WRITE_SOURCE_H
#define NNC_INTEROP_WRITE_SOURCE_H

#include "interop/import_graph.h"
#include "runtime/core/core.h"

/* Appends the text of a file with one net, and sets `path` of every node with parameters: the
 * names that these have in that net.  −1 and an error where the language refuses a layer: a pool, say,
 * with a window that lies in the padding alone. */
int write_source(ImportGraph *, Text *, NnError *);

#endif
