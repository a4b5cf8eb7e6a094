/*
 * write_weights: the parameters of an imported network → a safetensors file.
 */
#ifndef NNC_INTEROP_WRITE_WEIGHTS_H
#define NNC_INTEROP_WRITE_WEIGHTS_H

#include "interop/import_graph.h"
#include "runtime/core/core.h"

/* Under the names that write_source gave them.  The file appears whole or not at all. */
int write_weights(const ImportGraph *, const char *path, NnError *);

#endif
