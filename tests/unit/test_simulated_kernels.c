/*
 * The kernels of training with simulated int8 beside plain loops, through every table of kernels: what is
 * rounded is the same to the bit, in every layout and any number of threads; sums are near those in double
 * precision, and the same to the bit for any number of threads.  All arrays end where a page begins that may not be
 * touched.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/unit/libraries.h"

#define NN_LINKED 1
#include "runtime/kernels/quantized/simulated_values.h"
#include "runtime/kernels/quantized/simulated_weights.h"
#include "runtime/kernels/reduction/channels.h"

enum { SPLITS = 3 };
static const int split[SPLITS] = {1, 3, 8};

/* ---- what the plain form computes ---------------------------------------------------------------- */

typedef struct Numbers {
    float step, low, high, fine, from;
    bool sums, averages;
} Numbers;

static float away_from_zero(float x) { return x < 0 ? -floorf(0.5F - x) : floorf(x + 0.5F); }

static float whole_of(const Numbers *g, float x)
{
    const float ratio = x / g->step;
    if (g->sums) return away_from_zero(floorf(ratio * g->fine + 0.5F) / g->fine);
    if (g->averages) return away_from_zero(floorf((ratio + g->from) * 2048 + 0.5F) / 2048) - g->from;
    return away_from_zero(ratio);
}

static float bounded(const Numbers *g, float whole)
{
    return whole < g->low ? g->low : whole > g->high ? g->high : whole;
}

static float error_at(const Numbers *g, float x)
{
    const float whole = whole_of(g, x);
    return whole < g->low || whole > g->high ? bounded(g, whole) : whole - x / g->step;
}

static float fine_of(float unit, float step)
{
    float fine = 1;
    while (unit / step * fine < 0.5F && fine < 16384) fine *= 2;
    return fine;
}

/* ---- values ---------------------------------------------------------------------------------------- */

typedef void ValuesKernel(const nn_simulated *, long n, const nn_simulated_args *, int t, int T);

typedef struct Case {
    nn_simulated d;
    long n;
    bool sums;
} Case;

