/*
 * The kernels over int8 numbers beside plain loops with the arithmetic of fixed_point.h, through every
 * table of kernels: each element is the same integer, whatever the target, the tile and the thread.
 * All arrays end where a page begins that may not be touched.
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
#include "runtime/kernels/quantized/quantized_conv.h"
#include "runtime/kernels/quantized/quantized_depthwise.h"
#include "runtime/kernels/quantized/quantized_grouped.h"
#include "runtime/kernels/quantized/quantized_map.h"

#if !defined(THREADS)
#define THREADS 3 /* each test with so many, at most */
#endif

/* ---- convolution ---------------------------------------------------------------------------- */

/* By the definition, and by one product for each branch, where the compiler has found that this is the same. */
enum { ADDITIONS = 3 };
static const nn_int8_add additions[ADDITIONS] = {
    {2, -128, 120, {5, 1234567890, -18}, {{0, 0}, 0, 0}},
    {2, -100, 120, {5, 1234567890, -18}, {{3456789, -2345678}, 4567891, 21}},
    {2, -128, 127, {5, 1234567890, -18}, {{2345, 3456}, -45678, 12}}};
static const nn_int8_factor added[] = {{-3, 1 << 30, 0}, {9, 1987654321, -2}};

typedef enum Kernel8 { DENSE8, DEPTHWISE8, GROUPED8 } Kernel8;

/* `joined` groups of the layer are one of d. */
typedef struct Layer8 {
    nn_int8_conv d;
    Kernel8 kernel;
    int joined;
    Bytes x, weight, bias, multiplier, shift, want, residual;
    const nn_int8_add *add; /* NULL, or with a residual */
} Layer8;

static int8_t element_of(const Layer8 *l, long sample, int i, int j, long o)
{
    const nn_int8_conv *d = &l->d;
    int32_t sum = ((const int32_t *)(void *)l->bias.at)[o];
    const int channels = d->c / l->joined, outputs = d->o / l->joined, pitch = d->groups * d->c;
    for (int c = 0; c < channels; c++)
        for (int u = 0; u < d->kh; u++)
            for (int v = 0; v < d->kw; v++) {
                const int row = i * d->sh + u * d->dh - d->top, column = j * d->sw + v * d->dw - d->left;
                if (row < 0 || row >= d->h || column < 0 || column >= d->w) continue;
                const long of = o / outputs * channels + c;
                sum += l->weight.at[((o * channels + c) * d->kh + u) * d->kw + v] *
                       (l->x.at[((sample * d->h + row) * d->w + column) * pitch + of] - d->zero);
            }
    const int32_t y = nn_rescale(sum, ((const int32_t *)(void *)l->multiplier.at)[o], l->shift.at[o]);
    return nn_clamp_int8(y + d->out_zero, d->low, d->high);
}

/* Factors bring the sums to int8, so that every bit of their rounding is seen; one is 0. */
static void fill_factors(Layer8 *l, uint32_t *state)
{
    const int depth = l->d.c / l->joined * l->d.kh * l->d.kw;
    int bits = 13;
    while (1 << (2 * (bits - 13)) < depth) bits++;
    for (int o = 0; o < l->d.groups * l->d.o; o++) {
        const int32_t range = 1 << (bits + 1);
        ((int32_t *)(void *)l->bias.at)[o] = (int32_t)(next_bits(state) % (uint32_t)range) - range / 2;
        ((int32_t *)(void *)l->multiplier.at)[o] = o == 2   ? 0
                                                   : o == 3 ? INT32_MAX
                                                            : (1 << 30) + (int32_t)next_bits(state) * 60;
        l->shift.at[o] = (int8_t)(l->d.any_factor && o % 3 == 0 ? o % 2 : o == 2 ? -1 : 6 - bits);
    }
}

static Layer8 layer8_of(nn_int8_conv d, Kernel8 kernel, int joined, uint32_t seed)
{
    uint32_t state = seed;
    const long depth = (long)d.c / joined * d.kh * d.kw, pixels = (long)d.oh * d.ow, outputs = (long)d.groups * d.o;
    Layer8 l = {.d = d,
                .kernel = kernel,
                .joined = joined,
                .x = random_bytes((long)d.n * d.h * d.w * d.groups * d.c, &state, -128),
                .weight = random_bytes(outputs * depth, &state, -127),
                .bias = guarded_bytes(outputs * 4L),
                .multiplier = guarded_bytes(outputs * 4L),
                .shift = guarded_bytes(outputs),
                .want = guarded_bytes(d.n * pixels * outputs)};
    fill_factors(&l, &state);
    for (long p = 0; p < d.n * pixels; p++)
        for (long o = 0; o < outputs; o++)
            l.want.at[p * outputs + o] =
                element_of(&l, p / pixels, (int)(p % pixels / d.ow), (int)(p % pixels % d.ow), o);
    return l;
}

