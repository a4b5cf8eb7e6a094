/*
 * Kernels that read and write values in bf16: the same bits as those of floats, of the same numbers,
 * rounded where they are stored; through every table of kernels, divided among threads.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernels/system/bf16.h"

#define NN_LINKED 1
#include "runtime/kernels/conv/conv.h"
#include "runtime/kernels/dense/dense_types.h"
#include "runtime/kernels/limits.h"
#include "runtime/kernels/norm/batchnorm.h"
#include "runtime/kernels/reduction/shape.h"
#include "tests/unit/libraries.h"
#include "tests/unit/shapes.h"

enum { THREADS = 3 };

/* Numbers that bf16 has, in both formats; the bf16 end where nothing may be read. */
typedef struct Numbers {
    long count;
    float *wide, *room;
    uint16_t *half; /* in `room` */
} Numbers;

static Numbers numbers_zero(long count)
{
    Numbers x = {.count = count, .wide = guarded(count), .room = guarded((count + 1) / 2)};
    x.half = (uint16_t *)(void *)x.room + count % 2;
    for (long k = 0; k < count; k++) x.wide[k] = 0, x.half[k] = 0;
    return x;
}

static Numbers numbers(long count, unsigned stream)
{
    Numbers x = numbers_zero(count);
    for (long k = 0; k < count; k++) {
        x.half[k] = nn_to_bf16(2 * uniform(stream, (unsigned)k) - 0.9f);
        x.wide[k] = nn_from_bf16(x.half[k]);
    }
    return x;
}

static void numbers_free(Numbers *x) { guarded_free(x->wide), guarded_free(x->room); }

static void numbers_free_all(Numbers *x, int count)
{
    for (int i = 0; i < count; i++) numbers_free(&x[i]);
}

/* What one kernel has stored in bf16 are the rounded numbers of the other. */
static void check_rounded(const Numbers *y, const char *what, int T)
{
    for (long k = 0; k < y->count; k++)
        assert_element(y->half[k] == nn_to_bf16(y->wide[k]), "%s, %d threads: element %ld is %04x of %a", what, T, k,
                       y->half[k], (double)y->wide[k]);
    ck_assert_msg(guard_holds(y->room), "%s writes before the array", what);
}

static void check_same(const float *a, const float *b, long count, const char *what, int T)
{
    for (long k = 0; k < count; k++)
        assert_element(memcmp(&a[k], &b[k], sizeof *a) == 0, "%s, %d threads: element %ld is %a, of floats %a", what, T,
                       k, (double)b[k], (double)a[k]);
}

/* ---- conversions ---- */

typedef void Widen(long, const uint16_t *, float *, int, int);
typedef void Narrow(long, const float *, uint16_t *, int, int);
typedef void Round(long, const float *, float *, int, int);

