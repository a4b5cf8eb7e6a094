/*
 * What the readers of tensor files share: a whole file, taken apart.
 */
#ifndef NN_TENSORS_H
#define NN_TENSORS_H

#include "runtime/core/core.h"

#include <jansson.h>

typedef struct NpzMember NpzMember;

struct NnTensors {
    char *bytes;
    json_t *header; /* safetensors: owns the names and the metadata; NULL for NumPy's files */
    NnTensor *at;
    int count;
    NpzMember *members; /* of an .npz: where the tensors are in it; NULL otherwise */
    char *names;        /* of an .npz */
    char *path;         /* of an .npz, for messages */
};

/* count and the size in bytes that type and shape announce; false when it overflows. */
bool tensors_size(NnTensor *, size_t *bytes);

/* One array of NumPy's, in place: data in the order of the other byte sex is turned. */
bool npy_recognises(const char *bytes, size_t size);
int npy_parse(NnTensor *, char *bytes, size_t size, const char *what, NnError *);
/* Its type and shape alone, from the first `have` of `size` bytes. */
int npy_parse_head(NnTensor *, const char *bytes, size_t have, size_t size, const char *what, NnError *);
int npy_read(NnTensors *file, size_t size, const char *path, NnError *);
/* Types and shapes of all arrays in it; npz_fetch unpacks one. */
bool npz_recognises(const char *bytes, size_t size);
int npz_read(NnTensors *file, size_t size, const char *path, NnError *);
int npz_fetch(NnTensors *file, int index, NnError *);
void npz_free(NnTensors *file);

#endif