typedef void Panels(const nn_int8_weights *, const int8_t *weight, int8_t *panels, int t, int T);
typedef void DepthwisePanels(long c, long kh, long kw, const int8_t *weight, int8_t *panels, int t, int T);
static long packed_bytes(const Layer8 *l)
{
    const nn_int8_conv *d = &l->d;
    if (l->kernel == DEPTHWISE8) return nn_int8_depthwise_packed(d->o, d->kh, d->kw);
    if (l->kernel == DENSE8) return d->groups * nn_int8_packed(d->o, nn_int8_depth(d->c, d->kh, d->kw));
    return (d->groups * d->c + NN_PANEL - 1) / NN_PANEL * nn_int8_grouped_panel_bytes((d->c + 3) / 4 * 4, d->kh, d->kw);
}

static void pack_part(const nn_symbol *table, const Layer8 *l, int8_t *panels, int t, int T)
{
    const nn_int8_conv *d = &l->d;
    const nn_int8_weights dense = {
        (long)d->groups * l->joined, l->joined, d->o / l->joined, d->c / l->joined, d->kh, d->kw};
    const nn_int8_weights grouped = {d->groups, d->c == 2 ? 2 : 1, d->o, d->c, d->kh, d->kw};
    if (l->kernel == DEPTHWISE8)
        ((DepthwisePanels *)kernel_named(table, "nn_int8_depthwise_panels"))(d->o, d->kh, d->kw, l->weight.at, panels,
                                                                             t, T);
    else if (l->kernel == DENSE8)
        ((Panels *)kernel_named(table, "nn_int8_panels"))(&dense, l->weight.at, panels, t, T);
    else
        ((Panels *)kernel_named(table, "nn_int8_grouped_panels"))(&grouped, l->weight.at, panels, t, T);
}

typedef void Forward8(const nn_int8_conv *, const nn_int8_conv_args *, int t, int T);

static nn_int8_conv_args args8(const Layer8 *l, Bytes x, Bytes panels, Bytes y)
{
    const int32_t *bias = (const int32_t *)(void *)l->bias.at, *multiplier = (const int32_t *)(void *)l->multiplier.at;
    return (nn_int8_conv_args){x.at, panels.at, bias, multiplier, l->shift.at, y.at, l->add, added, l->residual.at};
}

static void check_threads(const nn_symbol *table, const Layer8 *l, int T)
{
    const nn_int8_conv *d = &l->d;
    static const char *const kernels[] = {"nn_int8_forward", "nn_int8_depthwise", "nn_int8_grouped"};
    const long count = (long)d->n * d->oh * d->ow * d->groups * d->o;
    const Bytes panels = guarded_bytes(packed_bytes(l)), y = guarded_bytes(count);
    const nn_int8_conv_args args = args8(l, l->x, panels, y);
    for (int t = 0; t < T; t++) pack_part(table, l, panels.at, t, T);
    for (int t = 0; t < T; t++) ((Forward8 *)kernel_named(table, kernels[l->kernel]))(d, &args, t, T);
    for (long i = 0; i < count; i++)
        assert_element(y.at[i] == l->want.at[i],
                       "%d groups, %d channels, %d outputs, %dx%d taps, %d threads: element %ld is %d, not %d",
                       d->groups, d->c, d->o, d->kh, d->kw, T, i, y.at[i], l->want.at[i]);
    ck_assert_msg(guard_holds(y.floats), "writes before the array");
    guarded_free(panels.floats), guarded_free(y.floats);
}

static void free_layer8(Layer8 *l)
{
    guarded_free(l->x.floats), guarded_free(l->weight.floats), guarded_free(l->bias.floats);
    guarded_free(l->multiplier.floats), guarded_free(l->shift.floats), guarded_free(l->want.floats);
}

