/*
 * sharding: the optimizer's state and work divided over the ranks (ZeRO, stage 1; Rajbhandari, Rasley,
 * Ruwase and He 2020).
 *
 * Each trained tensor belongs to one rank, by size: the largest first, each to the rank that has least.
 * Only that rank has the tensor's state and updates it, by the same sum of gradients that all ranks
 * have; then all get its values.  So the result is that of an update on each rank, to the bit.
 */
#ifndef NN_SHARDING_H
#define NN_SHARDING_H

#include "runtime/core/core.h"
#include "runtime/nn.h"
#include "runtime/train/ranks.h"

typedef struct Sharding Sharding;

Sharding *sharding_new(const nn_model_info *, const NnRanks *, double limit, NnError *);
void sharding_free(Sharding *);

/* How many floats the functions below need for what they send and get. */
size_t sharding_floats(const nn_model_info *);

/* In the place of info->update.  gradients: with room for so many floats, all of which it changes. */
void sharding_update(const Sharding *, void *model, void *gradients, float lr, void *scratch);

/* Every rank: rank 0 has the whole state until it forgets it again. */
void sharding_collect_state(const Sharding *, void *model, float *values);

/* The state of other ranks' tensors takes no memory any more. */
void sharding_forget_state(const Sharding *, void *model, float *values);

/* Whether a tensor is a state of the parameter, by their names. */
bool sharding_is_state_of(const nn_tensor_info *state, const nn_tensor_info *param);

/* What of a model's block are zeros takes no memory any more. */
void sharding_give_back(const nn_model_info *, void *model);

#endif
