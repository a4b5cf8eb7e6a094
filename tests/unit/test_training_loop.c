/*
 * The training loop around a small linear model that is written here.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/core.h"
#include "runtime/data/dataset.h"
#include "runtime/train/train.h"
#include "tests/unit/files.h"

enum { LINE_BATCH = 4 };

/* y = w x + b under half the mean squared error */
typedef struct Line {
    float w, b;
    int steps;
    float last_lr;
} Line;

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
    line->steps++;
    line->last_lr = lr;
    return loss;
}

static const nn_tensor_info line_tensors[] = {{"w", NN_TRAINED, 1, {1}, 1}, {"b", NN_TRAINED, 1, {1}, 1}};
static const nn_model_info line_info = {
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

typedef struct Setting {
    Dataset *data;
    Fitting fitting;
    Feed feed;
    Line line;
    NnTrainConfig config;
    NnTrainResult result;
    NnError error;
    FILE *out;
} Setting;

/* 22 rows of y = 2x + 1, x from −1 to 1. */
static void set_up(Setting *s)
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

static int train_line(Setting *s)
{
    return nn_train(&line_info, &s->line, &s->feed, &s->config, &s->result, &s->error);
}

static void tear_down(Setting *s)
{
    fclose(s->out);
    fitting_free(&s->fitting);
    dataset_free(s->data);
}

START_TEST(training_learns)
{
    Setting s;
    size_t size;
    set_up(&s);
    s.config.log = in_folder("log.csv");
    ck_assert_msg(train_line(&s) == 0, "%s", s.error.text);
    ck_assert_int_eq(s.result.end, NN_DONE);
    ck_assert_int_eq(s.line.steps, 40 * 5); /* 22 rows: 5 whole batches */
    ck_assert(s.result.tested && s.result.test.count == 22 && s.result.test.kind == NN_SCORE_LOSS);
    ck_assert(s.result.test.loss < 1e-6);
    ck_assert_float_eq_tol(s.line.w, 2, 1e-3);
    char *log = nn_read_file(in_folder("log.csv"), &size, &s.error);
    int lines = 0;
    for (char *c = log; *c; c++) lines += *c == '\n';
    ck_assert_int_eq(lines, 1 + 200 + 40);
    free(log);
    Line first = s.line;
    s.line = (Line){0}; /* again: the same bits */
    s.config.log = in_folder("log.jsonl");
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_mem_eq(&first, &s.line, sizeof first);
    tear_down(&s);
}
END_TEST

START_TEST(training_is_stopped)
{
    Setting s;
    volatile sig_atomic_t stop = 1;
    set_up(&s);
    s.config.stop = &stop;
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_int_eq(s.result.end, NN_STOPPED);
    ck_assert_int_eq(s.line.steps, 1);
    ck_assert(!s.result.tested);
    s.config.stop = NULL;
    s.config.max_steps = 7;
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_int_eq(s.result.end, NN_OUT_OF_STEPS);
    ck_assert_int_eq(s.line.steps, 8);
    ck_assert(s.result.tested);
    s.config.max_steps = 0;
    s.config.time_limit = 1e-9;
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_int_eq(s.result.end, NN_OUT_OF_TIME);
    s.config.time_limit = 0;
    s.config.patience = 2;
    s.config.schedule.lr = 1e-30;
    ck_assert_int_eq(train_line(&s), 0);
    ck_assert_int_eq(s.result.end, NN_NO_BETTER);
    ck_assert_int_eq(s.result.epoch, 3);
    tear_down(&s);
}
END_TEST

START_TEST(training_diverges)
{
    Setting s;
    set_up(&s);
    s.config.schedule.lr = 1e4;
    ck_assert_int_eq(train_line(&s), -1);
    ck_assert_int_eq(s.error.status, NN_BAD_INPUT);
    ck_assert_has(s.error.text, "at step");
    ck_assert_has(s.error.text, "lr 10000");
    ck_assert_has(s.error.text, "--lr 1000");
    tear_down(&s);
}
END_TEST

START_TEST(weights_come_back)
{
    Setting s;
    bool normalized;
    set_up(&s);
    s.line = (Line){.w = 3, .b = -4};
    ck_assert_int_eq(fitting_set(&s.fitting, 1, (double[]){0.1}, (double[]){0.3}, &s.error), 0);
    ck_assert_msg(!nn_weights_save(&line_info, &s.line, &s.feed, NULL, in_folder("w.safetensors"), &s.error), "%s",
                  s.error.text);
    NnTensors *file = nn_tensors_open(in_folder("w.safetensors"), &s.error);
    Line other = {0};
    ck_assert_int_eq(nn_weights_load(&line_info, &other, file, "w", NN_LOAD_ALL, NULL, &s.error), 0);
    ck_assert(other.w == 3 && other.b == -4);
    Fitting f;
    ck_assert_int_eq(fitting_init(&f, s.data, 1, (int[]){1}, NN_FIT_PAD, &s.error), 0);
    ck_assert_int_eq(nn_weights_normalize(file, "w", &f, &normalized, &s.error), 0);
    ck_assert(normalized && f.mean[0] == 0.1f && f.std[0] == 0.3f);
    fitting_free(&f);
    nn_tensors_close(file);
    tear_down(&s);
}
END_TEST

START_TEST(weights_of_another_net)
{
    NnError error;
    Line line = {0};
    NnTensors *file =
        parse_tensors("{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                      "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
                      "\"n.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[12,20]}}",
                      20, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    ck_assert_int_eq(nn_weights_load(&line_info, &line, file, "f", NN_LOAD_ALL, NULL, &error), -1);
    ck_assert_has(error.text, "missing     b (1)");
    ck_assert_has(error.text, "unexpected  x (1)");
    ck_assert_has(error.text, "w: 2 in the file, 1 in the net");
    ck_assert_has(error.text, "1 missing, 1 unexpected, 1 of another shape");
    ck_assert_int_eq(nn_weights_load(&line_info, &line, file, "f", NN_LOAD_MATCHING, NULL, &error), -1);
    ck_assert_has(error.text, "no tensor");
    nn_tensors_close(file);
    file = parse_tensors("{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, &error);
    line = (Line){.w = 5, .b = 6};
    ck_assert_int_eq(nn_weights_load(&line_info, &line, file, "f", NN_LOAD_MATCHING, NULL, &error), 0);
    ck_assert(line.w == 0 && line.b == 6);
    nn_tensors_close(file);
}
END_TEST

Suite *training_loop_suite(void)
{
    Suite *suite = suite_create("training_loop");
    TCase *tcase = tcase_create("training_loop");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, training_learns);
    tcase_add_test(tcase, training_is_stopped);
    tcase_add_test(tcase, training_diverges);
    tcase_add_test(tcase, weights_come_back);
    tcase_add_test(tcase, weights_of_another_net);
    suite_add_tcase(suite, tcase);
    return suite;
}