/* Whether the compiler says that products of floats give the layer's results. */
static bool floats_serve(const Layer8 *l)
{
    const long outputs = (long)l->d.groups * l->d.o;
    Multiplier *factor = calloc((size_t)outputs, sizeof *factor);
    ck_assert_ptr_nonnull(factor);
    for (long o = 0; o < outputs; o++)
        factor[o] = (Multiplier){((const int32_t *)(void *)l->multiplier.at)[o], l->shift.at[o]};
    const bool serve = quantized_floats_serve(factor, outputs, l->d.out_zero, l->d.low, l->d.high);
    free(factor);
    return serve;
}

static int8_t sum_of(const nn_int8_add *d, const nn_int8_factor *f, int a, int b)
{
    const nn_int8_linear *l = &d->linear;
    if (l->shift) return nn_clamp_int8((a * l->factor[0] + b * l->factor[1] + l->offset) >> l->shift, d->low, d->high);
    const int32_t sum = nn_rescale((a - f[0].zero) * (1 << 20), f[0].multiplier, f[0].shift) +
                        nn_rescale((b - f[1].zero) * (1 << 20), f[1].multiplier, f[1].shift);
    return nn_clamp_int8(nn_rescale(sum, d->sum.multiplier, d->sum.shift) + d->sum.zero, d->low, d->high);
}

/* The layer's results and something else. */
static void check_residuals8(const nn_symbol *table, Layer8 *l)
{
    uint32_t state = 5;
    const long count = (long)l->d.n * l->d.oh * l->d.ow * l->d.groups * l->d.o;
    const Bytes made = l->want, residual = random_bytes(count, &state, -128);
    l->residual = residual;
    for (int k = 0; k < ADDITIONS; k++) {
        l->add = &additions[k], l->want = guarded_bytes(count);
        for (long i = 0; i < count; i++) l->want.at[i] = sum_of(l->add, added, made.at[i], residual.at[i]);
        check_threads(table, l, 2), guarded_free(l->want.floats);
    }
    l->want = made, l->add = NULL, guarded_free(residual.floats);
}

static void check_groups8(const nn_symbol *table, nn_int8_conv d, Kernel8 kernel, int joined, uint32_t seed)
{
    Layer8 l = layer8_of(d, kernel, joined, seed);
    for (int T = 1; T <= THREADS; T++) check_threads(table, &l, T);
    l.d.by_floats = floats_serve(&l);
    ck_assert_int_ne(l.d.by_floats, d.any_factor);
    check_threads(table, &l, 2);
    if (kernel == DENSE8) check_residuals8(table, &l);
    free_layer8(&l);
}

/* The image and the result are channels of larger images, of which no others are read or written. */
static void check_steps8(const nn_symbol *table, nn_int8_conv d, Kernel8 kernel, uint32_t seed)
{
    enum { MORE = 5, LESS = -99 };
    static const char *const kernels[] = {"nn_int8_forward", "nn_int8_depthwise"};
    Layer8 l = layer8_of(d, kernel, kernel == DEPTHWISE8 ? d.c : 1, seed);
    l.d.by_floats = floats_serve(&l);
    l.d.c_step = d.c + MORE, l.d.o_step = d.o + 2 * MORE;
    const long in = (long)d.n * d.h * d.w, out = (long)d.n * d.oh * d.ow;
    const Bytes panels = guarded_bytes(packed_bytes(&l)), x = guarded_bytes((in - 1) * l.d.c_step + d.c),
                y = guarded_bytes((out - 1) * l.d.o_step + d.o);
    for (long p = 0; p < in; p++) memcpy(x.at + p * l.d.c_step, l.x.at + p * d.c, (size_t)d.c);
    memset(y.at, LESS, (size_t)((out - 1) * l.d.o_step + d.o));
    const nn_int8_conv_args args = args8(&l, x, panels, y);
    pack_part(table, &l, panels.at, 0, 1);
    for (int t = 0; t < 2; t++) ((Forward8 *)kernel_named(table, kernels[kernel]))(&l.d, &args, t, 2);
    for (long i = 0; i < (out - 1) * l.d.o_step + d.o; i++) {
        const long p = i / l.d.o_step, o = i % l.d.o_step;
        const int want = o < d.o ? l.want.at[p * d.o + o] : LESS;
        assert_element(y.at[i] == want, "pixel %ld, output %ld of %d: %d, not %d", p, o, d.o, y.at[i], want);
    }
    ck_assert_msg(guard_holds(y.floats), "writes before the array");
    guarded_free(panels.floats), guarded_free(x.floats), guarded_free(y.floats);
    free_layer8(&l);
}

