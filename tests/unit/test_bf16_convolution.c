/*
 * Convolution of images in bf16, and the products of pairs that it is made of, through every table of
 * kernels, as the parts of one to three threads.
 *
 * Of integers sums are exact, however they are cut into tiles and pairs; their results are rounded once.
 * Of other numbers they are compared with sums in doubles, to what a sum of so many floats may be off.
 * Of one pixel, two channels and one bias a kernel is one step of a sum: cases worked out by hand, for the
 * targets that multiply by VDPBF16PS.
 */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernels/system/bf16.h"

#define NN_LINKED 1
#include "runtime/kernels/conv/conv.h"
#include "runtime/kernels/limits.h"
#include "tests/unit/halves.h"
#include "tests/unit/libraries.h"
#include "tests/unit/shapes.h"

enum { THREADS = 3 };

typedef void Pack(const nn_conv *, const uint16_t *weight, uint16_t *panels, int t, int T);
typedef void Convolve(const nn_conv *, const nn_conv_args *, int t, int T);

/* ---- arrays ---- */

static float *floats(long count, float least, float step, int steps, unsigned stream)
{
    float *x = guarded(count);
    for (long i = 0; i < count; i++) x[i] = least + step * floorf(uniform(stream, (unsigned)i) * (float)steps);
    return x;
}

static double at(const Halves *x, long i) { return (double)nn_from_bf16(x->at[i]); }

/* ---- what is wanted ---- */

typedef struct Problem {
    nn_conv d;
    bool back, whole; /* backward-data; numbers are integers */
    Halves x, weight;
    float *bias;
    long pixels; /* of the result */
    int outputs, step;
    double *sum, *size; /* [pixels][outputs]: with the bias, and of absolute values */
} Problem;

static void add_products(Problem *p, int n, int u, int v, int tap)
{
    const nn_conv *d = &p->d;
    const int h = u * d->sh + tap / d->kw * d->dh - d->top, w = v * d->sw + tap % d->kw * d->dw - d->left;
    if (h < 0 || h >= d->h || w < 0 || w >= d->w) return;
    const long large = ((long)n * d->h + h) * d->w + w, small = ((long)n * d->oh + u) * d->ow + v, taps = d->kh * d->kw;
    const long channels = d->c / d->groups, outputs = d->o / d->groups;
    for (long o = 0; o < d->o; o++)
        for (long k = 0; k < channels; k++) {
            const long c = o / outputs * channels + k, to = p->back ? large * d->c + c : small * d->o + o;
            const double x = p->back ? at(&p->x, small * d->o_step + o) : at(&p->x, large * d->c_step + c);
            const double product = x * at(&p->weight, (o * channels + k) * taps + tap);
            p->sum[to] += product;
            p->size[to] += fabs(product);
        }
}

static Problem problem(nn_conv d, bool back, bool whole, unsigned seed)
{
    Problem p = {.d = d, .back = back, .whole = whole};
    const long large = (long)d.n * d.h * d.w, small = (long)d.n * d.oh * d.ow;
    p.x = random_halves(back ? small * d.o_step : large * d.c_step, whole, seed);
    p.weight = random_halves((long)d.o * d.c / d.groups * d.kh * d.kw, whole, seed + 1);
    p.pixels = back ? large : small;
    p.outputs = back ? d.c : d.o;
    p.step = back ? d.c_step : d.o_step;
    p.bias = floats(p.outputs, -2, 1, 5, seed + 2);
    p.sum = calloc((size_t)(p.pixels * p.outputs), sizeof *p.sum);
    p.size = calloc((size_t)(p.pixels * p.outputs), sizeof *p.size);
    for (long i = 0; i < p.pixels * p.outputs; i++) p.sum[i] = p.bias[i % p.outputs], p.size[i] = fabs(p.sum[i]);
    for (int n = 0; n < d.n; n++)
        for (int u = 0; u < d.oh; u++)
            for (int v = 0; v < d.ow; v++)
                for (int tap = 0; tap < d.kh * d.kw; tap++) add_products(&p, n, u, v, tap);
    return p;
}