/* Any bits at all: infinities, NaN, subnormal numbers and ties among them. */
static float any_float(unsigned k)
{
    static const uint32_t special[] = {0,          0x80000000, 0x7f800000, 0xff800000, 0x7f800001, 0xffc12345,
                                       0x7f7fffff, 0x00000001, 0x00008000, 0x00018000, 0x3f808000, 0x3f818000};
    const uint32_t bits = k % 3 ? (uint32_t)((double)uniform(9, k) * 4294967296.0) : special[k / 3 % 12];
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void check_conversions(const nn_symbol *table, long count, int T)
{
    Numbers x = numbers_zero(count), y = numbers_zero(count);
    for (long k = 0; k < count; k++) x.wide[k] = any_float((unsigned)k);
    for (int t = 0; t < T; t++) ((Narrow *)kernel_named(table, "nn_narrow"))(count, x.wide, x.half, t, T);
    check_rounded(&x, "nn_narrow", T);
    for (int t = 0; t < T; t++) ((Widen *)kernel_named(table, "nn_widen"))(count, x.half, y.wide, t, T);
    for (long k = 0; k < count; k++)
        assert_element(memcmp(&y.wide[k], &(float){nn_from_bf16(x.half[k])}, 4) == 0, "nn_widen of %04x", x.half[k]);
    float *rounded = guarded(count);
    for (int t = 0; t < T; t++) ((Round *)kernel_named(table, "nn_round_bf16"))(count, x.wide, rounded, t, T);
    check_same(y.wide, rounded, count, "nn_round_bf16", T);
    guarded_free(rounded);
    numbers_free(&x);
    numbers_free(&y);
}

START_TEST(converts)
{
    const nn_symbol *table = kernels_of(_i);
    for (long count = 1; table && count <= 70; count++)
        for (int T = 1; T <= THREADS; T++) check_conversions(table, count, T);
    if (table) check_conversions(table, 1000, 2);
}
END_TEST

/* ---- batchnorm ---- */

typedef void Infer(const nn_batchnorm *, long, const nn_batchnorm_infer_args *, int, int);
typedef void Train(const nn_batchnorm *, long, const nn_batchnorm_train_args *, int, int);
typedef void Moments(const nn_batchnorm *, long, const nn_batchnorm_moments_args *, int, int);
typedef void Recompute(const nn_batchnorm *, long, const nn_batchnorm_recompute_args *, int, int);
typedef void Sums(const nn_batchnorm *, long, const nn_batchnorm_sums_args *, int, int);
typedef void Dx(const nn_batchnorm *, long, const nn_batchnorm_dx_args *, int, int);
typedef void ChannelSums(const nn_shape *, long, const void *, float *, int, int);

enum { MOST_CHANNELS = 160 };

/* Of one format: what is of channels. */
typedef struct Channels {
    float weight[MOST_CHANNELS], bias[MOST_CHANNELS], running_mean[MOST_CHANNELS], running_var[MOST_CHANNELS],
        mean[MOST_CHANNELS], inv[MOST_CHANNELS], dweight[MOST_CHANNELS], dbias[MOST_CHANNELS],
        deviations[MOST_CHANNELS], sum[MOST_CHANNELS], count[1];
} Channels;

/* All kernels, one after the other, in one format. */
typedef struct Pass {
    const nn_symbol *table;
    nn_batchnorm size;
    long rows;
    int T;
    bool half;
    Channels *c;
    const Numbers *x, *dy, *residual;
    Numbers *y, *again, *infer, *dx;
} Pass;

static const void *of(const Pass *p, const Numbers *x) { return p->half ? (const void *)x->half : x->wide; }
static void *to(const Pass *p, Numbers *x) { return p->half ? (void *)x->half : x->wide; }

static void *kernel(const Pass *p, const char *name)
{
    char text[64];
    ck_assert_int_lt(snprintf(text, sizeof text, "%s%s", name, p->half ? "_bf16" : ""), sizeof text);
    return kernel_named(p->table, text);
}

static void run_forward(const Pass *p)
{
    Channels *c = p->c;
    const nn_batchnorm_train_args train = {.x = of(p, p->x),
                                           .residual = of(p, p->residual),
                                           .weight = c->weight,
                                           .bias = c->bias,
                                           .y = to(p, p->y),
                                           .running_mean = c->running_mean,
                                           .running_var = c->running_var,
                                           .mean = c->mean,
                                           .inv = c->inv};
    const nn_batchnorm_recompute_args again = {.x = of(p, p->x),
                                               .residual = of(p, p->residual),
                                               .weight = c->weight,
                                               .bias = c->bias,
                                               .mean = c->mean,
                                               .inv = c->inv,
                                               .y = to(p, p->again)};
    const nn_batchnorm_moments_args moments = {
        .x = of(p, p->x), .mean = c->sum, .deviations = c->deviations, .count = c->count};
    const nn_batchnorm_infer_args infer = {of(p, p->x),     c->weight,      c->bias,
                                           c->running_mean, c->running_var, to(p, p->infer)};
    for (int t = 0; t < p->T; t++) ((Train *)kernel(p, "nn_batchnorm_train"))(&p->size, p->rows, &train, t, p->T);
    for (int t = 0; t < p->T; t++)
        ((Recompute *)kernel(p, "nn_batchnorm_recompute"))(&p->size, p->rows, &again, t, p->T);
    for (int t = 0; t < p->T; t++) ((Moments *)kernel(p, "nn_batchnorm_moments"))(&p->size, p->rows, &moments, t, p->T);
    for (int t = 0; t < p->T; t++) ((Infer *)kernel(p, "nn_batchnorm_infer"))(&p->size, p->rows, &infer, t, p->T);
}

static void run_backward(const Pass *p)
{
    Channels *c = p->c;
    const nn_batchnorm_sums_args sums = {.dy = of(p, p->dy),
                                         .x = of(p, p->x),
                                         .mean = c->mean,
                                         .inv = c->inv,
                                         .weight = c->weight,
                                         .bias = c->bias,
                                         .dweight = c->dweight,
                                         .dbias = c->dbias};
    const nn_batchnorm_dx_args dx = {.dy = of(p, p->dy),
                                     .x = of(p, p->x),
                                     .residual = of(p, p->residual),
                                     .mean = c->mean,
                                     .inv = c->inv,
                                     .dweight = c->dweight,
                                     .dbias = c->dbias,
                                     .weight = c->weight,
                                     .bias = c->bias,
                                     .dx = to(p, p->dx)};
    const nn_shape shape = {.n = p->rows, .c = p->size.c, .p = 1};
    for (int t = 0; t < p->T; t++) ((Sums *)kernel(p, "nn_batchnorm_sums"))(&p->size, p->rows, &sums, t, p->T);
    for (int t = 0; t < p->T; t++) ((Dx *)kernel(p, "nn_batchnorm_dx"))(&p->size, p->rows, &dx, t, p->T);
    for (int t = 0; t < p->T; t++)
        ((ChannelSums *)kernel(p, "nn_channel_sums"))(&shape, p->size.c, of(p, p->dy), c->sum, t, p->T);
}

static void check_batchnorm(const nn_symbol *table, long rows, int c, int relu, int T)
{
    Channels floats = {0}, halves;
    for (int k = 0; k < c; k++) {
        floats.weight[k] = uniform(3, (unsigned)k) + 0.5f;
        floats.bias[k] = uniform(4, (unsigned)k) - 0.5f;
    }
    halves = floats;
    Numbers x = numbers(rows * c, 1), dy = numbers(rows * c, 2), residual = numbers(rows * c, 3);
    Numbers y = numbers_zero(rows * c), again = numbers_zero(rows * c), infer = numbers_zero(rows * c),
            dx = numbers_zero(rows * c);
    Pass p = {table, {c, 1, 1e-5f, 0.1f, relu, c, c, c}, rows, T, false, NULL, &x, &dy, &residual, &y, &again, &infer,
              &dx};
    for (int half = 0; half < 2; half++) {
        p.half = half;
        p.c = half ? &halves : &floats;
        run_forward(&p);
        run_backward(&p);
    }
    check_rounded(&y, "nn_batchnorm_train", T);
    check_rounded(&again, "nn_batchnorm_recompute", T);
    check_rounded(&infer, "nn_batchnorm_infer", T);
    check_rounded(&dx, "nn_batchnorm_dx", T);
    check_same(floats.weight, halves.weight, sizeof floats / sizeof(float), "statistics of batchnorm", T);
    Numbers *all[] = {&x, &dy, &residual, &y, &again, &infer, &dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) numbers_free(all[i]);
}

START_TEST(batchnorm_of_bf16)
{
    static const struct {
        long rows;
        int c;
    } shapes[] = {{1, 7}, {64, 16}, {65, 33}, {129, 5}, {200, 131}};
    const nn_symbol *table = kernels_of(_i);
    for (size_t i = 0; table && i < sizeof shapes / sizeof *shapes; i++)
        for (int T = 1; T <= THREADS; T++)
            for (int relu = 0; relu < 2; relu++) check_batchnorm(table, shapes[i].rows, shapes[i].c, relu, T);
}
END_TEST

/* ---- weight gradients ---- */

typedef void Wgrad(const nn_conv *, const float *, const float *, float *, int, int);
typedef void WgradBf16(const nn_conv *, const nn_image_formats *, const void *, const void *, float *, int, int);
typedef void WinogradWgrad(const nn_conv *, const void *, const void *, float *, float *, int, int);

static void check_wgrad(const nn_symbol *table, nn_conv d, int T)
{
    const long weights = (long)d.o * (d.c / d.groups) * d.kh * d.kw;
    Numbers large = numbers((long)d.n * d.h * d.w * d.c, 1), small = numbers((long)d.n * d.oh * d.ow * d.o, 2);
    float *want = guarded(weights), *got = guarded(weights);
    for (int t = 0; t < T; t++) ((Wgrad *)kernel_named(table, "nn_conv_wgrad"))(&d, large.wide, small.wide, want, t, T);
    for (int i = 1; i < 4; i++) {
        const nn_image_formats formats = {.large = i & 1, .small = i >> 1};
        for (int t = 0; t < T; t++)
            ((WgradBf16 *)kernel_named(table, "nn_conv_wgrad_bf16"))(
                &d, &formats, formats.large ? (const void *)large.half : large.wide,
                formats.small ? (const void *)small.half : small.wide, got, t, T);
        check_same(want, got, weights, "nn_conv_wgrad_bf16", T);
    }
    guarded_free(want), guarded_free(got);
    numbers_free(&large), numbers_free(&small);
}

static void check_winograd_wgrad(const nn_symbol *table, nn_conv d, int T)
{
    const long weights = (long)d.o * d.c * 9;
    Numbers large = numbers((long)d.n * d.h * d.w * d.c, 1), small = numbers((long)d.n * d.oh * d.ow * d.o, 2);
    float *want = guarded(weights), *got = guarded(weights),
          *work = zeroed((size_t)nn_winograd_wgrad_work() * sizeof *work);
    for (int t = 0; t < T; t++)
        ((WinogradWgrad *)kernel_named(table, "nn_winograd_wgrad"))(&d, large.wide, small.wide, want, work, t, T);
    for (int t = 0; t < T; t++)
        ((WinogradWgrad *)kernel_named(table, "nn_winograd_wgrad_bf16"))(&d, large.half, small.half, got, work, t, T);
    check_same(want, got, weights, "nn_winograd_wgrad_bf16", T);
    free(work);
    guarded_free(want), guarded_free(got);
    numbers_free(&large), numbers_free(&small);
}

/* A convolution with padding that keeps the size, but for the stride. */
static nn_conv padded_conv(int n, int side, int c, int o, int k, int stride)
{
    return conv_of((Shape){n, c, side, side, o, .k = k, .stride = stride, .pad = k / 2});
}

START_TEST(weight_gradients_of_bf16)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    nn_conv grouped = padded_conv(2, 7, 12, 8, 3, 1);
    grouped.groups = 2;
    for (int T = 1; T <= THREADS; T++) {
        check_wgrad(table, padded_conv(2, 9, 3, 5, 5, 2), T);
        check_wgrad(table, padded_conv(3, 7, 37, 21, 3, 1), T);
        check_wgrad(table, padded_conv(2, 8, 45, 35, 1, 1), T);
        check_wgrad(table, padded_conv(2, 8, 19, 16, 1, 2), T);
        check_wgrad(table, grouped, T);
        check_winograd_wgrad(table, padded_conv(2, 7, 18, 19, 3, 1), T);
    }
}
END_TEST

