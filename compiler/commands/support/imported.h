/*
 * imported: models of other tools in the place of NET.nn.
 */
#ifndef NNC_IMPORTED_H
#define NNC_IMPORTED_H

#include "commands/support/imported_int8.h"
#include "commands/support/load.h"
#include "interop/import_onnx.h"

/* Whether the path names a model, MODEL.onnx, rather than source. */
bool is_model_file(const char *path);

/* The text of its source.  Messages are printed.  Returns a Status: STATUS_REFUSED where it has
 * operators that cannot be expressed. */
int imported_read(Arena *, const char *path, const OnnxImportOptions *, OnnxImport *, Text *source);

/* The same; where the model's integers are those of a net in int8, the source is that net's and *int8
 * its weights, else NULL, with a note if the model has integers. */
int imported_net(Arena *, const char *path, const OnnxImportOptions *, OnnxImport *, Text *source, ImportedInt8 **int8);

/* What --input says of a model: "NAME=1x3x224x224", or the shape alone. */
bool imported_input(Arena *, const char *text, OnnxInputShape *);

/* The net's syntax tree; with o->own_weights also the path of its weights, a file in memory that lasts
 * as long as the process.  Messages are printed.  Returns a Status, as imported_read does. */
int imported_parse(const LoadOptions *, File **, const char **weights);

#endif
