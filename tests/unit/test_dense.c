/*
 * The kernels of the fully connected layer, and planar convolution, beside plain sums,
 * through every table of kernels, with shapes on both sides of each limit of the table's
 * target.  Values are small integers, so that sums are exact.
 */
#include <check.h>
#include <stdlib.h>

#define NN_LINKED 1
#include "runtime/kernels/conv/conv.h"
#include "runtime/kernels/dense/dense.h"
#include "runtime/kernels/limits.h"
#include "tests/unit/libraries.h"

enum { THREADS = 3 };

static float *integers(long count, unsigned seed)
{
    float *x = guarded(count);
    for (long i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)((int)(seed >> 24) % 5 - 2);
    }
    return x;
}

static void check_same(const char *what, const nn_dense *d, int T, const float *want, const float *got, long count)
{
    for (long i = 0; i < count; i++)
        assert_element(want[i] == got[i], "%s of %d x %d -> %d, %d threads: element %ld is %g, not %g", what, d->n,
                       d->i, d->o, T, i, (double)got[i], (double)want[i]);
    ck_assert_msg(guard_holds(got), "%s: writes before the array", what);
}

/* ---- fully connected ---- */

typedef struct Layer {
    nn_dense d;
    float *x, *dy, *weight, *bias;   /* given */
    float *y, *dx, *dweight, *dbias; /* wanted */
} Layer;

static float *zeros(long count)
{
    float *x = guarded(count);
    for (long i = 0; i < count; i++) x[i] = 0;
    return x;
}

static Layer layer_of(nn_dense d)
{
    const long n = d.n, i = d.i, o = d.o;
    Layer l = {.d = d, .x = integers(n * i, 1), .dy = integers(n * o, 2), .weight = integers(o * i, 3)};
    l.bias = integers(o, 4);
    l.y = zeros(n * o), l.dx = zeros(n * i), l.dweight = zeros(o * i), l.dbias = zeros(o);
    for (long s = 0; s < n; s++) {
        for (long k = 0; k < o; k++) {
            l.y[s * o + k] = l.bias[k];
            l.dbias[k] += l.dy[s * o + k];
            for (long j = 0; j < i; j++) {
                l.y[s * o + k] += l.x[s * i + j] * l.weight[k * i + j];
                l.dx[s * i + j] += l.dy[s * o + k] * l.weight[k * i + j];
                l.dweight[k * i + j] += l.dy[s * o + k] * l.x[s * i + j];
            }
        }
    }
    return l;
}

static void layer_free(Layer *l)
{
    guarded_free(l->x), guarded_free(l->dy), guarded_free(l->weight), guarded_free(l->bias);
    guarded_free(l->y), guarded_free(l->dx), guarded_free(l->dweight), guarded_free(l->dbias);
}

typedef void Forward(const nn_dense *, const float *x, const float *weight, const float *bias, float *y, int t, int T);
typedef void Backward(const nn_dense *, const float *a, const float *b, float *to, int t, int T);
typedef void Rows(const nn_dense_rows *, const float *x, const float *dy, float *dweight, int t, int T);
typedef void Bias(const nn_dense *, const float *dy, float *dbias, int t, int T);

/* The gradient of the weights, a third of the outputs at a time. */
static void check_rows(const nn_symbol *table, const Layer *l, int T)
{
    const nn_dense d = l->d;
    const int part = (d.o + 2) / 3;
    for (int first = 0; first < d.o; first += part) {
        const nn_dense_rows rows = {d.n, d.i, d.o, first, first + part < d.o ? part : d.o - first};
        const long count = (long)rows.count * d.i;
        float *dweight = guarded(count);
        for (int t = 0; t < T; t++)
            ((Rows *)kernel_named(table, "nn_dense_dweight_rows"))(&rows, l->x, l->dy, dweight, t, T);
        check_same("rows of dweight", &d, T, l->dweight + (long)first * d.i, dweight, count);
        guarded_free(dweight);
    }
}

static void check_layer(const nn_symbol *table, nn_dense d)
{
    Layer l = layer_of(d);
    const long n = d.n, i = d.i, o = d.o;
    for (int T = 1; T <= THREADS; T++) {
        float *y = guarded(n * o), *dx = guarded(n * i), *dweight = guarded(o * i), *dbias = guarded(o);
        for (int t = 0; t < T; t++) {
            ((Forward *)kernel_named(table, "nn_dense_forward"))(&d, l.x, l.weight, l.bias, y, t, T);
            ((Backward *)kernel_named(table, "nn_dense_dx"))(&d, l.dy, l.weight, dx, t, T);
            ((Backward *)kernel_named(table, "nn_dense_dweight"))(&d, l.x, l.dy, dweight, t, T);
            ((Bias *)kernel_named(table, "nn_dense_dbias"))(&d, l.dy, dbias, t, T);
        }
        check_same("y", &d, T, l.y, y, n * o);
        check_same("dx", &d, T, l.dx, dx, n * i);
        check_same("dweight", &d, T, l.dweight, dweight, o * i);
        check_same("dbias", &d, T, l.dbias, dbias, o);
        check_rows(table, &l, T);
        guarded_free(y), guarded_free(dx), guarded_free(dweight), guarded_free(dbias);
    }
    layer_free(&l);
}

