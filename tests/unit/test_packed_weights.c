/*
 * Weights stored in bf16 and packed in 16 bits, with images of floats: what the kernels compute is bitwise
 * that of the same panels in floats; panels of direct convolution are the weights, Winograd's are in fixed
 * point, off by half a step at most, and so far from the definition as that allows.  Through every table of
 * kernels, as the parts of one to three threads, with guard pages behind every array.
 */
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernels/system/bf16.h"

#define NN_LINKED 1
#include "runtime/kernels/conv/conv.h"
#include "runtime/kernels/limits.h"
#include "tests/unit/libraries.h"

enum { THREADS = 3 };

/* n, c, h, w, o, groups, k, stride, padding; what is added to the channels of a pixel in memory */
typedef struct Shape {
    int n, c, h, w, o, groups, k, stride, pad, more;
} Shape;

typedef struct Layer {
    nn_conv d;
    long weights, results;
    float *x, *wide, *bias, *scale, *shift, *residual;
    float *room;    /* `half` ends where it does */
    uint16_t *half; /* the weights in bf16; `wide` has the same in floats */
} Layer;

static float *random_floats(long count, unsigned stream)
{
    float *x = guarded(count);
    for (long k = 0; k < count; k++) x[k] = 2 * uniform(stream, (unsigned)k) - 0.9F;
    return x;
}

/* Elements of 16 bits that end where nothing may be read; `room` is for guarded_free. */
static void *halves_of(long count, float **room)
{
    *room = guarded((count + 1) / 2);
    return (uint16_t *)(void *)*room + count % 2;
}

static Layer layer(Shape s)
{
    Layer l = {.d = {.n = s.n, .c = s.c, .h = s.h, .w = s.w, .o = s.o, .groups = s.groups, .kh = s.k, .kw = s.k}};
    nn_conv *d = &l.d;
    d->sh = d->sw = s.stride;
    d->dh = d->dw = 1;
    d->top = d->left = s.pad;
    d->oh = (s.h + 2 * s.pad - s.k) / s.stride + 1;
    d->ow = (s.w + 2 * s.pad - s.k) / s.stride + 1;
    d->c_step = s.c + s.more;
    d->o_step = s.o + s.more;
    l.weights = (long)s.o * (s.c / s.groups) * s.k * s.k;
    l.results = (long)s.n * d->oh * d->ow * d->o_step;
    l.x = random_floats((long)s.n * s.h * s.w * d->c_step, 1);
    l.residual = random_floats(l.results, 2);
    l.bias = random_floats(s.o, 3);
    l.scale = random_floats(s.o, 4);
    l.shift = random_floats(s.o, 5);
    l.wide = guarded(l.weights);
    l.half = halves_of(l.weights, &l.room);
    for (long k = 0; k < l.weights; k++) {
        const float u = uniform(6, (unsigned)k);
        l.half[k] = nn_to_bf16((u - 0.5F) * (u > 0.97F ? 4 : 0.1F)); /* some are far from the others */
        l.wide[k] = nn_from_bf16(l.half[k]);
    }
    return l;
}

static void layer_free(Layer *l)
{
    guarded_free(l->x), guarded_free(l->residual), guarded_free(l->bias), guarded_free(l->scale);
    guarded_free(l->shift), guarded_free(l->wide), guarded_free(l->room);
}

/* The same bits, or both NaN. */
static void check_bits(const Layer *l, const char *what, int T, const float *want, const float *got, long count)
{
    const nn_conv *d = &l->d;
    for (long k = 0; k < count; k++) {
        if (memcmp(&want[k], &got[k], sizeof *want) == 0 || (isnan(want[k]) && isnan(got[k]))) continue;
        ck_abort_msg(
            "%s of %d threads: %ld of %ld is %a, not %a: %dx%dx%dx%d, %d outputs of %dx%d, %d groups, kernel %d", what,
            T, k, count, (double)got[k], (double)want[k], d->n, d->c, d->h, d->w, d->o, d->oh, d->ow, d->groups, d->kh);
    }
    ck_assert_msg(guard_holds(got), "%s writes before the array", what);
}

typedef void Pack(const nn_conv *, const void *weight, void *panels, int t, int T);
typedef void Convolve(const nn_conv *, const nn_conv_args *, int t, int T);

static void pack(const nn_symbol *table, const char *name, const nn_conv *d, const void *weight, void *panels, int T)
{
    Pack *f = (Pack *)kernel_named(table, name);
    for (int t = 0; t < T; t++) f(d, weight, panels, t, T);
}

/* ---- direct convolution ---- */

