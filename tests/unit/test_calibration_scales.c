/*
 * Scales of values that were seen: what each method keeps of them.
 */
#include <check.h>
#include <math.h>

#include "quantize/calibrate.h"
#include "runtime/core/core.h"

enum { VALUES = 20000 };

/* Normal numbers, and one that is far from all others. */
static Observer observer_of_values(float outlier)
{
    static float values[VALUES];
    Observer o = {0};
    for (int i = 0; i < VALUES; i++)
        values[i] = (float)nn_normal(nn_random(3, 1, (uint64_t)i), nn_random(3, 2, (uint64_t)i));
    values[VALUES / 2] = outlier;
    ck_assert_uint_eq(observer_range(&o, values, VALUES), 0);
    observer_count(&o, values, VALUES);
    return o;
}

static double most_of(Affine a) { return a.scale * (127 - a.zero); }
static double least_of(Affine a) { return a.scale * (-128 - a.zero); }

START_TEST(range_keeps_all)
{
    const Observer o = observer_of_values(40);
    const Affine a = observer_scale(&o, CALIBRATE_RANGE);
    ck_assert_double_ge(most_of(a), 40 - a.scale);
    ck_assert_double_le(least_of(a), o.low + a.scale);
}
END_TEST

/* Its square weighs more than the rounding of all others: mse keeps it. */
START_TEST(shares_cut_an_outlier_off)
{
    static const RangeChoice choices[] = {CALIBRATE_PERCENTILE, CALIBRATE_ENTROPY};
    const Observer o = observer_of_values(40);
    for (int i = 0; i < 2; i++) {
        const Affine a = observer_scale(&o, choices[i]);
        ck_assert_msg(most_of(a) < 20 && most_of(a) > 2, "%s keeps up to %g", calibration_name(choices[i]), most_of(a));
    }
    ck_assert_double_gt(most_of(observer_scale(&o, CALIBRATE_MSE)), 20);
}
END_TEST

/* No range has a smaller error than the one that is found; computed from the values themselves. */
START_TEST(mse_is_least)
{
    const Observer o = observer_of_values(12);
    double found = 0, least = INFINITY;
    for (int step = 0; step <= 100; step++) {
        const double share = step ? step / 100.0 : 1;
        const Affine a = step ? affine_of_range(o.low * share, o.high * share) : observer_scale(&o, CALIBRATE_MSE);
        double sum = 0;
        for (int i = 0; i < VALUES; i++) {
            const double x =
                i == VALUES / 2 ? 12 : nn_normal(nn_random(3, 1, (uint64_t)i), nn_random(3, 2, (uint64_t)i));
            const double y = a.scale * (affine_quantize(a, x) - a.zero);
            sum += (x - y) * (x - y);
        }
        if (!step) found = sum;
        if (sum < least) least = sum;
    }
    ck_assert_double_le(found, 1.1 * least);
}
END_TEST

START_TEST(one_sided_values_start_at_the_lowest_integer)
{
    Observer o = {0};
    const float values[] = {0, 1, 2, 3, 4};
    observer_range(&o, values, 5);
    observer_count(&o, values, 5);
    for (RangeChoice c = CALIBRATE_RANGE; c <= CALIBRATE_ENTROPY; c++)
        ck_assert_int_eq(observer_scale(&o, c).zero, -128);
    const float bad[] = {NAN, INFINITY, 1};
    ck_assert_uint_eq(observer_range(&o, bad, 3), 2);
    ck_assert_double_eq(o.high, 4);
}
END_TEST

/* Of a value that is always 0 the scale is some number, and 0 is kept. */
START_TEST(zeros_have_a_scale)
{
    const Observer o = {0};
    for (RangeChoice c = CALIBRATE_RANGE; c <= CALIBRATE_ENTROPY; c++) {
        const Affine a = observer_scale(&o, c);
        ck_assert_double_gt(a.scale, 0);
        ck_assert_int_eq(affine_quantize(a, 0), a.zero);
    }
}
END_TEST

Suite *calibration_scales_suite(void)
{
    Suite *s = suite_create("calibration_scales");
    TCase *t = tcase_create("calibration_scales");
    tcase_add_test(t, range_keeps_all);
    tcase_add_test(t, shares_cut_an_outlier_off);
    tcase_add_test(t, mse_is_least);
    tcase_add_test(t, one_sided_values_start_at_the_lowest_integer);
    tcase_add_test(t, zeros_have_a_scale);
    suite_add_tcase(s, t);
    return s;
}