static void problem_free(Problem *p)
{
    halves_free(&p->x), halves_free(&p->weight), guarded_free(p->bias);
    free(p->sum), free(p->size);
}

/* ---- what the kernels give ---- */

typedef void Round(const nn_conv *, const float *weight, uint16_t *panels, int t, int T);

/* Of weights in f32 that are rounded to these, the panels are the same: numbers somewhat larger, of zeros
 * subnormal ones. */
static void check_rounded_panels(const nn_symbol *table, const Problem *p, const Halves *panels, long packed, int T)
{
    const nn_conv *d = &p->d;
    const long count = (long)d->o * d->c / d->groups * d->kh * d->kw;
    Round *round = (Round *)kernel_named(table, p->back ? "nn_conv_panels_backward_rounded" : "nn_conv_panels_rounded");
    float *weight = guarded(count);
    Halves got = halves(packed);
    for (long i = 0; i < count; i++) {
        const uint16_t half = p->weight.at[i];
        const uint32_t more = i % 3 && (half & 0x7f80) != 0x7f80 ? 0x7fff : 0, bits = (uint32_t)half << 16 | more;
        memcpy(weight + i, &bits, sizeof bits);
    }
    for (int t = 0; t < T; t++) round(d, weight, got.at, t, T);
    for (long i = 0; i < packed; i++)
        assert_element(got.at[i] == panels->at[i],
                       "panels of f32, kernel %dx%d, stride %d: element %ld is %04x, not %04x", d->kh, d->kw, d->sh, i,
                       got.at[i], panels->at[i]);
    halves_free(&got);
    guarded_free(weight);
}

static Halves packed(const nn_symbol *table, const Problem *p, int T)
{
    const nn_conv *d = &p->d;
    Pack *pack = (Pack *)kernel_named(table, p->back ? "nn_conv_panels_backward_bf16" : "nn_conv_panels_bf16");
    const long c = d->c / d->groups, o = d->o / d->groups;
    const long count = d->groups * nn_conv_packed_bf16(p->back ? c : o, p->back ? o : c, d->kh * d->kw);
    Halves panels = halves(count);
    for (int t = 0; t < T; t++) pack(d, p->weight.at, panels.at, t, T);
    check_rounded_panels(table, p, &panels, count, T);
    return panels;
}

static void run(const nn_symbol *table, const Problem *p, nn_conv_args args, int T)
{
    Convolve *f = (Convolve *)kernel_named(table, p->back ? "nn_conv_backward_data_bf16" : "nn_conv_forward_bf16");
    Halves panels = packed(table, p, T);
    args.x = p->x.at;
    args.panels = panels.at;
    for (int t = 0; t < T; t++) f(&p->d, &args, t, T);
    halves_free(&panels);
}

#define NAMED(P)                                                                                                      \
    "%s of %d threads, pixel %ld, output %d: %a, not %a; %dx%dx%dx%d, %d outputs of %dx%d, kernel %dx%d, stride %d, " \
    "dilation %d, padding %d",                                                                                        \
        (P)->back ? "backward-data" : "forward", T, i, o, (double)got, want, (P)->d.n, (P)->d.c, (P)->d.h, (P)->d.w,  \
        (P)->d.o, (P)->d.oh, (P)->d.ow, (P)->d.kh, (P)->d.kw, (P)->d.sh, (P)->d.dh, (P)->d.top

/* Every product and addition of a float is off by 2^-24 of what it makes, at most, of n of them by n times
 * that of all sizes together; and a sum of less than 2^-126 may be 0. */
static double bound(const Problem *p, double size)
{
    const double terms = 1 + (p->back ? p->d.o : p->d.c) * p->d.kh * p->d.kw;
    return p->whole ? 0 : 2 * terms * (0x1p-24 * size + 0x1p-126);
}

static void check_floats(const nn_symbol *table, const Problem *p, int T)
{
    float *y = guarded(p->pixels * p->step);
    run(table, p, (nn_conv_args){.bias = p->bias, .y = y}, T);
    for (long i = 0; i < p->pixels; i++)
        for (int o = 0; o < p->step; o++) {
            const double want = o < p->outputs ? p->sum[i * p->outputs + o] : (double)GUARD_VALUE;
            const float got = y[i * p->step + o];
            assert_element(fabs((double)got - want) <= (o < p->outputs ? bound(p, p->size[i * p->outputs + o]) : 0),
                           NAMED(p));
        }
    ck_assert_msg(guard_holds(y), "written before the result");
    guarded_free(y);
}