static const Case cases[] = {
    {{1, 1003, 0, 1, 0}, 2, false}, {{1, 77, 0, 1, 1}, 3, false},   {{1, 77, 0, 1, 2}, 3, false},
    {{1, 19, 0, 16, 0}, 32, false}, {{1, 19, 0, 16, 2}, 32, false}, {{5, 49, 0, 1, 0}, 4, true},
    {{7, 9, 0, 16, 0}, 48, true},   {{37, 25, 1, 1, 0}, 3, true},   {{300, 1, 1, 1, 0}, 9, true},
    {{3, 5000, 0, 1, 0}, 1, true},  {{130, 300, 1, 1, 0}, 1, true}, {{4, 600, 0, 16, 0}, 16, true},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* The row of element k, and its sample. */
static long row_of(const Case *c, long k) { return c->d.last ? k % c->d.c : k / (c->d.p * c->d.lanes) % c->d.c; }
static long sample_of(const Case *c, long k)
{
    const long size = c->d.c * c->d.p * c->d.lanes;
    return k / size * c->d.lanes + k % c->d.lanes;
}

typedef struct Arrays {
    long count;
    float *x, *dy, *unit, *y, *errors;
    float scale, zero;
    double want[64], size[64]; /* of the errors, and of their terms */
} Arrays;

static Arrays arrays_of(const Case *c)
{
    Arrays a = {.count = c->n * c->d.c * c->d.p, .scale = 0.031F, .zero = -21};
    a.x = guarded(a.count), a.dy = guarded(a.count), a.y = guarded(a.count);
    a.unit = guarded(c->d.c), a.errors = guarded(c->n);
    for (long k = 0; k < a.count; k++) {
        a.x[k] = (uniform(1, (unsigned)k) - 0.5F) * 9;                        /* some beyond the bounds */
        if (k % 3 == 0) a.x[k] = a.scale * (roundf(a.x[k] / a.scale) + 0.5F); /* and halves */
        if (k % 7 == 0) a.x[k] = a.scale * (roundf(a.x[k] / a.scale) + 0.499F);
        a.dy[k] = uniform(2, (unsigned)k) - 0.5F;
    }
    a.x[0] = -0.0F;
    for (long r = 0; r < c->d.c; r++) a.unit[r] = a.scale * powf(2, -20 * uniform(3, (unsigned)r));
    return a;
}

static void free_arrays(Arrays *a)
{
    guarded_free(a->x), guarded_free(a->dy), guarded_free(a->y), guarded_free(a->unit), guarded_free(a->errors);
}

static Numbers numbers_at(const Case *c, const Arrays *a, long k)
{
    return (Numbers){.step = a->scale,
                     .low = -128 - a->zero,
                     .high = 127 - a->zero,
                     .fine = c->sums ? fine_of(a->unit[row_of(c, k)], a->scale) : 1,
                     .from = c->d.averages == 2 ? a->zero : 0,
                     .sums = c->sums,
                     .averages = c->d.averages};
}

static bool same_bits(float a, float b) { return memcmp(&a, &b, sizeof a) == 0; }

static void run_values(const nn_symbol *table, const char *name, const Case *c, const Arrays *a, int threads)
{
    const bool sums = strcmp(name, "nn_simulate_errors") == 0;
    const nn_simulated_args args = {.dy = strcmp(name, "nn_simulate") != 0 ? a->dy : NULL,
                                    .x = a->x,
                                    .scale = &a->scale,
                                    .zero = &a->zero,
                                    .unit = c->sums ? a->unit : NULL,
                                    .y = sums ? a->errors : a->y};
    for (int t = 0; t < threads; t++) ((ValuesKernel *)kernel_named(table, name))(&c->d, c->n, &args, t, threads);
}

static void check_maps(const nn_symbol *table, const Case *c, const Arrays *a, int threads)
{
    run_values(table, "nn_simulate", c, a, threads);
    for (long k = 0; k < a->count; k++) {
        const Numbers g = numbers_at(c, a, k);
        const float want = g.step * bounded(&g, whole_of(&g, a->x[k]));
        assert_element(same_bits(a->y[k], want), "y[%ld] of %g is %g, not %g", k, (double)a->x[k], (double)a->y[k],
                       (double)want);
    }
    run_values(table, "nn_simulate_dx", c, a, threads);
    for (long k = 0; k < a->count; k++) {
        const Numbers g = numbers_at(c, a, k);
        const float whole = whole_of(&g, a->x[k]), want = whole >= g.low && whole <= g.high ? a->dy[k] : 0;
        assert_element(same_bits(a->y[k], want), "dx[%ld] is %g, not %g", k, (double)a->y[k], (double)want);
    }
}

static void want_errors(const Case *c, Arrays *a)
{
    for (long i = 0; i < c->n; i++) a->want[i] = a->size[i] = 0;
    for (long k = 0; k < a->count; k++) {
        const Numbers g = numbers_at(c, a, k);
        const double term = (double)a->dy[k] * (double)error_at(&g, a->x[k]);
        a->want[sample_of(c, k)] += term;
        a->size[sample_of(c, k)] += fabs(term);
    }
}

static void check_errors(const nn_symbol *table, const Case *c, Arrays *a)
{
    float first[64];
    want_errors(c, a);
    for (int s = 0; s < SPLITS; s++) {
        run_values(table, "nn_simulate_errors", c, a, split[s]);
        for (long i = 0; i < c->n; i++) {
            assert_element(fabs((double)a->errors[i] - a->want[i]) <= 1e-6 * a->size[i], "error %ld is %g, not %g", i,
                           (double)a->errors[i], a->want[i]);
            if (s == 0) first[i] = a->errors[i];
            assert_element(same_bits(first[i], a->errors[i]), "error %ld differs with %d threads", i, split[s]);
        }
    }
}

START_TEST(simulated_values)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (int i = 0; i < CASES; i++) {
        Arrays a = arrays_of(&cases[i]);
        for (int s = 0; s < SPLITS; s++) check_maps(table, &cases[i], &a, split[s]);
        check_errors(table, &cases[i], &a);
        ck_assert(guard_holds(a.y) && guard_holds(a.errors));
        free_arrays(&a);
    }
}
END_TEST

