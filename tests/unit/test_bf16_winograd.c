/*
 * Winograd's algorithm in pairs of bf16 (winograd_pairs.h), through every table of kernels, as the parts of one
 * to three threads.
 *
 * Transformed weights and inputs are rounded to bf16 here as documented, by the formulas of Lavin and Gray: panels
 * have to be the same bit by bit, and results as near to sums of their products in doubles as sums of so many
 * floats are.  Where all of that is whole numbers, results are those of the convolution itself.
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

typedef void Pack(const nn_conv *, int back, const uint16_t *weight, uint16_t *panels, int t, int T);
typedef void Round(const nn_conv *, int back, const float *weight, uint16_t *panels, int t, int T);
typedef void Convolve(const nn_conv *, const nn_conv_args *, int t, int T);

/* The matrices of F(2 x 2, 3 x 3), G being halves: exact, as all that is made of bf16 with them but the last
 * rounding. */
static const double B[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
static const double G[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
static const double A[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};

/* The transforms are of floats, whose sums are rounded one after the other, in this order. */
static void transform_kernel(const float g[9], uint16_t u[16])
{
    float half[4][3];
    for (int j = 0; j < 3; j++) {
        const float even = (g[j] + g[6 + j]) * 0.5f, odd = g[3 + j] * 0.5f;
        half[0][j] = g[j], half[1][j] = even + odd, half[2][j] = even - odd, half[3][j] = g[6 + j];
    }
    for (int i = 0; i < 4; i++) {
        const float even = (half[i][0] + half[i][2]) * 0.5f, odd = half[i][1] * 0.5f;
        const float row[4] = {half[i][0], even + odd, even - odd, half[i][2]};
        for (int j = 0; j < 4; j++) u[i * 4 + j] = nn_to_bf16(row[j]);
    }
}

static void transform_tile(const float x[4][4], double v[16])
{
    float once[4][4];
    for (int j = 0; j < 4; j++) {
        once[0][j] = x[0][j] - x[2][j], once[1][j] = x[1][j] + x[2][j];
        once[2][j] = x[2][j] - x[1][j], once[3][j] = x[1][j] - x[3][j];
    }
    for (int i = 0; i < 4; i++) {
        const float *r = once[i], row[4] = {r[0] - r[2], r[1] + r[2], r[2] - r[1], r[1] - r[3]};
        for (int j = 0; j < 4; j++) v[i * 4 + j] = (double)nn_from_bf16(nn_to_bf16(row[j]));
    }
}

/* A convolution of x: [n][h][w][c_step] to [n][oh][ow][o_step].  Of backward-data, `weight` is as the layer has it,
 * [c][o][3][3]. */
typedef struct Problem {
    nn_conv d;
    bool back, whole;
    Halves x, weight;
    float *bias;
    uint16_t *u;        /* [o][c][16] */
    double *sum, *size; /* [pixels][o]: with the bias; and of absolute values */
} Problem;

static float weight_at(const Problem *p, int o, int c, int tap)
{
    const long at = p->back ? ((long)c * p->d.o + o) * 9 + 8 - tap : ((long)o * p->d.c + c) * 9 + tap;
    return nn_from_bf16(p->weight.at[at]);
}

static float x_at(const Problem *p, int n, int h, int w, int c)
{
    const nn_conv *d = &p->d;
    if (h < 0 || h >= d->h || w < 0 || w >= d->w) return 0;
    return nn_from_bf16(p->x.at[(((long)n * d->h + h) * d->w + w) * d->c_step + c]);
}

/* The products of a channel of a tile, to its pixels. */
static void add_tile(Problem *p, int n, int h0, int w0, int c)
{
    const nn_conv *d = &p->d;
    float x[4][4];
    double v[16];
    for (int k = 0; k < 16; k++) x[k / 4][k % 4] = x_at(p, n, h0 + k / 4 - d->top, w0 + k % 4 - d->left, c);
    transform_tile(x, v);
    for (int o = 0; o < d->o; o++)
        for (int k = 0; k < 4 && c < d->c; k++) {
            const int h = h0 + k / 2, w = w0 + k % 2;
            if (h >= d->oh || w >= d->ow) continue;
            const long to = (((long)n * d->oh + h) * d->ow + w) * d->o + o;
            for (int f = 0; f < 16; f++) {
                const double product = A[k / 2][f / 4] * A[k % 2][f % 4] * v[f] *
                                       (double)nn_from_bf16(p->u[((long)o * d->c + c) * 16 + f]);
                p->sum[to] += product;
                p->size[to] += fabs(product);
            }
        }
}

static Problem problem(Shape s, bool back, bool whole, unsigned seed)
{
    const nn_conv d = conv_of(s);
    Problem p = {.d = d, .back = back, .whole = whole};
    const long pixels = (long)d.n * d.oh * d.ow, kernels = (long)d.o * d.c;
    p.x = random_pixels((long)d.n * d.h * d.w, d.c, d.c_step, whole, seed);
    p.weight = random_halves(kernels * 9, whole, seed + 1);
    for (long i = 0; i < kernels * 9 && whole; i++) p.weight.at[i] = nn_to_bf16(4 * nn_from_bf16(p.weight.at[i]));
    p.bias = guarded(d.o);
    for (int o = 0; o < d.o; o++) p.bias[o] = floorf(uniform(seed + 2, (unsigned)o) * 5) - 2;
    p.u = calloc((size_t)kernels * 16, sizeof *p.u);
    for (int o = 0; o < d.o; o++)
        for (int c = 0; c < d.c; c++) {
            float g[9];
            for (int tap = 0; tap < 9; tap++) g[tap] = weight_at(&p, o, c, tap);
            transform_kernel(g, p.u + ((long)o * d.c + c) * 16);
        }
    p.sum = calloc((size_t)(pixels * d.o), sizeof *p.sum);
    p.size = calloc((size_t)(pixels * d.o), sizeof *p.size);
    for (long i = 0; i < pixels * d.o; i++) p.sum[i] = p.bias[i % d.o], p.size[i] = fabs(p.sum[i]);
    for (int n = 0; n < d.n; n++)
        for (int h = 0; h < d.oh; h += 2)
            for (int w = 0; w < d.ow; w += 2)
                for (int c = 0; c < d.c; c++) add_tile(&p, n, h, w, c);
    return p;
}

static void problem_free(Problem *p)
{
    halves_free(&p->x), halves_free(&p->weight), guarded_free(p->bias);
    free(p->u), free(p->sum), free(p->size);
}

#define NAMED(WHAT) "%dx%dx%dx%d, %d outputs, padding %d, %d threads: " WHAT, d->n, d->c, d->h, d->w, d->o, d->top, T

/* ---- weights ---- */

/* The descriptor of the layer whose weights these are: of backward-data, from what is the result here. */
static nn_conv layer_of(const Problem *p)
{
    nn_conv d = p->d;
    if (p->back) d.c = p->d.o, d.o = p->d.c;
    return d;
}

static Halves panels_of(const nn_symbol *table, const Problem *p, int T)
{
    const nn_conv layer = layer_of(p), *d = &p->d;
    const long pairs = nn_round_up(d->c, 2) / 2, panels = nn_round_up(d->o, NN_PANEL) / NN_PANEL;
    Halves got = halves(nn_winograd_packed_pairs(d->o, d->c));
    Pack *pack = (Pack *)kernel_named(table, "nn_winograd_panels_bf16");
    for (int t = 0; t < T; t++) pack(&layer, p->back, p->weight.at, got.at, t, T);
    for (long i = 0; i < 16 * panels * pairs * 2 * NN_PANEL; i++) {
        const long c = i / (2 * NN_PANEL) % pairs * 2 + i % 2,
                   o = i / (2 * NN_PANEL) / pairs % panels * NN_PANEL + i / 2 % NN_PANEL,
                   f = i / (2 * NN_PANEL) / pairs / panels;
        const uint16_t want = o < d->o && c < d->c ? p->u[(o * d->c + c) * 16 + f] : 0;
        assert_element(got.at[i] == want, "%d channels, %d outputs, %d threads: panel element %ld is %04x, not %04x",
                       d->c, d->o, T, i, got.at[i], want);
    }
    return got;
}

/* Of weights in f32 that are rounded to these the panels are the same: numbers somewhat larger. */
static void check_rounded_panels(const nn_symbol *table, const Problem *p, const Halves *panels, int T)
{
    const nn_conv layer = layer_of(p);
    const long count = 9L * layer.o * layer.c, packed = nn_winograd_packed_pairs(p->d.o, p->d.c);
    Round *pack = (Round *)kernel_named(table, "nn_winograd_panels_rounded");
    float *weight = guarded(count);
    Halves got = halves(packed);
    for (long i = 0; i < count; i++) {
        const uint32_t bits = (uint32_t)p->weight.at[i] << 16 | (i % 3 && p->weight.at[i] ? 0x7fff : 0);
        memcpy(weight + i, &bits, sizeof bits);
    }
    for (int t = 0; t < T; t++) pack(&layer, p->back, weight, got.at, t, T);
    for (long i = 0; i < packed; i++)
        assert_element(got.at[i] == panels->at[i], "panels of f32: element %ld is %04x, not %04x", i, got.at[i],
                       panels->at[i]);
    halves_free(&got);
    guarded_free(weight);
}

/* ---- results ---- */

static void run(const nn_symbol *table, const Problem *p, nn_conv_args args, int T)
{
    Convolve *f = (Convolve *)kernel_named(table, "nn_winograd_pairs");
    Halves panels = panels_of(table, p, T);
    float *work = guarded(nn_winograd_pair_work(p->d.c, p->d.o));
    check_rounded_panels(table, p, &panels, T);
    args.x = p->x.at;
    args.panels = panels.at;
    args.work = work;
    for (int t = 0; t < T; t++) f(&p->d, &args, t, T);
    ck_assert(guard_holds(work));
    guarded_free(work);
    halves_free(&panels);
}

/* Each product and sum is off by 2^-24 of what it makes, at most. */
static double bound(const Problem *p, double size) { return p->whole ? 0 : 2 * (p->d.c + 16) * 0x1p-24 * size; }

static void check_floats(const nn_symbol *table, const Problem *p, int T)
{
    const nn_conv *d = &p->d;
    const long pixels = (long)d->n * d->oh * d->ow;
    float *y = guarded(pixels * d->o_step);
    run(table, p, (nn_conv_args){.bias = p->bias, .y = y}, T);
    for (long i = 0; i < pixels * d->o_step; i++) {
        const long o = i % d->o_step, at = i / d->o_step * d->o + o;
        const double want = o < d->o ? p->sum[at] : (double)GUARD_VALUE;
        assert_element(fabs((double)y[i] - want) <= (o < d->o ? bound(p, p->size[at]) : 0),
                       NAMED("element %ld is %a, not %a"), i, (double)y[i], want);
    }
    ck_assert(guard_holds(y));
    guarded_free(y);
}

/* With relu(scale · sum + shift + residual), or relu6 with a scale, as `form` says; in numbers whose results are exact
 * before they are rounded. */
static void check_halves(const nn_symbol *table, const Problem *p, int form, int T)
{
    const nn_conv *d = &p->d;
    const long count = (long)d->n * d->oh * d->ow * d->o_step;
    Halves y = halves(count), residual = random_halves(count, true, 77);
    float *scale = guarded(d->o), *shift = guarded(d->o);
    for (int o = 0; o < d->o; o++) scale[o] = 0.5f * (float)(1 + o % 3), shift[o] = (float)(o % 7 - 3);
    const nn_epilogue e = {.scale = form & 1 ? scale : NULL,
                           .shift = form & 1 ? shift : NULL,
                           .residual = form & 2 ? residual.at : NULL,
                           .residual_half = 1,
                           .relu = form & 4 ? form & 1 ? NN_RELU6 : 1 : 0};
    run(table, p, (nn_conv_args){.bias = p->bias, .epilogue = form ? &e : NULL, .y = y.at, .half = 1}, T);
    for (long i = 0; i < count; i++) {
        const long o = i % d->o_step, at = i / d->o_step * d->o + o;
        const double got = (double)nn_from_bf16(y.at[i]);
        double want = o < d->o ? p->sum[at] : (double)nn_from_bf16(HALVES_VALUE);
        if (o < d->o && form & 1) want = want * (double)scale[o] + (double)shift[o];
        if (o < d->o && form & 2) want += (double)nn_from_bf16(residual.at[i]);
        if (o < d->o && form & 4) want = want < 0 ? 0 : form & 1 && want > 6 ? 6 : want;
        if (p->whole) want = (double)nn_from_bf16(nn_to_bf16((float)want));
        const double off = o < d->o && !p->whole ? bound(p, p->size[at]) : 0;
        assert_element(fabs(got - want) <= (off > 0 ? off + 0x1p-8 * (fabs(want) + off) : 0),
                       NAMED("form %d, element %ld is %a, not %a"), form, i, got, want);
    }
    halves_free(&y), halves_free(&residual);
    guarded_free(scale), guarded_free(shift);
}

/* Threads do not change a bit. */
static void check_threads(const nn_symbol *table, const Problem *p)
{
    const nn_conv *d = &p->d;
    const long count = (long)d->n * d->oh * d->ow * d->o_step;
    Halves one = halves(count), several = halves(count);
    run(table, p, (nn_conv_args){.bias = p->bias, .y = one.at, .half = 1}, 1);
    for (int T = 2; T <= THREADS; T++) {
        run(table, p, (nn_conv_args){.bias = p->bias, .y = several.at, .half = 1}, T);
        ck_assert_msg(memcmp(one.at, several.at, (size_t)count * sizeof *one.at) == 0, NAMED("other bits than of one"));
    }
    halves_free(&one), halves_free(&several);
}

/* Sums of whole numbers are those of the convolution. */
static void check_sums(const Problem *p)
{
    const nn_conv *d = &p->d;
    for (long i = 0; i < (long)d->n * d->oh * d->ow && p->whole; i++)
        for (int o = 0; o < d->o; o++) {
            const int n = (int)(i / (d->oh * d->ow)), h = (int)(i / d->ow % d->oh), w = (int)(i % d->ow);
            double sum = p->bias[o];
            for (int c = 0; c < d->c; c++)
                for (int tap = 0; tap < 9; tap++)
                    sum += (double)x_at(p, n, h + tap / 3 - d->top, w + tap % 3 - d->left, c) *
                           (double)weight_at(p, o, c, tap);
            assert_element(sum == p->sum[i * d->o + o], "the test's own sum is %g, not %g", p->sum[i * d->o + o], sum);
        }
}

static void check_shape(const nn_symbol *table, Shape s, bool whole, unsigned seed)
{
    for (int back = 0; back < 2; back++) {
        Problem p = problem(s, back, whole, seed);
        check_sums(&p);
        check_halves(table, &p, 0, 1);
        check_floats(table, &p, 2);
        check_threads(table, &p);
        for (int form = 1; form < 8 && !back && whole; form++) check_halves(table, &p, form, 1 + form % THREADS);
        problem_free(&p);
    }
}

/* ---- the gradient of the weights ---- */

typedef void Gradient(const nn_conv *, const uint16_t *x, const uint16_t *dy, float *weight, float *work, int t, int T);

static const double GRADIENT_G[4][2] = {{1, 0}, {0.5, 0.5}, {0.5, -0.5}, {0, 1}};
static const double GRADIENT_A[3][4] = {{1, 1, 1, 0}, {0, 1, -1, 0}, {0, 1, 1, -1}};

typedef struct Gradients {
    nn_conv d;
    bool whole;
    Halves x, dy;
    double *sum, *size; /* [o][c][9] */
} Gradients;

/* Of dy's 2 x 2 pixels, as floats that are rounded one after the other. */
static void transform_small(const float dy[4], double u[16])
{
    float half[4][2];
    for (int j = 0; j < 2; j++) {
        half[0][j] = dy[j], half[3][j] = dy[2 + j];
        half[1][j] = (dy[j] + dy[2 + j]) * 0.5f, half[2][j] = (dy[j] - dy[2 + j]) * 0.5f;
    }
    for (int i = 0; i < 4; i++) {
        const float a = half[i][0], b = half[i][1], row[4] = {a, (a + b) * 0.5f, (a - b) * 0.5f, b};
        for (int j = 0; j < 4; j++) u[i * 4 + j] = (double)nn_from_bf16(nn_to_bf16(row[j]));
    }
}

static float pixel_at(const Halves *x, const int size[3], int step, int h, int w, int n, int channel)
{
    if (h < 0 || h >= size[1] || w < 0 || w >= size[2]) return 0;
    return nn_from_bf16(x->at[(((long)n * size[1] + h) * size[2] + w) * step + channel]);
}

static void add_gradient_tile(Gradients *p, int n, int h0, int w0)
{
    const nn_conv *d = &p->d;
    const int large[3] = {d->n, d->h, d->w}, small[3] = {d->n, d->oh, d->ow};
    double *v = calloc((size_t)d->c * 16, sizeof *v);
    for (int c = 0; c < d->c; c++) {
        float x[4][4];
        for (int k = 0; k < 16; k++)
            x[k / 4][k % 4] = pixel_at(&p->x, large, d->c_step, h0 + k / 4 - d->top, w0 + k % 4 - d->left, n, c);
        transform_tile(x, v + 16L * c);
    }
    for (int o = 0; o < d->o; o++) {
        float dy[4];
        double u[16];
        for (int k = 0; k < 4; k++) dy[k] = pixel_at(&p->dy, small, d->o_step, h0 + k / 2, w0 + k % 2, n, o);
        transform_small(dy, u);
        for (int c = 0; c < d->c; c++)
            for (int tap = 0; tap < 9; tap++)
                for (int f = 0; f < 16; f++) {
                    const double product =
                        GRADIENT_A[tap / 3][f / 4] * GRADIENT_A[tap % 3][f % 4] * u[f] * v[16L * c + f];
                    p->sum[((long)o * d->c + c) * 9 + tap] += product;
                    p->size[((long)o * d->c + c) * 9 + tap] += fabs(product);
                }
    }
    free(v);
}

static Gradients gradients(Shape s, bool whole, unsigned seed)
{
    Gradients p = {.d = conv_of(s), .whole = whole};
    const nn_conv *d = &p.d;
    const long weights = 9L * d->o * d->c, small = (long)d->n * d->oh * d->ow;
    p.x = random_pixels((long)d->n * d->h * d->w, d->c, d->c_step, whole, seed);
    p.dy = random_pixels(small, d->o, d->o_step, whole, seed + 1);
    for (long i = 0; i < small * d->o_step && whole; i++)
        if (i % d->o_step < d->o) p.dy.at[i] = nn_to_bf16(4 * nn_from_bf16(p.dy.at[i]));
    p.sum = calloc((size_t)weights, sizeof *p.sum);
    p.size = calloc((size_t)weights, sizeof *p.size);
    for (int n = 0; n < d->n; n++)
        for (int h = 0; h < d->oh; h += 2)
            for (int w = 0; w < d->ow; w += 2) add_gradient_tile(&p, n, h, w);
    return p;
}

/* Of whole numbers, the gradient itself. */
static double gradient_of(const Gradients *p, int o, int c, int tap)
{
    const nn_conv *d = &p->d;
    const int large[3] = {d->n, d->h, d->w}, small[3] = {d->n, d->oh, d->ow};
    double sum = 0;
    for (int n = 0; n < d->n; n++)
        for (int k = 0; k < d->oh * d->ow; k++) {
            const int h = k / d->ow, w = k % d->ow;
            sum += (double)pixel_at(&p->dy, small, d->o_step, h, w, n, o) *
                   (double)pixel_at(&p->x, large, d->c_step, h + tap / 3 - d->top, w + tap % 3 - d->left, n, c);
        }
    return sum;
}

static void check_gradient(const Gradients *p, const float *got, int T)
{
    const nn_conv *d = &p->d;
    const double terms = (double)d->n * d->oh * d->ow + 16;
    for (long i = 0; i < 9L * d->o * d->c; i++) {
        const double want =
            p->whole ? gradient_of(p, (int)(i / 9 / d->c), (int)(i / 9 % d->c), (int)(i % 9)) : p->sum[i];
        assert_element(fabs((double)got[i] - want) <= (p->whole ? 0 : 2 * terms * 0x1p-24 * p->size[i]),
                       NAMED("gradient %ld is %a, not %a"), i, (double)got[i], want);
    }
}

static void check_gradients(const nn_symbol *table, Shape s, bool whole, unsigned seed)
{
    Gradients p = gradients(s, whole, seed);
    const nn_conv *d = &p.d;
    const long weights = 9L * d->o * d->c;
    Gradient *kernel = (Gradient *)kernel_named(table, "nn_winograd_wgrad_pairs");
    float *one = guarded(weights), *got = guarded(weights), *work = guarded(nn_winograd_wgrad_pairs_work(d->c, d->o));
    for (int T = 1; T <= THREADS; T++) {
        float *to = T == 1 ? one : got;
        for (int t = 0; t < T; t++) kernel(d, p.x.at, p.dy.at, to, work, t, T);
        check_gradient(&p, to, T);
        ck_assert_msg(memcmp(one, to, (size_t)weights * sizeof *to) == 0, NAMED("other bits than of one"));
        ck_assert(guard_holds(to) && guard_holds(work));
    }
    guarded_free(one), guarded_free(got), guarded_free(work);
    halves_free(&p.x), halves_free(&p.dy);
    free(p.sum), free(p.size);
}

/* Blocks of pairs of tiles, units of channels and of outputs. */
START_TEST(limits_of_gradients)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (int more = -1; more <= 1; more++) {
        const Shape shapes[] = {
            {1, 5, 2, 4 * (NN_WINOGRAD_WGRAD_PAIRS + more), 3, 1, 3, 1, 1, 1, 0},
            {2, NN_PANEL + more, 3, 4 + more, 2 * NN_PANEL + more, 1, 3, 1, 1, 1, 3},
            {1, NN_WINOGRAD_WGRAD_PAIR_CHANNELS + more, 3, 3, 17, 1, 3, 1, 1, 2, 0},
            {1, 18, 3, 4, NN_WINOGRAD_WGRAD_PAIR_PANELS * NN_PANEL + more, 1, 3, 1, 1, 0, 1},
        };
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            check_gradients(table, shapes[i], i % 2 == 0, (unsigned)(10 * i));
    }
}
END_TEST

START_TEST(matrices)
{
    /* Aᵀ (G g ⊙ Bᵀ x) is the convolution, for each basis vector of g and x. */
    for (int g = 0; g < 3; g++)
        for (int x = 0; x < 4; x++)
            for (int y = 0; y < 2; y++) {
                double sum = 0;
                for (int f = 0; f < 4; f++) sum += A[y][f] * G[f][g] * B[f][x];
                ck_assert(sum == (x == y + g ? 1 : 0));
            }
    for (int g = 0; g < 2; g++)
        for (int x = 0; x < 4; x++)
            for (int y = 0; y < 3; y++) {
                double sum = 0;
                for (int f = 0; f < 4; f++) sum += GRADIENT_A[y][f] * GRADIENT_G[f][g] * B[f][x];
                ck_assert(sum == (x == y + g ? 1 : 0));
            }
}
END_TEST

/* Blocks of tiles and of outputs, panels, and the outputs divided among threads. */
START_TEST(limits_of_pairs)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (int more = -1; more <= 1; more++) {
        const Shape shapes[] = {
            {1, 6, 2, 2 * NN_WINOGRAD_PAIR_TILES + 2 * more, 16, 1, 3, 1, 1, 1, 0},
            {1, NN_PANEL + more, 5, 7, NN_PANEL + more, 1, 3, 1, 1, 1, 3},
            {1, 17, 4, 5, NN_WINOGRAD_PAIR_OUTPUTS + more, 1, 3, 1, 1, 0, 0},
            {2, 2 * NN_PANEL + more, 3 + more, 4, 2 * NN_PANEL, 1, 3, 1, 1, 2, 1},
            {1, 33, 4, 4, 2 * NN_WINOGRAD_PAIR_OUTPUTS + more, 1, 3, 1, 1, 1, 0},
        };
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            check_shape(table, shapes[i], i % 2 == 0, (unsigned)(10 * i));
    }
}
END_TEST