/* In bf16: of integers exactly the rounded sum, else half a unit of the eighth bit more. */
static void check_halves(const nn_symbol *table, const Problem *p, int T)
{
    Halves y = halves(p->pixels * p->step);
    run(table, p, (nn_conv_args){.bias = p->bias, .y = y.at, .half = 1}, T);
    for (long i = 0; i < p->pixels; i++)
        for (int o = 0; o < p->step; o++) {
            const double sum = o < p->outputs ? p->sum[i * p->outputs + o] : 0;
            const double want = o >= p->outputs ? (double)nn_from_bf16(HALVES_VALUE)
                                : p->whole      ? (double)nn_from_bf16(nn_to_bf16((float)sum))
                                                : sum;
            const float got = nn_from_bf16(y.at[i * p->step + o]);
            const double off = o < p->outputs && !p->whole ? bound(p, p->size[i * p->outputs + o]) : 0;
            assert_element(fabs((double)got - want) <= (off > 0 ? off + 0x1p-8 * (fabs(sum) + off) : 0), NAMED(p));
        }
    halves_free(&y);
}

/* relu(scale · sum + shift + residual), or relu6 with a scale, in numbers whose results are exact before they are rounded. */
static void check_epilogue(const nn_symbol *table, const Problem *p, int form, int T)
{
    const long count = p->pixels * p->step;
    Halves y = halves(count), narrow = random_halves(count, true, 77);
    float *wide = guarded(count), *scale = floats(p->outputs, 0.5f, 0.5f, 3, 78),
          *shift = floats(p->outputs, -3, 1, 7, 79);
    for (long i = 0; i < count; i++) wide[i] = nn_from_bf16(narrow.at[i]);
    const nn_epilogue e = {.scale = form & 1 ? scale : NULL,
                           .shift = form & 1 ? shift : NULL,
                           .residual = form & 2 ? form & 8 ? (const void *)wide : narrow.at : NULL,
                           .residual_half = !(form & 8),
                           .relu = form & 4 ? form & 1 ? NN_RELU6 : 1 : 0};
    run(table, p, (nn_conv_args){.bias = p->bias, .epilogue = &e, .y = y.at, .half = 1}, T);
    for (long i = 0; i < p->pixels; i++)
        for (int o = 0; o < p->outputs; o++) {
            double want = p->sum[i * p->outputs + o];
            if (form & 1) want = want * (double)scale[o] + (double)shift[o];
            if (form & 2) want += at(&narrow, i * p->step + o);
            if (form & 4) want = want < 0 ? 0 : form & 1 && want > 6 ? 6 : want;
            want = (double)nn_from_bf16(nn_to_bf16((float)want));
            const float got = nn_from_bf16(y.at[i * p->step + o]);
            assert_element((double)got == want, NAMED(p));
        }
    halves_free(&y), halves_free(&narrow);
    guarded_free(wide), guarded_free(scale), guarded_free(shift);
}

/* ---- shapes ---- */

static void check_shape(const nn_symbol *table, Shape s, bool whole, unsigned seed)
{
    for (int back = 0; back < 2; back++) {
        Problem p = problem(conv_of(s), back, whole, seed);
        for (int T = 1; T <= THREADS; T++) check_halves(table, &p, T);
        check_floats(table, &p, 2);
        for (int form = 1; form < 12 && !back && whole; form++) check_epilogue(table, &p, form, 1 + form % THREADS);
        problem_free(&p);
    }
}