/* A number that is none passes through, and has no gradient; infinities are beyond the bounds. */
START_TEST(simulated_special_values)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const Case c = {{1, 5, 0, 1, 0}, 1, false};
    Arrays a = arrays_of(&c);
    a.x[0] = NAN, a.x[1] = INFINITY, a.x[2] = -INFINITY, a.x[3] = 1e30F, a.x[4] = -0.01F;
    run_values(table, "nn_simulate", &c, &a, 1);
    ck_assert(isnan(a.y[0]));
    ck_assert(same_bits(a.y[1], a.scale * 148) && same_bits(a.y[2], a.scale * -107) &&
              same_bits(a.y[3], a.scale * 148));
    ck_assert(same_bits(a.y[4], -0.0F));
    run_values(table, "nn_simulate_dx", &c, &a, 1);
    for (int k = 0; k < 4; k++) ck_assert(same_bits(a.y[k], 0));
    ck_assert(same_bits(a.y[4], a.dy[4]));
    free_arrays(&a);
}
END_TEST

/* ---- weights ---------------------------------------------------------------------------------------- */

typedef void RowsKernel(const nn_weight_rows *, const float *a, const float *b, float *y, int t, int T);
typedef void RowsGradient(const nn_weight_rows *, const float *dy, const float *weight, const float *scale, float *y,
                          int t, int T);

typedef struct Weights {
    nn_weight_rows d;
    float *weight, *dy, *scale, *y, *sum;
} Weights;

static Weights weights_of(long rows, long columns)
{
    Weights w = {.d = {rows, columns}};
    w.weight = guarded(rows * columns), w.dy = guarded(rows * columns), w.y = guarded(rows * columns);
    w.scale = guarded(rows), w.sum = guarded(rows);
    for (long k = 0; k < rows * columns; k++) {
        w.weight[k] = (uniform(4, (unsigned)k) - 0.5F) * 3;
        w.dy[k] = uniform(5, (unsigned)k) - 0.5F;
    }
    for (long r = 0; r < rows; r++) w.scale[r] = 0.002F + 0.02F * uniform(6, (unsigned)r);
    return w;
}

static void check_weights(const nn_symbol *table, const Weights *w, int threads)
{
    const Numbers row = {.low = -127, .high = 127};
    for (int t = 0; t < threads; t++)
        ((RowsKernel *)kernel_named(table, "nn_simulate_weight"))(&w->d, w->weight, w->scale, w->y, t, threads);
    for (long k = 0; k < w->d.rows * w->d.columns; k++) {
        Numbers g = row;
        g.step = w->scale[k / w->d.columns];
        assert_element(same_bits(w->y[k], g.step * bounded(&g, whole_of(&g, w->weight[k]))), "y[%ld]", k);
    }
    for (int t = 0; t < threads; t++)
        ((RowsGradient *)kernel_named(table, "nn_simulate_weight_dweight"))(&w->d, w->dy, w->weight, w->scale, w->y, t,
                                                                            threads);
    for (long k = 0; k < w->d.rows * w->d.columns; k++) {
        Numbers g = row;
        g.step = w->scale[k / w->d.columns];
        const float whole = whole_of(&g, w->weight[k]), want = fabsf(whole) <= 127 ? w->dy[k] : 0;
        assert_element(same_bits(w->y[k], want), "dweight[%ld]", k);
    }
}

static void check_weight_sums(const nn_symbol *table, const Weights *w, int threads)
{
    for (int t = 0; t < threads; t++)
        ((RowsGradient *)kernel_named(table, "nn_simulate_weight_dscale"))(&w->d, w->dy, w->weight, w->scale, w->sum, t,
                                                                           threads);
    for (long r = 0; r < w->d.rows; r++) {
        const Numbers g = {.step = w->scale[r], .low = -127, .high = 127};
        double want = 0;
        for (long k = r * w->d.columns; k < (r + 1) * w->d.columns; k++)
            want += (double)w->dy[k] * (double)error_at(&g, w->weight[k]);
        assert_element(fabs((double)w->sum[r] - want) <= 2e-3, "dscale[%ld] is %g, not %g", r, (double)w->sum[r], want);
    }
    for (int t = 0; t < threads; t++)
        ((RowsKernel *)kernel_named(table, "nn_rows_dscale"))(&w->d, w->dy, w->weight, w->sum, t, threads);
    for (long r = 0; r < w->d.rows; r++) {
        double want = 0;
        for (long k = r * w->d.columns; k < (r + 1) * w->d.columns; k++)
            want += (double)w->dy[k] * (double)w->weight[k];
        assert_element(fabs((double)w->sum[r] - want) <= 1e-4, "sum[%ld] is %g, not %g", r, (double)w->sum[r], want);
    }
}

