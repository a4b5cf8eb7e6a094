/*
 * Kernels for batch-blocked images (NCHW16N) against the sums that define them, in double
 * precision.  Every table of kernels that this machine can run;
 * of one to three threads each does its blocks, or its part of the weights.  Values are
 * halves, so that sums are exact and results must be the same numbers.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define NN_LINKED 1
#include "runtime/kernels/conv/batch_blocked.h"
#include "tests/unit/libraries.h"

enum { LANES = 16, BLOCKS = 2 };

static float *values(long count, unsigned seed)
{
    float *x = guarded(count);
    for (long i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)((int)(seed >> 24) % 17 - 8) / 2;
    }
    return x;
}

static void check_same(const float *got, const double *expected, long count, const char *what, int index, int T)
{
    for (long i = 0; i < count; i++) {
        assert_element((double)got[i] == expected[i], "%s, shape %d, %d threads: element %ld is %g, not %g", what,
                       index, T, i, (double)got[i], expected[i]);
    }
    ck_assert_msg(guard_holds(got), "%s, shape %d: writes before the array", what, index);
}

/* ---- convolution ------------------------------------------------------------------ */

static const nn_blocked shapes[] = {
    /* c, h, w, o, oh, ow, kh, kw, sh, sw, dh, dw, top, left */
    {1, 8, 9, 6, 4, 5, 5, 5, 1, 1, 1, 1, 0, 0},     {6, 7, 6, 16, 5, 4, 3, 3, 1, 1, 1, 1, 0, 0},
    {3, 5, 7, 11, 5, 7, 3, 3, 1, 1, 1, 1, 1, 1},    {7, 6, 5, 2, 6, 5, 1, 1, 1, 1, 1, 1, 0, 0},
    {2, 9, 7, 5, 6, 5, 3, 2, 1, 1, 2, 3, 1, 1},     {4, 3, 2, 3, 7, 9, 3, 2, 1, 1, 1, 1, 3, 4},
    {5, 1, 1, 13, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1},    {3, 11, 9, 7, 5, 3, 3, 4, 2, 3, 1, 1, 0, 2},
    {2, 40, 70, 3, 40, 70, 3, 3, 1, 1, 1, 1, 1, 1}, {32, 4, 4, 32, 4, 4, 3, 3, 1, 1, 1, 1, 1, 1},
};

/* What a multiply-add connects: an element of y, one of x, and a weight. */
typedef struct Arrays {
    long x, y, weights; /* elements */
    float *in, *out, *weight, *bias;
    double *dx, *sum, *dweight;
} Arrays;

static void multiply_add(const Arrays *a, long y, long x, long weight)
{
    a->sum[y] += (double)a->weight[weight] * (double)a->in[x];
    a->dx[x] += (double)a->weight[weight] * (double)a->out[y];
    a->dweight[weight] += (double)a->out[y] * (double)a->in[x];
}

/* One tap of one pixel, for all channels, outputs and samples. */
static void add_tap(const nn_blocked *d, const Arrays *a, int i, int j, int u, int v)
{
    int row = i * d->sh + u * d->dh - d->top, column = j * d->sw + v * d->dw - d->left;
    if (row < 0 || row >= d->h || column < 0 || column >= d->w) return;
    for (long k = 0; k < (long)BLOCKS * d->o * d->c * LANES; k++) {
        long lane = k % LANES, c = k / LANES % d->c, o = k / LANES / d->c % d->o, b = k / LANES / d->c / d->o;
        multiply_add(a, (((b * d->o + o) * d->oh + i) * d->ow + j) * LANES + lane,
                     (((b * d->c + c) * d->h + row) * d->w + column) * LANES + lane,
                     ((o * d->c + c) * d->kh + u) * d->kw + v);
    }
}

static Arrays arrays_of(const nn_blocked *d)
{
    Arrays a = {.x = (long)BLOCKS * LANES * d->c * d->h * d->w,
                .y = (long)BLOCKS * LANES * d->o * d->oh * d->ow,
                .weights = (long)d->o * d->c * d->kh * d->kw};
    a.in = values(a.x, 1), a.out = values(a.y, 2), a.weight = values(a.weights, 3), a.bias = values(d->o, 4);
    a.dx = calloc((size_t)a.x, sizeof *a.dx), a.sum = calloc((size_t)a.y, sizeof *a.sum);
    a.dweight = calloc((size_t)a.weights, sizeof *a.dweight);
    for (long y = 0; y < a.y; y++) a.sum[y] = (double)a.bias[y / LANES / (d->oh * d->ow) % d->o];
    for (int i = 0; i < d->oh; i++)
        for (int j = 0; j < d->ow; j++)
            for (int tap = 0; tap < d->kh * d->kw; tap++) add_tap(d, &a, i, j, tap / d->kw, tap % d->kw);
    return a;
}

static void arrays_free(Arrays *a)
{
    guarded_free(a->in), guarded_free(a->out), guarded_free(a->weight), guarded_free(a->bias);
    free(a->dx), free(a->sum), free(a->dweight);
}

