/*
 * dense_bf16.h: the fully connected layer with weights in bf16, or rounded to bf16 as they are read (`rounded`).
 *
 *   forward   y[n][o]  = b[o] + Σ_i x[n][i] · W[o][i]
 *   dx        dx[n][i] = Σ_o dy[n][o] · W[o][i]
 *
 * Products and sums are those of dense.h, in floats and in the same order; forward is the same text, with
 * other loads (C compilers may round a product and its addition once or twice in either).  For a batch of
 * one, W is read once, half of the bytes.
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

#else

#include "runtime/kernels/dense/dense.h"
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

/* ---- dx: with a right-hand side that is rounded as it is packed ----------------------- */

NN_KERNEL void nn_dense_pack_b_rounded(const void *self, long n0, int columns, int k0, int depth, float *to)
{
    const nn_dense_matrices *s = (const nn_dense_matrices *)self;
    for (int k = 0; k < depth; k++, to += NN_GEMM_COLUMNS) {
        const float *from = s->b + (long)(k0 + k) * s->width + n0;
        for (int i = 0; i < NN_GEMM_COLUMNS; i += NN_W)
            nn_store(to + i, i < columns ? nn_rounded_to_bf16(nn_load_some(from + i, columns - i)) : nn_zero());
    }
}

/* dx: [n][i]. */
NN_KERNEL void nn_dense_dx_rounded(const nn_dense *d, const float *dy, const float *weight, float *dx, int t, int T)
{
    const nn_dense_matrices s = {.a = dy, .am = d->o, .ak = 1, .b = weight, .c = dx, .width = d->i};
    const nn_matrices x = {
        &s, nn_dense_pack_a, nn_dense_pack_b_rounded, nn_dense_address, nn_dense_load, nn_dense_store};
    nn_gemm(&x, d->n, d->i, d->o, t, T);
}

#endif /* NN_LINKED */

#endif
