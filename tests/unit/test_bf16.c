/*
 * bf16: rounding, against a definition in exact integers; kernels that read weights in it, through
 * every table of kernels.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernels/system/bf16.h"

#define NN_LINKED 1
#include "runtime/kernels/dense/dense_bf16.h"
#include "tests/unit/libraries.h"

enum { THREADS = 3 };

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- rounding ---- */

/* The nearer neighbour of a finite number by its distance, which is counted in units of the last
 * place of a float; of two equally near the one with an even last bit.  Above the largest bf16 the
 * upper neighbour has the bits of an infinity. */
static uint16_t nearest(uint32_t bits)
{
    const uint32_t below = bits >> 16, above = below + 1;
    const int64_t down = (int64_t)bits - ((int64_t)below << 16), up = ((int64_t)above << 16) - (int64_t)bits;
    if (down != up) return (uint16_t)(down < up ? below : above);
    return (uint16_t)(below % 2 == 0 ? below : above);
}

/* Every upper half with lower halves at, beside and between the ties. */
START_TEST(rounds_to_nearest_even)
{
    static const uint32_t lower[] = {0, 1, 0x1234, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0x8765, 0xfffe, 0xffff};
    for (uint32_t upper = 0; upper < 1u << 16; upper++) {
        for (size_t i = 0; i < sizeof lower / sizeof *lower; i++) {
            const uint32_t bits = upper << 16 | lower[i];
            const uint16_t got = nn_to_bf16(float_of(bits));
            const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
            const uint16_t want = is_nan ? (uint16_t)((upper & 0x8000) | 0x7fc0) : nearest(bits);
            assert_element(got == want, "%08x becomes %04x, not %04x", bits, got, want);
        }
    }
}
END_TEST

