/*
 * import_onnx: an ONNX file → an ImportGraph.
 */
#ifndef NNC_INTEROP_IMPORT_ONNX_H
#define NNC_INTEROP_IMPORT_ONNX_H

#include "interop/import_graph.h"
#include "interop/onnx_file.h"
#include "interop/onnx_tensor.h"

/* An operator that cannot be expressed, or one of its uses. */
typedef struct ImportRefusal {
    const char *op;     /* ONNX's name */
    const char *reason; /* "axis 0 is the batch" */
    const char *node;   /* the first node's name, or that of its output */
    int count;
} ImportRefusal;

typedef struct OnnxImportOptions {
    List inputs;       /* of OnnxInputShape: --input NAME=SHAPE */
    const Map *given;  /* input → OnnxTensor: numbers for inputs that are needed as weights or sizes; NULL */
    bool prefer_whole; /* tried first with whole samples */
} OnnxImportOptions;

typedef struct OnnxInputShape {
    const char *name; /* NULL: the only one */
    int rank;
    int64_t dims[ONNX_MAX_RANK];
} OnnxInputShape;

/* How an input or output of the model is one of the net. */
typedef struct OnnxBinding {
    const char *name; /* in the model */
    int64_t dims[ONNX_MAX_RANK];
    int64_t count; /* numbers of all samples of the batch */
    bool is_input;
} OnnxBinding;

typedef struct OnnxImport {
    Arena *arena;
    Onnx__ModelProto *model; /* owns the weights */
    OnnxMemory memory;
    ImportGraph *graph; /* NULL where something was refused */
    List bindings;      /* of OnnxBinding: inputs in the order of the net's, then outputs */
    List refused;       /* of ImportRefusal */
    int64_t batch;      /* that the model has, or 1 */
} OnnxImport;

/* Reads a model.  −1 and an error where the file is wrong, or an operator is refused: then
 * the text lists all of them and `refused` is not empty. */
int onnx_import(Arena *, const char *path, const OnnxImportOptions *, OnnxImport *, NnError *);
void onnx_import_free(OnnxImport *);

#endif
