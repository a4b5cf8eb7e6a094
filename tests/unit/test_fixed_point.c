/*
 * The integers of quantised layers: against exact arithmetic in 128 bits, and against the values in
 * TensorFlow Lite's own tests (tensorflow/lite/kernels/internal/quantization_util_test.cc).
 */
#include <check.h>
#include <math.h>
#include <stdint.h>

#include "quantize/multiplier.h"
#include "runtime/core/core.h"
#include "runtime/kernels/system/fixed_point.h"

__extension__ typedef __int128 Wide;

/* ---- published values ------------------------------------------------------------------ */

START_TEST(multipliers_are_those_of_tflite)
{
    static const struct {
        double factor;
        int32_t value;
        int shift;
    } known[] = {
        {0.25, 1073741824, -1},
        {0.50 - 5e-9, 2147483627, -1},
        {0.50 - 1e-10, 1073741824, 0},
        {0.50, 1073741824, 0},
        {0.75, 1610612736, 0},
        {1 - 1e-9, 2147483646, 0},
        {1 + 1e-11, 1073741824, 1},
        {1.25, 1342177280, 1},
        {1.50, 1610612736, 1},
        {1.75, 1879048192, 1},
        {2 - 1e-9, 2147483647, 1},
        {2 - 1e-11, 1073741824, 2},
        {2, 1073741824, 2},
        {0x1p-31, 1073741824, -30},
        {0x1p-32, 1073741824, -31},
        {0x0.fd70a4p-32, 0, 0},
        {0x1p-33, 0, 0},
        {-4, -1073741824, 3},
        {-0.125, -1073741824, -2},
        {0, 0, 0},
        {4, 1073741824, 3},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const Multiplier m = multiplier_of(known[i].factor);
        ck_assert_msg(m.value == known[i].value && m.shift == known[i].shift, "%.17g: %d, %d instead of %d, %d",
                      known[i].factor, m.value, m.shift, known[i].value, known[i].shift);
    }
}
END_TEST

static int32_t times(int32_t x, double factor)
{
    const Multiplier m = multiplier_of(factor);
    return nn_rescale(x, m.value, m.shift);
}

START_TEST(products_are_those_of_tflite)
{
    ck_assert_int_eq(times(0, 0.1), 0);
    ck_assert_int_eq(times(1, 0), 0);
    ck_assert_int_eq(times(10000, 0.00097656), 10);
    ck_assert_int_eq(times(10000, -0.00097656), -10);
    ck_assert_int_eq(times(-10000, 0.00097656), -10);
    ck_assert_int_eq(times(-10000, -0.00097656), 10);
    ck_assert_int_eq(times(INT32_MIN, 0.00001), -21475);
    ck_assert_int_eq(times(INT32_MIN, -0.00001), 21475);
    ck_assert_int_eq(times(INT32_MAX, 0.00001), 21475);
    ck_assert_int_eq(times(INT32_MAX, -0.00001), -21475);
    ck_assert_int_eq(nn_rescale(INT32_MAX, INT32_MAX, -3), 268435456);
    ck_assert_int_eq(nn_rescale(-INT32_MAX, INT32_MAX, -3), -268435456);
    ck_assert_int_eq(nn_high_product(INT32_MIN, INT32_MIN), INT32_MAX);
}
END_TEST

START_TEST(ranges_are_those_of_tflite)
{
    static const struct {
        double low, high;
        int zero;
        double scale;
    } known[] = {
        /* TFLite has them for uint8, whose zero is 128 more */
        {-10, 30, 64 - 128, 0.156863}, {30 - 30, 0, 0 - 128, 0}, {0, 255, 0 - 128, 1},
        {-10, 0, 255 - 128, 0.039216}, {-128, 127, 0, 1},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const Affine a = affine_of_range(known[i].low, known[i].high);
        ck_assert_int_eq(a.zero, known[i].zero);
        ck_assert_double_eq_tol(a.scale, known[i].scale, 1e-5);
        ck_assert_int_eq(affine_quantize(a, 0), a.zero);
    }
}
END_TEST

/* ---- exact integers ---------------------------------------------------------------------- */

static Wide floor_shift(Wide x, int shift)
{
    const Wide power = (Wide)1 << shift;
    return x >= 0 ? x / power : -((-x + power - 1) / power);
}

/* To nearest, ties up. */
static int32_t exact_high_product(int32_t a, int32_t b)
{
    const Wide y = floor_shift((Wide)a * b + ((Wide)1 << 30), 31);
    return y > INT32_MAX ? INT32_MAX : (int32_t)y;
}

