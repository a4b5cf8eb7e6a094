/*
 * Kernels for NHWC images against those for NCHW: the same images in both layouts, through every table of kernels that this machine can run, as the parts
 * of one to three threads.  Values are halves, with ties and some NaN, so that sums are
 * exact and results must be the same numbers.
 */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NN_LINKED 1
#include "runtime/kernels/elementwise/combine.h"
#include "runtime/kernels/movement/channel_shuffle.h"
#include "runtime/kernels/movement/crop.h"
#include "runtime/kernels/movement/upsample.h"
#include "runtime/kernels/norm/lrn.h"
#include "runtime/kernels/pool/pool.h"
#include "runtime/kernels/reduction/shape.h"
#include "tests/unit/libraries.h"

/* ---- images ------------------------------------------------------------------- */

enum { SAMPLES = 2 };

typedef struct Image {
    long c, p;
    float *nchw, *nhwc, *got; /* got: what a kernel for NHWC wrote */
} Image;

/* NCHW [c][p] to NHWC [p][c] */
static void reorder(const Image *a)
{
    for (long n = 0; n < SAMPLES; n++)
        for (long c = 0; c < a->c; c++)
            for (long p = 0; p < a->p; p++) a->nhwc[(n * a->p + p) * a->c + c] = a->nchw[(n * a->c + c) * a->p + p];
}

static Image image(long c, long p, unsigned seed, bool nans)
{
    long count = SAMPLES * c * p;
    Image a = {c, p, guarded(count), guarded(count), guarded(count)};
    for (long i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        a.nchw[i] = (float)((int)(seed >> 24) % 17 - 8) / 2;
        if (nans && (seed >> 8) % 61 == 0) a.nchw[i] = NAN;
    }
    reorder(&a);
    return a;
}

static void image_free(Image *a)
{
    guarded_free(a->nchw);
    guarded_free(a->nhwc);
    guarded_free(a->got);
}

/* What the kernel wrote is the NCHW result, but for rounding where `part` of it may
 * differ, and nothing behind it was touched. */
static void check_close(Image *a, const char *what, int T, float part)
{
    reorder(a);
    for (long i = 0; i < SAMPLES * a->c * a->p; i++) {
        bool same = isnan(a->nhwc[i])
                        ? isnan(a->got[i])
                        : a->got[i] == a->nhwc[i] || fabsf(a->got[i] - a->nhwc[i]) <= part * (1 + fabsf(a->nhwc[i]));
        assert_element(same, "%s, %ld channels, %d threads: element %ld is %g, not %g", what, a->c, T, i,
                       (double)a->got[i], (double)a->nhwc[i]);
    }
    ck_assert(guard_holds(a->got));
}

static void check_image(Image *a, const char *what, int T) { check_close(a, what, T, 0); }

/* The reorder of argmax, an array of its own type. */
static void reorder_argmax(const void *nchw, void *nhwc, long c, long p, bool wide)
{
    for (long i = 0; i < SAMPLES * c * p; i++) {
        long n = i / (c * p), to = (n * p + i % p) * c + i / p % c;
        if (wide)
            ((int *)nhwc)[to] = ((const int *)nchw)[i];
        else
            ((unsigned char *)nhwc)[to] = ((const unsigned char *)nchw)[i];
    }
}

static const int channels[] = {1, 3, 8, 21, 64, 67};
enum { CHANNELS = sizeof channels / sizeof *channels };

/* ---- maxima and minima ------------------------------------------------------------------- */

static const nn_pool_window windows[] = {
    /* c, h, w, oh, ow, kh, kw, sh, sw, dh, dw, top, left, least, wide */
    {0, 9, 7, 5, 4, 3, 3, 2, 2, 1, 1, 1, 1, 0, 0},  {0, 8, 10, 4, 5, 2, 2, 2, 2, 1, 1, 0, 0, 0, 0},
    {0, 5, 6, 5, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0},  {0, 11, 9, 9, 6, 3, 2, 1, 1, 2, 3, 1, 0, 0, 0},
    {0, 7, 13, 2, 5, 2, 3, 4, 3, 1, 1, 0, 2, 0, 0}, {0, 19, 20, 2, 2, 17, 17, 2, 3, 1, 1, 0, 0, 1, 1},
    {0, 1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 1, 0, 0},  {0, 8, 8, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0, 0, 0},
};

typedef void MinmaxPool(const nn_pool_window *, long n, const float *x, float *y, void *place, int t, int T);
typedef void MinmaxPoolDx(const nn_pool_window *, long n, const float *dy, const void *place, float *dx, int t, int T);

