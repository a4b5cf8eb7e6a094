/*
 * reorder.h: images between NCHW, [c][h · w], and NHWC, [h · w][c], by transposition:
 *
 *   x: [n][rows][columns]   y: [n][columns][rows]
 *
 * Squares are transposed in registers; three rows, the planes of a picture in colour, are interleaved there
 * (nn_reorder_three).  Thread t of T computes part t of the columns of all
 * samples, in runs of whole squares.
 */
#ifndef NN_REORDER_H
#define NN_REORDER_H

#ifdef NN_LINKED

void nn_reorder(long n, long rows, long columns, const float *x, float *y, int t, int T);
void nn_reorder_int8(long n, long rows, long columns, const int8_t *x, int8_t *y, int t, int T);
void nn_reorder_bf16(long n, long rows, long columns, const uint16_t *x, uint16_t *y, int t, int T);
void nn_reorder_three(long n, long columns, const float *x, float *y, int t, int T);
void nn_reorder_three_int8(long n, long columns, const int8_t *x, int8_t *y, int t, int T);

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

/* ---- three rows ------------------------------------------------------------------------- */

/* Element e of the interleaved rows is element e / 3 of row e % 3.  Of W elements it is chosen in two steps, that of
 * rows 0 and 1 (rows) and then that of row 2 (third), from vectors of W. */
#define NN_OF_ROWS(W, e, i)  ((e) % 3 == 1 ? (W) + (e) / 3 : (e) / 3)
#define NN_OF_THIRD(W, e, i) ((e) % 3 == 2 ? (W) + (e) / 3 : (i))
#define NN_FOUR_OF(CHOICE, W, e, i) \
    CHOICE(W, e, i), CHOICE(W, (e) + 1, (i) + 1), CHOICE(W, (e) + 2, (i) + 2), CHOICE(W, (e) + 3, (i) + 3)
#define NN_8_OF(CHOICE, W, e) NN_FOUR_OF(CHOICE, W, e, 0), NN_FOUR_OF(CHOICE, W, (e) + 4, 4)
#define NN_16_OF(CHOICE, W, e) \
    NN_8_OF(CHOICE, W, e), NN_FOUR_OF(CHOICE, W, (e) + 8, 8), NN_FOUR_OF(CHOICE, W, (e) + 12, 12)
#if NN_W == 16
#define NN_W_OF(CHOICE, e) NN_16_OF(CHOICE, NN_W, e)
#elif NN_W == 8
#define NN_W_OF(CHOICE, e) NN_8_OF(CHOICE, NN_W, e)
#else
#define NN_W_OF(CHOICE, e) NN_FOUR_OF(CHOICE, NN_W, e, 0)
#endif

/* Vector k of the interleaved rows a, b and c. */
#define NN_THIRD(k) NN_PERMUTE(NN_PERMUTE(a, b, NN_W_OF(NN_OF_ROWS, (k)*NN_W)), c, NN_W_OF(NN_OF_THIRD, (k)*NN_W))

NN_INLINE void nn_interleave_three(const float *x, long apart, float *y)
{
    const nn_vec a = nn_load(x), b = nn_load(x + apart), c = nn_load(x + 2 * apart);
    nn_store(y, NN_THIRD(0)), nn_store(y + NN_W, NN_THIRD(1)), nn_store(y + 2 * NN_W, NN_THIRD(2));
}

typedef signed char nn_sixteen __attribute__((vector_size(16)));
typedef signed char nn_sixteen_at __attribute__((vector_size(16), aligned(1), may_alias));

#if defined(__clang__)
#define NN_PERMUTE_16(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define NN_PERMUTE_16(a, b, ...) __builtin_shuffle(a, b, (nn_sixteen){__VA_ARGS__})
#endif
#define NN_THIRD_16(k) \
    NN_PERMUTE_16(NN_PERMUTE_16(a, b, NN_16_OF(NN_OF_ROWS, 16, (k)*16)), c, NN_16_OF(NN_OF_THIRD, 16, (k)*16))

/* Of bytes, 16 of each row. */
NN_INLINE void nn_interleave_three_16(const int8_t *x, long apart, int8_t *y)
{
    const nn_sixteen a = *(const nn_sixteen_at *)x, b = *(const nn_sixteen_at *)(x + apart),
                     c = *(const nn_sixteen_at *)(x + 2 * apart);
    *(nn_sixteen_at *)y = NN_THIRD_16(0);
    *(nn_sixteen_at *)(y + 16) = NN_THIRD_16(1), *(nn_sixteen_at *)(y + 32) = NN_THIRD_16(2);
}

/* x: [n][3][columns], y: [n][columns][3]. */
NN_KERNEL void nn_reorder_three(long n, long columns, const float *x, float *y, int t, int T)
{
    const long runs = (columns + NN_LINE - 1) / NN_LINE;
    for (long k = n * runs * t / T; k < n * runs * (t + 1) / T; k++) {
        const float *from = x + k / runs * 3 * columns;
        float *to = y + k / runs * 3 * columns;
        long j = k % runs * NN_LINE;
        const long end = j + NN_LINE < columns ? j + NN_LINE : columns;
        for (; j + NN_W <= end; j += NN_W) nn_interleave_three(from + j, columns, to + 3 * j);
        for (; j < end; j++)
            for (long r = 0; r < 3; r++) to[3 * j + r] = from[r * columns + j];
    }
}

NN_KERNEL void nn_reorder_three_int8(long n, long columns, const int8_t *x, int8_t *y, int t, int T)
{
    enum { RUN = 64 };
    const long runs = (columns + RUN - 1) / RUN;
    for (long k = n * runs * t / T; k < n * runs * (t + 1) / T; k++) {
        const int8_t *from = x + k / runs * 3 * columns;
        int8_t *to = y + k / runs * 3 * columns;
        long j = k % runs * RUN;
        const long end = j + RUN < columns ? j + RUN : columns;
        for (; j + 16 <= end; j += 16) nn_interleave_three_16(from + j, columns, to + 3 * j);
        for (; j < end; j++)
            for (long r = 0; r < 3; r++) to[3 * j + r] = from[r * columns + j];
    }
}

#endif /* NN_LINKED */

#endif