/* To nearest, ties away from zero. */
static int32_t exact_divide(int32_t x, int exponent)
{
    const Wide half = exponent ? (Wide)1 << (exponent - 1) : 0, power = (Wide)1 << exponent;
    return (int32_t)(x >= 0 ? (x + half) / power : -((-(Wide)x + half) / power));
}

static int32_t exact_rescale(int32_t x, int32_t multiplier, int shift)
{
    Wide wide = shift > 0 ? (Wide)x * ((Wide)1 << shift) : x;
    if (wide > INT32_MAX) wide = INT32_MAX;
    if (wide < INT32_MIN) wide = INT32_MIN;
    return exact_divide(exact_high_product((int32_t)wide, multiplier), shift < 0 ? -shift : 0);
}

/* Random numbers of all sizes, and those around powers of two and ties. */
static int32_t sample_of(uint64_t stream, uint64_t index)
{
    const uint64_t bits = nn_random(5, stream, index);
    const int32_t around = (int32_t)(bits >> 8 & 3) - 1;
    const int power = (int)(bits >> 16 & 31);
    switch (bits & 3) {
    case 0: return (int32_t)(bits >> 32);
    case 1: return (int32_t)((int64_t)(int32_t)(bits >> 32) >> power);
    case 2: return (int32_t)(uint32_t)(((int64_t)1 << power) + around);
    default: return (int32_t)(uint32_t)(-((int64_t)1 << power) + around);
    }
}

START_TEST(rescaling_is_exact)
{
    for (uint64_t i = 0; i < 400000; i++) {
        const int32_t x = sample_of(1, i), m = sample_of(2, i);
        const int shift = (int)(nn_random(5, 3, i) % 62) - 31;
        ck_assert_int_eq(nn_high_product(x, m), exact_high_product(x, m));
        if (shift <= 0) ck_assert_int_eq(nn_divide_power(x, -shift), exact_divide(x, -shift));
        ck_assert_int_eq(nn_rescale(x, m, shift), exact_rescale(x, m, shift));
    }
}
END_TEST

START_TEST(ties_go_away_from_zero)
{
    ck_assert_int_eq(nn_divide_power(6, 2), 2);
    ck_assert_int_eq(nn_divide_power(5, 2), 1);
    ck_assert_int_eq(nn_divide_power(-6, 2), -2);
    ck_assert_int_eq(nn_divide_power(-5, 2), -1);
    ck_assert_int_eq(nn_divide_power(INT32_MIN, 31), -1);
    ck_assert_int_eq(nn_divide_power(INT32_MAX, 31), 1);
    /* of the product they go up: −2^30 / 2^31 is −0.5 */
    ck_assert_int_eq(nn_high_product(-(1 << 15), 1 << 15), 0);
    ck_assert_int_eq(nn_high_product(1 << 15, 1 << 15), 1);
}
END_TEST

START_TEST(numbers_are_rounded_to_nearest)
{
    ck_assert_int_eq(nn_quantize(0.5f, 1, 0), 1);
    ck_assert_int_eq(nn_quantize(-0.5f, 1, 0), -1);
    ck_assert_int_eq(nn_quantize(0x0.ffffffp-1f, 1, 0), 0); /* the number before 0.5 */
    ck_assert_int_eq(nn_quantize(2.5f, 1, -3), 0);
    ck_assert_int_eq(nn_quantize(1e30f, 1e-3f, 5), 127);
    ck_assert_int_eq(nn_quantize(-INFINITY, 1, 5), -128);
    ck_assert_int_eq(nn_quantize(NAN, 1, 5), 5);
    for (uint64_t i = 0; i < 100000; i++) {
        const float x = (float)sample_of(4, i) * 0x1p-20f, scale = 0x1p-12f * (float)(1 + (nn_random(5, 5, i) & 4095));
        const int zero = (int)(nn_random(5, 6, i) & 255) - 128;
        double q = round((double)(x / scale)) + zero;
        q = q > 127 ? 127 : q < -128 ? -128 : q;
        ck_assert_int_eq(nn_quantize(x, scale, zero), (int)q);
    }
}
END_TEST

Suite *fixed_point_suite(void)
{
    Suite *s = suite_create("fixed_point");
    TCase *t = tcase_create("fixed_point");
    tcase_add_test(t, multipliers_are_those_of_tflite);
    tcase_add_test(t, products_are_those_of_tflite);
    tcase_add_test(t, ranges_are_those_of_tflite);
    tcase_add_test(t, rescaling_is_exact);
    tcase_add_test(t, ties_go_away_from_zero);
    tcase_add_test(t, numbers_are_rounded_to_nearest);
    suite_add_tcase(s, t);
    return s;
}
