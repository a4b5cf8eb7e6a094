/*
 * recognize: layers that an exporter took apart.
 *
 * Exporters write what their format has no operator for as several: x · sigmoid(x) for silu,
 * reshape, permute, reshape for a shuffle of channels, a sum with a parameter for a bias.  Where
 * the parts have no other use they become the layer again, which is read and trained as one.
 */
#ifndef NNC_INTEROP_RECOGNIZE_H
#define NNC_INTEROP_RECOGNIZE_H

#include "interop/import_graph.h"

/* Values change by rounding alone.  Nodes that are left over are gone, the others renumbered. */
void recognize_layers(ImportGraph *);

#endif
