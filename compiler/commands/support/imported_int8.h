/*
 * imported_int8: a model of integers → the net without them, and its file of int8 weights.
 *
 * Enters: an imported graph in which `fake_quantize` stands where the model has integers.  Where the
 * integers are those that the quantizer would make of the net without these layers, the net becomes that
 * and the numbers int8 weights; else it stays what it is: f32 with simulated integers.
 */
#ifndef NNC_IMPORTED_INT8_H
#define NNC_IMPORTED_INT8_H

#include "commands/support/quantized.h"
#include "interop/import_graph.h"

typedef struct ImportedInt8 ImportedInt8;

/* NULL: the net stays as it is; *why: NULL where the model has no integers.  The arena holds all of it,
 * but for the compilation, which imported_int8_free frees. */
ImportedInt8 *imported_int8(Arena *, const ImportGraph *, const char **why);
const char *imported_int8_source(const ImportedInt8 *);
int imported_int8_save(const ImportedInt8 *, const char *path); /* returns a Status, after a message */
void imported_int8_free(ImportedInt8 *);                        /* may be NULL */

#endif