START_TEST(known_answers)
{
    static const struct {
        float value;
        uint16_t bits;
    } known[] = {
        {0.0f, 0},
        {-0.0f, 0x8000},
        {1.0f, 0x3f80},
        {-2.5f, 0xc020},
        {0.1f, 0x3dcd},
        {3.14159274f, 0x4049},
        {1.00390625f, 0x3f80}, /* the tie 1 + 2^-8: down */
        {1.01171875f, 0x3f82}, /* the tie 1 + 3 * 2^-8: up */
        {65504.0f, 0x4780},
        {3.38953139e38f, 0x7f7f}, /* the largest */
        {3.40282347e38f, 0x7f80}, /* rounds to an infinity */
        {INFINITY, 0x7f80},
        {-INFINITY, 0xff80},
        {1.17549435e-38f, 0x0080},
        {9.18354962e-41f, 0x0001}, /* the smallest subnormal */
        {4.59177481e-41f, 0x0000}, /* half of it: the tie to even */
        {4.59191494e-41f, 0x0001}, /* a bit more */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        ck_assert_msg(nn_to_bf16(known[i].value) == known[i].bits, "%a becomes %04x, not %04x", (double)known[i].value,
                      nn_to_bf16(known[i].value), known[i].bits);
}
END_TEST

START_TEST(widening_is_exact)
{
    for (uint32_t upper = 0; upper < 1u << 16; upper++) {
        const bool is_nan = (upper & 0x7fff) > 0x7f80;
        const float wide = nn_from_bf16((uint16_t)upper);
        assert_element(bits_of(wide) == upper << 16, "%04x becomes %08x", upper, bits_of(wide));
        if (!is_nan) assert_element(nn_to_bf16(wide) == upper, "%04x becomes %04x", upper, nn_to_bf16(wide));
    }
}
END_TEST

/* Random numbers that are drawn in parts are those of the whole, rounded. */
START_TEST(fills_as_in_f32)
{
    enum { COUNT = 1000 };
    static float f32[COUNT];
    static uint16_t bf16[COUNT];
    nn_fill_normal(f32, COUNT, 0.7f, 42);
    nn_fill_normal_bf16(bf16, COUNT, 0.7f, 42);
    for (int i = 0; i < COUNT; i++) ck_assert_uint_eq(bf16[i], nn_to_bf16(f32[i]));
    nn_fill_uniform(f32, COUNT, -0.3f, 0.5f, 7);
    nn_fill_uniform_bf16(bf16, COUNT, -0.3f, 0.5f, 7);
    for (int i = 0; i < COUNT; i++) ck_assert_uint_eq(bf16[i], nn_to_bf16(f32[i]));
}
END_TEST

/* ---- the fully connected layer ---- */

typedef void Dense(const nn_dense *, const float *, const uint16_t *, const float *, float *, int t, int T);

typedef struct DenseLayer {
    nn_dense d;
    float *x, *bias, *room;
    uint16_t *weight; /* in `room`, ending where it does */
} DenseLayer;

/* Integers: of x and the bias from -2 to 2, of the weights from -200 to 200, which bf16 has exactly; or
 * numbers whose sums are rounded. */
static DenseLayer dense_layer(nn_dense d, bool exact)
{
    const long count = (long)d.o * d.i;
    DenseLayer l = {.d = d, .x = guarded((long)d.n * d.i), .bias = guarded(d.o), .room = guarded((count + 1) / 2)};
    l.weight = (uint16_t *)(void *)l.room + count % 2;
    for (long k = 0; k < (long)d.n * d.i; k++)
        l.x[k] = exact ? floorf(uniform(1, (unsigned)k) * 5) - 2 : uniform(1, (unsigned)k);
    for (long k = 0; k < d.o; k++) l.bias[k] = floorf(uniform(2, (unsigned)k) * 5) - 2;
    for (long k = 0; k < count; k++) {
        const float value = uniform(3, (unsigned)k);
        l.weight[k] = nn_to_bf16(exact ? floorf(value * 401) - 200 : value - 0.5f);
    }
    return l;
}

static void dense_layer_free(DenseLayer *l) { guarded_free(l->x), guarded_free(l->bias), guarded_free(l->room); }

static float *dense_run(const nn_symbol *table, const DenseLayer *l, int T)
{
    float *y = guarded((long)l->d.n * l->d.o);
    for (int t = 0; t < T; t++)
        ((Dense *)kernel_named(table, "nn_dense_forward_bf16"))(&l->d, l->x, l->weight, l->bias, y, t, T);
    ck_assert_msg(guard_holds(y), "writes before the array");
    return y;
}

static void check_exact(const nn_symbol *table, nn_dense d, int T)
{
    DenseLayer l = dense_layer(d, true);
    float *y = dense_run(table, &l, T);
    for (long k = 0; k < (long)d.n * d.o; k++) {
        const long n = k / d.o, o = k % d.o;
        float want = l.bias[o];
        for (long i = 0; i < d.i; i++) want += l.x[n * d.i + i] * nn_from_bf16(l.weight[o * d.i + i]);
        assert_element(want == y[k], "%d x %d -> %d, %d threads: element %ld is %g, not %g", d.n, d.i, d.o, T, k,
                       (double)y[k], (double)want);
    }
    guarded_free(y);
    dense_layer_free(&l);
}

static void check_threads(const nn_symbol *table, nn_dense d)
{
    DenseLayer l = dense_layer(d, false);
    float *one = dense_run(table, &l, 1);
    for (int T = 2; T <= THREADS; T++) {
        float *y = dense_run(table, &l, T);
        ck_assert_msg(memcmp(one, y, (size_t)d.n * (size_t)d.o * sizeof *y) == 0, "%d x %d -> %d: %d threads", d.n, d.i,
                      d.o, T);
        guarded_free(y);
    }
    guarded_free(one);
    dense_layer_free(&l);
}

typedef void RoundingDense(const nn_dense *, const float *, const float *, const float *, float *, int t, int T);
typedef void DenseDx(const nn_dense *, const float *, const uint16_t *, float *, int t, int T);
typedef void RoundingDenseDx(const nn_dense *, const float *, const float *, float *, int t, int T);

/* Weights in f32 that are rounded as they are read are those in bf16, in both directions. */
static void check_rounding(const nn_symbol *table, nn_dense d)
{
    DenseLayer l = dense_layer(d, false);
    const long count = (long)d.o * d.i, outputs = (long)d.n * d.o, inputs = (long)d.n * d.i;
    float *f32 = guarded(count), *y = guarded(outputs), *dx = guarded(inputs), *dx_of_bf16 = guarded(inputs);
    for (long k = 0; k < count; k++) f32[k] = uniform(5, (unsigned)k) * 3 - 1, l.weight[k] = nn_to_bf16(f32[k]);
    float *y_of_bf16 = dense_run(table, &l, 1);
    for (int t = 0; t < 2; t++)
        ((RoundingDense *)kernel_named(table, "nn_dense_forward_rounded"))(&d, l.x, f32, l.bias, y, t, 2);
    ck_assert_msg(memcmp(y, y_of_bf16, (size_t)outputs * sizeof *y) == 0, "%d x %d -> %d: forward", d.n, d.i, d.o);
    for (int t = 0; t < 2; t++) {
        ((DenseDx *)kernel_named(table, "nn_dense_dx_bf16"))(&d, y, l.weight, dx_of_bf16, t, 2);
        ((RoundingDenseDx *)kernel_named(table, "nn_dense_dx_rounded"))(&d, y, f32, dx, t, 2);
    }
    ck_assert_msg(memcmp(dx, dx_of_bf16, (size_t)inputs * sizeof *dx) == 0, "%d x %d -> %d: dx", d.n, d.i, d.o);
    ck_assert_msg(guard_holds(y) && guard_holds(dx), "writes before the array");
    guarded_free(f32), guarded_free(y), guarded_free(dx), guarded_free(dx_of_bf16), guarded_free(y_of_bf16);
    dense_layer_free(&l);
}

static void check_dense(const nn_symbol *table, nn_dense d)
{
    for (int T = 1; T <= THREADS; T++) check_exact(table, d, T);
    check_threads(table, d);
    check_rounding(table, d);
}

START_TEST(limits_of_dense_bf16)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const nn_sizes *z = sizes_of(table);
    for (int more = -1; more <= 1; more++) {
        check_dense(table, (nn_dense){1, 3 * z->width + more, 2 * z->dot_few + more});
        check_dense(table, (nn_dense){2 + more, z->width + more, z->dot_few + more});
        check_dense(table, (nn_dense){z->dot_samples + more, 3 * z->width + more, 2 * z->dot_outputs + more});
        check_dense(table, (nn_dense){2 * z->dot_samples + 1, 5, z->dot_outputs + more});
    }
}
END_TEST

Suite *bf16_suite(void)
{
    Suite *suite = suite_create("bf16");
    TCase *tests = tcase_create("bf16");
    tcase_add_test(tests, rounds_to_nearest_even);
    tcase_add_test(tests, known_answers);
    tcase_add_test(tests, widening_is_exact);
    tcase_add_test(tests, fills_as_in_f32);
    tcase_add_loop_test(tests, limits_of_dense_bf16, 0, kernel_tables_of("nn_dense_"));
    suite_add_tcase(suite, tests);
    return suite;
}