START_TEST(simulated_weights)
{
    static const long sizes[][2] = {{3, 1}, {5, 9}, {7, 27}, {2, 600}, {16, 64}};
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (int i = 0; i < 5; i++) {
        Weights w = weights_of(sizes[i][0], sizes[i][1]);
        for (int s = 0; s < SPLITS; s++) {
            check_weights(table, &w, split[s]);
            check_weight_sums(table, &w, split[s]);
            for (int t = 0; t < split[s]; t++)
                ((RowsGradient *)kernel_named(table, "nn_scale_rows"))(&w.d, w.weight, w.scale, NULL, w.y, t, split[s]);
            for (long k = 0; k < w.d.rows * w.d.columns; k++)
                assert_element(same_bits(w.y[k], w.scale[k / w.d.columns] * w.weight[k]), "scaled %ld", k);
        }
        ck_assert(guard_holds(w.y) && guard_holds(w.sum));
        guarded_free(w.weight), guarded_free(w.dy), guarded_free(w.scale), guarded_free(w.y), guarded_free(w.sum);
    }
}
END_TEST

/* ---- channels ----------------------------------------------------------------------------------------- */

typedef void ScaledKernel(const nn_shape *, const float *x, const float *scale, const float *shift, float *y, int t,
                          int T);
typedef void ProductsKernel(const nn_shape *, const float *a, const float *b, float *sum, int t, int T);

static void check_channels(const nn_symbol *table, nn_shape d, int threads)
{
    Weights w = weights_of(d.n * d.c, d.p);
    float *scale = guarded(d.c), *shift = guarded(d.c), *sum = guarded(d.c);
    for (long c = 0; c < d.c; c++) scale[c] = 0.25F * (float)(c + 1), shift[c] = 0.5F;
    for (int t = 0; t < threads; t++)
        ((ScaledKernel *)kernel_named(table, "nn_channel_scaled"))(&d, w.weight, scale, shift, w.y, t, threads);
    for (long k = 0; k < d.n * d.c * d.p; k++)
        assert_element(fabsf(w.y[k] - (scale[k / d.p % d.c] * w.weight[k] + 0.5F)) <= 1e-4F, "scaled %ld", k);
    for (int t = 0; t < threads; t++)
        ((ProductsKernel *)kernel_named(table, "nn_channel_products"))(&d, w.dy, w.weight, sum, t, threads);
    for (long c = 0; c < d.c; c++) {
        double want = 0;
        for (long k = 0; k < d.n * d.c * d.p; k++)
            want += k / d.p % d.c == c ? (double)w.dy[k] * (double)w.weight[k] : 0;
        assert_element(fabs((double)sum[c] - want) <= 1e-4, "sum %ld is %g, not %g", c, (double)sum[c], want);
    }
    ck_assert(guard_holds(w.y) && guard_holds(sum));
    guarded_free(w.weight), guarded_free(w.dy), guarded_free(w.scale), guarded_free(w.y), guarded_free(w.sum);
    guarded_free(scale), guarded_free(shift), guarded_free(sum);
}

START_TEST(scaled_channels)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (int s = 0; s < SPLITS; s++) {
        check_channels(table, (nn_shape){3, 5, 49}, split[s]);
        check_channels(table, (nn_shape){75, 37, 1}, split[s]);
        check_channels(table, (nn_shape){2, 4, 144}, split[s]);
    }
}
END_TEST

Suite *simulated_kernels_suite(void)
{
    Suite *suite = suite_create("simulated kernels");
    TCase *tests = tcase_create("simulated kernels");
    tcase_add_loop_test(tests, simulated_values, 0, kernel_tables_of("nn_simulate"));
    tcase_add_loop_test(tests, simulated_special_values, 0, kernel_tables_of("nn_simulate"));
    tcase_add_loop_test(tests, simulated_weights, 0,
                        kernel_tables_of("nn_simulate_weight nn_scale_rows nn_rows_dscale"));
    tcase_add_loop_test(tests, scaled_channels, 0, kernel_tables_of("nn_channel_"));
    suite_add_tcase(suite, tests);
    return suite;
}
