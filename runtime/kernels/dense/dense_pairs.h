/*
 * dense_pairs.h: the fully connected layer of vectors in bf16 and weights that are rounded to bf16 as they
 * are read, and the gradient of its input: products of pairs (bf16_dot.h), for few rows (samples, or positions
 * of a sequence).
 *
 *   forward   y[n][o]  = b[o] + Σ_i x[n][i] · bf16(W[o][i])    pairs of neighbouring i
 *   dx        dx[n][i] = Σ_o dy[n][o] · bf16(W[o][i])          pairs of neighbouring o
 *
 * Each weight is read once, in f32, for up to NN_FEW_ROWS rows.  Some of them become panels in L1
 * (bf16_round.h), by which all rows are multiplied; sums are kept in floats between them, which changes
 * nothing.  The order of a sum is that of conv_bf16.h: it begins with the bias and goes pair by pair.
 */
#ifndef NN_DENSE_PAIRS_H
#define NN_DENSE_PAIRS_H

#include "runtime/kernels/dense/dense_types.h"

#ifdef NN_LINKED

void nn_dense_forward_pairs(const nn_dense *, const nn_dense_pairs_args *, int t, int T);
void nn_dense_dx_pairs(const nn_dense *, const nn_dense_pairs_args *, int t, int T);

#else

#include "runtime/kernels/simd/bf16_round.h"

enum {
    NN_FEW_ROWS = 32,   /* for which weights are read once */
    NN_FEW_DEPTH = 256, /* inputs of a panel of forward: 16 KB of two panels */
    NN_FEW_ACROSS = 16, /* outputs of a panel of dx */
    NN_FEW_AHEAD = 128, /* inputs of a row of weights that dx prefetches */
    NN_FEW_SUMS = 16384 /* of dx, which are kept while weights are read, as far along each row as that */
};
enum {
    NN_FEW_TILE = NN_PAIR_ROWS < 8 ? NN_PAIR_ROWS : 8, /* rows of a register tile */
    NN_FEW_OUTPUTS = NN_TILE_PANELS * NN_PANEL         /* and its lanes */
};

/* Inputs of dx that are computed together, for so many rows. */
NN_INLINE long nn_few_columns(int rows) { return NN_FEW_SUMS / rows / NN_FEW_OUTPUTS * NN_FEW_OUTPUTS; }

/* Some rows of x, the panels that they are multiplied by, and their sums. */
typedef struct nn_few {
    const uint16_t *x, *panels;
    long x_row, panel, sum_row;
    int depth; /* elements */
    float *sum;
} nn_few;

NN_INLINE void nn_few_tile(const int M, const nn_few *p)
{
    const long step = NN_TILE_PANELS > 1 ? p->panel : 2 * NN_W, x_row = p->x_row;
    const uint16_t *b = p->panels;
    const int even = p->depth / 2 * 2;
    const uint16_t *at[NN_FEW_TILE];
    nn_vec sum[NN_FEW_TILE][NN_TILE_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) {
        at[m] = p->x + m * x_row;
        NN_UNROLL
        for (int v = 0; v < NN_TILE_VECTORS; v++) sum[m][v] = nn_load(p->sum + m * p->sum_row + v * NN_W);
    }
    for (long k = 0; k < even; k += 2) {
        nn_words w[NN_TILE_VECTORS];
        NN_UNROLL
        for (int v = 0; v < NN_TILE_VECTORS; v++) w[v] = nn_load_pairs(b + k * NN_PANEL + v * step);
        NN_UNROLL
        for (int m = 0; m < M; m++) {
            const nn_words x = nn_broadcast_pair(at[m] + k);
            NN_UNROLL
            for (int v = 0; v < NN_TILE_VECTORS; v++) sum[m][v] = nn_dot_bf16(sum[m][v], x, w[v]);
        }
    }
    if (even < p->depth) {
        NN_UNROLL
        for (int v = 0; v < NN_TILE_VECTORS; v++) {
            const nn_words w = nn_load_pairs(b + (long)even * NN_PANEL + v * step);
            NN_UNROLL
            for (int m = 0; m < M; m++) sum[m][v] = nn_dot_bf16(sum[m][v], nn_broadcast_last(at[m] + even), w);
        }
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < NN_TILE_VECTORS; v++) nn_store(p->sum + m * p->sum_row + v * NN_W, sum[m][v]);
}

/* Of `rows` rows, in tiles as even as possible. */
NN_KERNEL void nn_few_run(const nn_few *all, int rows)
{
    const int tiles = (rows + NN_FEW_TILE - 1) / NN_FEW_TILE;
    for (int i = 0; i < tiles; i++) {
        const int first = rows * i / tiles;
        nn_few part = *all;
        part.x += first * part.x_row;
        part.sum += first * part.sum_row;
#define NN_CASE(M)             \
    case M:                    \
        nn_few_tile(M, &part); \
        break;
        switch (rows * (i + 1) / tiles - first) {
            NN_CASE(1)
            NN_CASE(2)
#if NN_PAIR_ROWS > 2
            NN_CASE(3)
            NN_CASE(4)
            NN_CASE(5)
            NN_CASE(6)
#endif
#if NN_PAIR_ROWS > 6
            NN_CASE(7)
            NN_CASE(8)
#endif
        }
#undef NN_CASE
    }
}

/* Results `at` … at + count of `rows` rows from n on, of which the sums are. */
NN_INLINE void nn_few_store(const nn_dense_pairs_args *a, long at, long count, const float *sum)
{
    for (long i = 0; i < count; i += NN_W) {
        if (a->half)
            nn_store_results_some((uint16_t *)a->y + at + i, count - i, nn_load(sum + i));
        else
            nn_store_some((float *)a->y + at + i, count - i, nn_load(sum + i));
    }
}

