/*
 * Checkpoints of the training loop: a run that is stopped after any of its steps goes on as if it
 * had not been, and a file that is not whole is refused.
 */
#define _GNU_SOURCE /* memmem */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/parts.h"
#include "runtime/train/checkpoint.h"
#include "tests/unit/files.h"
#include "tests/unit/line.h"

enum { EPOCHS = 5, STEPS = EPOCHS * 5 };

/* Stops the run before a step; `failures`: checkpoints that could not be written. */
typedef struct Watch {
    int64_t last;
    volatile sig_atomic_t stop;
    int failures;
    NnError error;
} Watch;

static void stop_at(void *user, int64_t step)
{
    Watch *watch = user;
    watch->stop = step + 1 == watch->last;
}

static void count_failure(void *user, const NnError *error)
{
    Watch *watch = user;
    watch->failures++;
    watch->error = *error;
}

static void begin(LineSetting *s, Watch *watch)
{
    line_set_up(s);
    *watch = (Watch){0};
    s->config.epochs = EPOCHS;
    s->config.schedule = (NnSchedule){.kind = NN_PLATEAU, .lr = 0.9, .gamma = 0.5, .patience = 0};
    s->config.ema = 0.9;
    s->config.lookahead = 3;
    s->config.lookahead_alpha = 0.5;
    s->config.patience = 100;
    s->config.keep_best = true;
    ck_assert_int_eq(dataset_cut_valid(s->data, 2, 1, &s->error), 0); /* 20 are left: 5 batches */
    s->config.stop = &watch->stop;
    s->config.between = stop_at;
    s->config.user = watch;
    s->config.log = in_folder("log.csv");
    s->config.checkpoint = (NnCheckpointConfig){
        .path = in_folder("checkpoint"), .every_steps = 1, .at_end = true, .failed = count_failure};
}

static void train(LineSetting *s) { ck_assert_msg(line_train(s) == 0, "%s", s->error.text); }

static NnTensors *open_checkpoint(LineSetting *s)
{
    NnTensors *file = nn_tensors_open(s->config.checkpoint.path, &s->error);
    ck_assert_msg(file != NULL, "%s", s->error.text);
    return file;
}

/* The lines of the log without their last column, the time. */
static char *log_numbers(LineSetting *s)
{
    size_t size;
    char *text = nn_read_file(s->config.log, &size, &s->error), *to = text;
    ck_assert_ptr_nonnull(text);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        char *comma = end;
        while (*comma != ',') comma--;
        memmove(to, line, (size_t)(comma - line));
        to += comma - line;
        *to++ = '\n';
    }
    *to = 0;
    return text;
}

START_TEST(resumes_after_any_step)
{
    LineSetting s;
    Watch watch;
    begin(&s, &watch);
    s.config.checkpoint.path = NULL;
    train(&s);
    const Line whole = s.line;
    ck_assert_int_eq(whole.head.step, STEPS);
    char *want = log_numbers(&s);
    line_tear_down(&s);
    for (int step = 1; step <= STEPS; step++) {
        begin(&s, &watch);
        watch.last = step;
        train(&s);
        ck_assert_int_eq(s.line.head.step, step);
        ck_assert_int_eq(s.result.end, NN_STOPPED);
        ck_assert_int_eq(s.result.checkpoint_step, step);
        NnTensors *file = open_checkpoint(&s);
        s.line = (Line){0};
        watch = (Watch){0};
        s.config.checkpoint.resume = file;
        s.config.checkpoint.resume_path = "checkpoint";
        train(&s);
        ck_assert_int_eq(s.result.steps, STEPS);
        ck_assert_int_eq(s.result.checkpoint_step, STEPS);
        ck_assert_mem_eq(&s.line.w, &whole.w, 2 * sizeof whole.w);
        ck_assert_int_eq(s.line.head.step, STEPS);
        char *have = log_numbers(&s);
        ck_assert_msg(!strcmp(have, want), "after step %d:\n%s\ninstead of\n%s", step, have, want);
        free(have);
        nn_tensors_close(file);
        line_tear_down(&s);
    }
    free(want);
}
END_TEST

/* Whether the file of this name is a checkpoint; the model is not touched by one that is not. */
static bool loads(const char *path)
{
    TrainState state = {0};
    const Line before = {.w = 7, .b = 8};
    Line line = before;
    NnError error = {0};
    ck_assert_int_eq(average_init(&state.copy[COPY_EMA], &line_info, &line, true, &error), 0);
    NnTensors *file = nn_tensors_open(path, &error);
    int failed = file ? checkpoint_load(file, path, &line_info, &line, &state, &error) : -1;
    if (failed) ck_assert_has(error.text, path);
    if (failed) ck_assert_mem_eq(&line, &before, sizeof line);
    if (!failed) ck_assert_int_eq(line.head.step, STEPS);
    nn_tensors_close(file);
    average_free(&state.copy[COPY_EMA]);
    return !failed;
}