/* Tiles and blocks of pixels, panels, and channels that are read from one pointer. */
START_TEST(limits_of_bf16)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const nn_sizes *z = sizes_of(table);
    const int outputs = z->tile_panels * NN_PANEL;
    for (int more = -1; more <= 1; more++) {
        const Shape shapes[] = {
            {1, 6 + more, 1, z->pair_rows + more, outputs + more, 1, 1, 1, 1, 0, 0},
            {1, 4, 3, z->conv_pixels / 3 + more, NN_PANEL + more, 1, 3, 1, 1, 1, 1},
            {2, 5, 2, 2 * z->pair_rows + more, 2 * outputs + more, 1, 1, 1, 1, 0, 3},
            {1, 2 * NN_ZEROS + more, 2, 1, 2, 1, 3, 1, 1, 1, 0},
            {1, (2 * NN_ZEROS + more) / 3, 3, 3, 17, 1, 3, 1, 1, 1, 0}, /* a row of taps is one run */
        };
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_shape(table, shapes[i], true, 10);
    }
}
END_TEST

START_TEST(shapes_of_bf16)
{
    unsigned state = 5;
    for (int i = 0; kernels_of(_i) && i < 18; i++) {
        Shape s = {.n = draw(&state, 1, 3), .k = draw(&state, 1, 4), .c = draw(&state, 1, 24), .groups = 1};
        s.o = draw(&state, 1, i % 3 ? 20 : 70);
        s.stride = draw(&state, 1, 3);
        s.dilation = draw(&state, 1, 2);
        s.pad = draw(&state, 0, s.k - 1);
        s.h = (s.k - 1) * s.dilation + draw(&state, 1, 7);
        s.w = (s.k - 1) * s.dilation + draw(&state, 1, 9);
        s.more = draw(&state, 0, 1) * draw(&state, 0, 9);
        check_shape(kernels_of(_i), s, i % 2, (unsigned)i + 100);
    }
}
END_TEST

START_TEST(groups_of_bf16)
{
    static const Shape shapes[] = {
        {2, 32, 5, 4, 32, 2, 3, 1, 1, 1, 0}, {1, 48, 6, 5, 51, 3, 3, 2, 1, 1, 4}, {2, 10, 4, 7, 35, 5, 2, 1, 2, 0, 1}};
    for (size_t i = 0; kernels_of(_i) && i < sizeof shapes / sizeof *shapes; i++)
        for (int whole = 0; whole < 2; whole++) check_shape(kernels_of(_i), shapes[i], whole, (unsigned)i + 200);
}
END_TEST

/* ---- one step ---- */

static float of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* sum + x.odd · w.odd + x.even · w.even, and the bits of the result. */
typedef struct Step {
    uint32_t sum;
    uint16_t x_even, x_odd, w_even, w_odd;
    uint32_t want;
} Step;

/* With 1 = 3f80, 2 = 4000, and exponents of 2 as (127 + e) << 7. */
static const Step steps[] = {
    {0x3f800000, 0x3f80, 0x4b80, 0x3f80, 0x3f80, 0x4b800000}, /* 1 + 2^24, a tie, is 2^24, + 1 again: the odd first */
    {0x3f800000, 0x4b80, 0x3f80, 0x3f80, 0x3f80, 0x4b800001}, /* 1 + 1 + 2^24 */
    {0xbf820000, 0, 0x3f81, 0, 0x3f81, 0x38800000},           /* (1 + 2^-7)^2 − 1 − 2^-6: 2^-14, as if exact */
    {0xff000000, 0, 0x7f00, 0, 0x4000, 0x7f000000},           /* 2^127 · 2 − 2^127 does not overflow */
    {0x7f000000, 0, 0x7f00, 0, 0x4000, 0x7f800000},           /* 2^128 + 2^127 does */
    {0x3f800000, 0, 0x0001, 0, 0x7f00, 0x3f800000},           /* x is subnormal: 0 */
    {0x3f800000, 0x7f00, 0, 0x0040, 0, 0x3f800000},           /* so is w */
    {0x00400000, 0x3f80, 0, 0x0000, 0, 0x00000000},           /* and the sum */
    {0x00000000, 0x8000, 0x9f80, 0x3f80, 0x2000, 0x80000000}, /* −2^-64 · 2^-63 is −0, and −0 + −0 · 1 */
    {0x00800000, 0x1f80, 0x9f80, 0x2080, 0x2000, 0x00800000}, /* 2^-126 − 2^-127 is 0, and then + 2^-126 */
    {0x00800000, 0, 0x9500, 0, 0x1e00, 0x00800000},           /* 2^-126 − 2^-152 rounds to 2^-126: not subnormal */
    {0x00800000, 0, 0x9500, 0, 0x1e80, 0x00800000},           /* so does − 2^-151, a tie */
    {0x00800000, 0, 0x9500, 0, 0x1ec0, 0x00000000},           /* − 1.5 · 2^-151 does not */
    {0x3f800000, 0, 0x3380, 0, 0x3f80, 0x3f800000},           /* 1 + 2^-24: a tie, to the even */
    {0x3f800001, 0, 0x3380, 0, 0x3f80, 0x3f800002},           {0x3f800000, 0, 0x3380, 0, 0x3f81, 0x3f800001},
    {0xbf800000, 0x3f80, 0xff80, 0x3f80, 0x3f80, 0xff800000}, /* −∞ */
    {0x3f800000, 0x3f80, 0x0000, 0x3f80, 0x7f80, 0x7fc00000}, /* 0 · ∞ */
    {0x3f800000, 0x7fc0, 0x3f80, 0x0000, 0x3f80, 0x7fc00000}, /* NaN · 0 */
};