/* ---- depthwise convolution, and of small groups ---- */

typedef void Panels(const nn_conv *, const float *weight, float *panels, int t, int T);
typedef void Convolve(const nn_conv *, const nn_conv_args *, int t, int T);
typedef void DepthwiseWgrad(const nn_conv *, const void *, const void *, float *, int, int);

/* Of one format, forward or (back) backward-data. */
typedef struct Rows {
    const nn_symbol *table;
    nn_conv d;
    bool back;
    int T;
    const Numbers *x, *residual;
    Numbers *y;
    float *weight, *panels, *bias, *scale, *shift;
} Rows;

static const char *family(const Rows *r) { return r->d.c == r->d.groups ? "depthwise" : "grouped"; }

static void *rows_kernel(const Rows *r, const char *what, const char *format)
{
    char text[64];
    snprintf(text, sizeof text, "nn_%s_%s%s", family(r), what, format);
    return kernel_named(r->table, text);
}

/* Depthwise panels are the same in all forms. */
static void pack_rows(const Rows *r, const char *format)
{
    const bool depthwise = r->d.c == r->d.groups;
    Panels *f = rows_kernel(r, r->back && !depthwise ? "panels_backward" : "panels", depthwise ? "" : format);
    for (int t = 0; t < r->T; t++) f(&r->d, r->weight, r->panels, t, r->T);
}