static nn_conv_args args_of(const Layer *l, const void *panels, const nn_epilogue *epilogue, float *y)
{
    return (nn_conv_args){.x = l->x, .panels = panels, .bias = l->bias, .epilogue = epilogue, .y = y};
}

static float *direct(const nn_symbol *table, const char *name, const nn_conv *d, const nn_conv_args *args, long count,
                     int T)
{
    nn_conv_args a = *args;
    a.y = guarded(count);
    Convolve *f = (Convolve *)kernel_named(table, name);
    for (int t = 0; t < T; t++) f(d, &a, t, T);
    return a.y;
}

static void check_direct(const nn_symbol *table, Shape s)
{
    Layer l = layer(s);
    const long count = nn_conv_packed(s.groups, s.o / s.groups, s.c / s.groups, (long)s.k * s.k);
    const nn_epilogue all = {l.scale, l.shift, l.residual, 1, 0};
    float *panels = guarded(count), *room;
    uint16_t *narrow = halves_of(count, &room);
    pack(table, s.groups > 1 ? "nn_grouped_panels" : "nn_conv_panels", &l.d, l.wide, panels, 1);
    for (int T = 1; T <= THREADS; T++) {
        const nn_epilogue *epilogue = T == 2 ? NULL : &all;
        const nn_conv_args wide = args_of(&l, panels, epilogue, NULL), half = args_of(&l, narrow, epilogue, NULL);
        pack(table, "nn_conv_panels_w16", &l.d, l.half, narrow, T);
        float *want = direct(table, s.groups > 1 ? "nn_grouped_forward" : "nn_conv_forward", &l.d, &wide, l.results, T);
        float *got = direct(table, "nn_conv_forward_w16", &l.d, &half, l.results, T);
        check_bits(&l, "convolution", T, want, got, l.results);
        ck_assert_msg(guard_holds(room), "before the panels");
        guarded_free(want), guarded_free(got);
    }
    guarded_free(panels), guarded_free(room);
    layer_free(&l);
}

START_TEST(direct_w16)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const nn_sizes *z = sizes_of(table);
    const int outputs = z->tile_panels * NN_PANEL, framed = NN_PANEL / 2;
    for (int more = -1; more <= 1; more++) {
        const Shape some[] = {
            {1, 7, 1, z->tile_rows + more, outputs + more, 1, 1, 1, 0, 0},
            {1, 9, 3, z->conv_pixels + more, 3, 1, 3, 1, 1, 0},
            {1, z->conv_depth + more, 1, z->tile_rows, outputs + 1, 1, 1, 1, 0, 0},
            {1, 2 * z->conv_depth + more, 1, 3, NN_PANEL, 1, 1, 1, 0, 0},
            {1, z->conv_near / 64 + more, 2, 5, 128, 1, 1, 1, 0, 0},
            {1, framed, 3, z->conv_padded / (4 * framed) - 2 + more, 3, 1, 3, 1, 1, 0},
            {2, 37 + more, 7, 6, 6 * NN_PANEL + more, 1, 3, 2, 1, 3},
            {1, 2 * (NN_PANEL + 3), 6, 5, 2 * (outputs + 2 + more), 2, 3, 1, 1, 2},
        };
        for (size_t i = 0; i < sizeof some / sizeof *some; i++) check_direct(table, some[i]);
    }
}
END_TEST

/* ---- panels of floats, of weights in bf16 ---- */

static void check_widened(const nn_symbol *table, const char *name, Shape s, bool back)
{
    char widened[64];
    Layer l = layer(s);
    const int c = s.c / s.groups, o = s.o / s.groups;
    const long count = nn_conv_packed(s.groups, back ? c : o, back ? o : c, (long)s.k * s.k);
    snprintf(widened, sizeof widened, "%s_widened", name);
    for (int T = 1; T <= THREADS; T++) {
        float *want = guarded(count), *got = guarded(count);
        pack(table, name, &l.d, l.wide, want, T);
        pack(table, widened, &l.d, l.half, got, T);
        check_bits(&l, widened, T, want, got, count);
        guarded_free(want), guarded_free(got);
    }
    layer_free(&l);
}

