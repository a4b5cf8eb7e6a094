/*
 * Weights, loaded for inference.
 */
#include "commands/weighted.h"

#include <stdlib.h>

#include "commands/feeding.h"

int weighted_open(WeightedModel *w, const char *path)
{
    NnError error = {0};
    *w = (WeightedModel){.path = path, .file = nn_tensors_open(path, &error)};
    return w->file ? STATUS_OK : fail_error(&error);
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
