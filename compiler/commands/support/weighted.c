/*
 * Weights, loaded for inference.
 */
#include "commands/support/weighted.h"

#include <stdlib.h>

#include "commands/support/feeding.h"
#include "commands/support/imported.h"

const char *weighted_path(LoadOptions *o, const char *given)
{
    o->own_weights = !given && is_model_file(o->path);
    return o->own_weights ? o->path : given;
}

int weighted_rename(NnTensors *file, const List *maps)
{
    NnError error = {0};
    for (int i = 0; i < maps->count; i++)
        if (nn_tensors_rename(file, maps->at[i], &error)) return fail(error.status, "--map: %s", error.text);
    return STATUS_OK;
}

int weighted_open(WeightedModel *w, const char *path, const Model *m)
{
    NnError error = {0};
    *w = (WeightedModel){.path = path, .file = nn_tensors_open(m->weights ? m->weights : path, &error)};
    if (!w->file) return fail_error(&error);
    const int status = weighted_rename(w->file, &m->maps);
    if (status) weighted_close(w);
    return status;
}

int weighted_load(WeightedModel *w, const nn_model_info *info)
{
    NnError error = {0};
    w->block = block_for_model(info);
    w->model = info->init(w->block, 0, 0);
    return nn_weights_load(info, w->model, w->file, w->path, NN_LOAD_ALL, NULL, &error) ? fail_error(&error)
                                                                                        : STATUS_OK;
}

int weighted_fill(const Model *m, void *model, const char *path)
{
    NnError error = {0};
    WeightedModel w;
    const int status = weighted_open(&w, path, m);
    if (status) return status;
    const int failed = nn_weights_load(m->info, model, w.file, path, NN_LOAD_ALL, NULL, &error);
    weighted_close(&w);
    return failed ? fail_error(&error) : STATUS_OK;
}

void weighted_close(WeightedModel *w)
{
    free(w->block);
    nn_tensors_close(w->file);
    *w = (WeightedModel){0};
}
