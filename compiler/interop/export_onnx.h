/*
 * export_onnx: a net and its weights → an ONNX model for inference.
 *
 * Opset 17, IR version 8.  Parameters are initialisers under their names, layers are nodes
 * under their labels; the batch is an open dimension.  Equal requests give equal bytes.
 * A net in int8 has pairs of QuantizeLinear and DequantizeLinear: export_quantized.c.
 */
#ifndef NNC_INTEROP_EXPORT_ONNX_H
#define NNC_INTEROP_EXPORT_ONNX_H

#include "graph/graph.h"
#include "interop/onnx.pb-c.h"
#include "quantize/quantizer.h"
#include "runtime/core/core.h"

typedef struct OnnxExportNote {
    const char *key, *value;
} OnnxExportNote;

typedef struct OnnxExportRequest {
    const Graph *net;
    const char *version; /* of nnc */

    /* What the net becomes in int8; NULL: it is in f32. */
    const QuantizedNet *quantized;

    /* The elements of a parameter or buffer of the net, or of the integer net's, little-endian. */
    const float *(*values)(const void *user, const Tensor *);
    const void *user;

    /* Built in as the first layers, (x − mean) / std; NULL: the input comes as the net takes it. */
    const float *mean, *std; /* one of each per channel */
    int channels;

    const OnnxExportNote *notes; /* metadata; ends with a key of NULL */
} OnnxExportRequest;

/* The model, in the arena and with pointers into the net and the parameters.  NULL where the
 * net has layers that cannot be expressed: all of them are diagnostics of net->compilation. */
Onnx__ModelProto *onnx_export(Arena *, const OnnxExportRequest *);

/* Writes the file, whole or not at all; −1 and an error. */
int onnx_export_write(const Onnx__ModelProto *, const char *path, NnError *);

#endif
