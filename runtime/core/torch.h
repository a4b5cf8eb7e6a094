/*
 * torch: what the readers of PyTorch's two file forms share.
 *
 * A file is a pickle of a checkpoint, in which tensors refer to storages by keys, and the storages.
 */
#ifndef NN_TORCH_H
#define NN_TORCH_H

#include "runtime/core/pickle.h"
#include "runtime/core/tensors.h"

typedef struct TorchStorage {
    PickleText key;
    NnType type;
    uint64_t elements; /* that the file holds under this key */
    uint64_t begin;    /* of these, where a view begins: 0 for the whole */
    uint64_t length;   /* of the view */
} TorchStorage;

typedef struct TorchTensor { /* element (i, j, …) is storage[offset + i·stride[0] + j·stride[1] + …] */
    const TorchStorage *storage;
    uint64_t offset; /* within the storage's view */
    int rank;
    int64_t dims[NN_MAX_RANK];
    uint64_t strides[NN_MAX_RANK]; /* in elements */
} TorchTensor;

extern const PickleHost torch_pickle_host;

/* Fills `at` and `count` of a file with the tensors of the checkpoint's state_dict, without their
 * data.  The names and *tensors, one for each of them, are the pickle's. */
int torch_state_dict(NnTensors *file, Pickle *, PickleValue *checkpoint, const TorchTensor ***tensors);

/* The data of a tensor in order: in the storage's bytes themselves where it is contiguous, else in
 * *gathered, which is then the caller's.  The storage has all its elements. */
int torch_gather(NnTensor *, const TorchTensor *, const unsigned char *storage, unsigned char **gathered, NnError *);

#endif