START_TEST(limits_of_dense)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    const nn_sizes *z = sizes_of(table);
    const int block = z->gemm_block / z->gemm_depth / z->gemm_rows * z->gemm_rows;
    for (int more = -1; more <= 1; more++) {
        check_layer(table, (nn_dense){2 + more, z->width + more, z->dot_few + more});
        check_layer(table, (nn_dense){z->dot_samples + more, 3 * z->width + more, z->dot_outputs + more});
        check_layer(table, (nn_dense){z->gemm_rows + more, z->gemm_columns + more, z->gemm_rows + 1});
        check_layer(table, (nn_dense){3, 2 * z->gemm_columns + more, z->gemm_depth + more});
        check_layer(table, (nn_dense){z->gemm_depth + more, z->width + more, 5});
        check_layer(table, (nn_dense){block + more, 3, z->gemm_depth + more});
        check_layer(table,
                    (nn_dense){3, 512 + more, z->gemm_near / 512 + 1}); /* weights that are streamed, one thread */
    }
}
END_TEST

/* ---- planar convolution ---- */

typedef void Planar(const nn_conv *, const float *x, const float *weight, const float *bias, float *y, int t, int T);

static float planar_sum(const nn_conv *d, const float *image, const float *weight, int u, int v)
{
    float sum = 0;
    for (int k = 0; k < d->c * d->kh * d->kw; k++) {
        const int c = k / (d->kh * d->kw), i = k / d->kw % d->kh, j = k % d->kw;
        const int h = u * d->sh + i * d->dh - d->top, w = v * d->sw + j * d->dw - d->left;
        if (h >= 0 && h < d->h && w >= 0 && w < d->w) sum += weight[k] * image[((long)c * d->h + h) * d->w + w];
    }
    return sum;
}

static void check_planar(const nn_symbol *table, nn_conv d)
{
    const long in = (long)d.c * d.h * d.w, area = (long)d.oh * d.ow, count = d.n * d.o * area, taps = d.c * d.kh * d.kw;
    float *x = integers(d.n * in, 1), *weight = integers(d.o * taps, 2), *bias = integers(d.o, 3);
    for (int T = 1; T <= THREADS; T++) {
        float *y = guarded(count);
        for (int t = 0; t < T; t++) ((Planar *)kernel_named(table, "nn_conv_planar"))(&d, x, weight, bias, y, t, T);
        for (long i = 0; i < count; i++) {
            const long n = i / (d.o * area), o = i / area % d.o, u = i % area / d.ow, v = i % d.ow;
            const float want = bias[o] + planar_sum(&d, x + n * in, weight + o * taps, (int)u, (int)v);
            assert_element(want == y[i], "planar %d x %d x %d -> %d, %d threads: element %ld is %g, not %g", d.c, d.h,
                           d.w, d.o, T, i, (double)y[i], (double)want);
        }
        ck_assert(guard_holds(y));
        guarded_free(y);
    }
    guarded_free(x), guarded_free(weight), guarded_free(bias);
}

static nn_conv planar_of(int c, int o, int k, int pad, int columns)
{
    nn_conv d = {.n = 2, .c = c, .h = 4, .o = o, .groups = 1, .kh = k, .kw = k, .sh = 1, .sw = 1, .dh = 1, .dw = 1};
    d.top = d.left = pad;
    d.oh = d.h + 2 * pad - k + 1;
    d.ow = columns;
    d.w = columns - 2 * pad + k - 1;
    return d;
}

START_TEST(limits_of_planar)
{
    const nn_symbol *table = kernels_of(_i);
    if (!table) return;
    for (int columns = NN_MAX_WIDTH; columns <= 2 * NN_MAX_WIDTH + 1; columns++) {
        check_planar(table, planar_of(1 + columns % 4, 1 + columns % 8, 3, columns % 3, columns));
        check_planar(table, planar_of(2, 7, 1, 0, columns));
    }
    const int c = 4, k = 3, most = NN_PLANAR_COPY / (c * k); /* of the copied rows */
    ck_assert(nn_planar_serves(c, k, most, most - k + 1));
    ck_assert(!nn_planar_serves(c, k, most + 1, most - k + 2));
    check_planar(table, planar_of(c, 3, k, 1, most - k + 1));
}
END_TEST

Suite *dense_suite(void)
{
    Suite *suite = suite_create("dense");
    TCase *tests = tcase_create("dense");
    tcase_add_loop_test(tests, limits_of_dense, 0, kernel_tables_of("nn_dense_"));
    tcase_add_loop_test(tests, limits_of_planar, 0, kernel_tables_of("nn_conv_planar"));
    suite_add_tcase(suite, tests);
    return suite;
}