static void check_conv8(const nn_symbol *table, nn_int8_conv d, uint32_t seed)
{
    check_groups8(table, d, DENSE8, 1, seed);
}

static void check_depthwise8(const nn_symbol *table, nn_int8_conv d, uint32_t seed)
{
    check_groups8(table, d, DEPTHWISE8, d.c, seed);
}

static nn_int8_conv square(int n, int c, int o, int size, int k, int stride, int pad)
{
    const int out = (size + 2 * pad - k) / stride + 1;
    return (nn_int8_conv){.n = n,
                          .groups = 1,
                          .c = c,
                          .h = size,
                          .w = size,
                          .o = o,
                          .oh = out,
                          .ow = out,
                          .kh = k,
                          .kw = k,
                          .sh = stride,
                          .sw = stride,
                          .dh = 1,
                          .dw = 1,
                          .top = pad,
                          .left = pad,
                          .zero = -7,
                          .out_zero = 3,
                          .low = -128,
                          .high = 127};
}

START_TEST(int8_sums)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (int n = 1; n <= 30; n++) check_conv8(table, square(n, 5 + n % 4, 1 + n * 5 % 50, 1, 1, 1, 0), (uint32_t)n);
    check_conv8(table, square(2, 3, 17, 9, 3, 1, 1), 1);
    check_conv8(table, square(1, 3, 33, 15, 7, 2, 3), 2);
    check_conv8(table, square(1, 20, 48, 7, 1, 1, 0), 3);
    check_conv8(table, square(1, 64, 64, 6, 3, 1, 1), 4);
    check_conv8(table, square(1, 4096, 20, 3, 3, 1, 1), 5); /* few pixels to a block */
    check_conv8(table, square(2, 5, 35, 14, 3, 1, 1), 8);   /* rows are copied */
    check_conv8(table, square(1, 300, 3, 28, 3, 1, 1), 9);  /* several blocks of them */
    check_conv8(table, square(2, 3, 18, 26, 5, 2, 2), 10);
    check_conv8(table, square(2, 12, 35, 7, 3, 1, 1), 12); /* tiles of two rows of pixels, and of one */
    check_conv8(table, square(1, 10, 33, 14, 3, 2, 1), 13);
    check_conv8(table, square(1, 24, 40, 7, 1, 1, 0), 14);   /* the last tile is a smaller one */
    check_conv8(table, square(1, 2100, 33, 8, 1, 1, 0), 15); /* even blocks */
    nn_int8_conv wide = square(2, 9, 21, 9, 3, 1, 0);
    wide.oh = 5, wide.dh = 2;
    check_conv8(table, wide, 16);
    nn_int8_conv tall = square(1, 7, 20, 12, 3, 1, 0);
    tall.oh = 8, tall.dh = 2, tall.left = 1, tall.ow = 12;
    tall.low = 3; /* as with relu */
    check_conv8(table, tall, 11);
    nn_int8_conv d = square(1, 6, 10, 8, 3, 1, 2);
    d.dh = d.dw = 2;
    check_conv8(table, d, 6);
    d.any_factor = 1, d.low = -20, d.high = 90, d.zero = -128;
    check_conv8(table, d, 7);
}
END_TEST

/* The last channels of 1 … 130 in two rows at a time, of an odd number and of several images, with and without floats. */
START_TEST(int8_depthwise_halves)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    static const int channels[] = {1, 16, 32, 33, 80, 96, 130};
    for (int i = 0; i < 7; i++)
        for (int stride = 1; stride <= 2; stride++) {
            nn_int8_conv d = square(3, channels[i], channels[i], 11 + stride, 3, stride, 1);
            check_depthwise8(table, d, (uint32_t)i);
            d.low = 5; /* as with relu */
            check_depthwise8(table, d, (uint32_t)i + 20);
            d.dh = d.dw = 2, d.top = d.left = 2;
            d.oh = d.ow = (d.h + 4 - 5) / stride + 1;
            check_depthwise8(table, d, (uint32_t)i + 40);
        }
}
END_TEST

