/*
 * The batchnorm kernels of NHWC images, column by column against sums in double precision.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernels/norm/batchnorm.h"
#include "runtime/kernels/reduction/shape.h"
#include "runtime/nn.h"
#include "tests/unit/libraries.h"

/* Arrays of [rows][c] and of [c], as batchnorm has them with p = 1. */
enum { CHANNELS_MAX = 301, CELLS_MAX = 250000 };
typedef struct Columns {
    float x[CELLS_MAX], dy[CELLS_MAX], y[CELLS_MAX], dx[CELLS_MAX], scaled[CELLS_MAX];
    float weight[CHANNELS_MAX], bias[CHANNELS_MAX], running_mean[CHANNELS_MAX], running_var[CHANNELS_MAX],
        mean[CHANNELS_MAX], inv[CHANNELS_MAX], dweight[CHANNELS_MAX], dbias[CHANNELS_MAX], sum[CHANNELS_MAX];
} Columns;

static const struct {
    long rows;
    int c;
} columns_shapes[] = {{1, 7}, {3, 301}, {64, 16}, {65, 33}, {127, 5}, {129, 32}, {700, 131}, {1000, 150}, {70001, 3}};

static void fill_columns(Columns *d, long rows, int c)
{
    memset(d, 0, sizeof *d);
    for (long i = 0; i < rows * c; i++) {
        d->x[i] = 2 * uniform(1, (unsigned)i) + (float)(i % c % 7) * 10 - 20;
        d->dy[i] = uniform(2, (unsigned)i) - 0.4f;
    }
    for (int k = 0; k < c; k++) {
        d->weight[k] = uniform(3, (unsigned)k) + 0.5f;
        d->bias[k] = uniform(4, (unsigned)k);
        d->running_mean[k] = uniform(5, (unsigned)k);
        d->running_var[k] = uniform(6, (unsigned)k) + 0.1f;
    }
}

typedef void TrainRows(const nn_batchnorm *, long, const nn_batchnorm_train_args *, int, int);
typedef void SumsRows(const nn_batchnorm *, long, const nn_batchnorm_sums_args *, int, int);
typedef void DxRows(const nn_batchnorm *, long, const nn_batchnorm_dx_args *, int, int);
typedef void ChannelSums(const nn_shape *, long, const float *, float *, int, int);
typedef void Normalize(const nn_shape *, const float *, const float *, const float *, float *, int, int);

static void run_columns(const nn_symbol *table, Columns *d, long rows, int c, int T)
{
    const nn_batchnorm size = {c, 1, 1e-5f, 0.1f, 0, c, c, c};
    fill_columns(d, rows, c);
    const nn_batchnorm_train_args train = {.x = d->x,
                                           .weight = d->weight,
                                           .bias = d->bias,
                                           .running_mean = d->running_mean,
                                           .running_var = d->running_var,
                                           .y = d->y,
                                           .mean = d->mean,
                                           .inv = d->inv};
    for (int t = 0; t < T; t++) ((TrainRows *)kernel_named(table, "nn_batchnorm_train"))(&size, rows, &train, t, T);
    const nn_batchnorm_sums_args sums = {d->dy, d->x, d->mean, d->inv, d->weight, d->bias, d->dweight, d->dbias};
    for (int t = 0; t < T; t++) ((SumsRows *)kernel_named(table, "nn_batchnorm_sums"))(&size, rows, &sums, t, T);
    memcpy(d->dx, d->dy, sizeof d->dx); /* as in place as the plan may have it */
    const nn_batchnorm_dx_args dx = {.dy = d->dx,
                                     .x = d->x,
                                     .mean = d->mean,
                                     .inv = d->inv,
                                     .dweight = d->dweight,
                                     .dbias = d->dbias,
                                     .weight = d->weight,
                                     .bias = d->bias,
                                     .dx = d->dx};
    for (int t = 0; t < T; t++) ((DxRows *)kernel_named(table, "nn_batchnorm_dx"))(&size, rows, &dx, t, T);
    const nn_shape shape = {.n = rows, .c = c, .p = 1};
    for (int t = 0; t < T; t++) ((ChannelSums *)kernel_named(table, "nn_channel_sums"))(&shape, c, d->dy, d->sum, t, T);
    for (int t = 0; t < T; t++)
        ((Normalize *)kernel_named(table, "nn_normalize"))(&shape, d->x, d->bias, d->weight, d->scaled, t, T);
}