static void check_argmax(const void *nchw, const void *got, long c, long p, bool wide)
{
    size_t bytes = (size_t)(SAMPLES * c * p) * (wide ? sizeof(int) : 1);
    void *expected = malloc(bytes);
    reorder_argmax(nchw, expected, c, p, wide);
    ck_assert_msg(memcmp(expected, got, bytes) == 0, "argmax of %ld channels", c);
    free(expected);
}

static void check_minmax_pool(const nn_symbol *table, nn_pool_window d, int T)
{
    Image x = image(d.c, (long)d.h * d.w, 1, true), y = image(d.c, (long)d.oh * d.ow, 2, false);
    Image dy = image(d.c, y.p, 3, false), dx = image(d.c, x.p, 4, false);
    size_t places = (size_t)(SAMPLES * d.c * y.p) * sizeof(int);
    void *nchw = malloc(places), *nhwc = malloc(places);
    ((MinmaxPool *)kernel_named(table, "nn_minmax_pool"))(&d, SAMPLES, x.nchw, y.nchw, nchw, 0, 1);
    MinmaxPool *forward = (MinmaxPool *)kernel_named(table, "nn_minmax_pool_nhwc");
    for (int t = 0; t < T; t++) forward(&d, SAMPLES, x.nhwc, y.got, NULL, t, T);
    check_image(&y, "minmax_pool alone", T);
    for (int t = 0; t < T; t++) forward(&d, SAMPLES, x.nhwc, y.got, nhwc, t, T);
    check_image(&y, "minmax_pool", T);
    check_argmax(nchw, nhwc, d.c, y.p, d.wide);
    ((MinmaxPoolDx *)kernel_named(table, "nn_minmax_pool_dx"))(&d, SAMPLES, dy.nchw, nchw, dx.nchw, 0, 1);
    MinmaxPoolDx *back = (MinmaxPoolDx *)kernel_named(table, "nn_minmax_pool_nhwc_dx");
    for (int t = 0; t < T; t++) back(&d, SAMPLES, dy.nhwc, nhwc, dx.got, t, T);
    check_image(&dx, "minmax_pool's gradient", T);
    free(nchw);
    free(nhwc);
    image_free(&x), image_free(&y), image_free(&dy), image_free(&dx);
}

START_TEST(extrema)
{
    for (size_t i = 0; kernels_of(_i) && i < sizeof windows / sizeof *windows * CHANNELS; i++) {
        nn_pool_window d = windows[i / CHANNELS];
        d.c = channels[i % CHANNELS];
        for (int T = 1; T <= 3; T++) check_minmax_pool(kernels_of(_i), d, T);
    }
}
END_TEST

/* ---- cells ---------------------------------------------------------------------- */

static const nn_pool_regions cells[] = {
    /* c, {large, small, k, stride, before, region, count, padded}: whole windows, windows that
     * are cut, counted in three ways, parts of unequal size, part of an image, the whole */
    {0, {8, 4, 2, 2, 0, 0, 2, 8}, {6, 3, 2, 2, 0, 0, 2, 6}},
    {0, {7, 4, 3, 2, 1, 0, 0, 9}, {9, 5, 3, 2, 1, 0, 0, 11}},
    {0, {7, 4, 4, 2, 1, 0, -1, 9}, {5, 5, 3, 1, 1, 0, -1, 7}},
    {0, {11, 4, 0, 0, 0, 11, 0, 11}, {13, 5, 0, 0, 0, 13, 0, 13}},
    {0, {11, 3, 0, 0, -2, 7, 0, 9}, {13, 2, 4, 4, -3, 0, 4, 10}},
    {0, {7, 1, 7, 1, 0, 0, 7, 7}, {5, 1, 5, 1, 0, 0, 5, 5}},
};

typedef void Average(const nn_pool_regions *, long n, const float *x, float *y, int t, int T);
typedef void Maximum(const nn_pool_regions *, long n, const float *x, float *y, int *place, int t, int T);
typedef void MaximumDx(const nn_pool_regions *, long n, const float *dy, const int *place, float *dx, int t, int T);