static void run_rows(const Rows *r)
{
    const nn_epilogue e = {r->scale, r->shift, r->residual->wide, 1, 0};
    const nn_conv_args a = {
        .x = r->x->wide, .panels = r->panels, .bias = r->bias, .epilogue = r->back ? NULL : &e, .y = r->y->wide};
    pack_rows(r, "");
    for (int t = 0; t < r->T; t++)
        ((Convolve *)rows_kernel(r, r->back ? "backward_data" : "forward", ""))(&r->d, &a, t, r->T);
}

/* `form`: the residual in bf16, the result too. */
static void run_rows_bf16(const Rows *r, int form, void *y)
{
    const void *residual = form & 1 ? (const void *)r->residual->half : r->residual->wide;
    const nn_epilogue e = {r->scale, r->shift, residual, 1, form & 1};
    const nn_conv_args a = {.x = r->x->half,
                            .panels = r->panels,
                            .bias = r->bias,
                            .epilogue = r->back ? NULL : &e,
                            .y = y,
                            .half = form >> 1};
    pack_rows(r, "_bf16");
    for (int t = 0; t < r->T; t++)
        ((Convolve *)rows_kernel(r, r->back ? "backward_data_bf16" : "forward_bf16", ""))(&r->d, &a, t, r->T);
}

