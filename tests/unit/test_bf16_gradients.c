/*
 * Gradients of weights by products of bf16, of convolutions and of dense layers, through every table of
 * kernels, as the parts of one to three threads.
 *
 * Of integers sums are exact, however they are cut into blocks, tiles and pairs.  Of other numbers they
 * are compared with sums in doubles, to what a sum of so many floats may be off.  Of one channel, one
 * output and some samples of one pixel a kernel is one sum, whose order is worked out by hand.
 */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernels/system/bf16.h"

#define NN_LINKED 1
#include "runtime/kernels/conv/conv.h"
#include "runtime/kernels/dense/dense_types.h"
#include "runtime/kernels/limits.h"
#include "tests/unit/halves.h"
#include "tests/unit/libraries.h"
#include "tests/unit/shapes.h"

enum { THREADS = 3 };

typedef void ConvGradient(const nn_conv *, const uint16_t *large, const uint16_t *small, float *weight, int t, int T);
typedef void DenseGradient(const nn_dense_rows *, const uint16_t *x, const uint16_t *dy, float *dweight, int t, int T);

/* ---- convolutions ---- */

typedef struct Problem {
    nn_conv d;
    bool whole;
    Halves large, small;
    long weights;
    double *sum, *size; /* [o][c / groups][tap], and of absolute values */
} Problem;

static void add_pixel(Problem *p, long large, long small, int tap)
{
    const nn_conv *d = &p->d;
    const int c = d->c / d->groups, o = d->o / d->groups;
    for (int k = 0; k < d->o; k++)
        for (int i = 0; i < c; i++) {
            const double product = (double)nn_from_bf16(p->small.at[small * d->o_step + k]) *
                                   (double)nn_from_bf16(p->large.at[large * d->c_step + k / o * c + i]);
            const long to = ((long)k * c + i) * d->kh * d->kw + tap;
            p->sum[to] += product;
            p->size[to] += fabs(product);
        }
}

static void add_pixels(Problem *p, int n, int tap)
{
    const nn_conv *d = &p->d;
    for (int u = 0; u < d->oh; u++)
        for (int v = 0; v < d->ow; v++) {
            const int h = u * d->sh + tap / d->kw * d->dh - d->top, w = v * d->sw + tap % d->kw * d->dw - d->left;
            if (h >= 0 && h < d->h && w >= 0 && w < d->w)
                add_pixel(p, ((long)n * d->h + h) * d->w + w, ((long)n * d->oh + u) * d->ow + v, tap);
        }
}

static Problem problem(nn_conv d, bool whole, unsigned seed)
{
    Problem p = {.d = d, .whole = whole, .weights = (long)d.o * (d.c / d.groups) * d.kh * d.kw};
    p.large = random_pixels((long)d.n * d.h * d.w, d.c, d.c_step, whole, seed);
    p.small = random_pixels((long)d.n * d.oh * d.ow, d.o, d.o_step, whole, seed + 1);
    p.sum = calloc((size_t)p.weights, sizeof *p.sum);
    p.size = calloc((size_t)p.weights, sizeof *p.size);
    for (int n = 0; n < d.n; n++)
        for (int tap = 0; tap < d.kh * d.kw; tap++) add_pixels(&p, n, tap);
    return p;
}

static void problem_free(Problem *p)
{
    halves_free(&p->large), halves_free(&p->small);
    free(p->sum), free(p->size);
}

static float *gradient_of(const nn_symbol *table, const Problem *p, int T)
{
    float *weight = guarded(p->weights);
    for (int t = 0; t < T; t++)
        ((ConvGradient *)kernel_named(table, "nn_conv_wgrad_pairs"))(&p->d, p->large.at, p->small.at, weight, t, T);
    ck_assert_msg(guard_holds(weight), "written before the gradient");
    return weight;
}

/* Every product and addition of a float is off by 2^-24 of what it makes, at most, of n of them by n times
 * that of all sizes together; and a sum of less than 2^-126 may be 0. */
static double bound(double terms, double size) { return 2 * terms * (0x1p-24 * size + 0x1p-126); }

static void check_gradient(const Problem *p, const float *got, int T)
{
    const nn_conv *d = &p->d;
    const double terms = (double)d->n * d->oh * d->ow;
    for (long k = 0; k < p->weights; k++)
        assert_element(fabs((double)got[k] - p->sum[k]) <= (p->whole ? 0 : bound(terms, p->size[k])),
                       "%d threads, weight %ld: %a, not %a; %dx%dx%dx%d, %d outputs of %dx%d, %d groups, kernel %dx%d, "
                       "stride %d, dilation %d, padding %d",
                       T, k, (double)got[k], p->sum[k], d->n, d->c, d->h, d->w, d->o, d->oh, d->ow, d->groups, d->kh,
                       d->kw, d->sh, d->dh, d->top);
}