static void check_average(const nn_symbol *table, nn_pool_regions d, int T)
{
    long large = (long)d.v.large * d.h.large, small = (long)d.v.small * d.h.small;
    Image x = image(d.c, large, 1, true), y = image(d.c, small, 2, false);
    Image dy = image(d.c, small, 3, false), dx = image(d.c, large, 4, false);
    ((Average *)kernel_named(table, "nn_region_avgpool"))(&d, SAMPLES, x.nchw, y.nchw, 0, 1);
    for (int t = 0; t < T; t++)
        ((Average *)kernel_named(table, "nn_region_avgpool_nhwc"))(&d, SAMPLES, x.nhwc, y.got, t, T);
    check_image(&y, "average", T);
    ((Average *)kernel_named(table, "nn_region_avgpool_dx"))(&d, SAMPLES, dy.nchw, dx.nchw, 0, 1);
    for (int t = 0; t < T; t++)
        ((Average *)kernel_named(table, "nn_region_avgpool_nhwc_dx"))(&d, SAMPLES, dy.nhwc, dx.got, t, T);
    check_image(&dx, "average's gradient", T);
    image_free(&x), image_free(&y), image_free(&dy), image_free(&dx);
}

static void check_maximum(const nn_symbol *table, nn_pool_regions d, int T)
{
    long large = (long)d.v.large * d.h.large, small = (long)d.v.small * d.h.small;
    Image x = image(d.c, large, 1, true), y = image(d.c, small, 2, false);
    Image dy = image(d.c, small, 3, false), dx = image(d.c, large, 4, false);
    size_t places = (size_t)(SAMPLES * d.c * small) * sizeof(int);
    int *nchw = malloc(places), *nhwc = malloc(places);
    ((Maximum *)kernel_named(table, "nn_region_maxpool"))(&d, SAMPLES, x.nchw, y.nchw, nchw, 0, 1);
    for (int t = 0; t < T; t++)
        ((Maximum *)kernel_named(table, "nn_region_maxpool_nhwc"))(&d, SAMPLES, x.nhwc, y.got, nhwc, t, T);
    check_image(&y, "maximum", T);
    check_argmax(nchw, nhwc, d.c, small, true);
    ((MaximumDx *)kernel_named(table, "nn_region_maxpool_dx"))(&d, SAMPLES, dy.nchw, nchw, dx.nchw, 0, 1);
    for (int t = 0; t < T; t++)
        ((MaximumDx *)kernel_named(table, "nn_region_maxpool_nhwc_dx"))(&d, SAMPLES, dy.nhwc, nhwc, dx.got, t, T);
    check_image(&dx, "maximum's gradient", T);
    free(nchw);
    free(nhwc);
    image_free(&x), image_free(&y), image_free(&dy), image_free(&dx);
}

START_TEST(averages_and_maxima)
{
    for (size_t i = 0; kernels_of(_i) && i < sizeof cells / sizeof *cells * CHANNELS; i++) {
        nn_pool_regions d = cells[i / CHANNELS];
        d.c = channels[i % CHANNELS];
        for (int T = 1; T <= 3; T++) {
            check_average(kernels_of(_i), d, T);
            check_maximum(kernels_of(_i), d, T);
        }
    }
}
END_TEST

/* ---- combine ---------------------------------------------------------------------- */

typedef void Gate(const nn_shape *, const float *a, const float *b, float *out, int t, int T);

static void check_gate(const nn_symbol *table, int c, long p, int T)
{
    Image x = image(c, p, 1, true), gate = image(c, 1, 2, false), y = image(c, p, 3, false), dy = image(c, p, 4, false);
    const nn_shape size = {.n = SAMPLES, .c = c, .p = p};
    ((Gate *)kernel_named(table, "nn_gate"))(&size, x.nchw, gate.nchw, y.nchw, 0, 1);
    for (int t = 0; t < T; t++) ((Gate *)kernel_named(table, "nn_gate_nhwc"))(&size, x.nhwc, gate.nhwc, y.got, t, T);
    check_image(&y, "gate", T);
    ((Gate *)kernel_named(table, "nn_gate_sums"))(&size, x.nchw, dy.nchw, gate.nchw, 0, 1);
    for (int t = 0; t < T; t++)
        ((Gate *)kernel_named(table, "nn_gate_sums_nhwc"))(&size, x.nhwc, dy.nhwc, gate.got, t, T);
    check_image(&gate, "gate's sums", T);
    image_free(&x), image_free(&gate), image_free(&y), image_free(&dy);
}

START_TEST(gates)
{
    for (size_t i = 0; kernels_of(_i) && i < CHANNELS; i++)
        for (int T = 1; T <= 3; T++) check_gate(kernels_of(_i), channels[i], 13, T);
}
END_TEST

