/*
 * net_weights: the parameters of a net with the numbers of a weights file, without code of the net.
 */
#ifndef NNC_NET_WEIGHTS_H
#define NNC_NET_WEIGHTS_H

#include "commands/support/load.h"
#include "runtime/core/core.h"

typedef struct NetWeights {
    nn_model_info info; /* by which the runtime compares and fills */
    NnTensor *at;       /* parameters and buffers, in the order of the net; data little-endian */
    int count;
    Map *by_name; /* of NnTensor */
} NetWeights;

/* Everything is in the arena.  `path` is for messages, which are printed.  Returns a Status. */
int net_weights_load(NetWeights *, Arena *, const Model *, NnTensors *, const char *path);

/* The elements of a tensor of the net; `weights` is a NetWeights. */
const float *net_weights_values(const void *weights, const Tensor *);

#endif
