/*
 * dense.h: the fully connected layer and its gradients.
 *
 *   forward   y[n][o]  = b[o] + Σ_i x[n][i] · W[o][i]    dot products of rows
 *   dx        dx[n][i] = Σ_o dy[n][o] · W[o][i]          linear combinations of rows of W
 *   dweight   dW[o][i] = Σ_n dy[n][o] · x[n][i]          linear combinations of rows of x
 *
 * The last two are outer products (gemm.h) whose right-hand side is already in the order that the
 * tile reads.  For a batch of one, forward reads W once, at memory bandwidth.
 */
#ifndef NN_DENSE_H
#define NN_DENSE_H

#include "runtime/kernels/dense/dense_types.h"

#ifdef NN_LINKED

void nn_dense_forward(const nn_dense *, const float *x, const float *weight, const float *bias, float *y, int t, int T);
void nn_dense_dx(const nn_dense *, const float *dy, const float *weight, float *dx, int t, int T);
void nn_dense_dweight(const nn_dense *, const float *x, const float *dy, float *dweight, int t, int T);
void nn_dense_dweight_rows(const nn_dense_rows *, const float *x, const float *dy, float *dweight, int t, int T);
void nn_dense_dbias(const nn_dense *, const float *dy, float *dbias, int t, int T);

#else

#include "runtime/kernels/dense/gemm.h"
#include "runtime/kernels/simd/elements.h"
#include "runtime/kernels/system/bf16.h"

/* How weights are read; a constant of the caller, as `half` in elements.h. */
enum {
    NN_WEIGHTS_F32,
    NN_WEIGHTS_BF16,
    NN_WEIGHTS_ROUNDED /* f32 in memory, rounded to bf16 in registers */
};

NN_INLINE const void *nn_weights_at(const int format, const void *p, long i)
{
    return nn_at(format == NN_WEIGHTS_BF16, p, i);
}

NN_INLINE float nn_weight_at(const int format, const void *p, long i)
{
    const float number = nn_number_at(format == NN_WEIGHTS_BF16, p, i);
    return format == NN_WEIGHTS_ROUNDED ? nn_from_bf16(nn_to_bf16(number)) : number;
}

NN_INLINE nn_vec nn_load_weights(const int format, const void *p)
{
    const nn_vec v = nn_load_as(format == NN_WEIGHTS_BF16, p);
    return format == NN_WEIGHTS_ROUNDED ? nn_rounded_to_bf16(v) : v;
}

enum {
    NN_DOT_FEW = 8,     /* outputs at once, of few samples: as many sums as hide the latency of one */
    NN_DOT_AHEAD = 384, /* weights of a row that are prefetched: rows may be longer than a page, at whose end processors
                         * stop fetching by themselves */
};

/* M × N dot products over i: rows of x against rows of w; to out[m][N]. */
NN_INLINE void nn_dots(const int format, const int M, const int N, int i, const float *x, const void *w, float *out)
{
    nn_vec sum[NN_DOT_SAMPLES][NN_DOT_FEW];
    float rest[NN_DOT_SAMPLES][NN_DOT_FEW];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int k = 0; k < N; k++) sum[m][k] = nn_zero(), rest[m][k] = 0;
    int at = 0;
    for (; at + NN_W <= i; at += NN_W) {
        nn_vec row[NN_DOT_FEW];
        NN_UNROLL
        for (int k = 0; k < N; k++) __builtin_prefetch(nn_weights_at(format, w, (long)k * i + at + NN_DOT_AHEAD));
        NN_UNROLL
        for (int k = 0; k < N; k++) row[k] = nn_load_weights(format, nn_weights_at(format, w, (long)k * i + at));
        NN_UNROLL
        for (int m = 0; m < M; m++) NN_UNROLL
        for (int k = 0; k < N; k++) sum[m][k] += nn_load(x + (long)m * i + at) * row[k];
    }
    for (; at < i; at++) NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int k = 0; k < N; k++) rest[m][k] += x[(long)m * i + at] * nn_weight_at(format, w, (long)k * i + at);
    for (int m = 0; m < M; m++)
        for (int k = 0; k < N; k++) out[m * N + k] = nn_lanes_sum(sum[m][k]) + rest[m][k];
}

