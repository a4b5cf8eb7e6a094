/*
 * Element-wise kernels, sums, copies and pools of values in bf16: what the kernels of floats make of the same
 * numbers, rounded once; through every table of kernels, divided among threads.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernels/system/bf16.h"

#define NN_LINKED 1
#include "runtime/kernels/activation/activation.h"
#include "runtime/kernels/activation/dropout.h"
#include "runtime/kernels/activation/piecewise.h"
#include "runtime/kernels/elementwise/combine.h"
#include "runtime/kernels/pool/pool.h"
#include "runtime/kernels/reduction/shape.h"
#include "tests/unit/libraries.h"

enum { THREADS = 3 };

/* The same numbers in both formats, that end where nothing may be read. */
typedef struct Values {
    long count;
    float *wide, *room;
    uint16_t *half; /* in `room` */
} Values;

static Values values_of(long count, float size, unsigned stream)
{
    Values x = {.count = count, .wide = guarded(count), .room = guarded((count + 1) / 2)};
    x.half = (uint16_t *)(void *)x.room + count % 2;
    for (long k = 0; k < count; k++) {
        x.half[k] = nn_to_bf16(size * (2 * uniform(stream, (unsigned)k) - 1));
        x.wide[k] = nn_from_bf16(x.half[k]);
    }
    return x;
}

static void values_free(Values *x) { guarded_free(x->wide), guarded_free(x->room); }

static void check_values(const Values *y, const char *what, int T)
{
    for (long k = 0; k < y->count; k++)
        assert_element(y->half[k] == nn_to_bf16(y->wide[k]), "%s, %d threads: element %ld of %ld is %04x of %a", what,
                       T, k, y->count, y->half[k], (double)y->wide[k]);
    ck_assert_msg(guard_holds(y->room), "%s writes before the array", what);
}

static void *of_bf16(const nn_symbol *table, const char *name)
{
    char text[128];
    snprintf(text, sizeof text, "%s_bf16", name);
    return kernel_named(table, text);
}

/* ---- element by element ---- */

typedef void Map(long, const void *, void *, int, int);
typedef void MapOf(long, const void *, void *, float, int, int);
typedef void Map2(long, const void *, const void *, void *, int, int);
typedef void Map2Of(long, const void *, const void *, void *, float, int, int);

/* y may be x. */
static void check_map(const nn_symbol *table, const char *name, bool slope, long count, int T)
{
    Values x = values_of(count, 8, 1), y = values_of(count, 0, 2);
    void *wide = kernel_named(table, name), *half = of_bf16(table, name);
    for (int t = 0; t < T; t++) {
        if (slope) {
            ((MapOf *)wide)(count, x.wide, y.wide, 0.1f, t, T);
            ((MapOf *)half)(count, x.half, y.half, 0.1f, t, T);
        } else {
            ((Map *)wide)(count, x.wide, y.wide, t, T);
            ((Map *)half)(count, x.half, y.half, t, T);
        }
    }
    check_values(&y, name, T);
    for (int t = 0; t < T && !slope; t++) ((Map *)half)(count, x.half, x.half, t, T);
    ck_assert_msg(slope || memcmp(x.half, y.half, (size_t)count * 2) == 0, "%s is another in place", name);
    values_free(&x), values_free(&y);
}

static void check_gradient(const nn_symbol *table, const char *name, bool slope, long count, int T)
{
    Values dy = values_of(count, 1, 1), y = values_of(count, 6, 3), dx = values_of(count, 0, 2);
    void *wide = kernel_named(table, name), *half = of_bf16(table, name);
    for (int t = 0; t < T; t++) {
        if (slope) {
            ((Map2Of *)wide)(count, dy.wide, y.wide, dx.wide, 0.1f, t, T);
            ((Map2Of *)half)(count, dy.half, y.half, dx.half, 0.1f, t, T);
        } else {
            ((Map2 *)wide)(count, dy.wide, y.wide, dx.wide, t, T);
            ((Map2 *)half)(count, dy.half, y.half, dx.half, t, T);
        }
    }
    check_values(&dx, name, T);
    values_free(&dy), values_free(&y), values_free(&dx);
}

