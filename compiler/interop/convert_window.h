/*
 * convert_window: the sliding windows of ONNX's convolutions and pools; private to interop.
 */
#ifndef NNC_INTEROP_CONVERT_WINDOW_H
#define NNC_INTEROP_CONVERT_WINDOW_H

#include "interop/importer.h"

typedef struct OnnxWindow {
    int axes; /* 1 or 2 */
    int64_t size[2], stride[2], dilation[2], before[2], after[2];
    int64_t in[2], out[2]; /* sizes of the image */
    bool ceil;
    bool sequence; /* of one dimension, and written as a layer of sequences: conv1d */
} OnnxWindow;

/* The first input as an image (rank 4, or 3 of one dimension) with the batch as axis 0. */
OnnxValue *window_value(Conversion *, OnnxWindow *);
/* Reads the attributes; `kernel` is that of the weights, NULL: kernel_shape. */
bool window_attributes(Conversion *, const int64_t *kernel, OnnxWindow *);
/* Whether conv1d and its like have this window: they pad both ends alike. */
bool window_is_sequence(const OnnxWindow *);
Shape window_shape(const OnnxWindow *, int64_t channels); /* of the result */
/* The node of the input as CxHxW, with H of 1 where it has one dimension; as CxL for a layer of sequences. */
ImportNode *window_node(Conversion *, const OnnxValue *, const OnnxWindow *);
/* The result of such a node back in the rank of the input. */
bool window_result(Conversion *, ImportNode *, const OnnxValue *, const OnnxWindow *);
/* The arguments that convolutions and pools share, in two dimensions or, for sequences, one. */
void window_args(Conversion *, ImportNode *, const char *name, const int64_t per_axis[2], int64_t otherwise,
                 const OnnxWindow *);
void window_pads(Conversion *, ImportNode *, const OnnxWindow *);

#endif