/* Of one pixel and 16 outputs, all of the same weights. */
static float step_of(const nn_symbol *table, const Step *s)
{
    const nn_conv d = {.n = 1,
                       .c = 2,
                       .h = 1,
                       .w = 1,
                       .o = NN_PANEL,
                       .oh = 1,
                       .ow = 1,
                       .groups = 1,
                       .kh = 1,
                       .kw = 1,
                       .sh = 1,
                       .sw = 1,
                       .dh = 1,
                       .dw = 1,
                       .c_step = 2,
                       .o_step = NN_PANEL};
    Problem p = {.d = d, .x = halves(2), .weight = halves(2 * NN_PANEL)};
    float *bias = guarded(NN_PANEL), *y = guarded(NN_PANEL);
    p.x.at[0] = s->x_even, p.x.at[1] = s->x_odd;
    for (int o = 0; o < NN_PANEL; o++) {
        p.weight.at[2 * o] = s->w_even, p.weight.at[2 * o + 1] = s->w_odd;
        bias[o] = of_bits(s->sum);
    }
    run(table, &p, (nn_conv_args){.bias = bias, .y = y}, 1);
    for (int o = 1; o < NN_PANEL; o++) ck_assert(memcmp(&y[o], &y[0], sizeof *y) == 0);
    const float result = y[0];
    guarded_free(bias), guarded_free(y);
    halves_free(&p.x), halves_free(&p.weight);
    return result;
}

static bool multiplies(const nn_symbol *table) { return table && sizes_of(table)->bf16_products; }

START_TEST(steps_of_vdpbf16ps)
{
    const nn_symbol *table = kernels_of(_i);
    for (size_t i = 0; multiplies(table) && i < sizeof steps / sizeof *steps; i++) {
        const float got = step_of(table, &steps[i]), want = of_bits(steps[i].want);
        ck_assert_msg(isnan(want) ? isnan(got) : memcmp(&got, &want, sizeof got) == 0, "step %zu is %a, not %a", i,
                      (double)got, (double)want);
    }
}
END_TEST

/* The instructions are there somewhere: what the steps are tried on. */
START_TEST(some_table_multiplies)
{
    int count = 0;
    for (int i = 0; i < kernel_tables(); i++) count += multiplies(kernels_of(i));
    ck_assert_int_gt(count, 0);
}
END_TEST

/* Any sign and digits, an exponent below `most`. */
static uint16_t half_of(unsigned *state, int most)
{
    return (uint16_t)(draw(state, 0, 1) << 15 | draw(state, 0, most - 1) << 7 | draw(state, 0, 127));
}

/* Where the processor has the instruction, the emulated table gives its bits: of numbers of all sizes, near 1, and
 * such that products and sums are near the smallest normal number. */