START_TEST(functions_of_bf16)
{
    static const char *const names[] = {"relu",    "relu6", "hardsigmoid", "hardswish", "tanh",
                                        "sigmoid", "silu",  "gelu",        "gelu_tanh", "leaky_relu"};
    const nn_symbol *table = kernels_of(_i);
    for (size_t i = 0; table && i < sizeof names / sizeof *names; i++) {
        const bool slope = strcmp(names[i], "leaky_relu") == 0;
        char function[64], gradient[64];
        snprintf(function, sizeof function, "nn_%s", names[i]);
        snprintf(gradient, sizeof gradient, "nn_%s_grad", names[i]);
        for (int T = 1; T <= THREADS; T++)
            for (long count = 1; count < 200; count += 33) {
                check_map(table, function, slope, count, T);
                check_gradient(table, gradient, slope, count, T);
            }
    }
}
END_TEST

/* ---- sums and copies ---- */

typedef void Add(int, const void *const *, long, void *, int, int);
typedef void Copy(const nn_row_copy *, long, const void *, void *, int, int);

/* nn_add, nn_mul */
static void check_fold(const nn_symbol *table, const char *name, int arrays, long count, int T)
{
    Values x[3] = {values_of(count, 1, 1), values_of(count, 9, 2), values_of(count, 3, 3)}, y = values_of(count, 0, 4);
    const void *const wide[] = {x[0].wide, x[1].wide, x[2].wide}, *const half[] = {x[0].half, x[1].half, x[2].half};
    for (int t = 0; t < T; t++) {
        ((Add *)kernel_named(table, name))(arrays, wide, count, y.wide, t, T);
        ((Add *)of_bf16(table, name))(arrays, half, count, y.half, t, T);
    }
    check_values(&y, name, T);
    for (int i = 0; i < 3; i++) values_free(&x[i]);
    values_free(&y);
}

/* What is between the rows stays. */
static void check_copy(const nn_symbol *table, long n, long length, int T)
{
    const nn_row_copy d = {.length = length, .x_step = length + 3, .y_step = length + 5};
    Values x = values_of(n * d.x_step - 3, 1, 1), y = values_of(n * d.y_step - 5, 1, 2);
    for (int t = 0; t < T; t++) {
        ((Copy *)kernel_named(table, "nn_copy_rows"))(&d, n, x.wide, y.wide, t, T);
        ((Copy *)kernel_named(table, "nn_copy_rows_bf16"))(&d, n, x.half, y.half, t, T);
    }
    check_values(&y, "nn_copy_rows_bf16", T);
    values_free(&x), values_free(&y);
}

START_TEST(sums_and_copies_of_bf16)
{
    static const long lengths[] = {1, 7, 16, 33, 65, 100, 2047, 2049};
    const nn_symbol *table = kernels_of(_i);
    for (int T = 1; table && T <= THREADS; T++) {
        for (long count = 1; count < 150; count += 37)
            for (int arrays = 2; arrays < 4; arrays++) {
                check_fold(table, "nn_add", arrays, count, T);
                check_fold(table, "nn_mul", arrays, count, T);
            }
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (long n = 1; n < 6; n += 2) check_copy(table, n, lengths[i], T);
    }
}
END_TEST

/* ---- gates, dropout, reorders ---- */

typedef void Gate(const nn_shape *, const void *, const void *, void *, int, int);
typedef void Dropout(const nn_dropout_params *, long, const void *, void *, unsigned char *, int, int);
typedef void DropoutGrad(long, const void *, const unsigned char *, void *, float, int, int);
typedef void Reorder(long, long, long, const void *, void *, int, int);

static void check_gates(const nn_symbol *table, long n, long c, long p, int T)
{
    const nn_shape size = {.n = n, .c = c, .p = p};
    Values x = values_of(n * c * p, 1, 1), gate = values_of(n * c, 1, 2), y = values_of(n * c * p, 0, 3);
    for (int t = 0; t < T; t++) {
        ((Gate *)kernel_named(table, "nn_gate_nhwc"))(&size, x.wide, gate.wide, y.wide, t, T);
        ((Gate *)kernel_named(table, "nn_gate_nhwc_bf16"))(&size, x.half, gate.half, y.half, t, T);
    }
    check_values(&y, "nn_gate_nhwc_bf16", T);
    Values dy = values_of(n * c * p, 1, 4);
    for (int t = 0; t < T; t++) {
        ((Gate *)kernel_named(table, "nn_gate_sums_nhwc"))(&size, x.wide, dy.wide, gate.wide, t, T);
        ((Gate *)kernel_named(table, "nn_gate_sums_nhwc_bf16"))(&size, x.half, dy.half, gate.half, t, T);
    }
    check_values(&gate, "nn_gate_sums_nhwc_bf16", T);
    values_free(&x), values_free(&gate), values_free(&y), values_free(&dy);
}

