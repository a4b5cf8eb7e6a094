/*
 * int8_tile.h: tiles of pixels × outputs over int8 numbers, which stay in registers over all products, and
 * their results.
 */
#ifndef NN_INT8_TILE_H
#define NN_INT8_TILE_H

#include "runtime/kernels/quantized/int8_results.h"

enum {
    NN_QUANT_TILE = NN_QUANT_VECTORS * NN_QUANT_OUTPUTS,
    NN_QUANT_TILE_SUMS = NN_QUANT_TILE / NN_QUANT_LANES, /* vectors of 32 bits */
    NN_QUANT_FULL = 10 / NN_QUANT_VECTORS,               /* rows of a tile that hide the latency of its products */
    NN_QUANT_AHEAD = 1536                                /* bytes of weights that are prefetched */
};

/* NN_QUANT_TILE outputs, of which `count` exist. */
typedef struct nn_quant_column {
    const int8_t *weight[NN_QUANT_VECTORS];
    nn_quant_sums begin[NN_QUANT_VECTORS]; /* what the sums begin with, in the lanes of products */
    nn_quant_scale scale[NN_QUANT_TILE_SUMS];
    nn_quant_bounds bounds;
    long count;
} nn_quant_column;

/* What pixels read: `runs` runs of `run` numbers, `apart` from one another; the next pixel reads from `step` on. */
typedef struct nn_quant_reads {
    const nn_quant_x *x;
    long step, apart, run;
    int runs;
} nn_quant_reads;

NN_INLINE void nn_quant_begin(nn_quant_column *c)
{
    enum { PARTS = NN_QUANT_LANES / NN_QUANT_OUTPUTS };
    int start[NN_QUANT_TILE], lane[NN_QUANT_LANES];
    for (int v = 0; v < NN_QUANT_TILE_SUMS; v++)
        __builtin_memcpy(start + v * NN_QUANT_LANES, &c->scale[v].start, sizeof c->scale[v].start);
    for (int v = 0; v < NN_QUANT_VECTORS; v++) {
        for (int i = 0; i < NN_QUANT_LANES; i++) lane[i] = i % PARTS ? 0 : start[v * NN_QUANT_OUTPUTS + i / PARTS];
        c->begin[v] = nn_quant_load(lane);
    }
}

/* The sums of M pixels. */
NN_INLINE void nn_quant_tile_sums(const int M, const nn_quant_column *c, nn_quant_reads r,
                                  nn_quant_sums (*to)[NN_QUANT_VECTORS])
{
    nn_quant_sums sum[NN_QUANT_ROWS][NN_QUANT_VECTORS];
    const int8_t *weight[NN_QUANT_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < NN_QUANT_VECTORS; v++) sum[m][v] = c->begin[v];
    NN_UNROLL
    for (int v = 0; v < NN_QUANT_VECTORS; v++) weight[v] = c->weight[v];
    for (int u = 0; u < r.runs; u++, r.x += r.apart) {
        /* The first of three rows; the others are at step and 2 · step. */
        const nn_quant_x *three[(NN_QUANT_ROWS + 2) / 3];
        NN_UNROLL
        for (int m = 0; m < M; m += 3) three[m / 3] = r.x + m * r.step;
        for (long k = 0; k < r.run; k += 4) {
            nn_quant_sums w[NN_QUANT_VECTORS];
            NN_UNROLL
            for (int v = 0; v < NN_QUANT_VECTORS; v++) w[v] = nn_quant_weights(weight[v] + k * NN_PANEL);
            NN_UNROLL
            for (int v = 0; v < NN_QUANT_VECTORS; v++) __builtin_prefetch(weight[v] + k * NN_PANEL + NN_QUANT_AHEAD);
            NN_UNROLL
            for (int m = 0; m < M; m++) {
                const nn_quant_sums four = nn_quant_broadcast(three[m / 3] + m % 3 * r.step);
                NN_UNROLL
                for (int v = 0; v < NN_QUANT_VECTORS; v++) sum[m][v] = nn_quant_dot(sum[m][v], four, w[v]);
            }
            NN_UNROLL
            for (int m = 0; m < M; m += 3) {
                three[m / 3] += 4;
                __asm__("" : "+r"(three[m / 3])); /* else there is a counter for each row, and no register */
            }
        }
        NN_UNROLL
        for (int v = 0; v < NN_QUANT_VECTORS; v++) weight[v] += r.run * NN_PANEL;
    }
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < NN_QUANT_VECTORS; v++) to[m][v] = sum[m][v];
}