/* The arrays of forward. */
typedef struct nn_dense_arrays {
    const float *x;
    const void *weight;
    const float *bias;
    float *y;
} nn_dense_arrays;

/* The place of a tile: samples from n on, outputs from o on. */
typedef struct nn_dense_place {
    int n, o;
} nn_dense_place;

/* N outputs of M samples. */
NN_INLINE void nn_dots_tile(const int format, const int M, const int N, const nn_dense *d, const nn_dense_arrays *a,
                            nn_dense_place p)
{
    float out[NN_DOT_SAMPLES * NN_DOT_FEW];
    nn_dots(format, M, N, d->i, a->x + (long)p.n * d->i, nn_weights_at(format, a->weight, (long)p.o * d->i), out);
    for (int m = 0; m < M; m++)
        for (int k = 0; k < N; k++)
            a->y[(long)(p.n + m) * d->o + p.o + k] = out[m * N + k] + (a->bias ? a->bias[p.o + k] : 0);
}

/* N outputs of all samples, M of them at a time. */
NN_INLINE void nn_dots_column(const int format, const int M, const int N, const nn_dense *d, const nn_dense_arrays *a,
                              int o)
{
    const int whole = d->n / M * M;
    for (int n = 0; n < whole; n += M) nn_dots_tile(format, M, N, d, a, (nn_dense_place){n, o});
    for (int n = whole; n < d->n; n++) nn_dots_tile(format, 1, N, d, a, (nn_dense_place){n, o});
}

/* y: [n][o]; bias may be NULL. */
NN_INLINE void nn_dense_outputs(const int format, const nn_dense *d, const nn_dense_arrays *a, int t, int T)
{
    const int few = d->n < NN_DOT_SAMPLES, width = few ? NN_DOT_FEW : NN_DOT_OUTPUTS,
              tiles = (d->o + width - 1) / width;
    for (int tile = tiles * t / T; tile < tiles * (t + 1) / T; tile++) {
        const int o = tile * width, left = d->o - o;
        if (left < width)
            for (int k = 0; k < left; k++) nn_dots_column(format, 1, 1, d, a, o + k);
        else if (few)
            nn_dots_column(format, 1, NN_DOT_FEW, d, a, o);
        else
            nn_dots_column(format, NN_DOT_SAMPLES, NN_DOT_OUTPUTS, d, a, o);
    }
}

NN_KERNEL void nn_dense_forward(const nn_dense *d, const float *x, const float *weight, const float *bias, float *y,
                                int t, int T)
{
    const nn_dense_arrays a = {x, weight, bias, y};
    nn_dense_outputs(NN_WEIGHTS_F32, d, &a, t, T);
}

/* ---- gradients: C[m][i] = Σ_k A(m, k) · B[k][i], rows of B contiguous -------- */

typedef struct nn_dense_matrices {
    const float *a;
    long am, ak;   /* A(m, k) = a[m·am + k·ak] */
    const void *b; /* of floats; what else, pack_b says */
    float *c;
    int width; /* of a row of B and of C */
} nn_dense_matrices;

NN_KERNEL void nn_dense_pack_a(const void *self, int m0, int rows, int k0, int depth, float *to)
{
    const nn_dense_matrices *s = (const nn_dense_matrices *)self;
    for (int k = 0; k < depth; k++)
        for (int m = 0; m < rows; m++) to[k * rows + m] = s->a[(m0 + m) * s->am + (k0 + k) * s->ak];
}

NN_KERNEL void nn_dense_pack_b(const void *self, long n0, int columns, int k0, int depth, float *to)
{
    const nn_dense_matrices *s = (const nn_dense_matrices *)self;
    const float *from = (const float *)s->b + (long)k0 * s->width + n0;
    if (columns == NN_GEMM_COLUMNS) { /* gcc makes no vectors of the loop below at -O2 */
        for (int k = 0; k < depth; k++, from += s->width, to += NN_GEMM_COLUMNS)
            NN_UNROLL for (int i = 0; i < NN_GEMM_COLUMNS; i += NN_W) nn_store(to + i, nn_load(from + i));
        return;
    }
    for (int k = 0; k < depth; k++, from += s->width, to += NN_GEMM_COLUMNS) {
        for (int i = 0; i < columns; i++) to[i] = from[i];
        for (int i = columns; i < NN_GEMM_COLUMNS; i++) to[i] = 0;
    }
}