typedef void Conv(const nn_blocked *, long blocks, const float *x, const float *weight, const float *bias, float *y);
typedef void ConvDx(const nn_blocked *, long blocks, const float *dy, const float *weight, float *dx);
typedef void ConvDweight(const nn_blocked *, long blocks, const float *x, const float *dy, float *dweight, int t,
                         int T);

static void check_conv(const nn_symbol *table, const nn_blocked *d, int index, const Arrays *a, int T)
{
    const long x = a->x / BLOCKS, y = a->y / BLOCKS;
    float *got_y = guarded(a->y), *got_x = guarded(a->x), *got_weight = guarded(a->weights);
    for (int t = 0; t < T; t++) {
        long first = (long)BLOCKS * t / T, count = (long)BLOCKS * (t + 1) / T - first;
        ((Conv *)kernel_named(table, "nn_blocked_conv"))(d, count, a->in + first * x, a->weight, a->bias,
                                                         got_y + first * y);
        if (d->sh == 1 && d->sw == 1)
            ((ConvDx *)kernel_named(table, "nn_blocked_conv_dx"))(d, count, a->out + first * y, a->weight,
                                                                  got_x + first * x);
        ((ConvDweight *)kernel_named(table, "nn_blocked_conv_dweight"))(d, BLOCKS, a->in, a->out, got_weight, t, T);
    }
    check_same(got_y, a->sum, a->y, "conv", index, T);
    if (d->sh == 1 && d->sw == 1) check_same(got_x, a->dx, a->x, "its gradient", index, T);
    check_same(got_weight, a->dweight, a->weights, "the weights' gradient", index, T);
    guarded_free(got_y), guarded_free(got_x), guarded_free(got_weight);
}

static void check_shape(const nn_symbol *table, const nn_blocked *d, int index)
{
    Arrays a = arrays_of(d);
    for (int T = 1; T <= 3; T++) check_conv(table, d, index, &a, T);
    arrays_free(&a);
}

START_TEST(convolutions)
{
    for (int i = 0; kernels_of(_i) && i < (int)(sizeof shapes / sizeof *shapes); i++)
        check_shape(kernels_of(_i), &shapes[i], i);
}
END_TEST

/* Tiles of outputs and pixels; of wgrad, tiles of outputs and taps, and eight of these. */
START_TEST(limits_of_convolutions)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const nn_sizes *z = sizes_of(table);
    const int taps = 8 * z->blocked_wgrad_taps;
    for (int more = -1; more <= 1; more++) {
        const nn_blocked some[] = {
            {3, 3, 7, z->blocked_outputs + more, 3, 7, 3, 3, 1, 1, 1, 1, 1, 1},
            {2, 3, z->blocked_pixels + 2 + more, 5, 3, z->blocked_pixels + more + 2, 3, 3, 1, 1, 1, 1, 1, 1},
            {taps + more, 2, 3, z->blocked_wgrad_outputs + more, 2, 3, 1, 1, 1, 1, 1, 1, 0, 0},
            {1, 2, taps + 2, z->blocked_wgrad_outputs + 1, 2, 3 - more, 1, taps + more, 1, 1, 1, 1, 0, 0},
        };
        for (int i = 0; i < (int)(sizeof some / sizeof *some); i++) check_shape(table, &some[i], 100 + i);
    }
}
END_TEST

/* ---- fully connected layers ---------------------------------------------------------- */

typedef void Dense(long blocks, int i, int o, const float *x, const float *weight, const float *bias, float *y);
typedef void DenseDx(long blocks, int i, int o, const float *dy, const float *weight, float *dx);

/* As convolutions of images of one pixel. */
static void check_dense(const nn_symbol *table, int i, int o)
{
    const nn_blocked d = {i, 1, 1, o, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
    Arrays a = arrays_of(&d);
    float *y = guarded(a.y), *dx = guarded(a.x);
    ((Dense *)kernel_named(table, "nn_blocked_dense"))(BLOCKS, i, o, a.in, a.weight, a.bias, y);
    check_same(y, a.sum, a.y, "dense", i, 1);
    ((DenseDx *)kernel_named(table, "nn_blocked_dense_dx"))(BLOCKS, i, o, a.out, a.weight, dx);
    check_same(dx, a.dx, a.x, "dense's gradient", o, 1);
    guarded_free(y), guarded_free(dx);
    arrays_free(&a);
}

START_TEST(dense_layers)
{
    for (int o = 1; kernels_of(_i) && o < 24; o++) check_dense(kernels_of(_i), 24 - o, o);
    if (kernels_of(_i)) check_dense(kernels_of(_i), 130, 90);
}
END_TEST

Suite *batch_blocked_kernels_suite(void)
{
    Suite *suite = suite_create("batch_blocked_kernels");
    TCase *tests = tcase_create("batch_blocked_kernels");
    tcase_add_loop_test(tests, convolutions, 0, kernel_tables_of("nn_blocked_"));
    tcase_add_loop_test(tests, limits_of_convolutions, 0, kernel_tables_of("nn_blocked_"));
    tcase_add_loop_test(tests, dense_layers, 0, kernel_tables_of("nn_blocked_"));
    suite_add_tcase(suite, tests);
    return suite;
}
