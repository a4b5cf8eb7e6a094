/*
 * The kernels of NHWC convolution against plain sums, through every table of
 * kernels that this machine can run, as the parts of one to three threads.  Values are
 * small integers, so that sums are exact and results must be the same numbers, however
 * they are cut into tiles, units and blocks.  Shapes: those on both sides of each limit of
 * the compiler and of the table's target, and random ones.
 */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define NN_LINKED 1
#include "runtime/kernels/conv/conv.h"
#include "runtime/kernels/limits.h"
#include "tests/unit/libraries.h"
#include "tests/unit/shapes.h"

enum { THREADS = 3 };

typedef struct Array {
    long count;
    float *at;
} Array;

static Array array(long count) { return (Array){count, guarded(count)}; }

static Array integers(long count, unsigned seed)
{
    Array a = array(count);
    for (long i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        a.at[i] = (float)((int)(seed >> 24) % 5 - 2);
    }
    return a;
}

typedef struct Problem {
    nn_conv d;
    Array large, small, weight, bias;
} Problem;

static long of_large(const nn_conv *d, long n, long h, long w, long c)
{
    return ((n * d->h + h) * d->w + w) * d->c_step + c;
}

static long of_small(const nn_conv *d, long n, long h, long w, long o)
{
    return ((n * d->oh + h) * d->ow + w) * d->o_step + o;
}

static long of_weight(const nn_conv *d, long o, long c, int i, int j)
{
    return ((o * (d->c / d->groups) + c) * d->kh + i) * d->kw + j;
}

static Problem problem(nn_conv d, unsigned seed)
{
    Problem p = {.d = d};
    p.large = integers((long)d.n * d.h * d.w * d.c_step, seed);
    p.small = integers((long)d.n * d.oh * d.ow * d.o_step, seed + 1);
    p.weight = integers((long)d.o * (d.c / d.groups) * d.kh * d.kw, seed + 2);
    p.bias = integers(d.o > d.c ? d.o : d.c, seed + 3);
    return p;
}

static void problem_free(Problem *p)
{
    guarded_free(p->large.at), guarded_free(p->small.at), guarded_free(p->weight.at), guarded_free(p->bias.at);
}

/* Calls `f` for each product that the convolution has.  Inlined with f: a call for each would take
 * several times as long as the product. */
typedef void Product(const Problem *p, float *to, long large, long small, long weight);

static inline __attribute__((always_inline)) void each_product(const Problem *p, Product *f, float *to)
{
    const nn_conv *d = &p->d;
    const int c = d->c / d->groups, o = d->o / d->groups;
    for (int n = 0; n < d->n; n++)
        for (int u = 0; u < d->oh; u++)
            for (int v = 0; v < d->ow; v++)
                for (int i = 0; i < d->kh; i++)
                    for (int j = 0; j < d->kw; j++) {
                        int h = u * d->sh + i * d->dh - d->top, w = v * d->sw + j * d->dw - d->left;
                        if (h < 0 || h >= d->h || w < 0 || w >= d->w) continue;
                        for (int to_o = 0; to_o < d->o; to_o++) {
                            const long large = of_large(d, n, h, w, to_o / o * c), small = of_small(d, n, u, v, to_o);
                            const long weight = of_weight(d, to_o, 0, i, j), taps = (long)d->kh * d->kw;
                            for (int k = 0; k < c; k++) f(p, to, large + k, small, weight + k * taps);
                        }
                    }
}

static void to_weight(const Problem *p, float *to, long large, long small, long weight)
{
    to[weight] += p->large.at[large] * p->small.at[small];
}

static void to_small(const Problem *p, float *to, long large, long small, long weight)
{
    to[small] += p->large.at[large] * p->weight.at[weight];
}

static void to_large(const Problem *p, float *to, long large, long small, long weight)
{
    to[large] += p->small.at[small] * p->weight.at[weight];
}

