/*
 * What the writers of weights files and of checkpoints share.
 */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "runtime/train/train.h"

/* The metadata of a weights file: what inference needs, and the notes, which may be NULL. */
int weights_describe(NnTensorWriter *, const nn_model_info *, const Feed *, const NnWeightsNote *notes, NnError *);

/* What names of averages begin with in a checkpoint: names of layers have no slash. */
extern const char weights_ema_prefix[];
enum { NAME_BYTES = 512 };

/* A tensor of this shape, under this name. */
int weights_announce(NnTensorWriter *, const nn_tensor_info *, const char *name, NnError *);

#endif