/* Sums of at most 72 products and of what is added to them, all below 4, in two orders. */
static void check_near(const float *a, const float *b, long count, const char *what)
{
    for (long k = 0; k < count; k++)
        assert_element(fabsf(a[k] - b[k]) <= 72 * 4 * 0x1p-23f, "%s: element %ld is %a, not %a", what, k, (double)b[k],
                       (double)a[k]);
}

static void check_rows(const nn_symbol *table, nn_conv d, bool back, int T)
{
    const long large = (long)d.n * d.h * d.w * d.c_step, small = (long)d.n * d.oh * d.ow * d.o_step;
    const long weights = (long)d.o * (d.c / d.groups) * d.kh * d.kw;
    Numbers x = numbers(back ? small : large, 1), residual = numbers(back ? large : small, 2);
    Numbers y = numbers_zero(back ? large : small), weight = numbers(weights, 3), channels = numbers(d.c, 4);
    const long packed = nn_conv_packed(d.groups, d.o / d.groups, d.c / d.groups, d.kh * d.kw);
    float *panels = guarded(packed), *of = channels.wide;
    const Rows r = {table, d, back, T, &x, &residual, &y, weight.wide, panels, of, of, of};
    float *floats = guarded(y.count);
    for (long k = 0; k < y.count; k++) floats[k] = 0;
    run_rows(&r);
    run_rows_bf16(&r, 0, floats);
    if (d.c / d.groups <= sizes_of(table)->grouped_channels) check_same(y.wide, floats, y.count, family(&r), T);
    check_near(y.wide, floats, y.count, family(&r));
    run_rows_bf16(&r, 1, y.wide);
    check_same(y.wide, floats, y.count, "a residual in bf16", T);
    run_rows_bf16(&r, 3, y.half);
    check_rounded(&y, family(&r), T);
    guarded_free(floats);
    guarded_free(panels);
    numbers_free_all((Numbers[]){x, residual, y, weight, channels}, 5);
}