START_TEST(bits_of_all_tables)
{
    unsigned state = 9;
    const nn_symbol *first = NULL;
    for (int i = 0; i < kernel_tables() && !first; i++)
        if (multiplies(kernels_of(i))) first = kernels_of(i);
    for (int i = 0; i < 600; i++) {
        const int most = i % 3 == 0 ? 255 : i % 3 == 1 ? 130 : 66;
        Step s = {.x_even = half_of(&state, most), .x_odd = half_of(&state, most)};
        s.w_even = half_of(&state, most), s.w_odd = half_of(&state, most);
        s.sum = (uint32_t)half_of(&state, i % 3 == 2 ? 6 : most) << 16 | (uint32_t)draw(&state, 0, 0xffff);
        const float want = step_of(first, &s);
        for (int k = 0; k < kernel_tables(); k++) {
            if (!multiplies(kernels_of(k)) || kernels_of(k) == first) continue;
            const float got = step_of(kernels_of(k), &s);
            ck_assert_msg(isnan(want) ? isnan(got) : memcmp(&got, &want, sizeof got) == 0, "step %d is %a, not %a", i,
                          (double)got, (double)want);
        }
    }
}
END_TEST

/* 0 · sum + shift, rounded to bf16: a subnormal number is 0, all others as nn_to_bf16 has them. */
static uint16_t rounded_by(const nn_symbol *table, float value, int outputs)
{
    const nn_conv d = {.n = 1,
                       .c = 2,
                       .h = 1,
                       .w = 1,
                       .o = outputs,
                       .oh = 1,
                       .ow = 1,
                       .groups = 1,
                       .kh = 1,
                       .kw = 1,
                       .sh = 1,
                       .sw = 1,
                       .dh = 1,
                       .dw = 1,
                       .c_step = 2,
                       .o_step = outputs};
    Problem p = {.d = d, .x = random_halves(2, true, 1), .weight = random_halves(2L * outputs, true, 2)};
    float *scale = floats(outputs, 0, 0, 1, 3), *shift = floats(outputs, value, 0, 1, 4);
    Halves y = halves(outputs);
    const nn_epilogue e = {.scale = scale, .shift = shift};
    run(table, &p, (nn_conv_args){.epilogue = &e, .y = y.at, .half = 1}, 1);
    for (int o = 1; o < outputs; o++) ck_assert_int_eq(y.at[o], y.at[0]);
    const uint16_t result = y.at[0];
    halves_free(&y), halves_free(&p.x), halves_free(&p.weight);
    guarded_free(scale), guarded_free(shift);
    return result;
}

START_TEST(results_of_bf16)
{
    static const uint32_t bits[] = {0x3f808000, 0x3f818000, 0x3f808001, 0x7f7fffff, 0x7f800000, 0xff800000, 0x00800000,
                                    0x80ffffff, 0x00018000, 0x807fffff, 0xc0490fdb, 0x7f7f7fff, 0x7fc00000};
    const nn_symbol *table = kernels_of(_i);
    for (size_t i = 0; table && i < sizeof bits / sizeof *bits; i++)
        for (int outputs = 3; outputs <= 32; outputs += 29) {
            const float value = of_bits(bits[i]);
            const bool zero = multiplies(table) && fpclassify(value) == FP_SUBNORMAL;
            const unsigned want = zero ? bits[i] >> 16 & 0x8000 : nn_to_bf16(value);
            ck_assert_msg(rounded_by(table, value, outputs) == want, "%a is %04x, not %04x", (double)value,
                          rounded_by(table, value, outputs), want);
        }
}
END_TEST

Suite *bf16_convolution_suite(void);

Suite *bf16_convolution_suite(void)
{
    Suite *suite = suite_create("bf16_convolution");
    TCase *tests = tcase_create("bf16_convolution");
    tcase_add_loop_test(tests, limits_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, shapes_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, groups_of_bf16, 0, kernel_tables());
    tcase_add_loop_test(tests, steps_of_vdpbf16ps, 0, kernel_tables());
    tcase_add_loop_test(tests, results_of_bf16, 0, kernel_tables());
    tcase_add_test(tests, some_table_multiplies);
    tcase_add_test(tests, bits_of_all_tables);
    suite_add_tcase(suite, tests);
    return suite;
}