static void check_same(const Problem *p, const char *what, int T, Array want, Array got)
{
    const nn_conv *d = &p->d;
    for (long i = 0; i < want.count; i++) {
        if (want.at[i] == got.at[i]) continue;
        ck_abort_msg("%s of %d threads: %ld of %ld is %g, not %g: %dx%dx%dx%d, %d outputs of %dx%d, groups %d, kernel "
                     "%dx%d, stride %dx%d, dilation %dx%d, padding %d, %d",
                     what, T, i, want.count, (double)got.at[i], (double)want.at[i], d->n, d->c, d->h, d->w, d->o, d->oh,
                     d->ow, d->groups, d->kh, d->kw, d->sh, d->sw, d->dh, d->dw, d->top, d->left);
    }
}

/* ---- what the kernels give ---- */

typedef void Pack(const nn_conv *, const float *weight, float *panels, int t, int T);
typedef void Convolve(const nn_conv *, const nn_conv_args *, int t, int T);
typedef void Weights(const nn_conv *, const float *large, const float *small, float *weight, int t, int T);

typedef enum Family { DIRECT, GROUPED, DEPTHWISE } Family;

static Family family_of(const nn_conv *d)
{
    if (d->groups == 1) return DIRECT;
    return d->groups == d->c && d->groups == d->o ? DEPTHWISE : GROUPED;
}

static void check_weights(const nn_symbol *table, const Problem *p)
{
    const char *const names[] = {"nn_conv_wgrad", "nn_conv_wgrad", "nn_depthwise_wgrad"};
    Weights *weights = (Weights *)kernel_named(table, names[family_of(&p->d)]);
    Array want = array(p->weight.count);
    for (long i = 0; i < want.count; i++) want.at[i] = 0;
    each_product(p, to_weight, want.at);
    for (int T = 1; T <= THREADS; T++) {
        Array got = array(want.count);
        for (int t = 0; t < T; t++) weights(&p->d, p->large.at, p->small.at, got.at, t, T);
        check_same(p, "gradient of the weights", T, want, got);
        guarded_free(got.at);
    }
    guarded_free(want.at);
}

/* Values between the channels of a part of an image stay as they are. */
static Array image_of(long pixels, int channels, int step, const float *bias)
{
    Array a = array(pixels * step);
    for (long i = 0; i < pixels; i++)
        for (int c = 0; c < channels; c++) a.at[i * step + c] = bias[c];
    return a;
}

static long panels_of(const nn_conv *d, bool back)
{
    const long c = d->c / d->groups, o = d->o / d->groups;
    return nn_conv_packed(d->groups, back ? c : o, back ? o : c, d->kh * d->kw);
}

static Array pack(const nn_symbol *table, const Problem *p, bool back, int T)
{
    const char *const names[][2] = {{"nn_conv_panels", "nn_conv_panels_backward"},
                                    {"nn_grouped_panels", "nn_grouped_panels_backward"},
                                    {"nn_depthwise_panels", "nn_depthwise_panels"}};
    Pack *f = (Pack *)kernel_named(table, names[family_of(&p->d)][back]);
    Array panels = array(panels_of(&p->d, back));
    for (int t = 0; t < T; t++) f(&p->d, p->weight.at, panels.at, t, T);
    ck_assert_msg(guard_holds(panels.at), "before the panels");
    return panels;
}

static Array outputs_of(const Problem *p)
{
    const nn_conv *d = &p->d;
    Array want = image_of((long)d->n * d->oh * d->ow, d->o, d->o_step, p->bias.at);
    each_product(p, to_small, want.at);
    return want;
}

static void check_forward(const nn_symbol *table, const Problem *p)
{
    const nn_conv *d = &p->d;
    const char *const names[] = {"nn_conv_forward", "nn_grouped_forward", "nn_depthwise_forward"};
    Convolve *forward = (Convolve *)kernel_named(table, names[family_of(d)]);
    Array want = outputs_of(p);
    for (int T = 1; T <= THREADS; T++) {
        Array got = array(want.count), panels = pack(table, p, false, T);
        const nn_conv_args args = {.x = p->large.at, .panels = panels.at, .bias = p->bias.at, .y = got.at};
        for (int t = 0; t < T; t++) forward(d, &args, t, T);
        check_same(p, "output", T, want, got);
        guarded_free(got.at), guarded_free(panels.at);
    }
    guarded_free(want.at);
}