/* The results of one row. */
NN_INLINE void nn_quant_store_row(const int rectified, const nn_quant_column *c, const nn_quant_sums *sum, int8_t *y)
{
    for (int v = 0; v < NN_QUANT_TILE_SUMS; v++)
        if (c->count > v * NN_QUANT_LANES)
            nn_quant_store(y + v * NN_QUANT_LANES,
                           nn_quant_result(rectified,
                                           nn_quant_outputs_of(&sum[v * NN_QUANT_VECTORS / NN_QUANT_TILE_SUMS]),
                                           &c->scale[v], &c->bounds),
                           c->count - v * NN_QUANT_LANES);
}

/* Those of M rows, `apart` from one another. */
NN_INLINE void nn_quant_store_rows(const int rectified, const int M, const nn_quant_column *c,
                                   nn_quant_sums (*sum)[NN_QUANT_VECTORS], int8_t *y, long apart)
{
    int m = 0;
#if !defined(NN_EMULATED) && (defined(NN_AVX512VNNI) || defined(NN_AVXVNNI))
    const nn_quant_scale *const each[] = {&c->scale[0], &c->scale[1], &c->scale[0], &c->scale[1]};
    const long count = c->count < NN_QUANT_TILE ? c->count : NN_QUANT_TILE;
    for (; m + 2 <= M && !c->bounds.any_factor; m += 2, y += 2 * apart)
        nn_quant_store_pair(y, apart, nn_quant_unpermuted(nn_quant_packed(rectified, sum[m], each, &c->bounds)), count);
#endif
    for (; m < M; m++, y += apart) nn_quant_store_row(rectified, c, sum[m], y);
}

NN_INLINE void nn_quant_tile(const int M, const nn_quant_column *c, const nn_quant_reads *r, int8_t *y, long apart)
{
    nn_quant_sums sum[NN_QUANT_ROWS][NN_QUANT_VECTORS];
    nn_quant_tile_sums(M, c, *r, sum);
    if (c->bounds.rectified)
        nn_quant_store_rows(1, M, c, sum, y, apart);
    else
        nn_quant_store_rows(0, M, c, sum, y, apart);
}

/* ---- tiles of a block ---------------------------------------------------------------------------------------- */

/* Rows of the tiles that `count` rows are divided into: there is an instance for each. */
NN_INLINE int nn_quant_tile_rows(long count)
{
    int best = 1;
    long least = 0;
    for (int rows = 2; rows <= NN_QUANT_ROWS && rows <= count; rows += 2) {
        const long cost = (count + rows - 1) / rows * ((rows < NN_QUANT_FULL ? NN_QUANT_FULL : rows) + 1);
        if (best == 1 || cost <= least) best = rows, least = cost;
    }
    return best;
}

/* Tiles of M rows; the last overlaps the one before it. */
NN_INLINE void nn_quant_tiles(const int M, const nn_quant_column *c, const nn_quant_reads *r, long count, int8_t *y,
                              long apart)
{
    nn_quant_reads at = *r;
    for (long k = 0; k < count; k += M) {
        const long row = k + M <= count ? k : count - M;
        at.x = r->x + row * r->step;
        nn_quant_tile(M, c, &at, y + row * apart, apart);
    }
}

/* Of `count` pixels. */
NN_INLINE void nn_quant_rows(const nn_quant_column *c, const nn_quant_reads *r, long count, int8_t *y, long apart)
{
    const int rows = nn_quant_tile_rows(count);
    if (rows == 1) nn_quant_tiles(1, c, r, count, y, apart);
    if (rows == 2) nn_quant_tiles(2, c, r, count, y, apart);
    if (NN_QUANT_ROWS >= 4 && rows == 4) nn_quant_tiles(4, c, r, count, y, apart);
    if (NN_QUANT_ROWS >= 6 && rows == 6) nn_quant_tiles(6, c, r, count, y, apart);
    if (NN_QUANT_ROWS >= 8 && rows == 8) nn_quant_tiles(8, c, r, count, y, apart);
    if (NN_QUANT_ROWS >= 10 && rows == 10) nn_quant_tiles(10, c, r, count, y, apart);
    if (NN_QUANT_ROWS >= 12 && rows == 12) nn_quant_tiles(12, c, r, count, y, apart);
    if (NN_QUANT_ROWS >= 14 && rows == 14) nn_quant_tiles(14, c, r, count, y, apart);
}

#endif