START_TEST(widened_panels)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (int c = 15; c <= 33; c += 9) {
        check_widened(table, "nn_conv_panels", (Shape){1, c, 5, 5, c + 7, 1, 3, 1, 1, 0}, false);
        check_widened(table, "nn_conv_panels_backward", (Shape){1, c, 5, 5, c + 7, 1, 3, 2, 1, 0}, true);
        check_widened(table, "nn_conv_panels_backward", (Shape){1, c + 17, 5, 5, c, 1, 1, 1, 0, 0}, true);
        check_widened(table, "nn_grouped_panels", (Shape){1, 2 * c, 5, 5, 2 * c + 4, 2, 3, 1, 1, 0}, false);
        check_widened(table, "nn_grouped_panels_backward", (Shape){1, 2 * c, 5, 5, 2 * c + 4, 2, 3, 2, 1, 0}, true);
        check_widened(table, "nn_grouped_panels", (Shape){1, 4 * c, 5, 5, 4 * c, c, 3, 1, 1, 0}, false);
        check_widened(table, "nn_grouped_panels_backward", (Shape){1, 4 * c, 5, 5, 4 * c, c, 3, 1, 1, 0}, true);
        check_widened(table, "nn_depthwise_panels", (Shape){1, c, 5, 5, c, c, 3, 1, 1, 0}, false);
    }
}
END_TEST

/* ---- Winograd's panels ---- */

typedef void WinogradPack(const nn_conv *, int m, int back, const float *weight, float *panels, int t, int T);
typedef void WinogradPackHalf(const nn_conv *, int m, const uint16_t *weight, void *panels, int t, int T);
typedef void Winograd(const nn_conv *, int m, const nn_conv_args *, int t, int T);

typedef struct Transformed {
    int m, e;
    long count, narrow; /* elements of the panels in floats, and in 16 bits */
    float *u;           /* [e²][outputs / 16][channels][16]: the transformed weights, */
    float *fixed;       /* and those that the panels in 16 bits have */
    float *room;
    int16_t *panels;
} Transformed;

/* The panel of frequency f that has the output's lane: its steps. */
static const float *steps_of(const nn_conv *d, const Transformed *w, int f, long panel)
{
    const long panels = (d->o + NN_PANEL - 1) / NN_PANEL, size = NN_FIXED_STEPS + (long)d->c * NN_PANEL;
    return (const float *)(const void *)(w->panels + (f * panels + panel) * size);
}

static Transformed transformed(const nn_symbol *table, const Layer *l, int m, int T)
{
    const nn_conv *d = &l->d;
    Transformed w = {.m = m, .e = m + d->kh - 1};
    w.count = nn_winograd_packed(w.e, d->o, d->c);
    w.narrow = nn_winograd_packed_w16(w.e, d->o, d->c);
    w.u = guarded(w.count);
    w.fixed = guarded(w.count);
    w.panels = halves_of(w.narrow, &w.room);
    float *widened = guarded(w.count);
    for (int t = 0; t < T; t++) {
        ((WinogradPack *)kernel_named(table, "nn_winograd_panels"))(d, m, 0, l->wide, w.u, t, T);
        ((WinogradPackHalf *)kernel_named(table, "nn_winograd_panels_widened"))(d, m, l->half, widened, t, T);
        ((WinogradPackHalf *)kernel_named(table, "nn_winograd_panels_w16"))(d, m, l->half, w.panels, t, T);
    }
    check_bits(l, "nn_winograd_panels_widened", T, w.u, widened, w.count);
    ck_assert_msg(guard_holds(w.room), "before the panels");
    guarded_free(widened);
    return w;
}

static void transformed_free(Transformed *w) { guarded_free(w->u), guarded_free(w->fixed), guarded_free(w->room); }

/* A step is the power of two that the rule says: 32767 of it reach the largest value, and of half of it
 * would not, or only before rounding; it is 2⁻¹⁰⁰ at least. */
static void check_step(float step, float most)
{
    int exponent;
    if (!isfinite(most)) {
        assert_element(isnan(step), "a step is %a, where the largest value is %g", (double)step, (double)most);
        return;
    }
    assert_element(frexpf(step, &exponent) == 0.5F && step >= 0x1p-100F, "a step is %a", (double)step);
    assert_element(32767.5F * step > most, "the step %a is too small for %a", (double)step, (double)most);
    assert_element(step == 0x1p-100F || 32767.5F * (step / 2) <= most, "the step %a is too large for %a", (double)step,
                   (double)most);
}

/* Each is half a step off at most, of the largest of its channels; u itself may round differently where it
 * is computed once more. */
