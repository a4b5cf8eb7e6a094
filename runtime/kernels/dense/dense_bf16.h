/*
 * dense_bf16.h: the fully connected layer with weights in bf16, or rounded to bf16 as they are read
 * (`rounded`), and the gradient of its weights with vectors in bf16.
 *
 *   forward   y[n][o]  = b[o] + Σ_i x[n][i] · W[o][i]
 *   dx        dx[n][i] = Σ_o dy[n][o] · W[o][i]
 *   dweight   dW[o][i] = Σ_n dy[n][o] · x[n][i]
 *
 * Products and sums of the first two are those of dense.h, in floats and in the same order; forward is the
 * same text, with other loads (C compilers may round a product and its addition once or twice in either).
 * For a batch of one, W is read once, half of the bytes.
 *
 * dweight has products of bf16 (bf16_dot.h).  Samples are taken in pairs, 2n and 2n + 1; a sum begins with
 * zero and goes pair after pair, of each the odd sample first.  The last of an odd number of samples is
 * paired with zeros.
 */
#ifndef NN_DENSE_BF16_H
#define NN_DENSE_BF16_H

#include "runtime/kernels/dense/dense_types.h"

#ifdef NN_LINKED

void nn_dense_forward_bf16(const nn_dense *, const float *x, const uint16_t *weight, const float *bias, float *y, int t,
                           int T);
void nn_dense_forward_rounded(const nn_dense *, const float *x, const float *weight, const float *bias, float *y, int t,
                              int T);
void nn_dense_dx_bf16(const nn_dense *, const float *dy, const uint16_t *weight, float *dx, int t, int T);
void nn_dense_dx_rounded(const nn_dense *, const float *dy, const float *weight, float *dx, int t, int T);
void nn_dense_dweight_pairs(const nn_dense_rows *, const uint16_t *x, const uint16_t *dy, float *dweight, int t, int T);

#else

#include "runtime/kernels/dense/dense.h"
#include "runtime/kernels/simd/bf16_dot.h"
#include "runtime/kernels/simd/bf16_vector.h"

/* y: [n][o]; bias may be NULL. */
NN_KERNEL void nn_dense_forward_bf16(const nn_dense *d, const float *x, const uint16_t *weight, const float *bias,
                                     float *y, int t, int T)
{
    const nn_dense_arrays a = {x, weight, bias, y};
    nn_dense_outputs(NN_WEIGHTS_BF16, d, &a, t, T);
}

NN_KERNEL void nn_dense_forward_rounded(const nn_dense *d, const float *x, const float *weight, const float *bias,
                                        float *y, int t, int T)
{
    const nn_dense_arrays a = {x, weight, bias, y};
    nn_dense_outputs(NN_WEIGHTS_ROUNDED, d, &a, t, T);
}

/* ---- dx: dense.h with a right-hand side in bf16, or rounded to it as it is packed ------- */

/* The first `count` lanes; the others are zero. */
NN_INLINE nn_vec nn_load_weights_some(const int format, const void *p, long count)
{
    const nn_vec v = nn_load_some_as(format == NN_WEIGHTS_BF16, p, count);
    return format == NN_WEIGHTS_ROUNDED ? nn_rounded_to_bf16(v) : v;
}

NN_INLINE void nn_dense_pack_weights(const int format, const nn_dense_matrices *s, long n0, int columns, int k0,
                                     int depth, float *to)
{
    for (int k = 0; k < depth; k++, to += NN_GEMM_COLUMNS) {
        const void *from = nn_weights_at(format, s->b, (long)(k0 + k) * s->width + n0);
        for (int i = 0; i < NN_GEMM_COLUMNS; i += NN_W)
            nn_store(to + i, i < columns ? nn_load_weights_some(format, nn_weights_at(format, from, i), columns - i)
                                         : nn_zero());
    }
}

NN_KERNEL void nn_dense_pack_b_bf16(const void *self, long n0, int columns, int k0, int depth, float *to)
{
    nn_dense_pack_weights(NN_WEIGHTS_BF16, (const nn_dense_matrices *)self, n0, columns, k0, depth, to);
}

NN_KERNEL void nn_dense_pack_b_rounded(const void *self, long n0, int columns, int k0, int depth, float *to)
{
    nn_dense_pack_weights(NN_WEIGHTS_ROUNDED, (const nn_dense_matrices *)self, n0, columns, k0, depth, to);
}

/* dx: [n][i]. */
NN_KERNEL void nn_dense_dx_bf16(const nn_dense *d, const float *dy, const uint16_t *weight, float *dx, int t, int T)
{
    const nn_dense_matrices s = {.a = dy, .am = d->o, .ak = 1, .b = weight, .c = dx, .width = d->i};
    nn_dense_gemm(&s, nn_dense_pack_b_bf16, d->n, d->o, t, T);
}