START_TEST(int8_depthwise)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (int c = 1; c <= 150; c += 1 + c / 3) check_depthwise8(table, square(2, c, c, 7, 3, 1, 1), (uint32_t)c);
    check_depthwise8(table, square(1, 70, 70, 9, 3, 2, 1), 1);
    nn_int8_conv rectified = square(1, 70, 70, 9, 3, 1, 1);
    rectified.low = 5;
    check_depthwise8(table, rectified, 12);
    check_depthwise8(table, square(1, 33, 33, 6, 1, 1, 0), 2);
    check_depthwise8(table, square(1, 18, 18, 12, 7, 1, 3), 3);
    nn_int8_conv d = square(1, 20, 20, 24, 22, 1, 1); /* 484 taps of the largest numbers */
    d.zero = 127;
    check_depthwise8(table, d, 4);
    nn_int8_conv row = square(1, 19, 19, 40, 1, 1, 0); /* of one row, as conv1d's */
    row.h = row.oh = 1, row.kw = 9, row.left = 4;
    check_depthwise8(table, row, 6);
    row.dw = 12, row.left = 48; /* the columns of a window alone are interleaved */
    check_depthwise8(table, row, 7);
    row = square(1, 3, 3, 40, 1, 1, 0);
    row.h = row.oh = 1, row.kw = 700, row.left = 340, row.ow = 21;
    check_depthwise8(table, row, 8);
    check_depthwise8(table, square(1, 70, 70, 150, 3, 1, 1), 9); /* several bands to a row */
    check_depthwise8(table, square(1, 17, 17, 60, 5, 2, 2), 10);
    check_depthwise8(table, square(2, 21, 21, 8, 1, 2, 0), 11);
    d = square(1, 40, 40, 8, 3, 1, 2);
    d.dh = d.dw = 2;
    d.any_factor = 1, d.low = -20, d.high = 90, d.zero = -128;
    check_depthwise8(table, d, 5);
}
END_TEST

START_TEST(int8_steps)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    check_steps8(table, square(2, 12, 35, 14, 3, 1, 1), DENSE8, 1); /* rows are copied */
    check_steps8(table, square(2, 9, 33, 7, 3, 2, 1), DENSE8, 2);
    check_steps8(table, square(1, 16, 40, 7, 1, 1, 0), DENSE8, 3);
    check_steps8(table, square(2, 70, 70, 9, 3, 2, 1), DEPTHWISE8, 4);
    check_steps8(table, square(2, 96, 96, 5, 1, 1, 0), DEPTHWISE8, 5);
    nn_int8_conv rectified = square(1, 70, 70, 6, 1, 1, 0);
    rectified.low = 3;
    check_steps8(table, rectified, DEPTHWISE8, 6);
}
END_TEST

static nn_int8_conv in_groups(nn_int8_conv d, int groups)
{
    d.groups = groups;
    return d;
}

START_TEST(int8_groups)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    check_groups8(table, in_groups(square(2, 24, 20, 9, 3, 1, 1), 3), DENSE8, 1, 1);
    check_groups8(table, in_groups(square(1, 32, 16, 14, 3, 1, 1), 2), DENSE8, 1, 2); /* rows are copied */
    check_groups8(table, in_groups(square(1, 40, 33, 7, 1, 1, 0), 2), DENSE8, 1, 3);
    check_groups8(table, in_groups(square(1, 12, 20, 8, 3, 2, 1), 2), DENSE8, 4, 4);  /* 8 of 3 channels */
    check_groups8(table, in_groups(square(1, 16, 16, 14, 3, 1, 1), 3), DENSE8, 8, 5); /* 24 of 2 */
    check_groups8(table, in_groups(square(1, 15, 15, 5, 1, 1, 0), 1), DENSE8, 5, 6);
    static const int widths[] = {2, 4, 8};
    for (int k = 0; k < 3; k++)
        for (int groups = 2; groups <= 36; groups += 2 + groups / 2)
            check_groups8(table, in_groups(square(1, widths[k], widths[k], 7, 3, 1, 1), groups), GROUPED8, 1,
                          (uint32_t)groups);
    check_groups8(table, in_groups(square(2, 4, 4, 9, 3, 2, 1), 7), GROUPED8, 1, 7);
    check_groups8(table, in_groups(square(1, 8, 8, 6, 1, 1, 0), 5), GROUPED8, 1, 8);
    check_groups8(table, in_groups(square(1, 4, 4, 90, 5, 1, 2), 4), GROUPED8, 1, 9); /* several bands to a row */
    nn_int8_conv d = in_groups(square(1, 8, 8, 8, 3, 1, 2), 9);
    d.dh = d.dw = 2, d.low = 3; /* as with relu */
    check_groups8(table, d, GROUPED8, 1, 10);
    d.any_factor = 1, d.low = -20, d.high = 90, d.zero = -128;
    check_groups8(table, d, GROUPED8, 1, 11);
    d = in_groups(square(1, 4, 4, 40, 1, 1, 0), 6); /* of one row, the columns of a window alone */
    d.h = d.oh = 1, d.kw = 160, d.dw = 3, d.left = 240;
    check_groups8(table, d, GROUPED8, 1, 12);
}
END_TEST

