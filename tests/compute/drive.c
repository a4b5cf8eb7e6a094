/* drive OUTPUTS: what a net computes for a batch: inference, evaluation, all gradients, and the model
 * after two steps; raw floats.  NET_H is its header, NET_INFO the function; of a text for inference
 * alone, inference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include NET_H

enum { CLASSES = 4 };

static void *block_of(size_t bytes)
{
    char *block = (char *)malloc(bytes + 128);
    if (!block) exit(3);
    memset(block, 0xff, bytes + 128); /* NaN: nothing may count on zeros */
    return block + (64 - (size_t)block % 64) % 64;
}

static float *floats(size_t count)
{
    float *values = (float *)calloc(count ? count : 1, sizeof *values);
    if (!values) exit(3);
    return values;
}

static FILE *out;
static void put(const float *values, size_t count) { fwrite(values, sizeof *values, count, out); }

static void put_tensors(const nn_model_info *info, const void *m)
{
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float *values = floats(t->count);
        if (info->get(m, t->name, values, t->count)) exit(4);
        put(values, t->count);
        free(values);
    }
}

static void put_gradients(const nn_model_info *info, const void *m, const void *scratch)
{
    for (int i = 0; i < info->tensor_count; i++) {
        const nn_tensor_info *t = &info->tensors[i];
        float *values = floats(t->count);
        if (t->kind == NN_TRAINED && info->get_grad(m, t->name, values, t->count, scratch)) exit(5);
        put(values, t->count);
        free(values);
    }
}

static void train(const nn_model_info *info, void *m, const float *x, void *scratch)
{
    int32_t *target = (int32_t *)(void *)floats((size_t)info->batch);
    float *y = floats((size_t)info->batch * info->outputs), loss;
    for (int i = 0; i < info->batch; i++) target[i] = i % CLASSES;
    loss = info->eval(m, x, target, info->batch, y, scratch);
    put(&loss, 1);
    loss = info->grad(m, x, target, scratch);
    put(&loss, 1);
    put_gradients(info, m, scratch);
    for (int i = 0; i < 2; i++) {
        loss = info->step(m, x, target, 0.05f, scratch);
        put(&loss, 1);
    }
    put_tensors(info, m);
    free(target);
    free(y);
}

int main(int argc, char **argv)
{
    const nn_model_info *info = NET_INFO();
    const size_t inputs = (size_t)info->batch * info->inputs, outputs = (size_t)info->batch * info->outputs;
    const size_t model = info->model_bytes > info->train_bytes ? info->model_bytes : info->train_bytes;
    const size_t size = info->infer_scratch > info->train_scratch ? info->infer_scratch : info->train_scratch;
    void *m = info->init(block_of(model), info->step != NULL, 5), *scratch = block_of(size);
    float *x = floats(inputs), *y = floats(outputs);
    if (argc != 2 || !(out = fopen(argv[1], "wb"))) return 2;
    for (size_t i = 0; i < inputs; i++) x[i] = (float)(i * 37 % 101) / 50 - 1;
    info->infer(m, x, y, scratch);
    put(y, outputs);
    if (info->step) train(info, m, x, scratch);
    free(x);
    free(y);
    return fclose(out);
}