typedef void CopyRows(const nn_row_copy *, long n, const float *x, float *y, int t, int T);

/* Rows of every length, from wider ones into wider ones; what is between stays. */
static void check_copy(const nn_symbol *table, long rows, long each, int T)
{
    const long from = each + 3, to = each + 5;
    const nn_row_copy size = {.length = each, .x_step = from, .y_step = to};
    float *x = guarded(rows * from), *y = guarded(rows * to);
    for (long i = 0; i < rows * from; i++) x[i] = (float)i;
    for (int t = 0; t < T; t++) ((CopyRows *)kernel_named(table, "nn_copy_rows"))(&size, rows, x, y, t, T);
    for (long i = 0; i < rows * to; i++) {
        float expected = i % to < each ? x[i / to * from + i % to] : GUARD_VALUE;
        assert_element(y[i] == expected, "row of %ld, %d threads: element %ld", each, T, i);
    }
    guarded_free(x);
    guarded_free(y);
}

START_TEST(copies_of_rows)
{
    for (long each = 1; kernels_of(_i) && each < 140; each++)
        for (int T = 1; T <= 3; T++) check_copy(kernels_of(_i), each % 5 + 1, each, T);
    for (int T = 1; kernels_of(_i) && T <= 3; T++) check_copy(kernels_of(_i), 2, 3000, T);
}
END_TEST

/* ---- region ------------------------------------------------------------------------ */

typedef void Shuffle(const nn_shuffle *, long n, const float *x, float *y, int t, int T);

START_TEST(shuffles)
{
    for (int k = 1; kernels_of(_i) && k < 12; k++) {
        for (int T = 1; T <= 3; T++) {
            Image x = image(3L * k, 7, 1, true), y = image(3L * k, 7, 2, false);
            const nn_shuffle size = {.groups = 3, .k = k, .pixels = 7};
            ((Shuffle *)kernel_named(kernels_of(_i), "nn_channel_shuffle"))(&size, SAMPLES, x.nchw, y.nchw, 0, 1);
            for (int t = 0; t < T; t++)
                ((Shuffle *)kernel_named(kernels_of(_i), "nn_channel_shuffle_nhwc"))(&size, SAMPLES, x.nhwc, y.got, t,
                                                                                     T);
            check_image(&y, "shuffle", T);
            image_free(&x), image_free(&y);
        }
    }
}
END_TEST

typedef void Scale(const nn_upsample *, long n, const float *x, float *y, int t, int T);

static void check_scale(const nn_symbol *table, const char *nchw, const char *nhwc, nn_upsample d, bool back, int T)
{
    long small = (long)d.h * d.w, large = small * d.sh * d.sw;
    Image x = image(d.c, back ? large : small, 1, true), y = image(d.c, back ? small : large, 2, false);
    ((Scale *)kernel_named(table, nchw))(&d, SAMPLES, x.nchw, y.nchw, 0, 1);
    for (int t = 0; t < T; t++) ((Scale *)kernel_named(table, nhwc))(&d, SAMPLES, x.nhwc, y.got, t, T);
    check_image(&y, nhwc, T);
    image_free(&x), image_free(&y);
}

START_TEST(nearest_pixels)
{
    for (size_t i = 0; kernels_of(_i) && i < CHANNELS; i++) {
        for (int T = 1; T <= 3; T++) {
            nn_upsample d = {channels[i], 3, 5, 2, 3};
            check_scale(kernels_of(_i), "nn_upsample_nearest", "nn_upsample_nearest_nhwc", d, false, T);
            check_scale(kernels_of(_i), "nn_upsample_nearest_dx", "nn_upsample_nearest_nhwc_dx", d, true, T);
        }
    }
}
END_TEST

typedef void Take(const nn_crop_box *, long n, const float *whole, float *part, int t, int T);
typedef void Place(const nn_crop_box *, long n, const float *part, float *whole, float value, int t, int T);

/* In NHWC a part of an image is one of an image of one channel. */
static void check_region(const nn_symbol *table, nn_crop_box d, int T)
{
    Image part = image(d.c, (long)d.h * d.w, 1, true), whole = image(d.c, (long)d.H * d.W, 2, true);
    Image taken = image(d.c, part.p, 3, false), placed = image(d.c, whole.p, 4, false);
    nn_crop_box wide = {1, d.h, d.w * d.c, d.H, d.W * d.c, d.top, d.left * d.c};
    Take *take = (Take *)kernel_named(table, "nn_crop");
    Place *place = (Place *)kernel_named(table, "nn_pad");
    for (int t = 0; t < T; t++) {
        take(&d, SAMPLES, whole.nchw, taken.nchw, t, T);
        take(&wide, SAMPLES, whole.nhwc, taken.got, t, T);
        place(&d, SAMPLES, part.nchw, placed.nchw, 0.5f, t, T);
        place(&wide, SAMPLES, part.nhwc, placed.got, 0.5f, t, T);
    }
    check_image(&taken, "take", T);
    check_image(&placed, "place", T);
    image_free(&part), image_free(&whole), image_free(&taken), image_free(&placed);
}

