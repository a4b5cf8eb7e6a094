/*
 * The kernels over int8 numbers that are no convolutions, beside plain loops with the arithmetic of
 * fixed_point.h, through every table of kernels.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ops/shared/quantized.h"
#include "runtime/kernels/limits.h"
#include "runtime/kernels/system/fixed_point.h"
#include "tests/unit/libraries.h"

#define NN_LINKED 1
#include "runtime/kernels/pool/pool_types.h"
#include "runtime/kernels/quantized/quantized_average.h"
#include "runtime/kernels/quantized/quantized_map.h"
#include "runtime/kernels/quantized/quantized_pool.h"

typedef void Join8(const nn_int8_part *, const int8_t *x, int8_t *y, int t, int T);
typedef void FromFloats(long count, float scale, int zero, const float *x, int8_t *y, int t, int T);

START_TEST(int8_joins)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    enum { ROWS = 5, COLUMNS = 21, STEP = 24, STRIDE = 30 };
    uint32_t state = 1;
    const Bytes x = random_bytes(ROWS * STEP - (STEP - COLUMNS), &state, -128),
                y = guarded_bytes(ROWS * STRIDE - (STRIDE - COLUMNS));
    for (int shift = -3; shift <= 2; shift++) {
        const nn_int8_part d = {ROWS, COLUMNS, STEP, STRIDE, 0, 4, {-6, 1500000000, shift}};
        for (int t = 0; t < 2; t++) ((Join8 *)kernel_named(table, "nn_int8_join"))(&d, x.at, y.at, t, 2);
        for (int r = 0; r < ROWS; r++)
            for (int c = 0; c < COLUMNS; c++)
                ck_assert_int_eq(y.at[r * STRIDE + c],
                                 nn_clamp_int8(nn_rescale(x.at[r * STEP + c] + 6, 1500000000, shift) + 4, -128, 127));
    }
    guarded_free(x.floats), guarded_free(y.floats);
}
END_TEST

/* ---- averages ------------------------------------------------------------------------------------ */

typedef void Average8(const nn_pool_regions *, const nn_int8_average *, long n, const int8_t *x, int8_t *y, int t,
                      int T);

typedef struct Span8 {
    int first, last, count;
} Span8;

/* Of region i of an axis, as pool_types.h has it. */
static Span8 span8_of(const nn_region_axis *a, int i)
{
    Span8 s;
    if (a->region) {
        s = (Span8){i * a->region / a->small - a->before, ((i + 1) * a->region + a->small - 1) / a->small - a->before,
                    0};
    } else {
        const int start = i * a->stride - a->before;
        s = (Span8){start < 0 ? 0 : start, start + a->k < a->large ? start + a->k : a->large, 0};
    }
    const int left = a->padded - i * a->stride;
    s.count = a->count > 0 ? a->count : a->count == 0 ? s.last - s.first : left < a->k ? left : a->k;
    return s;
}

static int8_t average_of(const nn_pool_regions *d, const nn_int8_average *a, const int8_t *x, int i, int j)
{
    const Span8 v = span8_of(&d->v, i), h = span8_of(&d->h, j);
    int32_t sum = 0;
    for (int r = v.first; r < v.last; r++)
        for (int c = h.first; c < h.last; c++) sum += x[(r * d->h.large + c) * d->c] - a->zero;
    const int count = v.count * h.count;
    if (a->divides)
        sum = (sum + (sum > 0 ? count / 2 : -(count / 2))) / count;
    else
        sum = nn_rescale(sum, a->factor.multiplier, a->factor.shift);
    return nn_clamp_int8(sum + a->out_zero, -128, 127);
}

static void check_average8(const nn_symbol *table, int c, nn_region_axis v, nn_region_axis h, nn_int8_average a)
{
    const nn_pool_regions d = {c, v, h};
    const int pixels = v.small * h.small, image = v.large * h.large * c;
    uint32_t state = (uint32_t)c;
    const Bytes x = random_bytes(2L * image, &state, -128), y = guarded_bytes(2L * pixels * c);
    for (int T = 1; T <= 3; T++) {
        for (int t = 0; t < T; t++) ((Average8 *)kernel_named(table, "nn_int8_avgpool"))(&d, &a, 2, x.at, y.at, t, T);
        for (int i = 0; i < 2 * pixels * c; i++)
            ck_assert_int_eq(y.at[i], average_of(&d, &a, x.at + i / c / pixels * image + i % c,
                                                 i / c % pixels / h.small, i / c % pixels % h.small));
    }
    ck_assert_msg(guard_holds(y.floats), "writes before the array");
    guarded_free(x.floats), guarded_free(y.floats);
}

START_TEST(int8_averages)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const nn_region_axis pairs = {8, 4, 2, 2, 0, 0, 2, 8}, edges = {7, 4, 3, 2, 1, 0, 0, 9};
    const nn_region_axis padded = {7, 4, 3, 2, 1, 0, -1, 9}, parts = {7, 3, 0, 0, 0, 7, 0, 7};
    const nn_region_axis whole = {200, 1, 200, 1, 0, 0, 200, 200};
    const nn_int8_average divides = {.divides = 1}, shifted = {.divides = 1, .zero = 127, .out_zero = 127},
                          scaled = {0, -128, 11, {0, 1717986918, -6}};
    for (int c = 1; c < 150; c += 1 + c / 2) {
        check_average8(table, c, pairs, pairs, divides);
        check_average8(table, c, edges, edges, divides);
        check_average8(table, c, padded, padded, shifted);
        check_average8(table, c, parts, edges, divides);
        check_average8(table, c, pairs, pairs, scaled);
    }
    check_average8(table, 5, whole, whole, shifted); /* sums near 2^24 */
}
END_TEST

START_TEST(int8_of_floats)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    enum { COUNT = 1003 };
    float *x = guarded(COUNT);
    const Bytes y = guarded_bytes(COUNT);
    for (int i = 0; i < COUNT; i++) x[i] = (float)(i - 500) * 0.05F;
    x[0] = __builtin_nanf(""), x[1] = __builtin_inff(), x[2] = -__builtin_inff(), x[3] = 1e30F, x[4] = -1e30F;
    for (int t = 0; t < 2; t++)
        ((FromFloats *)kernel_named(table, "nn_int8_from_floats"))(COUNT, 0.1F, -11, x, y.at, t, 2);
    for (int i = 0; i < COUNT; i++) ck_assert_int_eq(y.at[i], nn_quantize(x[i], 0.1F, -11));
    guarded_free(x), guarded_free(y.floats);
}
END_TEST

Suite *int8_values_suite(void);

Suite *int8_values_suite(void)
{
    Suite *suite = suite_create("int8 values");
    TCase *tests = tcase_create("int8 values");
    tcase_add_loop_test(tests, int8_joins, 0, kernel_tables());
    tcase_add_loop_test(tests, int8_averages, 0, kernel_tables());
    tcase_add_loop_test(tests, int8_of_floats, 0, kernel_tables());
    suite_add_tcase(suite, tests);
    return suite;
}