static void check_depthwise_wgrad(const nn_symbol *table, nn_conv d, int T)
{
    const long weights = (long)d.c * d.kh * d.kw;
    Numbers large = numbers((long)d.n * d.h * d.w * d.c_step, 1),
            small = numbers((long)d.n * d.oh * d.ow * d.o_step, 2);
    float *want = guarded(weights), *got = guarded(weights);
    for (int t = 0; t < T; t++) {
        ((DepthwiseWgrad *)kernel_named(table, "nn_depthwise_wgrad"))(&d, large.wide, small.wide, want, t, T);
        ((DepthwiseWgrad *)kernel_named(table, "nn_depthwise_wgrad_bf16"))(&d, large.half, small.half, got, t, T);
    }
    check_same(want, got, weights, "nn_depthwise_wgrad_bf16", T);
    guarded_free(want), guarded_free(got);
    numbers_free(&large), numbers_free(&small);
}

START_TEST(rows_of_bf16)
{
    static const struct {
        int side, channels, of_a_group, k, stride, more;
    } shapes[] = {{12, 16, 1, 3, 1, 0}, {9, 37, 1, 5, 2, 3},  {11, 6, 2, 3, 1, 0},
                  {10, 36, 4, 3, 2, 1}, {13, 24, 8, 3, 1, 0}, {6, 40, 8, 1, 1, 5}};
    const nn_symbol *table = kernels_of(_i);
    for (size_t i = 0; table && i < sizeof shapes / sizeof *shapes; i++)
        for (int T = 1; T <= THREADS; T++) {
            const int c = shapes[i].channels;
            nn_conv d = padded_conv(2, shapes[i].side, c, c, shapes[i].k, shapes[i].stride);
            d.groups = c / shapes[i].of_a_group;
            d.c_step = d.o_step = c + shapes[i].more;
            check_rows(table, d, false, T);
            check_rows(table, d, true, T);
            if (d.groups == c) check_depthwise_wgrad(table, d, T);
        }
}
END_TEST

/* ---- direct convolution by frames, and Winograd's ---- */

typedef void PanelsOfWinograd(const nn_conv *, int m, int back, const float *weight, float *panels, int t, int T);
typedef void ConvolveTiles(const nn_conv *, int m, const nn_conv_args *, int t, int T);

static float *frames_work(const nn_conv *d, bool back)
{
    const int down = (d->kh - 1) * d->dh, across = (d->kw - 1) * d->dw, c = d->c / d->groups, o = d->o / d->groups;
    nn_frame_grid g = {d->oh, d->ow, d->sh, d->sw, down + 1, across + 1, c};
    if (back) g = (nn_frame_grid){0, 0, 1, 1, down / d->sh + 1, across / d->sw + 1, o};
    if (back) g.u = (d->h + d->sh - 1) / d->sh, g.v = (d->w + d->sw - 1) / d->sw;
    return guarded(nn_frame_work(&g, back ? c : o));
}

/* `form`: x, the result, and the residual in bf16. */
static void run_frames(const Rows *r, int form, void *y)
{
    const void *residual = form & 4 ? (const void *)r->residual->half : r->residual->wide;
    const nn_epilogue e = {r->scale, r->shift, residual, 1, form >> 2 & 1};
    const void *x = form & 1 ? (const void *)r->x->half : r->x->wide;
    const nn_conv_args a = {.x = x,
                            .panels = r->panels,
                            .bias = r->bias,
                            .epilogue = r->back ? NULL : &e,
                            .y = y,
                            .work = frames_work(&r->d, r->back),
                            .x_half = form & 1,
                            .half = form >> 1 & 1};
    const char *name = r->back ? "nn_conv_backward_data_frames" : "nn_conv_forward_frames";
    for (int t = 0; t < r->T; t++) ((Convolve *)kernel_named(r->table, name))(&r->d, &a, t, r->T);
    guarded_free(a.work);
}

