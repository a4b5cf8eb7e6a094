/*
 * The training loop around a small linear model.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/parts.h"
#include "runtime/train/range_test.h"
#include "tests/unit/files.h"
#include "tests/unit/line.h"

START_TEST(training_learns)
{
    LineSetting s;
    size_t size;
    line_set_up(&s);
    s.config.log = in_folder("log.csv");
    ck_assert_msg(line_train(&s) == 0, "%s", s.error.text);
    ck_assert_int_eq(s.result.end, NN_DONE);
    ck_assert_int_eq(s.line.head.step, 40 * 5); /* 22 rows: 5 whole batches */
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
    ck_assert_int_eq(line_train(&s), 0);
    ck_assert_mem_eq(&first, &s.line, sizeof first);
    line_tear_down(&s);
}
END_TEST

START_TEST(training_is_stopped)
{
    LineSetting s;
    volatile sig_atomic_t stop = 1;
    line_set_up(&s);
    s.config.stop = &stop;
    ck_assert_int_eq(line_train(&s), 0);
    ck_assert_int_eq(s.result.end, NN_STOPPED);
    ck_assert_int_eq(s.line.head.step, 1);
    ck_assert(!s.result.tested);
    s.config.stop = NULL;
    s.config.max_steps = 7;
    ck_assert_int_eq(line_train(&s), 0);
    ck_assert_int_eq(s.result.end, NN_OUT_OF_STEPS);
    ck_assert_int_eq(s.line.head.step, 8);
    ck_assert(s.result.tested);
    s.config.max_steps = 0;
    s.config.time_limit = 1e-9;
    ck_assert_int_eq(line_train(&s), 0);
    ck_assert_int_eq(s.result.end, NN_OUT_OF_TIME);
    s.config.time_limit = 0;
    s.config.patience = 2;
    ck_assert_int_eq(line_train(&s), -1);
    ck_assert_has(s.error.text, "the patience looks at the validation loss, and there is no validation part");
    ck_assert_int_eq(dataset_cut_valid(s.data, 2, 1, &s.error), 0);
    s.config.schedule.lr = 1e-30;
    ck_assert_int_eq(line_train(&s), 0);
    ck_assert_int_eq(s.result.end, NN_NO_BETTER);
    ck_assert_int_eq(s.result.epoch, 3);
    line_tear_down(&s);
}
END_TEST

/* Half a squared error of x in −1 … 1 and a bias, whose curvature is 1: rates above 2 diverge. */
START_TEST(rates_are_tried)
{
    LineSetting s;
    NnRangeTest found, again;
    line_set_up(&s);
    ck_assert_int_eq(nn_range_test(&line_info, &s.line, &s.feed, &s.config, &found, &s.error), 0);
    ck_assert(found.diverged && found.count > 80 && found.count <= NN_RANGE_STEPS);
    for (int i = 1; i < found.count; i++)
        ck_assert_double_eq_tol(found.point[i].lr / found.point[i - 1].lr, pow(1e7, 1.0 / 99), 1e-9);
    ck_assert_double_eq_tol(found.point[0].lr, 1e-6, 1e-18);
    ck_assert(found.steepest > 0 && found.steepest < found.lowest && found.lowest < found.count - 1);
    ck_assert(found.point[found.steepest].lr > 0.01 && found.point[found.steepest].lr < 2);
    for (int i = 0; i < found.count; i++) ck_assert(found.point[i].smooth >= found.point[found.lowest].smooth);
    s.line = (Line){0};
    ck_assert_int_eq(nn_range_test(&line_info, &s.line, &s.feed, &s.config, &again, &s.error), 0);
    ck_assert_int_eq(found.steepest, again.steepest);
    volatile sig_atomic_t stop = 1;
    s.config.stop = &stop;
    ck_assert_int_eq(nn_range_test(&line_info, &s.line, &s.feed, &s.config, &again, &s.error), 0);
    ck_assert(again.count == 0 && again.steepest == -1);
    line_tear_down(&s);
}
END_TEST

START_TEST(training_diverges)
{
    LineSetting s;
    line_set_up(&s);
    s.config.schedule.lr = 1e4;
    ck_assert_int_eq(line_train(&s), -1);
    ck_assert_int_eq(s.error.status, NN_BAD_INPUT);
    ck_assert_has(s.error.text, "at step");
    ck_assert_has(s.error.text, "lr 10000");
    ck_assert_has(s.error.text, "--lr 1000");
    line_tear_down(&s);
}
END_TEST

START_TEST(weights_come_back)
{
    LineSetting s;
    bool normalized;
    line_set_up(&s);
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
    line_tear_down(&s);
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

static int table_set(void *model, const char *name, const float *values, size_t count)
{
    (void)name;
    memcpy(model, values, count * sizeof *values);
    return 0;
}

/* pos is [2][3], as a learned tensor is here; published weights have the batch's axis before. */
START_TEST(leading_axes_of_one)
{
    static const nn_tensor_info tensor = {"pos", NN_TRAINED, 2, {2, 3}, 6};
    const nn_model_info info = {.name = "table", .tensor_count = 1, .tensors = &tensor, .set = table_set};
    static const struct {
        const char *shape;
        bool loads;
    } cases[] = {{"[2,3]", true}, {"[1,2,3]", true}, {"[1,1,2,3]", true}, {"[2,3,1]", false}, {"[1,3,2]", false}};
    char header[200];
    snprintf(header, sizeof header, "{\"pos\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[0,24]}}",
             cases[_i].shape);
    NnError error;
    NnTensors *file = parse_tensors(header, 24, &error);
    ck_assert_msg(file != NULL, "%s", error.text);
    float model[6] = {1, 2, 3, 4, 5, 6};
    int failed = nn_weights_load(&info, model, file, "f", NN_LOAD_ALL, NULL, &error);
    ck_assert_int_eq(failed, cases[_i].loads ? 0 : -1);
    for (int k = 0; k < 6; k++) ck_assert(model[k] == (cases[_i].loads ? 0 : (float)(k + 1)));
    nn_tensors_close(file);
}
END_TEST

Suite *training_loop_suite(void)
{
    Suite *suite = suite_create("training_loop");
    TCase *tcase = tcase_create("training_loop");
    tcase_add_loop_test(tcase, leading_axes_of_one, 0, 5);
    tcase_add_checked_fixture(tcase, make_folder, remove_folder);
    tcase_add_test(tcase, training_learns);
    tcase_add_test(tcase, training_is_stopped);
    tcase_add_test(tcase, rates_are_tried);
    tcase_add_test(tcase, training_diverges);
    tcase_add_test(tcase, weights_come_back);
    tcase_add_test(tcase, weights_of_another_net);
    suite_add_tcase(suite, tcase);
    return suite;
}
