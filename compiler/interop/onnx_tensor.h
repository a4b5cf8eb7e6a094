/*
 * onnx_tensor: the tensors of ONNX files.
 */
#ifndef NNC_INTEROP_ONNX_TENSOR_H
#define NNC_INTEROP_ONNX_TENSOR_H

#include "base/base.h"
#include "interop/file_float.h"
#include "interop/onnx.pb-c.h"
#include "runtime/core/core.h"

enum { ONNX_MAX_RANK = 8 };

/* Elements of an axis are fewer than this, and those of a tensor, with axes of 0 left out, no more than
 * 2^40: so products of two sizes are 64-bit integers, and so are the elements of some of the axes. */
#define ONNX_AXIS_LIMIT ((int64_t)1 << 30)

bool onnx_dims_fit(int rank, const int64_t *dims);

/* A tensor whose sizes have been checked: there are as many elements as its shape says. */
typedef struct OnnxTensor {
    const char *name;
    int type; /* ONNX__TENSOR_PROTO__DATA_TYPE__… */
    int rank; /* 0: one number */
    int64_t dims[ONNX_MAX_RANK];
    int64_t count;
    const unsigned char *raw;         /* little-endian elements, aligned to nothing; NULL: in the message's arrays */
    const Onnx__TensorProto *message; /* NULL: raw */
} OnnxTensor;

const char *onnx_type_name(int type); /* "float32" */
bool onnx_type_is_float(int type);

/* `folder` is where external data is looked for; what is read of it is put in the arena.
 * 0, or −1 and an error. */
int onnx_tensor_read(Arena *, const Onnx__TensorProto *, const char *folder, OnnxTensor *, NnError *);

double onnx_tensor_at(const OnnxTensor *, int64_t index);

/* All elements: in place where they are floats, else converted, in the arena. */
const FileFloat *onnx_tensor_floats(Arena *, const OnnxTensor *);
double *onnx_tensor_doubles(Arena *, const OnnxTensor *);

#endif