static void check_frames(const nn_symbol *table, nn_conv d, bool back, int form, int T)
{
    const long large = (long)d.n * d.h * d.w * d.c_step, small = (long)d.n * d.oh * d.ow * d.o_step;
    const long inner = d.c / d.groups, outer = d.o / d.groups;
    Numbers x = numbers(back ? small : large, 1), residual = numbers(back ? large : small, 2);
    Numbers y = numbers_zero(back ? large : small), weight = numbers(d.o * inner * d.kh * d.kw, 3);
    Numbers channels = numbers(back ? d.c : d.o, 4);
    float *panels = guarded(nn_conv_packed(d.groups, back ? inner : outer, back ? outer : inner, d.kh * d.kw));
    float *of = channels.wide, *floats = guarded(y.count);
    const Rows r = {table, d, back, T, &x, &residual, &y, weight.wide, panels, of, of, of};
    const nn_epilogue e = {of, of, residual.wide, 1, 0};
    const nn_conv_args a = {.x = x.wide, .panels = panels, .bias = of, .epilogue = back ? NULL : &e, .y = y.wide};
    const char *pack = back ? "nn_conv_panels_backward" : "nn_conv_panels";
    ((Panels *)kernel_named(table, pack))(&d, weight.wide, panels, 0, 1);
    ((Convolve *)kernel_named(table, back ? "nn_conv_backward_data" : "nn_conv_forward"))(&d, &a, 0, 1);
    for (long k = 0; k < y.count; k++) floats[k] = 0;
    run_frames(&r, form, form & 2 ? (void *)y.half : floats);
    if (form & 2) check_rounded(&y, "frames", T);
    if (!(form & 2)) check_same(y.wide, floats, y.count, "frames", T);
    guarded_free(floats), guarded_free(panels);
    numbers_free_all((Numbers[]){x, residual, y, weight, channels}, 5);
}

/* Blocks of some images, of rows, and of columns; frames that are full before a block is. */
START_TEST(frames_of_bf16)
{
    static const Shape shapes[] = {
        {5, 20, 7, 7, 37, 1, 3, 1, 1, 1, 0},   {9, 37, 8, 5, 20, 1, 1, 2, 1, 0, 3},
        {2, 5, 33, 31, 18, 1, 5, 2, 1, 2, 2},  {1, 4, 3, 501, 6, 1, 3, 1, 1, 1, 0},
        {2, 24, 11, 11, 40, 4, 3, 2, 1, 1, 1}, {1, 2500, 7, 17, 3, 1, 1, 1, 1, 0, 0},
        {1, 18, 6, 9, 150, 1, 1, 3, 1, 0, 1},  {1, 900, 1, 130, 2, 1, 3, 1, 1, 1, 0},
        {4, 3, 9, 9, 5, 1, 2, 3, 1, 1, 0},
    };
    const nn_symbol *table = kernels_of(_i);
    for (int i = 0; table && i < (int)(sizeof shapes / sizeof *shapes); i++)
        for (int T = 1; T <= THREADS; T += 2) {
            const nn_conv d = conv_of(shapes[i]);
            for (int form = 1; form < 8; form += i < 5 ? 2 : 6) check_frames(table, d, false, form, T);
            check_frames(table, d, false, 2, T);
            for (int form = 1; form < 4; form += 2) check_frames(table, d, true, form, T);
        }
}
END_TEST