static void check_backward_data(const nn_symbol *table, const Problem *p)
{
    const nn_conv *d = &p->d;
    const char *const names[] = {"nn_conv_backward_data", "nn_grouped_backward_data", "nn_depthwise_backward_data"};
    Convolve *backward_data = (Convolve *)kernel_named(table, names[family_of(d)]);
    Array want = image_of((long)d->n * d->h * d->w, d->c, d->c_step, p->bias.at);
    each_product(p, to_large, want.at);
    for (int T = 1; T <= THREADS; T++) {
        Array got = array(want.count), panels = pack(table, p, true, T);
        const nn_conv_args args = {.x = p->small.at, .panels = panels.at, .bias = p->bias.at, .y = got.at};
        for (int t = 0; t < T; t++) backward_data(d, &args, t, T);
        check_same(p, "gradient of the input", T, want, got);
        guarded_free(got.at), guarded_free(panels.at);
    }
    guarded_free(want.at);
}

static void check_all(const nn_symbol *table, nn_conv d, unsigned seed)
{
    Problem p = problem(d, seed);
    check_weights(table, &p);
    check_forward(table, &p);
    check_backward_data(table, &p);
    problem_free(&p);
}

/* ---- Winograd's forms: to a few units of rounding, and bitwise identical with any threads ---- */

typedef void WinogradPack(const nn_conv *, int m, int back, const float *weight, float *panels, int t, int T);
typedef void Winograd(const nn_conv *, int m, const nn_conv_args *, int t, int T);
typedef void WinogradWeights(const nn_conv *, const float *large, const float *small, float *weight, float *work, int t,
                             int T);

/* To 2e-5 of the largest that is wanted, and 1. */
static void check_close(const Problem *p, const char *what, int T, Array want, Array got)
{
    const nn_conv *d = &p->d;
    float largest = 1, worst = 0;
    for (long i = 0; i < want.count; i++) {
        if (want.at[i] == GUARD_VALUE) continue;
        largest = fmaxf(largest, fabsf(want.at[i]));
        worst = fmaxf(worst, fabsf(want.at[i] - got.at[i]));
    }
    ck_assert_msg(worst <= 2e-5F * largest,
                  "%s of %d threads is %g off, of %g: %dx%dx%dx%d, %d outputs of %dx%d, kernel %dx%d, padding %d", what,
                  T, (double)worst, (double)largest, d->n, d->c, d->h, d->w, d->o, d->oh, d->ow, d->kh, d->kw, d->top);
}

static void compare_winograd(const nn_symbol *table, const Problem *p, int m, Array want)
{
    const nn_conv *d = &p->d;
    const int e = m + d->kh - 1;
    WinogradPack *pack_weight = (WinogradPack *)kernel_named(table, "nn_winograd_panels");
    Winograd *winograd = (Winograd *)kernel_named(table, "nn_winograd");
    Array one = {0, NULL};
    for (int T = 1; T <= THREADS; T++) {
        Array got = array(want.count), work = array(nn_winograd_work(e, d->c, d->o));
        Array panels = array(nn_winograd_packed(e, d->o, d->c));
        for (int t = 0; t < T; t++) pack_weight(d, m, 0, p->weight.at, panels.at, t, T);
        const nn_conv_args args = {
            .x = p->large.at, .panels = panels.at, .bias = p->bias.at, .y = got.at, .work = work.at};
        for (int t = 0; t < T; t++) winograd(d, m, &args, t, T);
        check_close(p, "Winograd's output", T, want, got);
        if (T == 1) one = got;
        check_same(p, "Winograd's output", T, one, got);
        if (T > 1) guarded_free(got.at);
        guarded_free(work.at), guarded_free(panels.at);
    }
    guarded_free(one.at);
}

/* With m = 2, and m = 4 where the kernel has that form. */
static void check_winograd(const nn_symbol *table, const Problem *p)
{
    Array want = outputs_of(p);
    compare_winograd(table, p, 2, want);
    if (p->d.kh == 3) compare_winograd(table, p, 4, want);
    guarded_free(want.at);
}

