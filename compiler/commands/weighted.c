/*
 * Weights, loaded for inference.
 */
#include "commands/weighted.h"

#include <stdlib.h>

#include "commands/feeding.h"

int weighted_rename(NnTensors *file, const List *maps)
{
    NnError error = {0};
    for (int i = 0; i < maps->count; i++)
        if (nn_tensors_rename(file, maps->at[i], &error)) return fail(error.status, "--map: %s", error.text);
    return STATUS_OK;
}

int weighted_open(WeightedModel *w, const char *path, const List *maps)
{
    NnError error = {0};
    *w = (WeightedModel){.path = path, .file = nn_tensors_open(path, &error)};
    if (!w->file) return fail_error(&error);
    const int status = weighted_rename(w->file, maps);
    if (status) weighted_close(w);
    return status;
}

int weighted_load(WeightedModel *w, const nn_model_info *info)
{
    NnError error = {0};
    w->block = block_alloc(info->model_bytes > info->train_bytes ? info->model_bytes : info->train_bytes);
    w->model = info->init(w->block, 0, 0);
    return nn_weights_load(info, w->model, w->file, w->path, NN_LOAD_ALL, NULL, &error) ? fail_error(&error)
                                                                                        : STATUS_OK;
}

void weighted_close(WeightedModel *w)
{
    free(w->block);
    nn_tensors_close(w->file);
    *w = (WeightedModel){0};
}