/* All threads' parts are those of one. */
static void check_conv(const nn_symbol *table, nn_conv d, bool whole, unsigned seed)
{
    Problem p = problem(d, whole, seed);
    float *one = gradient_of(table, &p, 1);
    check_gradient(&p, one, 1);
    for (int T = 2; T <= THREADS; T++) {
        float *got = gradient_of(table, &p, T);
        check_gradient(&p, got, T);
        assert_element(memcmp(got, one, (size_t)p.weights * sizeof *got) == 0, "%d threads: other bits", T);
        guarded_free(got);
    }
    guarded_free(one);
    problem_free(&p);
}

/* Channels of tiles and units, panels, pixels of a block, and an even and an odd number of samples. */
START_TEST(limits_of_gradients)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const nn_sizes *z = sizes_of(table);
    const int outputs = z->tile_panels * NN_PANEL;
    for (int more = -1; more <= 1; more++) {
        const Shape shapes[] = {
            {2 + more, z->tile_rows + more, 2, 3, outputs + more, 1, 1, 1, 1, 0, 0},
            {4 + more, z->wgrad_channels + more, 1, 1, 3, 1, 1, 1, 1, 0, 0},
            {2, 2, 1, z->wgrad_tiled_pixels + more, 2, 1, 1, 1, 1, 0, 1},
            {3 - more, 9 + more, 3, 4, 2 * outputs + more, 1, 3, 1, 1, 1, 2},
        };
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_conv(table, conv_of(shapes[i]), true, 10);
        const Shape flat = {3, 1, 3, z->wgrad_pixels / 3 + more, NN_PANEL + more, 1, 1, 1, 1, 1, 0};
        check_conv(table, conv_of_window(flat, 3), true, 10);
    }
}
END_TEST

START_TEST(shapes_of_gradients)
{
    unsigned state = 7;
    for (int i = 0; kernels_of(_i) && i < 24; i++) {
        Shape s = {.n = draw(&state, 1, 5), .k = draw(&state, 1, 4)};
        const int width = draw(&state, 1, 4);
        s.groups = i % 4 == 3 ? draw(&state, 2, 5) : 1;
        s.c = s.groups * draw(&state, 1, s.groups > 1 ? 9 : 24);
        s.o = s.groups * draw(&state, 1, s.groups > 1 ? 9 : i % 3 ? 20 : 70);
        s.stride = draw(&state, 1, 3);
        s.dilation = draw(&state, 1, 2);
        s.pad = draw(&state, 0, (s.k < width ? s.k : width) - 1);
        s.h = (s.k - 1) * s.dilation + draw(&state, 1, 7);
        s.w = (width - 1) * s.dilation + draw(&state, 1, 9);
        s.more = draw(&state, 0, 1) * draw(&state, 0, 9);
        check_conv(kernels_of(_i), conv_of_window(s, width), i % 2, (unsigned)i + 100);
    }
}
END_TEST

/* ---- dense layers ---- */

/* Rows first … first + count of the gradient. */
static void check_dense(const nn_symbol *table, nn_dense_rows d, bool whole, int T)
{
    Halves x = random_pixels(d.n, d.i, d.i, whole, 1), dy = random_pixels(d.n, d.o, d.o, whole, 2);
    float *got = guarded((long)d.count * d.i);
    for (int t = 0; t < T; t++)
        ((DenseGradient *)kernel_named(table, "nn_dense_dweight_pairs"))(&d, x.at, dy.at, got, t, T);
    for (long k = 0; k < (long)d.count * d.i; k++) {
        double want = 0, size = 0;
        for (long n = 0; n < d.n; n++) {
            const double product = (double)nn_from_bf16(dy.at[n * d.o + d.first + k / d.i]) *
                                   (double)nn_from_bf16(x.at[n * d.i + k % d.i]);
            want += product;
            size += fabs(product);
        }
        assert_element(fabs((double)got[k] - want) <= (whole ? 0 : bound(d.n, size)),
                       "%d threads, %d samples of %d, rows %d to %d of %d: weight %ld is %a, not %a", T, d.n, d.i,
                       d.first, d.first + d.count, d.o, k, (double)got[k], want);
    }
    ck_assert_msg(guard_holds(got), "written before the gradient");
    guarded_free(got);
    halves_free(&x), halves_free(&dy);
}

START_TEST(dense_gradients)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const nn_sizes *z = sizes_of(table);
    for (int more = -1; more <= 1; more++)
        for (int T = 1; T <= THREADS; T++) {
            check_dense(table, (nn_dense_rows){2 + more, 5, 3, 0, 3}, true, T);
            check_dense(table, (nn_dense_rows){17, z->gemm_columns + more, z->gemm_rows + more, 0, z->gemm_rows + more},
                        T == 2, T);
            check_dense(table, (nn_dense_rows){2 * z->gemm_depth + more, 9, 7, 2, 4}, true, T);
            check_dense(table, (nn_dense_rows){6 + more, 3 * z->gemm_columns + 1, 40, 5, 33}, false, T);
        }
}
END_TEST

/* ---- the order of a sum ---- */

enum { MOST = 5 };

/* The products of the samples, in their order, and the sum. */
typedef struct Order {
    int samples;
    uint16_t x[MOST], dy[MOST];
    uint32_t want;
} Order;

