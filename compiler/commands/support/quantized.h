/*
 * quantized: a net and a file of int8 weights → the integer net; and what `nnc quantize` shares.
 *
 * Besides the int8 and int32 tensors of the layers, LAYER.qweight and LAYER.qbias, and what stays in
 * f32, such a file has the scales:
 *
 *   quantization/LAYER.qweight.scale   F32, one for each row of the weight
 *   quantization/VALUE.scale           F32, of a value, and
 *   quantization/VALUE.zero_point      I32
 *
 * and in its metadata `quantization`, how they were found, as JSON, with the layers that were kept in
 * f32, `in_f32`; and `quantization.certificate`, the hash of the certificate.
 */
#ifndef NNC_COMMANDS_QUANTIZED_H
#define NNC_COMMANDS_QUANTIZED_H

#include "commands/support/load.h"
#include "quantize/quantizer.h"
#include "runtime/core/core.h"
#include "runtime/core/tensors_save.h"

/* Where the file at the path, which may be NULL, is one of int8 weights, the model's net becomes the
 * integer net; with `learns`, what stays in f32 can be trained.  Where it is one that was trained with
 * simulated int8, the net becomes the simulated one if `simulates`; else a note says so.  Messages are
 * printed.  Returns a Status. */
int quantized_load(Model *, const char *path, bool learns, bool simulates);

/* ---- the numbers of a layer, from those of the f32 net: quantize_weights.c ---- */

typedef struct LayerNumbers {
    const char *layer;
    int64_t rows, count; /* of the weight: rows, elements */
    Shape shape;
    double *scale; /* by row */
    int8_t *weight;
    int32_t *bias;
} LayerNumbers;

typedef struct F32Model {
    const nn_model_info *info;
    const void *model;
    Arena *arena;
} F32Model;

/* With scales of the rows that were learned, or NULL: by the largest weights.  NULL, after a message, where a
 * weight is no number. */
const LayerNumbers *quantize_layer(const F32Model *, const WeightRequest *, const double *learned);

/* Writes the file.  `notes` ends with a key of NULL; metadata of `from` is kept. */
typedef struct QuantizedFile {
    const QuantizedNet *net;
    List layers; /* of LayerNumbers */
    F32Model f32;
    const NnTensors *from; /* or NULL */
    const NnFileNote *notes;
} QuantizedFile;
int quantize_save(const QuantizedFile *, const char *path);

#endif
