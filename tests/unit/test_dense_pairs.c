/*
 * Dense layers that round their weights as they read them (dense_pairs.h), through every table of kernels, as
 * the parts of one to three threads: bit by bit what convolutions of 1x1 make of the same weights, rounded and
 * packed before.  Weights may be subnormal, infinite or NaN.
 */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NN_LINKED 1
#include "runtime/kernels/conv/conv.h"
#include "runtime/kernels/dense/dense_pairs.h"
#include "runtime/kernels/elementwise/convert.h"
#include "runtime/kernels/limits.h"
#include "tests/unit/halves.h"
#include "tests/unit/libraries.h"

enum { THREADS = 3 };

typedef void Dense(const nn_dense *, const nn_dense_pairs_args *, int t, int T);
typedef void Narrow(long count, const float *x, uint16_t *y, int t, int T);
typedef void Pack(const nn_conv *, const uint16_t *weight, uint16_t *panels, int t, int T);
typedef void Convolve(const nn_conv *, const nn_conv_args *, int t, int T);

static float number(unsigned stream, long i) { return 2 * uniform(stream, (unsigned)i) - 1; }

/* Every 97th is one of these. */
static const uint32_t special[] = {0x00000001, 0x807f8000, 0x007fffff, 0x7f800000, 0xff812345,
                                   0x7fc12345, 0x00800000, 0x7f7fffff, 0x80000000};

typedef struct Layer {
    nn_dense d;
    int back;
    float *weight, *bias;
    Halves x;
} Layer;

static Layer layer_of(nn_dense d, int back, int specials)
{
    Layer l = {.d = d, .back = back, .weight = guarded((long)d.i * d.o), .bias = guarded(d.o)};
    const long vectors = (long)d.n * (back ? d.o : d.i);
    float *wide = guarded(vectors);
    for (long i = 0; i < (long)d.i * d.o; i++) {
        l.weight[i] = number(1, i);
        if (specials && i % 97 == 13) memcpy(l.weight + i, special + i / 97 % 9, sizeof *special);
    }
    for (long i = 0; i < d.o; i++) l.bias[i] = number(2, i);
    for (long i = 0; i < vectors; i++) wide[i] = number(3, i);
    l.x = halves(vectors);
    ((Narrow *)kernel_named(kernels_of(0), "nn_narrow"))(vectors, wide, l.x.at, 0, 1);
    guarded_free(wide);
    return l;
}

/* By a convolution of as many pixels as there are rows. */
static void convolve(const nn_symbol *table, const Layer *l, nn_conv_args args)
{
    const nn_dense *d = &l->d;
    const nn_conv c = {.n = d->n,
                       .c = d->i,
                       .h = 1,
                       .w = 1,
                       .o = d->o,
                       .oh = 1,
                       .ow = 1,
                       .groups = 1,
                       .kh = 1,
                       .kw = 1,
                       .sh = 1,
                       .sw = 1,
                       .dh = 1,
                       .dw = 1,
                       .c_step = d->i,
                       .o_step = d->o};
    const long count = (long)d->i * d->o;
    const long packed = l->back ? nn_conv_packed_bf16(d->i, d->o, 1) : nn_conv_packed_bf16(d->o, d->i, 1);
    Halves weight = halves(count), panels = halves(packed);
    ((Narrow *)kernel_named(table, "nn_narrow"))(count, l->weight, weight.at, 0, 1);
    ((Pack *)kernel_named(table, l->back ? "nn_conv_panels_backward_bf16" : "nn_conv_panels_bf16"))(&c, weight.at,
                                                                                                    panels.at, 0, 1);
    args.x = l->x.at;
    args.panels = panels.at;
    ((Convolve *)kernel_named(table, l->back ? "nn_conv_backward_data_bf16" : "nn_conv_forward_bf16"))(&c, &args, 0, 1);
    halves_free(&weight), halves_free(&panels);
}

static void check_floats(const nn_symbol *table, const Layer *l, int T)
{
    const nn_dense *d = &l->d;
    const long count = (long)d->n * (l->back ? d->i : d->o);
    float *want = guarded(count), *y = guarded(count), *bias = l->back ? NULL : l->bias;
    const nn_dense_pairs_args args = {.x = l->x.at, .weight = l->weight, .bias = bias, .y = y};
    convolve(table, l, (nn_conv_args){.bias = bias, .y = want});
    for (int t = 0; t < T; t++)
        ((Dense *)kernel_named(table, l->back ? "nn_dense_dx_pairs" : "nn_dense_forward_pairs"))(d, &args, t, T);
    for (long i = 0; i < count; i++)
        assert_element((isnan(want[i]) && isnan(y[i])) || memcmp(want + i, y + i, sizeof *y) == 0,
                       "%s of %d x %d -> %d, %d threads: element %ld is %a, not %a", l->back ? "dx" : "y", d->n, d->i,
                       d->o, T, i, (double)y[i], (double)want[i]);
    ck_assert_msg(guard_holds(y), "written before the result");
    guarded_free(want), guarded_free(y);
}

/* Or both no numbers. */
static bool same(uint16_t a, uint16_t b) { return a == b || ((a & 0x7fff) > 0x7f80 && (b & 0x7fff) > 0x7f80); }

static void check_halves(const nn_symbol *table, const Layer *l, int T)
{
    const nn_dense *d = &l->d;
    const long count = (long)d->n * (l->back ? d->i : d->o);
    Halves want = halves(count), y = halves(count);
    const nn_dense_pairs_args args = {.x = l->x.at, .weight = l->weight, .y = y.at, .half = 1};
    convolve(table, l, (nn_conv_args){.y = want.at, .half = 1});
    for (int t = 0; t < T; t++)
        ((Dense *)kernel_named(table, l->back ? "nn_dense_dx_pairs" : "nn_dense_forward_pairs"))(d, &args, t, T);
    for (long i = 0; i < count; i++)
        assert_element(same(y.at[i], want.at[i]),
                       "%s of %d x %d -> %d in bf16, %d threads: element %ld is %04x, not %04x", l->back ? "dx" : "y",
                       d->n, d->i, d->o, T, i, y.at[i], want.at[i]);
    halves_free(&want), halves_free(&y);
}

/* On both sides of tiles, panels, and what is rounded at a time. */
START_TEST(limits_of_pairs)
{
    static const nn_dense sizes[] = {{1, 1, 1},     {2, 31, 15},  {3, 33, 17},  {8, 255, 33}, {9, 257, 31},
                                     {33, 64, 48},  {17, 65, 47}, {5, 2, 129},  {65, 34, 16}, {4, 512, 32},
                                     {31, 545, 10}, {1, 700, 40}, {32, 530, 35}};
    const nn_symbol *table = kernels_of(_i);
    for (size_t i = 0; table && i < sizeof sizes / sizeof *sizes; i++)
        for (int form = 0; form < 4; form++) {
            Layer l = layer_of(sizes[i], form & 1, form >> 1);
            for (int T = 1; T <= THREADS; T++) check_floats(table, &l, T);
            check_halves(table, &l, 1 + form % THREADS);
            halves_free(&l.x), guarded_free(l.weight), guarded_free(l.bias);
        }
}
END_TEST

Suite *dense_pairs_suite(void);

Suite *dense_pairs_suite(void)
{
    Suite *suite = suite_create("dense_pairs");
    TCase *tests = tcase_create("dense_pairs");
    tcase_add_loop_test(tests, limits_of_pairs, 0, kernel_tables_of("nn_dense_forward_pairs"));
    suite_add_tcase(suite, tests);
    return suite;
}
