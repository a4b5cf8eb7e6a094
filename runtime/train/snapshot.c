/*
 * Copies of a model's weights.
 *
 * Enters: a model.  Leaves: its parameters and buffers, in their canonical
 * shapes, without the optimizer's state: what a weights file holds.
 */
#include "runtime/train/snapshot.h"

#include <math.h>
#include <stdlib.h>

enum { INTERVAL = 32 }; /* steps */

static bool is_weight(const nn_tensor_info *tensor) { return tensor->kind != NN_STATE; }

int snapshot_init(Snapshot *s, const nn_model_info *info, NnError *error)
{
    size_t all = 0, largest = 0;
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *tensor = &info->tensors[i];
        if (!is_weight(tensor)) continue;
        all += tensor->count;
        largest = tensor->count > largest ? tensor->count : largest;
    }
    *s = (Snapshot){.info = info, .steps = -1};
    s->values = nn_memory(all * sizeof *s->values, error);
    s->scratch = s->values ? nn_memory(largest * sizeof *s->scratch, error) : NULL;
    return s->scratch ? 0 : -1;
}

void snapshot_free(Snapshot *s)
{
    free(s->values);
    free(s->scratch);
}

bool snapshot_is_due(int64_t step) { return step % INTERVAL == 0 || (step < INTERVAL && (step & (step - 1)) == 0); }

/* 0 · x is 0 for finite x, else NaN: a sum that compilers vectorise. */
bool all_finite(const float *values, size_t count)
{
    float sum[16] = {0}, total = 0;
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int j = 0; j < 16; j++) sum[j] += 0 * values[i + (size_t)j];
    for (; i < count; i++) total += 0 * values[i];
    for (int j = 0; j < 16; j++) total += sum[j];
    return total == 0;
}

bool snapshot_finite(const Snapshot *s, const void *model)
{
    const nn_model_info *info = s->info;
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *tensor = &info->tensors[i];
        if (!is_weight(tensor)) continue;
        info->get(model, tensor->name, s->scratch, tensor->count);
        if (!all_finite(s->scratch, tensor->count)) return false;
    }
    return true;
}

bool snapshot_take(Snapshot *s, const void *model, int64_t steps)
{
    const nn_model_info *info = s->info;
    float *values = s->values;
    if (!snapshot_finite(s, model)) return false;
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *tensor = &info->tensors[i];
        if (!is_weight(tensor)) continue;
        info->get(model, tensor->name, values, tensor->count);
        values += tensor->count;
    }
    s->steps = steps;
    return true;
}

void snapshot_restore(const Snapshot *s, void *model)
{
    const nn_model_info *info = s->info;
    const float *values = s->values;
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *tensor = &info->tensors[i];
        if (!is_weight(tensor)) continue;
        info->set(model, tensor->name, values, tensor->count);
        values += tensor->count;
    }
}
