/*
 * What the readers of tensor files share: a whole file, taken apart.
 */
#ifndef NN_TENSORS_H
#define NN_TENSORS_H

#include "runtime/core/core.h"

#include <jansson.h>

struct NnTensors {
    char *bytes;
    json_t *header; /* safetensors: owns the names and the metadata; NULL for NumPy's files */
    NnTensor *at;
    int count;
};

/* count and the size in bytes that type and shape announce; false when it overflows. */
bool tensors_size(NnTensor *, size_t *bytes);

/* One array of NumPy's, in place: data in the order of the other byte sex is turned. */
bool npy_recognises(const char *bytes, size_t size);
int npy_parse(NnTensor *, char *bytes, size_t size, const char *what, NnError *);
/* A whole .npy or .npz; `file->bytes` is what was read and may be replaced. */
int npy_read(NnTensors *file, size_t size, const char *path, NnError *);
bool npz_recognises(const char *bytes, size_t size);
int npz_read(NnTensors *file, size_t size, const char *path, NnError *);

#endif