static void check_fixed(const nn_conv *d, Transformed *w)
{
    const long panels = (d->o + NN_PANEL - 1) / NN_PANEL, rows = (long)d->c * NN_PANEL;
    for (long p = 0; p < w->e * w->e * panels; p++) {
        const float *step = steps_of(d, w, (int)(p / panels), p % panels), *u = w->u + p * rows;
        const int16_t *number = (const int16_t *)(const void *)(step + NN_PANEL);
        float most[NN_PANEL] = {0};
        for (long k = 0; k < rows; k++)
            if (!isnan(most[k % NN_PANEL]) && !(fabsf(u[k]) <= most[k % NN_PANEL])) most[k % NN_PANEL] = fabsf(u[k]);
        for (int lane = 0; lane < NN_PANEL; lane++) check_step(step[lane], most[lane]);
        for (long k = 0; k < rows; k++) {
            const float value = w->fixed[p * rows + k] = step[k % NN_PANEL] * number[k], off = fabsf(value - u[k]);
            if (isnan(value)) continue;
            assert_element(off <= step[k % NN_PANEL] / 2 + 0x1p-22F * most[k % NN_PANEL],
                           "%ld of panel %ld is %a, not %a: the step is %a", k, p, (double)value, (double)u[k],
                           (double)step[k % NN_PANEL]);
        }
    }
}

static float *winograd(const nn_symbol *table, const char *name, const Layer *l, int m, const void *panels, int T)
{
    const nn_conv *d = &l->d;
    const nn_epilogue all = {l->scale, l->shift, l->residual, 1, 0};
    float *work = guarded(nn_winograd_work(m + d->kh - 1, d->c, d->o));
    nn_conv_args args = args_of(l, panels, T == 2 ? NULL : &all, guarded(l->results));
    args.work = work;
    for (int t = 0; t < T; t++) ((Winograd *)kernel_named(table, name))(d, m, &args, t, T);
    guarded_free(work);
    return args.y;
}

static void check_winograd(const nn_symbol *table, const Layer *l, int m)
{
    for (int T = 1; T <= THREADS; T++) {
        Transformed w = transformed(table, l, m, T);
        check_fixed(&l->d, &w);
        float *want = winograd(table, "nn_winograd", l, m, w.fixed, T);
        float *got = winograd(table, "nn_winograd_w16", l, m, w.panels, T);
        check_bits(l, "nn_winograd_w16", T, want, got, l->results);
        guarded_free(want), guarded_free(got);
        transformed_free(&w);
    }
}

static void check_forms(const nn_symbol *table, Shape s)
{
    Layer l = layer(s);
    check_winograd(table, &l, 2);
    if (s.k == 3) check_winograd(table, &l, 4);
    layer_free(&l);
}

START_TEST(winograd_w16)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const int depth = sizes_of(table)->conv_depth;
    for (int more = -1; more <= 1; more++) {
        check_forms(table, (Shape){1, 5, 4, 4 * NN_WINOGRAD_TILES + more, NN_WINOGRAD_OUTPUTS + more, 1, 3, 1, 1, 0});
        check_forms(table, (Shape){2, 19, 7, 6, 2 * NN_PANEL + more, 1, 5, 1, 2, 3});
        check_forms(table, (Shape){1, depth + more, 4, 5, 3 * NN_PANEL + more, 1, 3, 1, more + 1, 1});
    }
}
END_TEST

/* ---- Winograd's outputs against the definition ---- */