static void check_winograd_weights(const nn_symbol *table, const Problem *p)
{
    WinogradWeights *weights = (WinogradWeights *)kernel_named(table, "nn_winograd_wgrad");
    Array want = array(p->weight.count), one = {0, NULL};
    for (long i = 0; i < want.count; i++) want.at[i] = 0;
    each_product(p, to_weight, want.at);
    for (int T = 1; T <= THREADS; T++) {
        Array got = array(want.count), work = array(nn_winograd_wgrad_work());
        for (int t = 0; t < T; t++) weights(&p->d, p->large.at, p->small.at, got.at, work.at, t, T);
        check_close(p, "Winograd's gradient of the weights", T, want, got);
        if (T == 1) one = got;
        check_same(p, "Winograd's gradient of the weights", T, one, got);
        if (T > 1) guarded_free(got.at);
        guarded_free(work.at);
    }
    guarded_free(want.at), guarded_free(one.at);
}

/* ---- shapes ---- */

static const Shape shapes[] = {
    {2, 170, 7, 7, 32, 1, 3, 2, 1, 0, 0},   /* units of channels that do not fill their tiles */
    {1, 64, 17, 17, 16, 1, 16, 1, 1, 0, 0}, /* so many taps that only few channels have room */
    {1, 8, 20, 20, 33, 1, 16, 1, 1, 3, 0},  /* the same, of a row of taps as one run */
    {1, 9, 23, 21, 5, 1, 11, 4, 1, 2, 0},   {3, 300, 9, 7, 130, 1, 1, 1, 1, 0, 0},
    {2, 37, 15, 17, 50, 1, 1, 2, 1, 0, 0},  {2, 19, 6, 5, 40, 1, 1, 1, 1, 1, 3},
    {1, 3, 3, 900, 2, 1, 3, 1, 1, 1, 0},    {1, 5, 2, 400, 17, 1, 1, 1, 1, 0, 2},
    {2, 3, 20, 19, 24, 1, 7, 2, 1, 3, 0},   {1, 24, 9, 8, 18, 6, 3, 1, 1, 1, 0},
    {2, 20, 7, 6, 20, 20, 3, 1, 1, 1, 0},   {1, 34, 9, 9, 70, 2, 3, 2, 2, 2, 1},
    {1, 130, 4, 4, 129, 1, 3, 1, 1, 1, 0},
};

START_TEST(chosen_shapes)
{
    for (size_t i = 0; kernels_of(_i) && i < sizeof shapes / sizeof *shapes; i++)
        check_all(kernels_of(_i), conv_of(shapes[i]), (unsigned)i + 1);
}
END_TEST

/* ---- shapes on both sides of each limit ---- */

typedef void Check(const nn_symbol *, const Problem *);

static void check_shape(const nn_symbol *table, Shape s, Check *check)
{
    Problem p = problem(conv_of(s), (unsigned)(s.c * 31 + s.o * 7 + s.w));
    check(table, &p);
    problem_free(&p);
}

/* A unit of the most channels, and of one more; blocks of the most pixels, packed in tiles. */
static void wgrad_tiles(const nn_symbol *table, const nn_sizes *z)
{
    for (int c = z->wgrad_channels - 4; c <= z->wgrad_channels + 1; c++) {
        for (int w = z->wgrad_tiled_pixels - 2; w <= z->wgrad_tiled_pixels + 1; w++) {
            Shape s = {
                .n = 1, .c = 2 * c, .h = 1, .w = w, .o = NN_PANEL, .groups = 1, .k = 1, .stride = 1, .dilation = 1};
            check_shape(table, s, check_weights); /* two units of as many channels */
        }
        Shape s = {.n = 2, .c = c, .h = 1, .w = z->wgrad_tiled_pixels, .groups = 1, .k = 1, .stride = 1, .dilation = 1};
        s.o = 2 * z->wgrad_panels * NN_PANEL; /* two units of as many panels */
        check_shape(table, s, check_weights);
    }
}

/* A unit's sums: 3 × 3 taps of the most panels; with as many pixels as the copy of its channels has
 * room for, and with rows that have to be cut. */