NN_KERNEL float *nn_dense_address(const void *self, int m0, long n0, int columns, long *ldc)
{
    const nn_dense_matrices *s = (const nn_dense_matrices *)self;
    (void)columns;
    *ldc = s->width;
    return s->c + (long)m0 * s->width + n0;
}

NN_KERNEL void nn_dense_load(const void *self, int m0, int rows, long n0, int columns, float *tile)
{
    const nn_dense_matrices *s = (const nn_dense_matrices *)self;
    for (int m = 0; m < rows; m++)
        for (int i = 0; i < NN_GEMM_COLUMNS; i++)
            tile[m * NN_GEMM_COLUMNS + i] = i < columns ? s->c[(long)(m0 + m) * s->width + n0 + i] : 0;
}

NN_KERNEL void nn_dense_store(const void *self, int m0, int rows, long n0, int columns, const float *tile)
{
    const nn_dense_matrices *s = (const nn_dense_matrices *)self;
    for (int m = 0; m < rows; m++)
        for (int i = 0; i < columns; i++) s->c[(long)(m0 + m) * s->width + n0 + i] = tile[m * NN_GEMM_COLUMNS + i];
}

typedef void nn_dense_pack(const void *self, long n0, int columns, int k0, int depth, float *to);

NN_INLINE void nn_dense_gemm(const nn_dense_matrices *s, nn_dense_pack *pack_b, int m, int k, int t, int T)
{
    const nn_matrices x = {s, nn_tile_run, nn_dense_pack_a, pack_b, nn_dense_address, nn_dense_load, nn_dense_store};
    nn_gemm(&x, m, s->width, k, t, T);
}

/* dx: [n][i]. */
NN_KERNEL void nn_dense_dx(const nn_dense *d, const float *dy, const float *weight, float *dx, int t, int T)
{
    const nn_dense_matrices s = {.a = dy, .am = d->o, .ak = 1, .b = weight, .c = dx, .width = d->i};
    nn_dense_gemm(&s, nn_dense_pack_b, d->n, d->o, t, T);
}

enum { NN_DWEIGHT_ROWS = 32 }; /* of a thread, at least, where it has whole rows of dweight */

/* Part t of T: some rows, which begin at dweight + *at.  Whole rows are neighbours in memory, as is what a thread
 * updates next, and most of them are in its cache.  With few rows threads share the columns: `t` and `T` of the
 * rest. */
NN_INLINE nn_dense_rows nn_dense_rows_part(const nn_dense_rows *d, long *at, int *t, int *T)
{
    nn_dense_rows part = *d;
    *at = 0;
    if (d->count / *T < NN_DWEIGHT_ROWS) return part;
    const int first = (int)((long)d->count * *t / *T), last = (int)((long)d->count * (*t + 1) / *T);
    part.first += first;
    part.count = last - first;
    *at = (long)first * d->i;
    *t = 0, *T = 1;
    return part;
}

/* dweight: [count][i]. */
NN_KERNEL void nn_dense_dweight_rows(const nn_dense_rows *d, const float *x, const float *dy, float *dweight, int t,
                                     int T)
{
    long at;
    const nn_dense_rows part = nn_dense_rows_part(d, &at, &t, &T);
    const nn_dense_matrices s = {.a = dy + part.first, .am = 1, .ak = d->o, .b = x, .c = dweight + at, .width = d->i};
    nn_dense_gemm(&s, nn_dense_pack_b, part.count, d->n, t, T);
}

/* dweight: [o][i]. */
NN_KERNEL void nn_dense_dweight(const nn_dense *d, const float *x, const float *dy, float *dweight, int t, int T)
{
    const nn_dense_rows all = {.n = d->n, .i = d->i, .o = d->o, .count = d->o};
    nn_dense_dweight_rows(&all, x, dy, dweight, t, T);
}

/* dbias: [o]. */
NN_KERNEL void nn_dense_dbias(const nn_dense *d, const float *dy, float *dbias, int t, int T)
{
    for (int o = d->o * t / T; o < d->o * (t + 1) / T; o++) {
        float sum = 0;
        for (int n = 0; n < d->n; n++) sum += dy[(long)n * d->o + o];
        dbias[o] = sum;
    }
}

#endif /* NN_LINKED */

#endif
