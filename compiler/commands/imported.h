/*
 * imported: models of other tools in the place of NET.nn.
 */
#ifndef NNC_IMPORTED_H
#define NNC_IMPORTED_H

#include "commands/commands.h"
#include "interop/import_onnx.h"

/* Whether the path names a model, MODEL.onnx, rather than source. */
bool is_model_file(const char *path);

/* The text of its source.  Messages are printed.  Returns a Status: STATUS_REFUSED where it has
 * operators that cannot be expressed. */
int imported_read(Arena *, const char *path, const OnnxImportOptions *, OnnxImport *, Text *source);

/* What --input says of a model: "NAME=1x3x224x224", or the shape alone. */
bool imported_input(Arena *, const char *text, OnnxInputShape *);

/* The net's syntax tree, or NULL after a message. */
File *imported_parse(const LoadOptions *, const char *path);

/* The weights that a command loads: `given`, or those inside the model where it is one; NULL
 * where there are none, or after a message. */
const char *imported_weights(const LoadOptions *, const char *given);

#endif