START_TEST(parts_of_images)
{
    static const nn_crop_box regions[] = {
        {0, 3, 5, 7, 9, 1, 2}, {0, 4, 4, 4, 4, 0, 0}, {0, 1, 21, 3, 25, 2, 4}, {0, 5, 1, 6, 40, 0, 39}};
    for (size_t i = 0; kernels_of(_i) && i < sizeof regions / sizeof *regions * CHANNELS; i++) {
        nn_crop_box d = regions[i / CHANNELS];
        d.c = channels[i % CHANNELS];
        for (int T = 1; T <= 3; T++) check_region(kernels_of(_i), d, T);
    }
}
END_TEST

/* ---- lrn, prelu ---------------------------------------------------------------------- */

typedef void Lrn(const nn_lrn *, long n, const float *x, float *y, int t, int T);
typedef void LrnDx(const nn_lrn *, long n, const float *dy, const float *x, float *dx, int t, int T);

static void check_lrn(const nn_symbol *table, nn_lrn d, int T)
{
    Image x = image(d.c, d.p, 1, true), y = image(d.c, d.p, 2, false);
    Image dy = image(d.c, d.p, 3, false), dx = image(d.c, d.p, 4, false);
    ((Lrn *)kernel_named(table, "nn_lrn_forward"))(&d, SAMPLES, x.nchw, y.nchw, 0, 1);
    for (int t = 0; t < T; t++) ((Lrn *)kernel_named(table, "nn_lrn_nhwc"))(&d, SAMPLES, x.nhwc, y.got, t, T);
    check_close(&y, "lrn", T, 1e-6f);
    ((LrnDx *)kernel_named(table, "nn_lrn_dx"))(&d, SAMPLES, dy.nchw, x.nchw, dx.nchw, 0, 1);
    memcpy(dx.got, dy.nhwc, (size_t)(SAMPLES * d.c * d.p) * sizeof(float)); /* dx may be dy */
    for (int t = 0; t < T; t++)
        ((LrnDx *)kernel_named(table, "nn_lrn_nhwc_dx"))(&d, SAMPLES, dx.got, x.nhwc, dx.got, t, T);
    check_close(&dx, "lrn's gradient", T, 1e-5f);
    image_free(&x), image_free(&y), image_free(&dy), image_free(&dx);
}

START_TEST(local_responses)
{
    static const int sizes[] = {1, 4, 5, 64};
    for (size_t i = 0; kernels_of(_i) && i < sizeof sizes / sizeof *sizes * CHANNELS; i++) {
        int size = sizes[i / CHANNELS];
        nn_lrn d = {channels[i % CHANNELS], 11, size, 0.25f, 0.5f, i % 2 ? 0.75f : 0.5f, 1};
        for (int T = 1; T <= 3; T++) check_lrn(kernels_of(_i), d, T);
    }
}
END_TEST

typedef void Prelu(const nn_shape *, const float *x, const float *weight, float *y, int t, int T);

START_TEST(slopes)
{
    for (size_t i = 0; kernels_of(_i) && i < CHANNELS; i++) {
        for (int T = 1; T <= 3; T++) {
            int c = channels[i];
            Image x = image(c, 13, 1, true), y = image(c, 13, 2, false), weight = image(c, 1, 3, false);
            const nn_shape nchw = {.n = SAMPLES, .c = c, .p = 13}, nhwc = {.n = 13 * SAMPLES, .c = c, .p = 1};
            ((Prelu *)kernel_named(kernels_of(_i), "nn_prelu"))(&nchw, x.nchw, weight.nchw, y.nchw, 0, 1);
            for (int t = 0; t < T; t++)
                ((Prelu *)kernel_named(kernels_of(_i), "nn_prelu_nhwc"))(&nhwc, x.nhwc, weight.nchw, y.got, t, T);
            check_image(&y, "prelu", T);
            image_free(&x), image_free(&y), image_free(&weight);
        }
    }
}
END_TEST