static void check_dropout(const nn_symbol *table, long count, int T)
{
    const nn_dropout_params d = {.p = 0.3f, .factor = 1 / 0.7f, .seed = 11};
    Values x = values_of(count, 1, 1), y = values_of(count, 0, 2);
    unsigned char *first = zeroed((size_t)count), *second = zeroed((size_t)count);
    for (int t = 0; t < T; t++) {
        ((Dropout *)kernel_named(table, "nn_dropout"))(&d, count, x.wide, y.wide, first, t, T);
        ((Dropout *)kernel_named(table, "nn_dropout_bf16"))(&d, count, x.half, y.half, second, t, T);
    }
    check_values(&y, "nn_dropout_bf16", T);
    ck_assert(memcmp(first, second, (size_t)count) == 0);
    for (int t = 0; t < T; t++) {
        ((DropoutGrad *)kernel_named(table, "nn_dropout_grad"))(count, x.wide, first, y.wide, d.factor, t, T);
        ((DropoutGrad *)kernel_named(table, "nn_dropout_grad_bf16"))(count, x.half, first, y.half, d.factor, t, T);
    }
    check_values(&y, "nn_dropout_grad_bf16", T);
    free(first), free(second);
    values_free(&x), values_free(&y);
}

static void check_reorder(const nn_symbol *table, long n, long rows, long columns, int T)
{
    Values x = values_of(n * rows * columns, 1, 1), y = values_of(n * rows * columns, 0, 2);
    for (int t = 0; t < T; t++) {
        ((Reorder *)kernel_named(table, "nn_reorder"))(n, rows, columns, x.wide, y.wide, t, T);
        ((Reorder *)kernel_named(table, "nn_reorder_bf16"))(n, rows, columns, x.half, y.half, t, T);
    }
    check_values(&y, "nn_reorder_bf16", T);
    values_free(&x), values_free(&y);
}

START_TEST(gates_and_moves_of_bf16)
{
    const nn_symbol *table = kernels_of(_i);
    for (int T = 1; table && T <= THREADS; T++) {
        check_gates(table, 2, 19, 5, T), check_gates(table, 30, 300, 2, T), check_gates(table, 1, 16, 7, T);
        for (long count = 1; count < 150; count += 37) check_dropout(table, count, T);
        check_reorder(table, 2, 3, 150, T), check_reorder(table, 3, 70, 65, T), check_reorder(table, 1, 1, 1, T);
    }
}
END_TEST

/* ---- pools ---- */

typedef void Pool(const nn_pool_window *, long, const void *, void *, void *, int, int);
typedef void PoolDx(const nn_pool_window *, long, const void *, const void *, void *, int, int);
typedef void Average(const nn_pool_regions *, long, const void *, void *, int, int);

/* The argmaxes are those of floats; windows of k, the gradients of overlapping ones are summed up. */
static void check_largest(const nn_symbol *table, const nn_pool_window *d, long n, int T)
{
    const long large = n * d->h * d->w * d->c, small = n * d->oh * d->ow * d->c;
    Values x = values_of(large, 1, 1), y = values_of(small, 0, 2), dx = values_of(large, 1, 3),
           dy = values_of(small, 1, 4);
    unsigned char *first = zeroed((size_t)small * 4), *second = zeroed((size_t)small * 4);
    for (int t = 0; t < T; t++) {
        ((Pool *)kernel_named(table, "nn_minmax_pool_nhwc"))(d, n, x.wide, y.wide, first, t, T);
        ((Pool *)kernel_named(table, "nn_minmax_pool_nhwc_bf16"))(d, n, x.half, y.half, second, t, T);
    }
    check_values(&y, "nn_minmax_pool_nhwc_bf16", T);
    ck_assert(memcmp(first, second, (size_t)small * 4) == 0);
    for (int t = 0; t < T; t++) {
        ((PoolDx *)kernel_named(table, "nn_minmax_pool_nhwc_dx"))(d, n, dy.wide, first, dx.wide, t, T);
        ((PoolDx *)kernel_named(table, "nn_minmax_pool_nhwc_dx_bf16"))(d, n, dy.half, second, dx.half, t, T);
    }
    check_values(&dx, "nn_minmax_pool_nhwc_dx_bf16", T);
    for (int t = 0; t < T; t++)
        ((Pool *)kernel_named(table, "nn_minmax_pool_nhwc_bf16"))(d, n, x.half, y.half, NULL, t, T);
    check_values(&y, "nn_minmax_pool_nhwc_bf16 without argmax", T);
    free(first), free(second);
    values_free(&x), values_free(&y), values_free(&dx), values_free(&dy);
}