/* Outputs o … of the rows n … n + rows. */
NN_INLINE void nn_few_outputs(const nn_dense *d, const nn_dense_pairs_args *a, long o, int n, int rows)
{
    uint16_t panels[NN_FEW_OUTPUTS * NN_FEW_DEPTH] __attribute__((aligned(64)));
    float sum[NN_FEW_ROWS * NN_FEW_OUTPUTS] __attribute__((aligned(64)));
    const long left = d->o - o, lanes = left < NN_FEW_OUTPUTS ? left : NN_FEW_OUTPUTS;
    for (int m = 0; m < rows; m++)
        for (long lane = 0; lane < NN_FEW_OUTPUTS; lane++)
            sum[m * NN_FEW_OUTPUTS + lane] = a->bias && lane < lanes ? a->bias[o + lane] : 0;
    for (long k = 0; k < d->i; k += NN_FEW_DEPTH) {
        const long depth = d->i - k < NN_FEW_DEPTH ? d->i - k : NN_FEW_DEPTH;
        for (long lane = 0; lane < NN_FEW_OUTPUTS; lane += NN_PANEL) {
            const long here = lanes - lane < NN_PANEL ? lanes - lane : NN_PANEL;
            const nn_float_rows w = {.from = a->weight + (here > 0 ? (o + lane) * d->i + k : 0),
                                     .row = d->i,
                                     .lanes = here > 0 ? here : 0,
                                     .count = depth,
                                     .ahead = NN_FEW_DEPTH};
            nn_round_panel(&w, panels + lane * NN_FEW_DEPTH);
        }
        const nn_few all = {.x = (const uint16_t *)a->x + (long)n * d->i + k,
                            .panels = panels,
                            .x_row = d->i,
                            .panel = (long)NN_PANEL * NN_FEW_DEPTH,
                            .sum_row = NN_FEW_OUTPUTS,
                            .depth = (int)depth,
                            .sum = sum};
        nn_few_run(&all, rows);
    }
    for (int m = 0; m < rows; m++) nn_few_store(a, (long)(n + m) * d->o + o, lanes, sum + m * NN_FEW_OUTPUTS);
}

/* y: [n][o]; bias may be NULL. */
NN_KERNEL void nn_dense_forward_pairs(const nn_dense *d, const nn_dense_pairs_args *a, int t, int T)
{
    const long tiles = (d->o + NN_FEW_OUTPUTS - 1) / NN_FEW_OUTPUTS;
    for (int n = 0; n < d->n; n += NN_FEW_ROWS) {
        const int rows = d->n - n < NN_FEW_ROWS ? d->n - n : NN_FEW_ROWS;
        for (long i = tiles * t / T; i < tiles * (t + 1) / T; i++) nn_few_outputs(d, a, i * NN_FEW_OUTPUTS, n, rows);
    }
}

/* Inputs i … i + count of the rows n … n + rows. */
NN_INLINE void nn_few_inputs(const nn_dense *d, const nn_dense_pairs_args *a, nn_range part, int n, int rows)
{
    uint16_t panels[NN_FEW_OUTPUTS * NN_FEW_ACROSS] __attribute__((aligned(64)));
    float sum[NN_FEW_SUMS] __attribute__((aligned(64)));
    const long count = part.end - part.first, sum_row = nn_round_up(count, NN_FEW_OUTPUTS);
    for (long i = 0; i < rows * sum_row; i += NN_W) nn_store(sum + i, nn_zero());
    for (long o = 0; o < d->o; o += NN_FEW_ACROSS) {
        const long depth = d->o - o < NN_FEW_ACROSS ? d->o - o : NN_FEW_ACROSS;
        for (long i = 0; i < count; i += NN_FEW_OUTPUTS) {
            for (long lane = 0; lane < NN_FEW_OUTPUTS; lane += NN_PANEL) {
                const nn_float_rows w = {.from = a->weight + o * d->i + part.first + i + lane,
                                         .row = d->i,
                                         .lanes = depth,
                                         .count = count - i - lane,
                                         .ahead = NN_FEW_AHEAD};
                nn_round_across(&w, panels + lane * NN_FEW_ACROSS);
            }
            const nn_few all = {.x = (const uint16_t *)a->x + (long)n * d->o + o,
                                .panels = panels,
                                .x_row = d->o,
                                .panel = (long)NN_PANEL * NN_FEW_ACROSS,
                                .sum_row = sum_row,
                                .depth = (int)depth,
                                .sum = sum + i};
            nn_few_run(&all, rows);
        }
    }
    for (int m = 0; m < rows; m++) nn_few_store(a, (long)(n + m) * d->i + part.first, count, sum + m * sum_row);
}

/* y, dx: [n][i]; x is dy. */
NN_KERNEL void nn_dense_dx_pairs(const nn_dense *d, const nn_dense_pairs_args *a, int t, int T)
{
    const long tiles = (d->i + NN_FEW_OUTPUTS - 1) / NN_FEW_OUTPUTS, first = tiles * t / T * NN_FEW_OUTPUTS,
               last = tiles * (t + 1) / T * NN_FEW_OUTPUTS, end = last < d->i ? last : d->i;
    for (int n = 0; n < d->n; n += NN_FEW_ROWS) {
        const int rows = d->n - n < NN_FEW_ROWS ? d->n - n : NN_FEW_ROWS;
        const long columns = nn_few_columns(rows);
        for (long i = first; i < end; i += columns) {
            const nn_range part = {i, end - i < columns ? end : i + columns};
            nn_few_inputs(d, a, part, n, rows);
        }
    }
}

#endif /* NN_LINKED */

#endif
