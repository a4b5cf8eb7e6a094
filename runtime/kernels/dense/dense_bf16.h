/*
 * dense_bf16.h: the fully connected layer with weights in bf16.
 *
 *   forward   y[n][o]  = b[o] + Σ_i x[n][i] · W[o][i]
 *   dx        dx[n][i] = Σ_o dy[n][o] · W[o][i]
 *
 * Products and sums are those of dense.h, in floats and in the same order (C compilers may round a
 * product and its addition once or twice in either).  For a batch of one, W is read once, half of
 * the bytes.
 */
#ifndef NN_DENSE_BF16_H
#define NN_DENSE_BF16_H

#include "runtime/kernels/dense/dense_types.h"

#ifdef NN_LINKED

void nn_dense_forward_bf16(const nn_dense *, const float *x, const uint16_t *weight, const float *bias, float *y, int t,
                           int T);
void nn_dense_dx_bf16(const nn_dense *, const float *dy, const uint16_t *weight, float *dx, int t, int T);

#else

#include "runtime/kernels/dense/dense.h"
#include "runtime/kernels/simd/bf16_vector.h"
#include "runtime/kernels/system/bf16.h"

enum { NN_DOT_BF16_FEW = 8 }; /* outputs at once, of few samples */

/* M × N dot products over i: rows of x against rows of w; to out[m][N]. */
NN_INLINE void nn_dots_bf16(const int M, const int N, int i, const float *x, const uint16_t *w, float *out)
{
    nn_vec sum[NN_DOT_SAMPLES][NN_DOT_BF16_FEW];
    float rest[NN_DOT_SAMPLES][NN_DOT_BF16_FEW];
    for (int m = 0; m < M; m++)
        for (int k = 0; k < N; k++) sum[m][k] = nn_zero(), rest[m][k] = 0;
    int at = 0;
    for (; at + NN_W <= i; at += NN_W) {
        nn_vec row[NN_DOT_BF16_FEW];
        NN_UNROLL
        for (int k = 0; k < N; k++) row[k] = nn_load_bf16(w + (long)k * i + at);
        NN_UNROLL
        for (int m = 0; m < M; m++) NN_UNROLL
        for (int k = 0; k < N; k++) sum[m][k] += nn_load(x + (long)m * i + at) * row[k];
    }
    for (; at < i; at++)
        for (int m = 0; m < M; m++)
            for (int k = 0; k < N; k++) rest[m][k] += x[(long)m * i + at] * nn_from_bf16(w[(long)k * i + at]);
    for (int m = 0; m < M; m++)
        for (int k = 0; k < N; k++) out[m * N + k] = nn_lanes_sum(sum[m][k]) + rest[m][k];
}

typedef struct nn_dense_arrays_bf16 {
    const float *x;
    const uint16_t *weight;
    const float *bias;
    float *y;
} nn_dense_arrays_bf16;

/* N outputs from o on, of M samples from n on. */
NN_INLINE void nn_dots_tile_bf16(const int M, const int N, const nn_dense *d, const nn_dense_arrays_bf16 *a, int n,
                                 int o)
{
    float out[NN_DOT_SAMPLES * NN_DOT_BF16_FEW];
    nn_dots_bf16(M, N, d->i, a->x + (long)n * d->i, a->weight + (long)o * d->i, out);
    for (int m = 0; m < M; m++)
        for (int k = 0; k < N; k++)
            a->y[(long)(n + m) * d->o + o + k] = out[m * N + k] + (a->bias ? a->bias[o + k] : 0);
}

/* N outputs of all samples, M of them at a time. */
NN_INLINE void nn_dots_column_bf16(const int M, const int N, const nn_dense *d, const nn_dense_arrays_bf16 *a, int o)
{
    const int whole = d->n / M * M;
    for (int n = 0; n < whole; n += M) nn_dots_tile_bf16(M, N, d, a, n, o);
    for (int n = whole; n < d->n; n++) nn_dots_tile_bf16(1, N, d, a, n, o);
}

/* y: [n][o]; bias may be NULL. */
NN_KERNEL void nn_dense_forward_bf16(const nn_dense *d, const float *x, const uint16_t *weight, const float *bias,
                                     float *y, int t, int T)
{
    const int few = d->n < NN_DOT_SAMPLES, width = few ? NN_DOT_BF16_FEW : NN_DOT_OUTPUTS,
              tiles = (d->o + width - 1) / width;
    const nn_dense_arrays_bf16 a = {x, weight, bias, y};
    for (int tile = tiles * t / T; tile < tiles * (t + 1) / T; tile++) {
        const int o = tile * width, left = d->o - o;
        if (left < width)
            for (int k = 0; k < left; k++) nn_dots_column_bf16(1, 1, d, &a, o + k);
        else if (few)
            nn_dots_column_bf16(1, NN_DOT_BF16_FEW, d, &a, o);
        else
            nn_dots_column_bf16(NN_DOT_SAMPLES, NN_DOT_OUTPUTS, d, &a, o);
    }
}

/* ---- dx: dense.h with a right-hand side in bf16 ------------------------------------- */

typedef struct nn_dense_bf16_matrices {
    nn_dense_matrices all; /* without b */
    const uint16_t *b;
} nn_dense_bf16_matrices;

NN_KERNEL void nn_dense_pack_b_bf16(const void *self, long n0, int columns, int k0, int depth, float *to)
{
    const nn_dense_bf16_matrices *s = (const nn_dense_bf16_matrices *)self;
    for (int k = 0; k < depth; k++, to += NN_GEMM_COLUMNS) {
        const uint16_t *from = s->b + (long)(k0 + k) * s->all.width + n0;
        for (int i = 0; i < NN_GEMM_COLUMNS; i += NN_W)
            nn_store(to + i, i < columns ? nn_load_bf16_some(from + i, columns - i) : nn_zero());
    }
}

/* dx: [n][i]. */
NN_KERNEL void nn_dense_dx_bf16(const nn_dense *d, const float *dy, const uint16_t *weight, float *dx, int t, int T)
{
    const nn_dense_bf16_matrices s = {{.a = dy, .am = d->o, .ak = 1, .c = dx, .width = d->i}, weight};
    const nn_matrices x = {&s, nn_dense_pack_a, nn_dense_pack_b_bf16, nn_dense_address, nn_dense_load, nn_dense_store};
    nn_gemm(&x, d->n, d->i, d->o, t, T);
}

#endif /* NN_LINKED */

#endif
