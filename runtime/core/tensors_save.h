/*
 * tensors_save: tensors with their types → a file that others read.
 */
#ifndef NN_TENSORS_SAVE_H
#define NN_TENSORS_SAVE_H

#include "runtime/core/core.h"

typedef enum NnTensorFile { NN_FILE_SAFETENSORS, NN_FILE_NPZ, NN_FILE_TORCH } NnTensorFile;

/* By the ending of its name: .safetensors, .npz, .pt, .pth or .th; false: none of these. */
bool nn_tensor_file_of(const char *path, NnTensorFile *);

/* A pair of metadata; a table of them ends with a key of NULL. */
typedef struct NnFileNote {
    const char *key, *value;
} NnFileNote;

typedef struct NnTensorsToSave {
    const NnTensor *at; /* with their data; names differ */
    int count;
    const NnFileNote *notes; /* written to safetensors alone: the others have no place for them */
} NnTensorsToSave;

/* All bytes of the elements are kept.  bfloat16, which NumPy does not know, becomes float32 in .npz:
 * the same numbers.  PyTorch's form has no unsigned integers of more than 8 bits: an error.
 * The file appears whole or not at all; equal calls give equal bytes. */
int nn_tensors_save(const NnTensorsToSave *, NnTensorFile, const char *path, NnError *);

/* ---- the parts of it ---------------------------------------------------------------- */

/* A tensor whose data the writer of safetensors has not to ask for. */
int nn_writer_data(NnTensorWriter *, const NnTensor *, NnError *);

/* Write to an open file; 0 on success. */
int npz_write(const NnTensorsToSave *, int fd, const char *path, NnError *);
int torch_write(const NnTensorsToSave *, int fd, const char *path, NnError *);

#endif
