/*
 * Averages of a model's weights, in the canonical shapes of nn_model_info.
 */
#include "runtime/train/average.h"

#include <stdlib.h>
#include <string.h>

bool average_has(const Average *a, const nn_tensor_info *tensor)
{
    return tensor->kind == NN_TRAINED || (tensor->kind == NN_BUFFER && a->buffers);
}

/* Called with a tensor's average, and in a->scratch what the model has; true: scratch goes
 * back into the model. */
typedef bool Visit(float *average, float *weight, size_t count, double x);

static void visit_all(Average *a, const void *model, void *changed, Visit *visit, double x)
{
    float *at = a->values;
    for (int i = 0; i < a->info->tensor_count; i++) {
        const nn_tensor_info *tensor = &a->info->tensors[i];
        if (!average_has(a, tensor)) continue;
        a->info->get(model, tensor->name, a->scratch, tensor->count);
        if (visit(at, a->scratch, tensor->count, x)) a->info->set(changed, tensor->name, a->scratch, tensor->count);
        at += tensor->count;
    }
}

static bool take_weights(float *average, float *weight, size_t count, double x)
{
    (void)x;
    memcpy(average, weight, count * sizeof *average);
    return false;
}

static bool move_average(float *average, float *weight, size_t count, double decay)
{
    const float keep = (float)decay, rest = (float)(1 - decay);
    for (size_t i = 0; i < count; i++) average[i] = keep * average[i] + rest * weight[i];
    return false;
}

static bool look_ahead(float *average, float *weight, size_t count, double alpha)
{
    for (size_t i = 0; i < count; i++) {
        average[i] += (float)alpha * (weight[i] - average[i]);
        weight[i] = average[i];
    }
    return true;
}

static bool exchange(float *average, float *weight, size_t count, double x)
{
    (void)x;
    for (size_t i = 0; i < count; i++) {
        float held = average[i];
        average[i] = weight[i];
        weight[i] = held;
    }
    return true;
}

int average_init(Average *a, const nn_model_info *info, const void *model, bool buffers, NnError *error)
{
    size_t all = 0, largest = 0;
    *a = (Average){.info = info, .buffers = buffers};
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *tensor = &info->tensors[i];
        if (!average_has(a, tensor)) continue;
        all += tensor->count;
        largest = tensor->count > largest ? tensor->count : largest;
    }
    a->count = all;
    a->values = nn_memory(all * sizeof *a->values, error);
    a->scratch = a->values ? nn_memory(largest * sizeof *a->scratch, error) : NULL;
    if (!a->scratch) return -1;
    visit_all(a, model, NULL, take_weights, 0);
    return 0;
}

float *average_find(const Average *a, const char *name)
{
    float *at = a->values;
    for (int i = 0; at && i < a->info->tensor_count; i++) {
        const nn_tensor_info *tensor = &a->info->tensors[i];
        if (!average_has(a, tensor)) continue;
        if (!strcmp(tensor->name, name)) return at;
        at += tensor->count;
    }
    return NULL;
}

void average_free(Average *a)
{
    free(a->values);
    free(a->scratch);
    *a = (Average){0};
}

void average_take(Average *a, const void *model) { visit_all(a, model, NULL, take_weights, 0); }

void average_ema(Average *a, const void *model, double decay) { visit_all(a, model, NULL, move_average, decay); }

void average_lookahead(Average *a, void *model, double alpha) { visit_all(a, model, model, look_ahead, alpha); }

void average_swap(Average *a, void *model) { visit_all(a, model, model, exchange, 0); }