NN_KERNEL void nn_dense_dx_rounded(const nn_dense *d, const float *dy, const float *weight, float *dx, int t, int T)
{
    const nn_dense_matrices s = {.a = dy, .am = d->o, .ak = 1, .b = weight, .c = dx, .width = d->i};
    nn_dense_gemm(&s, nn_dense_pack_b_rounded, d->n, d->o, t, T);
}

/* ---- dweight: dense.h's, with pairs of samples in the place of samples -------------- */

/* Of bf16, rows 2k and 2k + 1 of both matrices as one. */
typedef struct nn_dense_pairs {
    nn_dense_matrices all; /* without a and b */
    const uint16_t *a, *b;
    int n; /* samples */
} nn_dense_pairs;

/* As nn_tile, of pairs. */
NN_INLINE void nn_pair_gemm_tile(const int M, const int V, const nn_gemm_tile *x)
{
    const long ldc = x->ldc;
    nn_vec sum[NN_GEMM_ROWS][NN_GEMM_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++) sum[m][v] = x->add ? nn_load(x->c + m * ldc + v * NN_W) : nn_zero();
    for (int i = 0; i < x->depth; i++) {
        nn_words row[NN_GEMM_VECTORS];
        NN_UNROLL
        for (int v = 0; v < V; v++) row[v] = (nn_words)nn_load(x->b + i * NN_GEMM_COLUMNS + v * NN_W);
        NN_UNROLL
        for (int m = 0; m < M; m++) {
            const nn_words pair = nn_broadcast_pair((const uint16_t *)(const void *)(x->a + i * M + m));
            NN_UNROLL
            for (int v = 0; v < V; v++) sum[m][v] = nn_dot_bf16(sum[m][v], pair, row[v]);
        }
    }
    float *c = x->c;
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < V; v++) nn_store(c + m * ldc + v * NN_W, sum[m][v]);
}

NN_KERNEL void nn_pair_gemm_run(int rows, int vectors, const nn_gemm_tile *x)
{
#define NN_CASE(M)                                    \
    case M:                                           \
        if (vectors == 1)                             \
            nn_pair_gemm_tile(M, 1, x);               \
        else                                          \
            nn_pair_gemm_tile(M, NN_GEMM_VECTORS, x); \
        break;
    switch (rows) {
        NN_CASE(1)
        NN_CASE(2)
        NN_CASE(3)
        NN_CASE(4)
#if NN_GEMM_ROWS > 4
        NN_CASE(5)
        NN_CASE(6)
#endif
#if NN_GEMM_ROWS > 6
        NN_CASE(7)
        NN_CASE(8)
#endif
#if NN_GEMM_ROWS > 8
        NN_CASE(9) NN_CASE(10) NN_CASE(11) NN_CASE(12) NN_CASE(13) NN_CASE(14)
#endif
    }
#undef NN_CASE
}

NN_KERNEL void nn_dense_pack_pairs_a(const void *self, int m0, int rows, int k0, int depth, float *to)
{
    const nn_dense_pairs *s = (const nn_dense_pairs *)self;
    for (int k = k0; k < k0 + depth; k++) {
        const uint16_t *even = s->a + 2 * k * s->all.ak + m0;
        for (int m = 0; m < rows; m++, to++) {
            const uint32_t odd = 2 * k + 1 < s->n ? even[s->all.ak + m] : 0, pair = even[m] | odd << 16;
            __builtin_memcpy(to, &pair, sizeof pair);
        }
    }
}

NN_KERNEL void nn_dense_pack_pairs_b(const void *self, long n0, int columns, int k0, int depth, float *to)
{
    const nn_dense_pairs *s = (const nn_dense_pairs *)self;
    for (int k = k0; k < k0 + depth; k++, to += NN_GEMM_COLUMNS) {
        const int paired = 2 * k + 1 < s->n;
        const uint16_t *even = s->b + 2L * k * s->all.width + n0, *odd = paired ? even + s->all.width : even;
        for (int i = 0; i < NN_GEMM_COLUMNS; i += NN_W) {
            const nn_words pairs = nn_zip_some(even + i, odd + i, columns - i);
            nn_store(to + i, (nn_vec)(paired ? pairs : pairs & 0xffffu));
        }
    }
}

/* dweight: [count][i]. */
NN_KERNEL void nn_dense_dweight_pairs(const nn_dense_rows *d, const uint16_t *x, const uint16_t *dy, float *dweight,
                                      int t, int T)
{
    long at;
    const nn_dense_rows part = nn_dense_rows_part(d, &at, &t, &T);
    const nn_dense_pairs s = {{.ak = d->o, .c = dweight + at, .width = d->i}, dy + part.first, x, d->n};
    const nn_matrices all = {&s,
                             nn_pair_gemm_run,
                             nn_dense_pack_pairs_a,
                             nn_dense_pack_pairs_b,
                             nn_dense_address,
                             nn_dense_load,
                             nn_dense_store};
    nn_gemm(&all, part.count, d->i, (d->n + 1) / 2, t, T);
}

#endif /* NN_LINKED */

#endif
