/*
 * int8_tile.h: tiles of pixels × outputs over int8 numbers, which stay in registers over all products, and
 * their results.
 */
#ifndef NN_INT8_TILE_H
#define NN_INT8_TILE_H

#include "runtime/kernels/quantized/int8_floats.h"

enum {
    NN_QUANT_TILE = NN_QUANT_VECTORS * NN_QUANT_OUTPUTS,
    NN_QUANT_TILE_SUMS = NN_QUANT_TILE / NN_QUANT_LANES, /* vectors of 32 bits */
    NN_QUANT_FULL = 10 / NN_QUANT_VECTORS,               /* rows of a tile that hide the latency of its products */
    NN_QUANT_HALF = NN_QUANT_ROWS / 2,                   /* of a smaller tile, where that many do */
    NN_QUANT_HALVES = NN_QUANT_HALF >= NN_QUANT_FULL,
    NN_QUANT_AHEAD = 1536 /* bytes of weights that are prefetched */
};

/* NN_QUANT_TILE outputs, of which `count` exist. */
typedef struct nn_quant_column {
    const int8_t *weight[NN_QUANT_VECTORS];
    nn_quant_sums begin[NN_QUANT_VECTORS]; /* what the sums begin with, in the lanes of products */
    nn_quant_scale scale[NN_QUANT_TILE_SUMS];
    nn_quant_bounds bounds;
    long count;
} nn_quant_column;

/* What pixels read: `runs` runs of `run` numbers, `apart` from one another; the next pixel reads from `step` on,
 * the first one of the next line of pixels from `line` on. */