typedef void Reorder(long n, long rows, long columns, const float *x, float *y, int t, int T);
typedef void ReorderBytes(long n, long rows, long columns, const int8_t *x, int8_t *y, int t, int T);

/* The same numbers as bytes. */
static int8_t *bytes_of(const float *from, long count)
{
    int8_t *bytes = malloc((size_t)count);
    for (long i = 0; i < count; i++) bytes[i] = (int8_t)(from[i] * 2);
    return bytes;
}

typedef void ReorderThree(long n, long columns, const float *x, float *y, int t, int T);
typedef void ReorderThreeBytes(long n, long columns, const int8_t *x, int8_t *y, int t, int T);

START_TEST(reorders_of_three)
{
    for (long p = 1; kernels_of(_i) && p < 200; p++)
        for (int T = 1; T <= 3; T++) {
            const long count = SAMPLES * 3 * p;
            Image a = image(3, p, (unsigned)p, false);
            int8_t *x = bytes_of(a.nchw, count), *y = bytes_of(a.nhwc, count), *got = calloc((size_t)count + 1, 1);
            for (int t = 0; t < T; t++) {
                ((ReorderThree *)kernel_named(kernels_of(_i), "nn_reorder_three"))(SAMPLES, p, a.nchw, a.got, t, T);
                ((ReorderThreeBytes *)kernel_named(kernels_of(_i), "nn_reorder_three_int8"))(SAMPLES, p, x, got, t, T);
            }
            check_image(&a, "reorder_three", T);
            ck_assert_msg(!memcmp(got, y, (size_t)count) && !got[count], "%ld columns of bytes, %d threads", p, T);
            free(x), free(y), free(got);
            image_free(&a);
        }
}
END_TEST

static void check_reorder(const nn_symbol *table, long c, long p, int T)
{
    const long count = SAMPLES * c * p;
    Image a = image(c, p, (unsigned)(c * p), false);
    int8_t *x = bytes_of(a.nchw, count), *y = bytes_of(a.nhwc, count), *got = calloc((size_t)count + 1, 1);
    for (int t = 0; t < T; t++) {
        ((Reorder *)kernel_named(table, "nn_reorder"))(SAMPLES, c, p, a.nchw, a.got, t, T);
        ((ReorderBytes *)kernel_named(table, "nn_reorder_int8"))(SAMPLES, c, p, x, got, t, T);
    }
    check_image(&a, "reorder", T);
    ck_assert_msg(!memcmp(got, y, (size_t)count) && !got[count], "reorder of %ld x %ld bytes, %d threads", c, p, T);
    free(x), free(y), free(got);
    image_free(&a);
}

START_TEST(reorders)
{
    static const long sizes[] = {1, 2, 3, 5, 16, 17, 33, 70};
    for (size_t i = 0; kernels_of(_i) && i < sizeof sizes / sizeof *sizes; i++)
        for (long p = 1; p < 150; p += 1 + p / 4)
            for (int T = 1; T <= 3; T++) check_reorder(kernels_of(_i), sizes[i], p, T);
}
END_TEST

Suite *nhwc_kernels_suite(void)
{
    Suite *suite = suite_create("nhwc_kernels");
    TCase *tests = tcase_create("nhwc_kernels");
    tcase_add_loop_test(tests, extrema, 0, kernel_tables_of("nn_minmax_pool"));
    tcase_add_loop_test(tests, averages_and_maxima, 0, kernel_tables_of("nn_region_"));
    tcase_add_loop_test(tests, gates, 0, kernel_tables_of("nn_gate"));
    tcase_add_loop_test(tests, copies_of_rows, 0, kernel_tables_of("nn_copy_rows"));
    tcase_add_loop_test(tests, shuffles, 0, kernel_tables_of("nn_channel_shuffle"));
    tcase_add_loop_test(tests, nearest_pixels, 0, kernel_tables_of("nn_upsample_"));
    tcase_add_loop_test(tests, parts_of_images, 0, kernel_tables_of("nn_crop nn_pad"));
    tcase_add_loop_test(tests, local_responses, 0, kernel_tables_of("nn_lrn_"));
    tcase_add_loop_test(tests, slopes, 0, kernel_tables_of("nn_prelu"));
    tcase_add_loop_test(tests, reorders, 0, kernel_tables_of("nn_reorder"));
    tcase_add_loop_test(tests, reorders_of_three, 0, kernel_tables_of("nn_reorder"));
    suite_add_tcase(suite, tests);
    return suite;
}
