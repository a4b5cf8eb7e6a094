/* drive WEIGHTS OUTPUTS: the tensors of the model as it starts, as NET_get gives them, and its outputs
 * for three samples; raw floats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bf16.h"

enum { BATCH = 3, INPUTS = 3 * 12 * 12, OUTPUTS = 5 };

static void *block_of(size_t bytes)
{
    void *block = calloc(bytes / 64 + 2, 64);
    if (!block) exit(3);
    return (char *)block + (64 - (size_t)block % 64) % 64;
}

int main(int argc, char **argv)
{
    const nn_model_info *info = bf16_info();
    static float x[BATCH * INPUTS], y[BATCH * OUTPUTS];
    void *m = info->init(block_of(info->model_bytes), 0, 5), *scratch = block_of(info->infer_scratch);
    FILE *weights = argc == 3 ? fopen(argv[1], "wb") : NULL, *outputs = argc == 3 ? fopen(argv[2], "wb") : NULL;
    if (!weights || !outputs) return 2;
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float *values = (float *)calloc(t->count, sizeof *values), *again = (float *)calloc(t->count, sizeof *values);
        if (!values || !again || info->get(m, t->name, values, t->count)) return 3;
        /* What it gives can be set and is then the same. */
        if (info->set(m, t->name, values, t->count) || info->get(m, t->name, again, t->count)) return 4;
        if (memcmp(values, again, t->count * sizeof *values) != 0) return 5;
        fwrite(values, sizeof *values, t->count, weights);
        free(values);
        free(again);
    }
    for (int i = 0; i < BATCH * INPUTS; i++) x[i] = (float)(i * 37 % 101) / 50 - 1;
    info->infer(m, x, y, scratch);
    fwrite(y, sizeof *y, BATCH * OUTPUTS, outputs);
    return fclose(weights) || fclose(outputs);
}