/* With 1 = 3f80, 2 = 4000, and exponents of 2 as (127 + e) << 7. */
static const Order orders[] = {
    {2, {0x3f80, 0x4b80}, {0x3f80, 0x3f80}, 0x4b800000},                                 /* 2^24, then + 1, a tie */
    {3, {0x4b80, 0x3f80, 0x3f80}, {0x3f80, 0x3f80, 0x3f80}, 0x4b800000},                 /* (1 + 2^24) + 1 */
    {4, {0x4b80, 0x3f80, 0x3f80, 0xcb80}, {0x3f80, 0x3f80, 0x3f80, 0x3f80}, 0x3f800000}, /* 1 + 2^24 − 2^24 + 1 */
    {4, {0x3f80, 0x4b80, 0xcb80, 0x3f80}, {0x3f80, 0x3f80, 0x3f80, 0x3f80}, 0x00000000}, /* 2^24 + 1 + 1 − 2^24 */
    {5,
     {0x4b80, 0x3f80, 0x3f80, 0xcb80, 0x3f81},
     {0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x3f81},
     0x40010100},                        /* + 1.0078125² */
    {1, {0x3f81}, {0x3f81}, 0x3f820200}, /* alone */
};

/* The same of subnormal numbers, where VDPBF16PS has zeros. */
static const Order flushed[] = {
    {1, {0x0001}, {0x7f00}, 0x00000000},                 /* x is subnormal */
    {1, {0x7f00}, {0x0040}, 0x00000000},                 /* so is dy */
    {2, {0x2080, 0x9f80}, {0x1f80, 0x2000}, 0x00800000}, /* −2^-127 is −0; + 2^-126 */
};

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static Halves copied(const uint16_t *from, int count)
{
    Halves x = halves(count);
    memcpy(x.at, from, (size_t)count * sizeof *from);
    return x;
}

static void check_order(const nn_symbol *table, const Order *o, size_t index)
{
    Halves x = copied(o->x, o->samples), dy = copied(o->dy, o->samples);
    const nn_conv d = conv_of((Shape){.n = o->samples, .c = 1, .h = 1, .w = 1, .o = 1});
    const nn_dense_rows rows = {o->samples, 1, 1, 0, 1};
    float *got = guarded(2);
    ((ConvGradient *)kernel_named(table, "nn_conv_wgrad_pairs"))(&d, x.at, dy.at, got, 0, 1);
    ((DenseGradient *)kernel_named(table, "nn_dense_dweight_pairs"))(&rows, x.at, dy.at, got + 1, 0, 1);
    for (int i = 0; i < 2; i++)
        ck_assert_msg(got[i] == float_of(o->want), "%s, sum %zu: %a, not %a", i ? "dense" : "convolution", index,
                      (double)got[i], (double)float_of(o->want));
    guarded_free(got);
    halves_free(&x), halves_free(&dy);
}

/* Products of bf16 are exact in floats: the order is the same where there is no VDPBF16PS. */
START_TEST(orders_of_samples)
{
    const nn_symbol *table = kernels_of(_i);
    for (size_t i = 0; table && i < sizeof orders / sizeof *orders; i++) check_order(table, &orders[i], i);
    for (size_t i = 0; table && sizes_of(table)->bf16_products && i < sizeof flushed / sizeof *flushed; i++)
        check_order(table, &flushed[i], i);
}
END_TEST

/* Two pixels of two samples: the second sample's first pixel, the first's, and so the second pixels. */
START_TEST(orders_of_pixels)
{
    static const uint16_t x[] = {0x4b80, 0x3f80, 0x3f80, 0xcb80}, one[] = {0x3f80, 0x3f80, 0x3f80, 0x3f80};
    const nn_symbol *table = kernels_of(_i);
    for (int wide = 0; table && wide < 2; wide++) {
        Halves large = copied(x, 4), small = copied(one, 4);
        const nn_conv d = conv_of((Shape){.n = 2, .c = 1, .h = wide ? 1 : 2, .w = wide ? 2 : 1, .o = 1});
        float *got = guarded(1);
        ((ConvGradient *)kernel_named(table, "nn_conv_wgrad_pairs"))(&d, large.at, small.at, got, 0, 1);
        ck_assert_msg(*got == 0x1p0f, "%a, not 1 + 2^24, − 2^24 + 1", (double)*got);
        guarded_free(got);
        halves_free(&large), halves_free(&small);
    }
}
END_TEST

Suite *bf16_gradients_suite(void)
{
    Suite *suite = suite_create("bf16_gradients");
    TCase *tests = tcase_create("bf16_gradients");
    tcase_add_loop_test(tests, limits_of_gradients, 0, kernel_tables());
    tcase_add_loop_test(tests, shapes_of_gradients, 0, kernel_tables());
    tcase_add_loop_test(tests, dense_gradients, 0, kernel_tables());
    tcase_add_loop_test(tests, orders_of_samples, 0, kernel_tables());
    tcase_add_loop_test(tests, orders_of_pixels, 0, kernel_tables());
    suite_add_tcase(suite, tests);
    return suite;
}