static void wgrad_sums(const nn_symbol *table, const nn_sizes *z)
{
    const int panels = z->wgrad_panels / 2, most = z->wgrad_sums / (9 * panels * NN_PANEL),
              edge = (int)sqrt(NN_WGRAD_COPY / most);
    for (int more = -1; more <= 1; more++) {
        Shape s = {.n = 2, .c = 2 * (most + more), .h = 4, .w = 3, .o = panels * NN_PANEL, .groups = 1, .k = 3};
        s.stride = s.dilation = s.pad = 1;
        check_shape(table, s, check_weights);
        s.n = 1, s.c = most, s.o = NN_PANEL, s.h = s.w = edge - 2 + more;
        check_shape(table, s, check_weights);
        s.h = 2, s.w = NN_WGRAD_COPY / most / 3 - 2 + more;
        check_shape(table, s, check_weights);
    }
}

/* Blocks of the most pixels, of few channels; the most taps; the largest kernel. */
static void wgrad_pixels(const nn_symbol *table, const nn_sizes *z)
{
    for (int more = -1; more <= 1; more++) {
        Shape s = {.n = 1, .c = 3, .h = 1, .w = z->wgrad_pixels + more, .o = 5, .groups = 1, .k = 3, .stride = 1};
        s.dilation = s.pad = 1;
        check_shape(table, s, check_weights);
    }
    const Shape taps = {.n = 1, .c = 11, .h = 17, .w = 18, .o = 17, .groups = 1, .k = 16, .stride = 1, .dilation = 1};
    ck_assert_int_eq(taps.k * taps.k, NN_MAX_TAPS);
    check_shape(table, taps, check_weights);
    Shape large = {.n = 1, .c = NN_MAX_TILE_ROWS, .o = 3, .groups = 1, .k = 2, .stride = 1};
    large.dilation = (int)sqrt(NN_WGRAD_COPY / NN_MAX_TILE_ROWS) - 1;
    large.h = large.w = large.dilation + 2;
    ck_assert(nn_wgrad_serves(large.c, 4, large.dilation + 1, large.dilation + 1));
    ck_assert(!nn_wgrad_serves(large.c, 4, large.dilation + 2, large.dilation + 2));
    check_shape(table, large, check_weights);
}

START_TEST(limits_of_wgrad)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    wgrad_tiles(table, sizes_of(table));
    wgrad_sums(table, sizes_of(table));
    wgrad_pixels(table, sizes_of(table));
}
END_TEST

/* Tiles and blocks of pixels, the depth of a block, panels that stay in cache, framed rows. */
START_TEST(limits_of_direct)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const nn_sizes *z = sizes_of(table);
    const int outputs = z->tile_panels * NN_PANEL, framed = NN_PANEL / 2;
    for (int more = -1; more <= 1; more++) {
        const Shape some[] = {
            {1, 7, 1, z->tile_rows + more, outputs + more, 1, 1, 1, 1, 0, 0},
            {1, 9, 3, z->conv_pixels + more, 3, 1, 3, 1, 1, 1, 0},
            {1, z->conv_depth + more, 1, z->tile_rows, outputs + 1, 1, 1, 1, 1, 0, 0},
            {1, 2 * z->conv_depth + more, 1, 3, NN_PANEL, 1, 1, 1, 1, 0, 0},
            {1, z->conv_near / 128 + more, 2, 5, 128, 1, 1, 1, 1, 0, 0},
            {1, framed, 3, z->conv_padded / (4 * framed) - 2 + more, 3, 1, 3, 1, 1, 1, 0},
            {1, 3 * NN_PANEL, 5, z->grouped_pixels + 2 + more, 3 * NN_PANEL, 3 * NN_PANEL, 3, 1, 1, 1, 0},
            {1, 6 * z->grouped_channels, 5, z->grouped_pixels + 2 + more, 6 * z->grouped_channels, 6, 3, 1, 1, 1, 0},
        };
        for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
            check_shape(table, some[i], check_forward);
            check_shape(table, some[i], check_backward_data);
        }
    }
}
END_TEST

/* A row of tiles that fills a block, panels that are transformed back at once, the zeros, and
 * units of wgrad. */