static void check_average(const nn_symbol *table, const nn_pool_regions *d, long n, int T)
{
    const long large = n * d->v.large * d->h.large * d->c, small = n * d->v.small * d->h.small * d->c;
    Values x = values_of(large, 1, 1), y = values_of(small, 0, 2), dx = values_of(large, 1, 3),
           dy = values_of(small, 1, 4);
    for (int t = 0; t < T; t++) {
        ((Average *)kernel_named(table, "nn_region_avgpool_nhwc"))(d, n, x.wide, y.wide, t, T);
        ((Average *)kernel_named(table, "nn_region_avgpool_nhwc_bf16"))(d, n, x.half, y.half, t, T);
        ((Average *)kernel_named(table, "nn_region_avgpool_nhwc_dx"))(d, n, dy.wide, dx.wide, t, T);
        ((Average *)kernel_named(table, "nn_region_avgpool_nhwc_dx_bf16"))(d, n, dy.half, dx.half, t, T);
    }
    check_values(&y, "nn_region_avgpool_nhwc_bf16", T);
    check_values(&dx, "nn_region_avgpool_nhwc_dx_bf16", T);
    values_free(&x), values_free(&y), values_free(&dx), values_free(&dy);
}

START_TEST(pools_of_bf16)
{
    static const struct {
        int c, side, k, stride, dilation, pad, least, wide;
    } shapes[] = {{5, 6, 2, 2, 1, 0, 0, 0},   {33, 7, 3, 2, 1, 1, 0, 0},  {64, 9, 3, 1, 2, 1, 1, 1},
                  {270, 5, 3, 1, 1, 1, 0, 0}, {130, 7, 2, 3, 1, 0, 1, 1}, {7, 8, 1, 1, 1, 0, 0, 0}};
    const nn_symbol *table = kernels_of(_i);
    for (size_t i = 0; table && i < sizeof shapes / sizeof *shapes; i++) {
        const int side = shapes[i].side, k = shapes[i].k, stride = shapes[i].stride, pad = shapes[i].pad;
        const int out = (side + 2 * pad - (k - 1) * shapes[i].dilation - 1) / stride + 1,
                  mean = (side + 2 * pad - k) / stride + 1;
        const nn_pool_window d = {shapes[i].c,
                                  side,
                                  side,
                                  out,
                                  out,
                                  k,
                                  k,
                                  stride,
                                  stride,
                                  shapes[i].dilation,
                                  shapes[i].dilation,
                                  pad,
                                  pad,
                                  shapes[i].least,
                                  shapes[i].wide};
        const nn_region_axis window = {side, mean, k, stride, pad, 0, 0, side + 2 * pad};
        const nn_region_axis part = {side, 2, side, side, 0, side, 0, side},
                             all = {side, 1, side, side, 0, side, 0, side};
        for (int T = 1; T <= THREADS; T++) {
            check_largest(table, &d, 2, T);
            check_average(table, &(nn_pool_regions){shapes[i].c, window, window}, 2, T);
            check_average(table, &(nn_pool_regions){shapes[i].c, part, all}, 3, T);
        }
    }
}
END_TEST

Suite *bf16_values_suite(void);

Suite *bf16_values_suite(void)
{
    Suite *suite = suite_create("bf16_values");
    TCase *tests = tcase_create("bf16_values");
    tcase_add_loop_test(tests, functions_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, sums_and_copies_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, gates_and_moves_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, pools_of_bf16, 0, kernel_tables());
    suite_add_tcase(suite, tests);
    return suite;
}
