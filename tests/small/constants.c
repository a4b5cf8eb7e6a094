/*
 * Training code whose frozen weights are constants (`reader`) beside the same with all of them in its
 * block (`whole`), set to the same values: steps, outputs and weights are the same.
 */
#include "reader.h"
#include "whole.h"

#include <stdio.h>
#include <string.h>

static _Alignas(64) unsigned char block[READER_TRAIN_BYTES], whole_block[WHOLE_TRAIN_BYTES];
static _Alignas(64) unsigned char scratch[WHOLE_TRAIN_SCRATCH + READER_TRAIN_SCRATCH], sums[READER_GRADIENTS_BYTES],
    whole_sums[WHOLE_GRADIENTS_BYTES];
static float x[READER_INPUTS], values[1 << 16], others[1 << 16], y[READER_OUTPUTS], whole_y[READER_OUTPUTS];

static int fail(const char *what, const char *name) { return fprintf(stderr, "%s: %s\n", name, what), 1; }

/* What each can be asked for by name. */
static int copy_weights(const reader *m, whole *w)
{
    const nn_model_info *info = reader_info();
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        if (t->kind == NN_STATE) continue;
        if (reader_get(m, t->name, values, t->count)) return fail("cannot be read", t->name);
        if (whole_set(w, t->name, values, t->count)) return fail("cannot be set", t->name);
        const int is_set = reader_set((reader *)m, t->name, values, t->count) == 0;
        if (t->kind != NN_BUFFER && is_set != (t->kind == NN_TRAINED))
            return fail("a constant was set, or a weight was not", t->name);
    }
    return 0;
}

static int compare_weights(const reader *m, const whole *w)
{
    const nn_model_info *info = reader_info();
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        if (reader_get(m, t->name, values, t->count) || whole_get(w, t->name, others, t->count))
            return fail("cannot be read", t->name);
        if (memcmp(values, others, t->count * sizeof *values)) return fail("differs", t->name);
    }
    return 0;
}

static int one_step(reader *m, whole *w, int i)
{
    const int32_t label = i % READER_OUTPUTS;
    for (int k = 0; k < READER_INPUTS; k++) x[k] = (float)((i * 31 + k * k * 17) % 101) / 50 - 1;
    const float loss = reader_step(m, x, &label, 0.01f, scratch);
    if (loss != whole_step(w, x, &label, 0.01f, scratch)) return fail("the loss differs", "step");
    reader_grad_add(m, x, &label, (reader_gradients *)(void *)sums, scratch);
    whole_grad_add(w, x, &label, (whole_gradients *)(void *)whole_sums, scratch);
    reader_update(m, (reader_gradients *)(void *)sums, 0.01f, scratch);
    whole_update(w, (whole_gradients *)(void *)whole_sums, 0.01f, scratch);
    reader_infer(m, x, y, scratch);
    whole_infer(w, x, whole_y, scratch);
    return memcmp(y, whole_y, sizeof y) ? fail("differs", "infer") : 0;
}

int main(void)
{
    reader *m = reader_init(block, 1, 7);
    whole *w = whole_init(whole_block, 1, 7);
    if (copy_weights(m, w)) return 1;
    for (int i = 0; i < 8; i++)
        if (one_step(m, w, i)) return 1;
    if (compare_weights(m, w)) return 1;
    reader_init(block, 1, 7); /* the constants are as they were */
    return reader_get(m, "output.bias", values, READER_OUTPUTS) || values[0] != values[0];
}