START_TEST(limits_of_winograd)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const int units = NN_WINOGRAD_WGRAD_CHANNELS, panels = NN_WINOGRAD_WGRAD_PANELS * NN_PANEL;
    for (int more = -1; more <= 1; more++) {
        const Shape row = {1, 5, 4, 4 * NN_WINOGRAD_TILES + more, NN_WINOGRAD_OUTPUTS + more, 1, 3, 1, 1, 1, 0};
        const Shape row_4 = {1, 5, 2, 2 * NN_WINOGRAD_TILES_4 + more, NN_WINOGRAD_OUTPUTS + more, 1, 3, 1, 1, 1, 0};
        const Shape row_5 = {1, 5, 2, 2 * NN_WINOGRAD_TILES + more, NN_PANEL + more, 1, 5, 1, 1, 2, 0};
        const Shape unit = {1, units + more, 4, 4 * NN_WINOGRAD_WGRAD_TILES + more, panels + more, 1, 3, 1, 1, 1, 0};
        check_shape(table, row, check_winograd);
        check_shape(table, row_4, check_winograd);
        check_shape(table, row_5, check_winograd);
        check_shape(table, unit, check_winograd_weights);
    }
    const Shape deep = {1, NN_ZEROS, 4, 5, NN_PANEL, 1, 3, 1, 1, 1, 0};
    check_shape(table, deep, check_winograd);
}
END_TEST

/* ---- random shapes ---- */

START_TEST(random_shapes)
{
    unsigned state = 7;
    for (int i = 0; kernels_of(_i) && i < 120; i++) {
        Shape s = {.n = draw(&state, 1, 3), .groups = draw(&state, 1, i % 2 ? 3 : 12), .k = draw(&state, 1, 5)};
        s.c = s.groups * draw(&state, 1, i % 2 ? 40 : 9);
        s.o = s.groups * draw(&state, 1, i % 2 ? 40 : 9);
        s.stride = draw(&state, 1, 3);
        s.dilation = draw(&state, 1, 2);
        s.pad = draw(&state, 0, s.k - 1);
        s.h = (s.k - 1) * s.dilation + draw(&state, 1, 9);
        s.w = (s.k - 1) * s.dilation + draw(&state, 1, 9);
        s.more = draw(&state, 0, 1) * draw(&state, 0, 20);
        check_all(kernels_of(_i), conv_of(s), (unsigned)i + 100);
    }
}
END_TEST

START_TEST(winograd_shapes)
{
    unsigned state = 11;
    for (int i = 0; kernels_of(_i) && i < 40; i++) {
        Shape s = {.n = draw(&state, 1, 3), .groups = 1, .k = i % 4 == 3 ? 5 : 3, .stride = 1, .dilation = 1};
        s.c = draw(&state, 1, i % 3 ? 40 : 150);
        s.o = draw(&state, 1, i % 3 ? 150 : 40);
        s.pad = draw(&state, 0, s.k - 1);
        s.h = s.k + draw(&state, 0, i % 5 ? 8 : 24);
        s.w = s.k + draw(&state, 0, i % 5 ? 8 : 24);
        s.more = draw(&state, 0, 1) * draw(&state, 0, 20);
        Problem p = problem(conv_of(s), (unsigned)i + 300);
        check_winograd(kernels_of(_i), &p);
        if (s.k == 3) check_winograd_weights(kernels_of(_i), &p);
        problem_free(&p);
    }
}
END_TEST

Suite *convolution_suite(void);

Suite *convolution_suite(void)
{
    Suite *suite = suite_create("convolution");
    TCase *tests = tcase_create("convolution");
    tcase_add_loop_test(tests, chosen_shapes, 0, kernel_tables_of("nn_conv_ nn_grouped_ nn_depthwise_"));
    tcase_add_loop_test(tests, limits_of_wgrad, 0, kernel_tables_of("nn_conv_wgrad"));
    tcase_add_loop_test(tests, limits_of_direct, 0, kernel_tables_of("nn_conv_ nn_grouped_ nn_depthwise_"));
    tcase_add_loop_test(tests, limits_of_winograd, 0, kernel_tables_of("nn_winograd"));
    tcase_add_loop_test(tests, random_shapes, 0, kernel_tables_of("nn_conv_ nn_grouped_ nn_depthwise_"));
    tcase_add_loop_test(tests, winograd_shapes, 0, kernel_tables_of("nn_winograd"));
    suite_add_tcase(suite, tests);
    return suite;
}
