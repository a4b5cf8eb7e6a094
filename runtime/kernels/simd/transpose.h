/*
 * transpose.h: transposition of NN_W × NN_W floats in registers.
 *
 * Interleaving row i with row i + W/2, for all i, log2(W) times, transposes: each round moves one
 * bit of the row number into the column number.
 */
#ifndef NN_TRANSPOSE_H
#define NN_TRANSPOSE_H

#include "runtime/kernels/simd/lanes.h"

#if defined(__clang__)
#define NN_PERMUTE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define NN_PERMUTE(a, b, ...) __builtin_shuffle(a, b, (nn_ints){__VA_ARGS__})
#endif

/* a0 b0 a1 b1 …, of the first halves. */
NN_INLINE nn_vec nn_interleave_low(nn_vec a, nn_vec b)
{
#if NN_W == 16
    return NN_PERMUTE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif NN_W == 8
    return NN_PERMUTE(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
    return NN_PERMUTE(a, b, 0, 4, 1, 5);
#endif
}

/* The same of the second halves. */
NN_INLINE nn_vec nn_interleave_high(nn_vec a, nn_vec b)
{
#if NN_W == 16
    return NN_PERMUTE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif NN_W == 8
    return NN_PERMUTE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return NN_PERMUTE(a, b, 2, 6, 3, 7);
#endif
}

/* row[i][j] and row[j][i] change places. */
NN_INLINE void nn_transpose_rows(nn_vec *row)
{
    nn_vec next[NN_W];
    NN_UNROLL
    for (int round = 1; round < NN_W; round *= 2) {
        NN_UNROLL
        for (int i = 0; i < NN_W / 2; i++) {
            next[2 * i] = nn_interleave_low(row[i], row[i + NN_W / 2]);
            next[2 * i + 1] = nn_interleave_high(row[i], row[i + NN_W / 2]);
        }
        NN_UNROLL
        for (int i = 0; i < NN_W; i++) row[i] = next[i];
    }
}

/* to[i·to_row + j] = from[j][i], 0 ≤ i, j < NN_W. */
NN_INLINE void nn_transpose_gathered(float *to, long to_row, const float *const from[NN_W])
{
    nn_vec row[NN_W];
    NN_UNROLL
    for (int i = 0; i < NN_W; i++) row[i] = nn_load(from[i]);
    nn_transpose_rows(row);
    NN_UNROLL
    for (int i = 0; i < NN_W; i++) nn_store(to + i * to_row, row[i]);
}

/* The same of rows that are from_row floats apart. */
NN_INLINE void nn_transpose_square(float *to, long to_row, const float *from, long from_row)
{
    const float *rows[NN_W];
    NN_UNROLL
    for (int i = 0; i < NN_W; i++) rows[i] = from + i * from_row;
    nn_transpose_gathered(to, to_row, rows);
}

#endif