static void check_tiles(const nn_symbol *table, nn_conv d, int m, int T)
{
    Numbers x = numbers((long)d.n * d.h * d.w * d.c, 1), weight = numbers((long)d.o * d.c * d.kh * d.kw, 3);
    Numbers residual = numbers((long)d.n * d.oh * d.ow * d.o, 2), y = numbers_zero(residual.count),
            of = numbers(d.o, 4);
    const int edge = m + d.kh - 1;
    float *panels = guarded(nn_winograd_packed(edge, d.o, d.c)), *work = guarded(nn_winograd_work(edge, d.c, d.o));
    const nn_epilogue e = {of.wide, of.wide, residual.wide, 1, 0}, e_half = {of.wide, of.wide, residual.half, 1, 1};
    const nn_conv_args a = {x.wide, panels, of.wide, &e, y.wide, work, 0, 0},
                       half = {x.half, panels, of.wide, &e_half, y.half, work, 1, 1};
    ((PanelsOfWinograd *)kernel_named(table, "nn_winograd_panels"))(&d, m, 0, weight.wide, panels, 0, 1);
    for (int t = 0; t < T; t++) ((ConvolveTiles *)kernel_named(table, "nn_winograd"))(&d, m, &a, t, T);
    for (int t = 0; t < T; t++) ((ConvolveTiles *)kernel_named(table, "nn_winograd_bf16"))(&d, m, &half, t, T);
    check_rounded(&y, "nn_winograd_bf16", T);
    guarded_free(panels), guarded_free(work);
    numbers_free_all((Numbers[]){x, residual, y, weight, of}, 5);
}

START_TEST(winograd_of_bf16)
{
    const nn_symbol *table = kernels_of(_i);
    for (int T = 1; table && T <= THREADS; T++) {
        check_tiles(table, padded_conv(2, 7, 18, 19, 3, 1), 2, T);
        check_tiles(table, padded_conv(3, 9, 17, 33, 3, 1), 4, T);
        check_tiles(table, padded_conv(1, 6, 16, 21, 5, 1), 2, T);
    }
}
END_TEST

/* ---- dense ---- */

typedef void DenseDx(const nn_dense *, const float *, const void *, float *, int, int);

static void check_dense_dx(const nn_symbol *table, nn_dense d, int T)
{
    Numbers dy = numbers((long)d.n * d.o, 1), weight = numbers((long)d.o * d.i, 2);
    float *want = guarded((long)d.n * d.i), *got = guarded((long)d.n * d.i);
    for (int t = 0; t < T; t++) ((DenseDx *)kernel_named(table, "nn_dense_dx"))(&d, dy.wide, weight.wide, want, t, T);
    for (int t = 0; t < T; t++)
        ((DenseDx *)kernel_named(table, "nn_dense_dx_bf16"))(&d, dy.wide, weight.half, got, t, T);
    check_same(want, got, (long)d.n * d.i, "nn_dense_dx_bf16", T);
    guarded_free(want), guarded_free(got);
    numbers_free(&dy), numbers_free(&weight);
}

START_TEST(dense_of_bf16)
{
    const nn_symbol *table = kernels_of(_i);
    for (int T = 1; table && T <= THREADS; T++) {
        check_dense_dx(table, (nn_dense){.n = 1, .i = 5, .o = 3}, T);
        check_dense_dx(table, (nn_dense){.n = 17, .i = 100, .o = 33}, T);
        check_dense_dx(table, (nn_dense){.n = 5, .i = 67, .o = 300}, T);
    }
}
END_TEST

Suite *bf16_kernels_suite(void);

Suite *bf16_kernels_suite(void)
{
    Suite *suite = suite_create("bf16_kernels");
    TCase *tests = tcase_create("bf16_kernels");
    tcase_add_loop_test(tests, converts, 0, kernel_tables());
    tcase_add_loop_test(tests, batchnorm_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, weight_gradients_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, rows_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, frames_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, winograd_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, dense_of_bf16, 0, kernel_tables());
    suite_add_tcase(suite, tests);
    return suite;
}