/* A sum alone, of every size: what brings it to the scale of the result.  low: of the results. */
static void check_rescaling(const nn_symbol *table, int low)
{
    enum { OUTPUTS = 64 };
    static const int32_t edges[] = {INT32_MAX, -INT32_MAX, -INT32_MAX - 1, 0, 1, -1, 1 << 30, -(1 << 30)};
    for (int more = 0; more <= 30; more++) {
        uint32_t state = (uint32_t)more;
        nn_int8_conv d = square(1, 4, OUTPUTS, 1, 1, 1, 0);
        d.low = low;
        Layer8 l = layer8_of(d, DENSE8, 1, 9);
        for (int o = 0; o < OUTPUTS; o++) {
            const int32_t near = (int32_t)((next_bits(&state) % 256 - 128) << more);
            for (int k = 0; k < 4; k++) l.weight.at[o * 4 + k] = 0;
            ((int32_t *)(void *)l.bias.at)[o] =
                o < 8 ? edges[o] : (int32_t)((uint32_t)near + next_bits(&state) % 5 - 2);
            if (o % 4 == 0) ((int32_t *)(void *)l.multiplier.at)[o] = 1 << 30;
            l.shift.at[o] = (int8_t)(-1 - more);
            l.want.at[o] = element_of(&l, 0, 0, 0, o);
        }
        check_threads(table, &l, 1);
        l.d.by_floats = floats_serve(&l);
        ck_assert(l.d.by_floats);
        check_threads(table, &l, 1);
        free_layer8(&l);
    }
}

START_TEST(int8_rescaling)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    check_rescaling(table, -128);
    check_rescaling(table, 3); /* the zero */
}
END_TEST

typedef void Sum8(const nn_int8_add *, const nn_int8_factor *, long, const int8_t *const *, int8_t *, int t, int T);

START_TEST(int8_additions)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    uint32_t state = 1;
    for (int at = 0; at < ADDITIONS * 11; at++) {
        const nn_int8_add *d = &additions[at % ADDITIONS];
        const long count = 1 + at / ADDITIONS * 37;
        const Bytes a = random_bytes(count, &state, -128), b = random_bytes(count, &state, -128),
                    y = guarded_bytes(count);
        const int8_t *const x[] = {a.at, b.at};
        for (int T = 1; T <= THREADS; T++) {
            for (int t = 0; t < T; t++) ((Sum8 *)kernel_named(table, "nn_int8_sum"))(d, added, count, x, y.at, t, T);
            for (long i = 0; i < count; i++) ck_assert_int_eq(y.at[i], sum_of(d, added, a.at[i], b.at[i]));
        }
        guarded_free(a.floats), guarded_free(b.floats), guarded_free(y.floats);
    }
}
END_TEST

Suite *int8_kernels_suite(void);

Suite *int8_kernels_suite(void)
{
    Suite *suite = suite_create("int8 kernels");
    TCase *tests = tcase_create("int8 kernels");
    tcase_add_loop_test(tests, int8_sums, 0, kernel_tables());
    tcase_add_loop_test(tests, int8_steps, 0, kernel_tables());
    tcase_add_loop_test(tests, int8_depthwise, 0, kernel_tables());
    tcase_add_loop_test(tests, int8_depthwise_halves, 0, kernel_tables());
    tcase_add_loop_test(tests, int8_groups, 0, kernel_tables());
    tcase_add_loop_test(tests, int8_rescaling, 0, kernel_tables());
    tcase_add_loop_test(tests, int8_additions, 0, kernel_tables());
    suite_add_tcase(suite, tests);
    return suite;
}
