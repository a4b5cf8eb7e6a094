/*
 * net_weights: a net and a weights file → the net's tensors.
 *
 * The runtime compares names and shapes, and loads, through an nn_model_info: here of a model that
 * has tensors and no functions but `set`.
 */
#include "commands/support/net_weights.h"

#include <string.h>

#include "commands/support/feeding.h"

static bool belongs_to_weights(const Tensor *t) { return t->kind == TENSOR_PARAM || t->kind == TENSOR_BUFFER; }

static void floats_as_bytes(const float *values, size_t count, unsigned char *out)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int b = 0; b < 4; b++) *out++ = (unsigned char)(bits >> (8 * b));
    }
}

static int set_values(void *model, const char *name, const float *values, size_t count)
{
    const NetWeights *w = model;
    NnTensor *t = map_get(w->by_name, name);
    if (!t || t->count != count) return -1;
    floats_as_bytes(values, count, (unsigned char *)t->data);
    return 0;
}

static nn_tensor_info info_of(const Tensor *t)
{
    nn_tensor_info info = {.name = t->name,
                           .kind = t->kind == TENSOR_BUFFER ? NN_BUFFER
                                   : t->trainable           ? NN_TRAINED
                                                            : NN_FROZEN,
                           .rank = t->shape.rank,
                           .count = (size_t)shape_count(t->shape)};
    for (int i = 0; i < t->shape.rank; i++) info.dims[i] = (int)t->shape.dim[i];
    return info;
}

static void add_tensor(NetWeights *w, Arena *arena, const Tensor *t, nn_tensor_info *info)
{
    const size_t count = (size_t)shape_count(t->shape);
    NnTensor *out = &w->at[w->count++];
    *out = (NnTensor){.name = t->name, .type = NN_F32, .rank = t->shape.rank, .count = count};
    memcpy(out->dims, t->shape.dim, (size_t)t->shape.rank * sizeof *out->dims);
    out->data = arena_alloc(arena, count * sizeof(float) + 1);
    map_put(w->by_name, t->name, out);
    *info = info_of(t);
}

int net_weights_load(NetWeights *w, Arena *arena, const Model *m, NnTensors *file, const char *path)
{
    const List *all = &m->net->model;
    NnError error = {0};
    *w = (NetWeights){.by_name = map_new(arena)};
    w->at = arena_alloc(arena, (size_t)(all->count + 1) * sizeof *w->at);
    nn_tensor_info *infos = arena_alloc(arena, (size_t)(all->count + 1) * sizeof *infos);
    for (int i = 0; i < all->count; i++)
        if (belongs_to_weights(all->at[i])) add_tensor(w, arena, all->at[i], &infos[w->count]);
    w->info = (nn_model_info){
        .abi = NN_ABI, .name = m->net->name, .tensors = infos, .tensor_count = w->count, .set = set_values};
    return nn_weights_load(&w->info, w, file, path, NN_LOAD_ALL, NULL, &error) ? fail_error(&error) : STATUS_OK;
}

const float *net_weights_values(const void *weights, const Tensor *t)
{
    const NetWeights *w = weights;
    const NnTensor *found = map_get(w->by_name, t->name);
    return (const float *)(const void *)found->data;
}
