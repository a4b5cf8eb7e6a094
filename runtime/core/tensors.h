/*
 * What the readers of tensor files share: a whole file, taken apart.
 */
#ifndef NN_TENSORS_H
#define NN_TENSORS_H

#include "runtime/core/core.h"

#include <jansson.h>

/* A kind of tensor file.  `read` fills `at` and `count`; `free` may follow a failed read. */
typedef struct TensorFormat {
    bool (*recognises)(const char *bytes, size_t size);
    int (*read)(NnTensors *file, size_t size, const char *path, NnError *);
    int (*fetch)(NnTensors *file, int index, NnError *); /* the data of one tensor; NULL: read has it */
    void (*free)(NnTensors *file);                       /* what `detail` is; NULL: nothing */
} TensorFormat;

struct NnTensors {
    char *bytes;
    json_t *header; /* safetensors: owns the names and the metadata; NULL for other files */
    NnTensor *at;
    int count;
    const TensorFormat *format;
    void *detail;   /* the format's own */
    char **renamed; /* names that nn_tensors_rename made, by tensor; NULL: none */
};

extern const TensorFormat format_npy, format_npz, format_torch_zip, format_torch_stream;

/* count and the size in bytes that type and shape announce; false when it overflows. */
bool tensors_size(NnTensor *, size_t *bytes);

/* One array of NumPy's, in place: data in the order of the other byte sex is turned. */
int npy_parse(NnTensor *, char *bytes, size_t size, const char *what, NnError *);
/* Its type and shape alone, from the first `have` of `size` bytes. */
int npy_parse_head(NnTensor *, const char *bytes, size_t have, size_t size, const char *what, NnError *);

#endif
