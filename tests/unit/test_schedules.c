/*
 * Learning rate schedules.
 */
#include <check.h>
#include <math.h>

#include "runtime/core/core.h"
#include "runtime/train/train.h"

/* lr as torch.optim.lr_scheduler gives it, from its documented formulas. */
START_TEST(schedules)
{
    NnSchedule s = {.kind = NN_CONSTANT, .lr = 0.1, .every = 2, .gamma = 0.5};
    NnScheduleState p;
    nn_schedule_init(&p);
    ck_assert_double_eq(nn_schedule_lr(&s, &p, 7, 100, 10), 0.1);
    s.kind = NN_STEP; /* epochs 0, 1: lr; 2, 3: lr/2 */
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 19, 100, 10), 0.1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 20, 100, 10), 0.05, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 99, 100, 10), 0.1 / 16, 1e-15);
    s.kind = NN_EXPONENTIAL;
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 35, 100, 10), 0.0125, 1e-15);
    s.kind = NN_MULTISTEP;
    s.at = (double[]){3, 5};
    s.at_count = 2;
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 29, 100, 10), 0.1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 30, 100, 10), 0.05, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, 50, 100, 10), 0.025, 1e-15);
}
END_TEST

START_TEST(schedule_cosine)
{
    NnSchedule s = {.kind = NN_COSINE, .lr = 0.1, .floor = 0.02};
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 0, 100, 10), 0.1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 50, 100, 10), 0.06, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 25, 100, 10), 0.06 + 0.04 * sqrt(0.5), 1e-15);
    s.warmup = 2;
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 0, 100, 10), 0.1 / 21, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 20, 100, 10), 0.1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 60, 100, 10), 0.06, 1e-15);
}
END_TEST

/* OneCycleLR(max_lr=1, total_steps=100, pct_start=0.3): the peak at step 29. */
START_TEST(schedule_onecycle)
{
    NnSchedule s = {.kind = NN_ONECYCLE, .lr = 5, .peak = 1, .warmup = 0.3};
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 0, 100, 10), 0.04, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 29, 100, 10), 1, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 99, 100, 10), 0.04 / 1e4, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_lr(&s, NULL, 64, 100, 10), (1 + 4e-6) / 2, 1e-12);
    for (int64_t steps = 1; steps < 5; steps++)
        for (int64_t step = 0; step < steps; step++) ck_assert(isfinite(nn_schedule_lr(&s, NULL, step, steps, 1)));
}
END_TEST

/* OneCycleLR's momentum: at its most at both ends, at its least at step 29, where the rate is at its peak. */
START_TEST(schedule_onecycle_momentum)
{
    NnSchedule s = {.kind = NN_ONECYCLE, .peak = 1, .warmup = 0.3, .base_momentum = 0.85, .max_momentum = 0.95};
    ck_assert_double_eq_tol(nn_schedule_momentum(&s, 0, 100), 0.95, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_momentum(&s, 29, 100), 0.85, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_momentum(&s, 64, 100), 0.9, 1e-15);
    ck_assert_double_eq_tol(nn_schedule_momentum(&s, 99, 100), 0.95, 1e-15);
}
END_TEST

START_TEST(schedule_plateau)
{
    NnSchedule s = {.kind = NN_PLATEAU, .lr = 1, .gamma = 0.1, .patience = 2};
    static const double losses[] = {1, 0.9, 0.95, 0.9, 0.91, 0.8, 0.79999};
    static const double factors[] = {1, 1, 1, 1, 0.1, 0.1, 0.1};
    NnScheduleState p;
    nn_schedule_init(&p);
    for (int i = 0; i < 7; i++) {
        nn_schedule_valid(&p, &s, losses[i]);
        ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, i, 100, 1), factors[i], 1e-15);
    }
}
END_TEST

START_TEST(schedule_bold_driver)
{
    NnSchedule s = {.kind = NN_BOLD_DRIVER, .lr = 1, .grow = 1.5, .cut = 0.25};
    static const double losses[] = {1, 0.9, 0.8, 0.85, 0.85, 0.1};
    static const double factors[] = {1, 1.5, 2.25, 0.5625, 0.140625, 0.2109375};
    NnScheduleState p;
    nn_schedule_init(&p);
    for (int i = 0; i < 6; i++) {
        nn_schedule_epoch(&p, &s, losses[i]);
        nn_schedule_valid(&p, &s, 1000);
        ck_assert_double_eq_tol(nn_schedule_lr(&s, &p, i, 100, 1), factors[i], 1e-15);
    }
}
END_TEST

Suite *schedules_suite(void)
{
    Suite *suite = suite_create("schedules");
    TCase *tcase = tcase_create("schedules");
    tcase_add_test(tcase, schedules);
    tcase_add_test(tcase, schedule_cosine);
    tcase_add_test(tcase, schedule_onecycle);
    tcase_add_test(tcase, schedule_onecycle_momentum);
    tcase_add_test(tcase, schedule_plateau);
    tcase_add_test(tcase, schedule_bold_driver);
    suite_add_tcase(suite, tcase);
    return suite;
}