START_TEST(cut_checkpoints_are_refused)
{
    LineSetting s;
    Watch watch;
    size_t size;
    begin(&s, &watch);
    train(&s);
    char *bytes = nn_read_file(s.config.checkpoint.path, &size, &s.error);
    ck_assert(loads(s.config.checkpoint.path));
    const char *cut = in_folder("cut");
    for (size_t length = 0; length < size; length++) {
        write_bytes("cut", bytes, length);
        ck_assert_msg(!loads(cut), "%zu of %zu bytes", length, size);
    }
    free(bytes);
    line_tear_down(&s);
}
END_TEST

static const struct {
    const char *from, *to, *message;
} damages[] = {
    {"\"state.step\":\"25\"", "\"state.step\":\"-5\"", "state.step is '-5'"},
    {"\"state.step\":\"25\"", "\"state.stop\":\"25\"", "is not a checkpoint: it has no state.step"},
    {"\"state.lr\":\"0x", "\"state.lr\":\"zx", "state.lr is 'zx"},
    {"\"state.epoch\":\"5\"", "\"state.epoch\":\"0\"", "epoch 0"},
    {"\"ema/w\"", "\"emu/w\"", "the tensor ema/w is missing"},
    {"\"b\":{\"dtype\":\"F32\"", "\"b\":{\"dtype\":\"I32\"", "the tensor b is 1 of type I32"},
};

START_TEST(damaged_checkpoints_are_refused)
{
    LineSetting s;
    Watch watch;
    size_t size;
    TrainState state = {0};
    NnError error = {0};
    begin(&s, &watch);
    train(&s);
    char *bytes = nn_read_file(s.config.checkpoint.path, &size, &s.error);
    char *at = memmem(bytes, size, damages[_i].from, strlen(damages[_i].from));
    ck_assert_msg(at != NULL, "%s is not there", damages[_i].from);
    memcpy(at, damages[_i].to, strlen(damages[_i].to));
    NnTensors *file = nn_tensors_parse("f", bytes, size, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    ck_assert_int_eq(average_init(&state.copy[COPY_EMA], &line_info, &s.line, true, &error), 0);
    ck_assert_int_eq(checkpoint_load(file, "f", &line_info, &s.line, &state, &error), -1);
    ck_assert_has(error.text, damages[_i].message);
    nn_tensors_close(file);
    average_free(&state.copy[COPY_EMA]);
    free(bytes);
    line_tear_down(&s);
}
END_TEST

/* The run goes on without checkpoints, and the one of before stays. */
START_TEST(failing_checkpoints_stop_nothing)
{
    LineSetting s;
    Watch watch;
    begin(&s, &watch);
    s.config.checkpoint.path = in_folder("none/checkpoint");
    train(&s);
    ck_assert_int_eq(s.result.end, NN_DONE);
    ck_assert_int_eq(s.result.checkpoint_step, -1);
    ck_assert_int_ge(watch.failures, 1);
    ck_assert_has(watch.error.text, "none/checkpoint: No such file");
    ck_assert_int_ne(s.result.checkpoint_error.status, 0);
    line_tear_down(&s);
}
END_TEST

/* Weights that are not finite never take the place of those that were. */
START_TEST(diverging_runs_keep_the_last_checkpoint)
{
    LineSetting s;
    Watch watch;
    float w;
    begin(&s, &watch);
    s.config.schedule = (NnSchedule){.lr = 1e4};
    s.config.ema = 0;
    s.config.lookahead = 0;
    ck_assert_int_eq(line_train(&s), -1);
    ck_assert(s.result.diverged && s.result.checkpoint_step > 0 && !watch.failures);
    NnTensors *file = open_checkpoint(&s);
    nn_tensor_floats(nn_tensors_find(file, "w"), &w);
    ck_assert(isfinite(w));
    nn_tensors_close(file);
    line_tear_down(&s);
}
END_TEST

/* A run that ends as planned leaves one only where it is asked for; one that is stopped always does. */
START_TEST(last_checkpoints)
{
    LineSetting s;
    Watch watch;
    begin(&s, &watch);
    s.config.checkpoint.every_steps = 0;
    s.config.checkpoint.at_end = false;
    train(&s);
    ck_assert_int_eq(s.result.checkpoint_step, -1);
    s.config.checkpoint.at_end = true;
    s.line = (Line){0};
    train(&s);
    ck_assert_int_eq(s.result.checkpoint_step, STEPS);
    s.config.checkpoint.at_end = false;
    s.config.time_limit = 1e-9;
    s.line = (Line){0};
    train(&s);
    ck_assert_int_eq(s.result.end, NN_OUT_OF_TIME);
    ck_assert_int_eq(s.result.checkpoint_step, 1);
    line_tear_down(&s);
}
END_TEST

Suite *checkpoints_suite(void)
{
    Suite *suite = suite_create("checkpoints");
    TCase *tcase = tcase_create("checkpoints");
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, resumes_after_any_step);
    tcase_add_test(tcase, cut_checkpoints_are_refused);
    tcase_add_loop_test(tcase, damaged_checkpoints_are_refused, 0, COUNT(damages));
    tcase_add_test(tcase, failing_checkpoints_stop_nothing);
    tcase_add_test(tcase, diverging_runs_keep_the_last_checkpoint);
    tcase_add_test(tcase, last_checkpoints);
    suite_add_tcase(suite, tcase);
    return suite;
}
