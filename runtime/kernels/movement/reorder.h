/*
 * reorder.h: images between NCHW, [c][h · w], and NHWC, [h · w][c], by transposition:
 *
 *   x: [n][rows][columns]   y: [n][columns][rows]
 *
 * Squares are transposed in registers.  Thread t of T computes part t of the columns of all
 * samples, in runs of whole squares.
 */
#ifndef NN_REORDER_H
#define NN_REORDER_H

#ifdef NN_LINKED

void nn_reorder(long n, long rows, long columns, const float *x, float *y, int t, int T);
void nn_reorder_int8(long n, long rows, long columns, const int8_t *x, int8_t *y, int t, int T);
void nn_reorder_bf16(long n, long rows, long columns, const uint16_t *x, uint16_t *y, int t, int T);

#else

#include <stdint.h>

#include "runtime/kernels/simd/transpose.h"

/* Columns first … last of one sample. */
NN_INLINE void nn_reorder_columns(long rows, long columns, const float *x, float *y, long first, long last)
{
    for (long j = first; j < last; j += NN_W) {
        long wide = last - j < NN_W ? last - j : NN_W, i = 0;
        for (; wide == NN_W && i + NN_W <= rows; i += NN_W)
            nn_transpose_square(y + j * rows + i, rows, x + i * columns + j, columns);
        for (long k = 0; k < wide; k++)
            for (long r = i; r < rows; r++) y[(j + k) * rows + r] = x[r * columns + j + k];
    }
}

NN_KERNEL void nn_reorder(long n, long rows, long columns, const float *x, float *y, int t, int T)
{
    const long runs = (columns + NN_LINE - 1) / NN_LINE, first = n * runs * t / T, last = n * runs * (t + 1) / T;
    for (long k = first; k < last;) {
        long sample = k / runs, end = (sample + 1) * runs < last ? runs : last - sample * runs;
        long from = k % runs * NN_LINE, to = end * NN_LINE < columns ? end * NN_LINE : columns;
        nn_reorder_columns(rows, columns, x + sample * rows * columns, y + sample * rows * columns, from, to);
        k = sample * runs + end;
    }
}

/* Matrices to transpose. */
typedef struct nn_reorder_size {
    long n, rows, columns;
} nn_reorder_size;

/* The same of elements of one or two bytes: squares that stay in the first cache, element by element. */
NN_INLINE void nn_reorder_squares(const int bytes, const nn_reorder_size d, const void *x, void *y, int t, int T)
{
    enum { SIDE = 64 };
    const long runs = (d.columns + SIDE - 1) / SIDE, size = d.rows * d.columns;
    for (long k = d.n * runs * t / T; k < d.n * runs * (t + 1) / T; k++) {
        const long first = k % runs * SIDE, end = first + SIDE < d.columns ? first + SIDE : d.columns;
        const char *from = (const char *)x + k / runs * size * bytes;
        char *to = (char *)y + k / runs * size * bytes;
        for (long r = 0; r < d.rows; r += SIDE)
            for (long j = first; j < end; j++)
                for (long i = r; i < r + SIDE && i < d.rows; i++)
                    __builtin_memcpy(to + (j * d.rows + i) * bytes, from + (i * d.columns + j) * bytes, bytes);
    }
}

NN_KERNEL void nn_reorder_int8(long n, long rows, long columns, const int8_t *x, int8_t *y, int t, int T)
{
    nn_reorder_squares(1, (nn_reorder_size){n, rows, columns}, x, y, t, T);
}

NN_KERNEL void nn_reorder_bf16(long n, long rows, long columns, const uint16_t *x, uint16_t *y, int t, int T)
{
    nn_reorder_squares(2, (nn_reorder_size){n, rows, columns}, x, y, t, T);
}

#endif /* NN_LINKED */

#endif