static const double b_4[4][6] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
static const double b_6[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                                 {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
/* |Aᵀ| of output i in a tile of m. */
static double a_of(int m, int e, int i, int f)
{
    if (f == e - 1) return i == m - 1;
    const double point = f == 0 ? 0 : f < 3 ? 1 : 2;
    return i == 0 ? 1 : pow(point, i);
}

/* An element of the image that a tile reads. */
static double input_at(const Layer *l, int h, int w, int c)
{
    const nn_conv *d = &l->d;
    const bool inside = h >= 0 && h < d->h && w >= 0 && w < d->w;
    return inside ? (double)l->x[(h * d->w + w) * d->c_step + c] : 0;
}

/* |Bᵀ x B| of one frequency of the tile at h, w. */
static double frequency_of(const Layer *l, const Transformed *t, const int at[2], int f, int c)
{
    const double(*b)[6] = t->e == 4 ? b_4 : b_6;
    double sum = 0;
    for (int i = 0; i < t->e; i++)
        for (int j = 0; j < t->e; j++) sum += b[f / t->e][i] * b[f % t->e][j] * input_at(l, at[0] + i, at[1] + j, c);
    return fabs(sum);
}

/* Half a step of each transformed weight, on its way to output o at u, v. */
static double bound_of(const Layer *l, const Transformed *t, int u, int v, int o)
{
    const nn_conv *d = &l->d;
    const int at[2] = {u / t->m * t->m - d->top, v / t->m * t->m - d->left};
    double bound = 0;
    for (int f = 0; f < t->e * t->e; f++) {
        const double way = a_of(t->m, t->e, u % t->m, f / t->e) * a_of(t->m, t->e, v % t->m, f % t->e);
        double sum = 0;
        for (int c = 0; way > 0 && c < d->c; c++) sum += frequency_of(l, t, at, f, c);
        bound += way * sum * (double)steps_of(d, t, f, o / NN_PANEL)[o % NN_PANEL] / 2;
    }
    return bound;
}

/* The sum of the layer, with the weights as bf16 has them. */
static double definition_of(const Layer *l, int u, int v, int o)
{
    const nn_conv *d = &l->d;
    double sum = (double)l->bias[o];
    for (int c = 0; c < d->c; c++)
        for (int i = 0; i < d->kh; i++)
            for (int j = 0; j < d->kw; j++)
                sum += input_at(l, u + i - d->top, v + j - d->left, c) *
                       (double)l->wide[((o * d->c + c) * d->kh + i) * d->kw + j];
    return sum;
}

/* Where the f32 form is off by e, that of 16 bits is by the bound more at most; the largest share of it that
 * is seen says that the bound means something. */
static void check_bound(const nn_symbol *table, Shape s, int m)
{
    Layer l = layer(s);
    Transformed t = transformed(table, &l, m, 2);
    float *wide = winograd(table, "nn_winograd", &l, m, t.u, 2),
          *got = winograd(table, "nn_winograd_w16", &l, m, t.panels, 2);
    double most = 0;
    for (int u = 0; u < l.d.oh; u++)
        for (int v = 0; v < l.d.ow; v++)
            for (int o = 0; o < l.d.o; o += 5) {
                const long at = (u * l.d.ow + v) * l.d.o_step + o;
                const double want = definition_of(&l, u, v, o), bound = bound_of(&l, &t, u, v, o);
                const double own = fabs((double)wide[at] - want), off = fabs((double)got[at] - want);
                assert_element(off <= bound + 2 * own + 1e-5, "F(%d, %d): %g, not %g; the bound is %g", m, s.k,
                               (double)got[at], want, bound);
                most = fmax(most, off / bound);
            }
    ck_assert_msg(most > 0.02, "only %g of the bound is ever used", most);
    guarded_free(wide), guarded_free(got);
    transformed_free(&t);
    layer_free(&l);
}

START_TEST(winograd_w16_is_near)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    check_bound(table, (Shape){1, 24, 6, 7, 20, 1, 3, 1, 1, 0}, 2);
    check_bound(table, (Shape){1, 24, 6, 7, 20, 1, 3, 1, 1, 0}, 4);
    check_bound(table, (Shape){1, 24, 6, 7, 20, 1, 5, 1, 2, 0}, 2);
}
END_TEST

/* ---- weights that are no ordinary numbers ---- */

/* An infinity or a NaN is in the results of its output alone; subnormal and zero weights are in range. */
START_TEST(special_weights)
{
    static const uint16_t special[] = {0x7f80, 0xff80, 0x7fc0, 0x0001, 0x8000, 0x7f7f};
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (size_t k = 0; k < sizeof special / sizeof *special; k++) {
        Layer l = layer((Shape){1, 16, 5, 6, 18, 1, 3, 1, 1, 0});
        const long row = (long)l.d.c * 9;
        for (long i = 0; i < row; i++)
            l.half[17 * row + i] = special[k] < 0x7f7f || special[k] == 0x8000 ? special[k] : 0x3f80;
        l.half[17 * row + 40] = special[k];
        for (long i = 0; i < l.weights; i++) l.wide[i] = nn_from_bf16(l.half[i]);
        Transformed t = transformed(table, &l, 4, 1);
        check_fixed(&l.d, &t);
        float *y = winograd(table, "nn_winograd_w16", &l, 4, t.panels, 2);
        for (long i = 0; i < l.results; i++)
            assert_element(isfinite(y[i]) == (i % 18 != 17 || k > 2) || (k == 5 && i % 18 == 17),
                           "%04x: result %ld is %g", special[k], i, (double)y[i]);
        guarded_free(y);
        transformed_free(&t);
        layer_free(&l);
    }
}
END_TEST

Suite *packed_weights_suite(void);

Suite *packed_weights_suite(void)
{
    Suite *suite = suite_create("packed_weights");
    TCase *tests = tcase_create("packed_weights");
    tcase_add_loop_test(tests, direct_w16, 0, kernel_tables());
    tcase_add_loop_test(tests, widened_panels, 0, kernel_tables());
    tcase_add_loop_test(tests, winograd_w16, 0, kernel_tables());
    tcase_add_loop_test(tests, winograd_w16_is_near, 0, kernel_tables());
    tcase_add_loop_test(tests, special_weights, 0, kernel_tables());
    suite_add_tcase(suite, tests);
    return suite;
}
