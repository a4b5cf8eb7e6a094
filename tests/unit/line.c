/*
 * y = w x + b under half the mean squared error.
 */
#include "tests/unit/line.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/files.h"

static void *line_init(void *block, int training, uint64_t seed)
{
    (void)training, (void)seed;
    *(Line *)block = (Line){0};
    return block;
}

static int line_set(void *model, const char *name, const float *values, size_t count)
{
    Line *line = model;
    if (count != 1 || (strcmp(name, "w") && strcmp(name, "b"))) return -1;
    *(*name == 'w' ? &line->w : &line->b) = *values;
    return 0;
}

static int line_get(const void *model, const char *name, float *values, size_t count)
{
    const Line *line = model;
    if (count != 1) return -1;
    *values = *name == 'w' ? line->w : line->b;
    return 0;
}

static float line_eval(const void *model, const float *x, const void *target, int count, float *y, void *scratch)
{
    const Line *line = model;
    const float *t = target;
    float loss = 0;
    (void)scratch;
    for (int i = 0; i < count; i++) {
        y[i] = line->w * x[i] + line->b;
        loss += (y[i] - t[i]) * (y[i] - t[i]) / 2;
    }
    return loss / (float)count;
}

static float line_step(void *model, const float *x, const void *target, float lr, void *scratch)
{
    Line *line = model;
    float y[LINE_BATCH], loss = line_eval(model, x, target, LINE_BATCH, y, scratch), dw = 0, db = 0;
    for (int i = 0; i < LINE_BATCH; i++) {
        float d = (y[i] - ((const float *)target)[i]) / LINE_BATCH;
        dw += d * x[i];
        db += d;
    }
    line->w -= lr * dw;
    line->b -= lr * db;
    line->head.step++;
    return loss;
}

static const nn_tensor_info line_tensors[] = {{"w", NN_TRAINED, 1, {1}, 1}, {"b", NN_TRAINED, 1, {1}, 1}};
const nn_model_info line_info = {
    .abi = NN_ABI,
    .name = "line",
    .loss = "mse",
    .batch = LINE_BATCH,
    .input_rank = 1,
    .input_dims = {1},
    .output_rank = 1,
    .output_dims = {1},
    .inputs = 1,
    .outputs = 1,
    .params = 2,
    .model_bytes = sizeof(Line),
    .train_bytes = sizeof(Line),
    .target_kind = NN_VALUES,
    .target_count = 1,
    .tensor_count = 2,
    .tensors = line_tensors,
    .init = line_init,
    .set = line_set,
    .get = line_get,
    .eval = line_eval,
    .step = line_step,
};

void line_set_up(LineSetting *s)
{
    char text[1024] = "";
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 22; i++) sprintf(text + strlen(text), "%g,%g\n", i / 10.5 - 1, 2 * (i / 10.5 - 1) + 1);
    write_text("line.csv", text);
    s->data = dataset_open(in_folder("line.csv"), &(DatasetOptions){.values = true}, &s->error);
    ck_assert_int_eq(fitting_init(&s->fitting, s->data, 1, (int[]){1}, NN_FIT_PAD, &s->error), 0);
    ck_assert_int_eq(feed_init(&s->feed, s->data, &s->fitting, &(TargetSpec){.count = 1}, &s->error), 0);
    s->out = fopen(in_folder("out"), "w");
    s->config =
        (NnTrainConfig){.epochs = 40, .schedule = {.lr = 0.5}, .seed = 1, .results = s->out, .progress = s->out};
}

int line_train(LineSetting *s) { return nn_train(&line_info, &s->line, &s->feed, &s->config, &s->result, &s->error); }

void line_tear_down(LineSetting *s)
{
    fclose(s->out);
    fitting_free(&s->fitting);
    dataset_free(s->data);
}