START_TEST(shapes_of_pairs)
{
    unsigned state = 5;
    for (int i = 0; kernels_of(_i) && i < 12; i++) {
        Shape s = {.n = draw(&state, 1, 3), .c = draw(&state, 1, 40), .k = 3, .pad = draw(&state, 0, 2)};
        s.o = draw(&state, 1, i % 3 ? 30 : 100);
        s.h = draw(&state, 3, 9);
        s.w = draw(&state, 3, 11);
        s.more = draw(&state, 0, 1) * draw(&state, 0, 9);
        check_shape(kernels_of(_i), s, i % 2, (unsigned)i + 100);
        check_gradients(kernels_of(_i), s, i % 2, (unsigned)i + 200);
    }
}
END_TEST

Suite *bf16_winograd_suite(void);

Suite *bf16_winograd_suite(void)
{
    Suite *suite = suite_create("bf16_winograd");
    TCase *tests = tcase_create("bf16_winograd");
    const int tables = kernel_tables_of("nn_winograd_panels_bf16 nn_winograd_panels_rounded nn_winograd_pairs "
                                        "nn_winograd_wgrad_pairs");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, matrices);
    tcase_add_loop_test(tests, limits_of_pairs, 0, tables);
    tcase_add_loop_test(tests, shapes_of_pairs, 0, tables);
    tcase_add_loop_test(tests, limits_of_gradients, 0, tables);
    suite_add_tcase(suite, tests);
    return suite;
}