static void close_to(const char *what, double got, double exact, double size, double tolerance)
{
    assert_element(fabs(got - exact) <= tolerance * size, "%s: %.9g, not %.9g", what, got, exact);
}

/* One channel by the formulas, in double. */
static void check_column(const Columns *d, const Columns *before, long rows, int c, int k)
{
    double n = (double)rows, mean = 0, squares = 0, sum = 0, along = 0, size = 0;
    for (long i = 0; i < rows; i++) mean += (double)d->x[i * c + k] / n;
    for (long i = 0; i < rows; i++) {
        double from_mean = (double)d->x[i * c + k] - mean, dy = (double)d->dy[i * c + k];
        squares += from_mean * from_mean;
        sum += dy;
        along += dy * from_mean;
        size += fabs(dy);
    }
    double inv = 1 / sqrt(squares / n + (double)1e-5f), others = n > 1 ? n - 1 : 1;
    close_to("mean", (double)d->mean[k], mean, fabs(mean) + 1e-2, 1e-6);
    close_to("inv", (double)d->inv[k], inv, inv, rows > 1 ? 1e-6 : 1e-3);
    close_to("running_mean", (double)d->running_mean[k], 0.9 * (double)before->running_mean[k] + 0.1 * mean, 20, 1e-6);
    close_to("running_var", (double)d->running_var[k], 0.9 * (double)before->running_var[k] + 0.1 * squares / others, 2,
             1e-6);
    close_to("sum", (double)d->sum[k], sum, size, 1e-6);
    close_to("dbias", (double)d->dbias[k], sum, size, 1e-6);
    close_to("dweight", (double)d->dweight[k], along * inv, size * inv * 2, 3e-6);
    for (long i = 0; i < rows && rows > 1; i++) {
        double normal = ((double)d->x[i * c + k] - mean) * inv, weight = (double)before->weight[k];
        double dx = weight * inv * ((double)d->dy[i * c + k] - sum / n - normal * along * inv / n);
        double scaled = ((double)d->x[i * c + k] - (double)before->bias[k]) / weight;
        close_to("y", (double)d->y[i * c + k], normal * weight + (double)before->bias[k], 20 * inv, 1e-6);
        close_to("dx", (double)d->dx[i * c + k], dx, inv * (1 + fabs(normal)), 1e-5);
        close_to("normalize", (double)d->scaled[i * c + k], scaled, 40, 1e-6);
    }
}

START_TEST(sums_columns)
{
    const long rows = columns_shapes[_i].rows;
    const int c = columns_shapes[_i].c;
    Columns *before = zeroed(sizeof *before), *one = zeroed(sizeof *one), *more = zeroed(sizeof *more);
    fill_columns(before, rows, c);
    for (int i = 0; i < kernel_tables_of("nn_batchnorm_ nn_channel_ nn_normalize"); i++) {
        if (!kernels_of(i)) continue;
        run_columns(kernels_of(i), one, rows, c, 1);
        for (int k = 0; k < c; k++) check_column(one, before, rows, c, k);
        for (int T = 2; T <= 3; T++) {
            run_columns(kernels_of(i), more, rows, c, T);
            ck_assert_msg(memcmp(one, more, sizeof *one) == 0, "%ld rows of %d: depends on the threads", rows, c);
        }
    }
    free(before);
    free(one);
    free(more);
}
END_TEST

Suite *batchnorm_kernels_suite(void)
{
    Suite *suite = suite_create("batchnorm_kernels");
    TCase *tcase = tcase_create("batchnorm_kernels");
    tcase_add_loop_test(tcase, sums_columns, 0, sizeof columns_shapes / sizeof *columns_shapes);
    suite_add_tcase(suite, tcase);
    return suite;
}