typedef struct nn_quant_reads {
    const nn_quant_x *x;
    long step, line, apart, run;
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

/* The sums of M pixels, W of each line. */
NN_INLINE void nn_quant_tile_sums(const int M, const int W, const nn_quant_column *c, nn_quant_reads r,
                                  nn_quant_sums (*to)[NN_QUANT_VECTORS])
{
    const int threes = (W + 2) / 3, reads = M / W * threes; /* three rows each: of a line, and of all */
    nn_quant_sums sum[NN_QUANT_ROWS][NN_QUANT_VECTORS];
    const int8_t *weight[NN_QUANT_VECTORS];
    NN_UNROLL
    for (int m = 0; m < M; m++) NN_UNROLL
    for (int v = 0; v < NN_QUANT_VECTORS; v++) sum[m][v] = c->begin[v];
    NN_UNROLL
    for (int v = 0; v < NN_QUANT_VECTORS; v++) weight[v] = c->weight[v];
    for (int u = 0; u < r.runs; u++, r.x += r.apart) {
        /* The first of three rows; the others are at step and 2 · step. */
        const nn_quant_x *three[NN_QUANT_ROWS];
        NN_UNROLL
        for (int k = 0; k < reads; k++) three[k] = r.x + k / threes * r.line + k % threes * 3 * r.step;
        for (long k = 0; k < r.run; k += 4) {
            nn_quant_sums w[NN_QUANT_VECTORS];
            NN_UNROLL
            for (int v = 0; v < NN_QUANT_VECTORS; v++) w[v] = nn_quant_weights(weight[v] + k * NN_PANEL);
            NN_UNROLL
            for (int v = 0; v < NN_QUANT_VECTORS; v++) __builtin_prefetch(weight[v] + k * NN_PANEL + NN_QUANT_AHEAD);
            NN_UNROLL
            for (int m = 0; m < M; m++) {
                const nn_quant_sums four = nn_quant_broadcast(three[m / W * threes + m % W / 3] + m % W % 3 * r.step);
                NN_UNROLL
                for (int v = 0; v < NN_QUANT_VECTORS; v++) sum[m][v] = nn_quant_dot(sum[m][v], four, w[v]);
            }
            NN_UNROLL
            for (int m = 0; m < reads; m++) {
                three[m] += 4;
                __asm__("" : "+r"(three[m])); /* else there is a counter for each row, and no register */
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
#if !defined(NN_EMULATED) && (defined(NN_AVX512VNNI) || defined(NN_AVXVNNI))
    const nn_quant_scale *const each[] = {&c->scale[0], &c->scale[1], &c->scale[0], &c->scale[1]};
    const long count = c->count < NN_QUANT_TILE ? c->count : NN_QUANT_TILE;
    for (int m = 0; m < M && !c->bounds.any_factor; m += 2) {
        const long next = m + 1 < M; /* else the last row twice */
        const nn_quant_sums four[] = {sum[m][0], sum[m][1], sum[m + next][0], sum[m + next][1]};
        nn_quant_store_pair(y + m * apart, next * apart,
                            nn_quant_unpermuted(nn_quant_packed(rectified, four, each, &c->bounds)), count);
    }
    if (!c->bounds.any_factor) return;
#endif
    for (int m = 0; m < M; m++) nn_quant_store_row(rectified, c, sum[m], y + m * apart);
}

#if !defined(NN_EMULATED) && defined(NN_AVX512VNNI)

/* By floats, with the sums still in registers. */
NN_INLINE void nn_quant_store_floors(const int rectified, const int M, const nn_quant_column *c,
                                     nn_quant_sums (*sum)[NN_QUANT_VECTORS], int8_t *y, long apart)
{
    const nn_quant_scale *const each[] = {&c->scale[0], &c->scale[1], &c->scale[0], &c->scale[1]};
    const long count = c->count < NN_QUANT_TILE ? c->count : NN_QUANT_TILE;
    NN_UNROLL
    for (int m = 0; m < M; m += 2) {
        const int next = m + 1 < M;
        const nn_quant_sums four[] = {sum[m][0], sum[m][1], sum[m + next][0], sum[m + next][1]};
        nn_quant_store_pair(y + m * apart, next * apart,
                            nn_quant_unpermuted(nn_quant_packed_floors(rectified, four, each, &c->bounds)), count);
    }
}

/* Other factors are few: all tiles share these loops over rows in memory. */
NN_KERNEL void nn_quant_store_any(const nn_quant_column *c, nn_quant_sums (*sum)[NN_QUANT_VECTORS], int rows, int8_t *y,
                                  long apart)
{
    if (c->bounds.rectified)
        nn_quant_store_rows(1, rows, c, sum, y, apart);
    else
        nn_quant_store_rows(0, rows, c, sum, y, apart);
}

NN_INLINE void nn_quant_store_tile(const int M, const nn_quant_column *c, nn_quant_sums (*sum)[NN_QUANT_VECTORS],
                                   int8_t *y, long apart)
{
    if (c->bounds.by_floats && c->bounds.rectified) {
        nn_quant_store_floors(1, M, c, sum, y, apart);
    } else if (c->bounds.by_floats) {
        nn_quant_store_floors(0, M, c, sum, y, apart);
    } else {
        nn_quant_sums copy[NN_QUANT_ROWS][NN_QUANT_VECTORS]; /* else the sums were in memory for this call's sake */
        NN_UNROLL
        for (int m = 0; m < M; m++) NN_UNROLL
        for (int v = 0; v < NN_QUANT_VECTORS; v++) copy[m][v] = sum[m][v];
        nn_quant_store_any(c, copy, M, y, apart);
    }
}

#else

NN_INLINE void nn_quant_store_tile(const int M, const nn_quant_column *c, nn_quant_sums (*sum)[NN_QUANT_VECTORS],
                                   int8_t *y, long apart)
{
    if (c->bounds.rectified)
        nn_quant_store_rows(1, M, c, sum, y, apart);
    else
        nn_quant_store_rows(0, M, c, sum, y, apart);
}

#endif

NN_INLINE void nn_quant_tile(const int M, const int W, const nn_quant_column *c, const nn_quant_reads *r, int8_t *y,
                             long apart)
{
    nn_quant_sums sum[NN_QUANT_ROWS][NN_QUANT_VECTORS];
    nn_quant_tile_sums(M, W, c, *r, sum);
    nn_quant_store_tile(M, c, sum, y, apart);
}

/* ---- tiles of a block ---------------------------------------------------------------------------------------- */

/* What a tile takes, in rows. */
NN_INLINE int nn_quant_tile_cost(int rows) { return (rows < NN_QUANT_FULL ? NN_QUANT_FULL : rows) + 1; }

/* Whether the smaller tile is enough for the `left` last ones of some rows. */
NN_INLINE int nn_quant_ends_in_half(int rows, long left)
{
    return NN_QUANT_HALVES && rows > NN_QUANT_HALF && left > 0 && left <= NN_QUANT_HALF;
}

/* Rows of the tiles that `count` rows are divided into: there is an instance for each. */
NN_INLINE int nn_quant_tile_rows(long count)
{
    int best = 1;
    long least = 0;
    if (NN_QUANT_HALVES && count == NN_QUANT_HALF) return NN_QUANT_HALF;
    for (int rows = 2; rows <= NN_QUANT_ROWS && rows <= count; rows += 2) {
        const int last = nn_quant_ends_in_half(rows, count % rows) ? NN_QUANT_HALF : rows;
        const long cost = count / rows * nn_quant_tile_cost(rows) + (count % rows ? nn_quant_tile_cost(last) : 0);
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
        nn_quant_tile(M, M, c, &at, y + row * apart, apart);
    }
}

/* Of `count` pixels of a line. */
NN_KERNEL void nn_quant_rows(const nn_quant_column *c, const nn_quant_reads *r, long count, int8_t *y, long apart)
{
    const int rows = nn_quant_tile_rows(count);
    const int half = NN_QUANT_HALVES && (rows == NN_QUANT_HALF || nn_quant_ends_in_half(rows, count % rows));
    const long most = half ? count / rows * rows : count;
    if (rows == 1) nn_quant_tiles(1, c, r, count, y, apart);
    if (rows == 2) nn_quant_tiles(2, c, r, count, y, apart);
    if (NN_QUANT_ROWS >= 4 && rows == 4) nn_quant_tiles(4, c, r, count, y, apart);
    if (NN_QUANT_ROWS >= 6 && rows == 6) nn_quant_tiles(6, c, r, count, y, apart);
    if (NN_QUANT_ROWS >= 8 && rows == 8) nn_quant_tiles(8, c, r, most, y, apart);
    if (NN_QUANT_ROWS >= 10 && rows == 10) nn_quant_tiles(10, c, r, most, y, apart);
    if (NN_QUANT_ROWS >= 12 && rows == 12) nn_quant_tiles(12, c, r, most, y, apart);
    if (NN_QUANT_ROWS >= 14 && rows == 14) nn_quant_tiles(14, c, r, most, y, apart);
    if (half) {
        nn_quant_reads at = *r;
        at.x += (count - NN_QUANT_HALF) * r->step;
        nn_quant_tiles(NN_QUANT_HALF, c, &at, NN_QUANT_HALF, y + (count - NN_QUANT_HALF) * apart, apart);
    }
}

/* Of `lines` lines of `width` pixels; two of them in a tile, where they are half as wide as one. */
NN_KERNEL void nn_quant_pixel_lines(const nn_quant_column *c, const nn_quant_reads *r, long lines, long width,
                                    int8_t *y, long apart)
{
    nn_quant_reads at = *r;
    long i = 0;
    for (; NN_QUANT_HALVES && width == NN_QUANT_HALF && i + 2 <= lines; i += 2, at.x += 2 * r->line)
        nn_quant_tile(2 * NN_QUANT_HALF, NN_QUANT_HALF, c, &at, y + i * width * apart, apart);
    for (; i < lines; i++, at.x += r->line) nn_quant_rows(c, &at, width, y + i * width * apart, apart);
}

#endif
