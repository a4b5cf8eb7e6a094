/*
 * The parts of `nnc train --stats`: values in every layout, which steps are watched, the running
 * loss.  tests/stats compares the numbers of whole steps.
 */
#include "stats/parts.h"

#include <check.h>
#include <math.h>

#include "graph/graph.h"
#include "tests/unit/suites.h"

enum { SAMPLES = 16, CHANNELS = 3, PIXELS = 4, PARENT_CHANNELS = 5, LARGEST = SAMPLES * PARENT_CHANNELS * PIXELS };

/* Channel 1 is 0 throughout, channel 0 is 1, channel 2 the number of the sample; what is not the tensor's
 * is far from all of these. */
static float element(int sample, int channel) { return channel == 1 ? 0 : channel == 0 ? 1 : (float)sample; }

static Tensor image(Layout layout, const Tensor *parent)
{
    return (Tensor){
        .batched = true, .shape = shape_image(CHANNELS, 2, 2), .layout = layout, .parent = (Tensor *)parent};
}

static size_t place(Layout layout, int stride, int sample, int channel, int pixel)
{
    if (layout == LAYOUT_NCHW) return (size_t)((sample * CHANNELS + channel) * PIXELS + pixel);
    if (layout == LAYOUT_NHWC) return (size_t)((sample * PIXELS + pixel) * stride + channel);
    return (size_t)((channel * PIXELS + pixel) * SAMPLES + sample);
}

static void check_layout(const Tensor *t, int stride)
{
    float x[LARGEST];
    bool active[CHANNELS] = {false};
    double sum = 0, squares = 0;
    const double bounds[2] = {0, 15};
    for (int i = 0; i < LARGEST; i++) x[i] = 1e6f;
    for (int n = 0; n < SAMPLES; n++)
        for (int c = 0; c < CHANNELS; c++)
            for (int p = 0; p < PIXELS; p++) x[place(t->layout, stride, n, c, p)] = element(n, c);
    const UnitLayout l = unit_layout(t, SAMPLES);
    values_add_moments(x, &l, &sum, &squares);
    values_mark_active(x, &l, active);
    ck_assert_double_eq(sum, PIXELS * (16 + 120));
    ck_assert_double_eq(squares, PIXELS * (16 + 1240));
    ck_assert(active[0] && !active[1] && active[2]);
    ck_assert_int_eq(values_near(x, &l, bounds), PIXELS * (16 + 2)); /* channel 1, and 0 and 15 of channel 2 */
}

START_TEST(every_layout)
{
    const Tensor parent = {.batched = true, .shape = shape_image(PARENT_CHANNELS, 2, 2), .layout = LAYOUT_NHWC};
    const Tensor planar = image(LAYOUT_NCHW, NULL), pixels = image(LAYOUT_NHWC, NULL);
    const Tensor blocked = image(LAYOUT_NCHW16N, NULL), part = image(LAYOUT_NHWC, &parent);
    check_layout(&planar, 0);
    check_layout(&pixels, CHANNELS);
    check_layout(&blocked, 0);
    check_layout(&part, PARENT_CHANNELS);
}
END_TEST

/* A watched step that takes twice as long as the others: one in 1 / stats_share. */
START_TEST(watched_steps_keep_to_the_share)
{
    Sampling s = {0};
    const double step = 0.001, extra = 0.001;
    double all = 0, watching = 0;
    for (int64_t i = 0; i < 20000; i++) {
        const bool watched = sampling_is_due(&s, i);
        sampling_add(&s, i, watched, step + (watched ? extra : 0), watched ? extra : 0);
        all += step;
        watching += watched ? extra : 0;
    }
    ck_assert_double_le(watching, 1.01 * stats_share * all);
    ck_assert_double_ge(watching, 0.9 * stats_share * all);
}
END_TEST

/* The first ones are watched whatever it costs: as many as are asked for, two at least. */
START_TEST(first_steps_are_watched)
{
    for (int64_t first = 0; first < 6; first++) {
        Sampling s = {.first = first};
        const int64_t expected = first > 2 ? first : 2;
        for (int64_t i = 0; i < 10; i++) {
            ck_assert_int_eq(sampling_is_due(&s, i), i < expected);
            sampling_add(&s, i, i < expected, 0.002, 0.001);
        }
    }
}
END_TEST

START_TEST(every_nth_step)
{
    Sampling s = {.every = 7};
    for (int64_t i = 0; i < 100; i++) {
        ck_assert_int_eq(sampling_is_due(&s, i), i % 7 == 0);
        sampling_add(&s, i, i % 7 == 0, 1, 1);
    }
}
END_TEST

START_TEST(running_loss_of_a_constant)
{
    RunningLoss r = {0};
    ck_assert(isnan(running_loss_mean(&r)));
    for (int i = 0; i < 200; i++) {
        running_loss_add(&r, 2.5);
        ck_assert_double_eq_tol(running_loss_mean(&r), 2.5, 1e-12);
        ck_assert_double_eq_tol(running_loss_deviation(&r), 0, 1e-6);
    }
}
END_TEST

Suite *stats_suite(void)
{
    Suite *suite = suite_create("stats");
    TCase *c = tcase_create("statistics of training");
    tcase_add_test(c, every_layout);
    tcase_add_test(c, watched_steps_keep_to_the_share);
    tcase_add_test(c, first_steps_are_watched);
    tcase_add_test(c, every_nth_step);
    tcase_add_test(c, running_loss_of_a_constant);
    suite_add_tcase(suite, c);
    return suite;
}
